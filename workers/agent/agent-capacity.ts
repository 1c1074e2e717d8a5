import { hostname } from 'node:os';

import type { Registration } from '../../src/contract/pools/agent-protocol.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What an agent says of its machine, from its environment: `SLUICE_AGENT_NAME`, `_CPU_MILLI`, `_MEMORY_MIB`, `_ACCELERATOR` (such as `h100:8`),
 * `_ATTEMPTS`, `_DOMAINS` (such as `rack=r7,zone=a`), `_ORDINAL`, `_ADDRESS`, `_WEIGHTS_MIB` (what it has for weights of models, of which 0 keeps
 * none from one attempt to the next). Without CPU and memory it says nothing of its capacity, and runs one
 * small attempt at a time. Throws, naming the variable, for what is not as it should be.
 */
export function readMachine(environment: Environment, pid: number): Omit<Registration, 'kinds'> & { readonly weights_max_mib: number } {
  const text = (name: string): string | undefined => environment[`SLUICE_AGENT_${name}`] || undefined;
  const count = (name: string): number | undefined => {
    const value = text(name);
    if (value !== undefined && !/^\d{1,9}$/.test(value)) throw new Error(`SLUICE_AGENT_${name} must be a whole number, not "${value}"`);
    return value === undefined ? undefined : Number(value);
  };
  const [cpu, memory, attempts, ordinal] = [count('CPU_MILLI'), count('MEMORY_MIB'), count('ATTEMPTS'), count('ORDINAL')];
  const weights = count('WEIGHTS_MIB') ?? Math.min(POOL_LIMITS.agentWeightsMibDefault, memory ?? Infinity);
  const [accelerator, domains, address] = [text('ACCELERATOR'), text('DOMAINS'), text('ADDRESS')];
  if ((cpu === undefined) !== (memory === undefined))
    throw new Error('set both SLUICE_AGENT_CPU_MILLI and SLUICE_AGENT_MEMORY_MIB, or neither');
  if (accelerator !== undefined && cpu === undefined)
    throw new Error('SLUICE_AGENT_ACCELERATOR needs SLUICE_AGENT_CPU_MILLI and _MEMORY_MIB');
  return {
    name: text('NAME') ?? nameOf(`${hostname()}-${pid}`),
    ...(cpu === undefined || memory === undefined
      ? {}
      : { capacity: { ...(accelerator === undefined ? {} : acceleratorsOf(accelerator)), cpu_milli: cpu, memory_mib: memory } }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(domains === undefined ? {} : { domains: domainsOf(domains) }),
    ...(ordinal === undefined ? {} : { ordinal }),
    ...(address === undefined ? {} : { address }),
    weights_max_mib: weights,
  };
}

function acceleratorsOf(text: string): { readonly accelerator: string; readonly accelerators: number } {
  const [, accelerator, accelerators] = /^([a-z0-9][a-z0-9._-]*)(?::(\d{1,2}))?$/.exec(text) ?? [];
  if (accelerator === undefined)
    throw new Error(`SLUICE_AGENT_ACCELERATOR must be a type, or a type and how many, such as h100:8; not "${text}"`);
  return { accelerator, accelerators: Number(accelerators ?? 1) };
}

function domainsOf(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('='));
  if (pairs.some(({ length }) => length !== 2)) throw new Error(`SLUICE_AGENT_DOMAINS must be such as rack=r7,zone=a; not "${text}"`);
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** As names are: lower-case letters, digits and inner hyphens. */
const nameOf = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(-64)
    .replaceAll(/^-|-$/g, '');

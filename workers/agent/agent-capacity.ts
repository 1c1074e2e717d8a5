import { availableParallelism, hostname, totalmem } from 'node:os';

import type { Registration } from '../../src/contract/pools/agent-protocol.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { ONE_ATTEMPT_ROOM, withStandingRoom } from '../../src/contract/pools/standing-room.ts';
import type { MachineDevices, ShownDevice } from './machine-devices.ts';
import { NO_DEVICES, shownDevices } from './machine-devices.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What an agent says of its machine, and the devices that it shows to programs. */
export interface Machine {
  readonly said: Omit<Registration, 'kinds'> & { readonly weights_max_mib: number };
  readonly devices: MachineDevices;
}

/**
 * A machine, from the agent's environment: `SLUICE_AGENT_NAME`, `_CPU_MILLI`, `_MEMORY_MIB`, `_ACCELERATOR` (such as `h100:8`),
 * `_DEVICE_VARIABLE`, `_ATTEMPTS`, `_DOMAINS` (such as `rack=r7,zone=a`), `_ORDINAL`, `_ADDRESS`, `_WEIGHTS_MIB` (what it has for weights of
 * models, of which 0 keeps none from one attempt to the next), `_REPLICAS` (models that it serves besides its attempts); and from what the system `shows` of accelerators, where nothing is declared or
 * what is declared is there. Without CPU, memory and accelerators it says nothing of its capacity, and runs one small attempt at a time. Throws,
 * naming the variable, for what is not as it should be.
 */
export function readMachine(environment: Environment, pid: number, shows: () => readonly ShownDevice[] = shownDevices): Machine {
  const { text, count } = variablesIn(environment);
  const size = sizeIn(environment);
  const declared = text('ACCELERATOR');
  if (declared !== undefined && size === undefined)
    throw new Error('SLUICE_AGENT_ACCELERATOR needs SLUICE_AGENT_CPU_MILLI and _MEMORY_MIB');
  const { accelerators, ids, found } = acceleratorsOf(declared, shows());
  const capacity = size === undefined && accelerators === undefined ? undefined : { ...accelerators, ...(size ?? wholeMachine()) };
  const weightsMaxMib = count('WEIGHTS_MIB') ?? Math.min(POOL_LIMITS.agentWeightsMibDefault, size?.memory_mib ?? Infinity);
  // As many as devices, where these were found and not declared.
  const attempts = count('ATTEMPTS') ?? found;
  return {
    said: {
      name: text('NAME') ?? nameOf(`${hostname()}-${pid}`),
      weights_max_mib: weightsMaxMib,
      ...given({
        ...roomFor(count('REPLICAS') ?? 0, { capacity, attempts }, weightsMaxMib),
        devices: ids && [...ids],
        domains: domainsOf(text('DOMAINS')),
        ordinal: count('ORDINAL'),
        address: text('ADDRESS'),
      }),
    },
    devices:
      accelerators === undefined
        ? NO_DEVICES
        : { accelerator: accelerators.accelerator, ...given({ ids, variable: text('DEVICE_VARIABLE') }) },
  };
}

type Capacity = NonNullable<Registration['capacity']>;
type Room = { readonly capacity: Capacity | undefined; readonly attempts: number | undefined };

/** [P129] What it has for attempts, and for models that it serves besides. */
const roomFor = (replicas: number, own: Room, weightsMib: number): Room =>
  replicas === 0
    ? own
    : { capacity: withStandingRoom(own.capacity ?? ONE_ATTEMPT_ROOM, replicas, weightsMib), attempts: (own.attempts ?? 1) + replicas };

const variablesIn = (environment: Environment) => {
  const text = (name: string): string | undefined => environment[`SLUICE_AGENT_${name}`] || undefined;
  const count = (name: string): number | undefined => {
    const value = text(name);
    if (value !== undefined && !/^\d{1,9}$/.test(value)) throw new Error(`SLUICE_AGENT_${name} must be a whole number, not "${value}"`);
    return value === undefined ? undefined : Number(value);
  };
  return { text, count };
};

/** The CPU and memory that are declared; undefined: neither is. */
function sizeIn(environment: Environment) {
  const { count } = variablesIn(environment);
  const [cpu, memory] = [count('CPU_MILLI'), count('MEMORY_MIB')];
  if ((cpu === undefined) !== (memory === undefined))
    throw new Error('set both SLUICE_AGENT_CPU_MILLI and SLUICE_AGENT_MEMORY_MIB, or neither');
  return cpu === undefined || memory === undefined ? undefined : { cpu_milli: cpu, memory_mib: memory };
}

const wholeMachine = () => ({ cpu_milli: availableParallelism() * 1_000, memory_mib: Math.floor(totalmem() / 2 ** 20) });

type Given<Fields> = { readonly [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The fields that have a value. */
const given = <Fields extends object>(fields: Fields): Given<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<Fields>;

interface Accelerators {
  readonly accelerators?: { readonly accelerator: string; readonly accelerators: number };
  readonly ids?: readonly string[];
  /** How many the system shows, where nothing is declared. */
  readonly found?: number;
}

/** What is declared, with the ids of what the system shows of that type; all of what it shows where nothing is declared. */
function acceleratorsOf(declared: string | undefined, shown: readonly ShownDevice[]): Accelerators {
  if (declared === undefined) {
    const [first] = shown;
    if (first === undefined) return {};
    if (shown.some(({ accelerator }) => accelerator !== first.accelerator))
      throw new Error(
        `this machine has accelerators of several types (${[...new Set(shown.map((one) => one.accelerator))].join(', ')}): name one in SLUICE_AGENT_ACCELERATOR`,
      );
    return {
      accelerators: { accelerator: first.accelerator, accelerators: shown.length },
      ids: shown.map(({ id }) => id),
      found: shown.length,
    };
  }
  const [, accelerator, digits] = /^([a-z0-9][a-z0-9._-]*)(?::(\d{1,2}))?$/.exec(declared) ?? [];
  if (accelerator === undefined)
    throw new Error(`SLUICE_AGENT_ACCELERATOR must be a type, or a type and how many, such as h100:8; not "${declared}"`);
  const accelerators = Number(digits ?? 1);
  const ids = shown.filter((one) => one.accelerator === accelerator).map(({ id }) => id);
  if (ids.length > 0 && ids.length < accelerators)
    throw new Error(`SLUICE_AGENT_ACCELERATOR says ${accelerators} of ${accelerator}; this machine has ${ids.length}`);
  return { accelerators: { accelerator, accelerators }, ...(ids.length === 0 ? {} : { ids: ids.slice(0, accelerators) }) };
}

function domainsOf(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
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

import { totalmem } from 'node:os';
import { join, resolve } from 'node:path';

import { parseProxies } from '../../src/contract/api/client-address.ts';
import { parseOrigins } from '../../src/contract/api/cross-origin.ts';
import { parseUpstreamHosts } from '../../src/upstreams/upstream-host.ts';
import { ROOT } from './paths.ts';
import { SetupError } from './setup-error.ts';

export interface Settings {
  /** Of the first gateway; others listen on those that follow. */
  readonly port: number;
  readonly stateDir: string;
  /** The settings of the Workers. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What a deployment on this machine has beyond what the environment says. */
export interface LocalMachine {
  /** Bytes of memory. */
  readonly memoryBytes: number;
  /** Whether an agent of its own runs models. */
  readonly hasAgent: boolean;
}

const PORT_DEFAULT = 8787;
/** Of the machine's memory: the rest is for vectors, caches, and whatever else runs there. */
const MODEL_MEMORY_SHARE = 1 / 4;
const BYTES_PER_MIB = 1_048_576;
const MODEL_REPLICAS = ['auto', 'off'];
const PORT_MAX = 65_535;
/** Those that may be left unset; see `CacheLayoutEnv` and `GatewayEnv`. */
const PASSED_ON = [
  'CACHE_SHARDS',
  'CACHE_SHARDS_BEFORE',
  'TRUSTED_PROXIES',
  'CORS_ORIGINS',
  'WEBHOOKS_OVER_HTTP',
  'UPSTREAM_HOSTS',
  'UPSTREAM_PRIVATE_HOSTS',
];

/** What the environment says about a deployment on this machine. `gateways` ports are used, one after the other. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>, gateways = 1, machine?: LocalMachine): Settings {
  const { SLUICE_STATE_DIR: stateDir = join(ROOT, '.sluice/state') } = environment;
  const port = portOf('PORT', environment['PORT'] ?? String(PORT_DEFAULT), PORT_MAX - gateways + 1);
  if (parseProxies(environment['TRUSTED_PROXIES'] ?? '') === undefined) {
    throw new SetupError(
      `TRUSTED_PROXIES must be CIDR ranges such as "10.0.0.0/8, 2001:db8::/32", not "${environment['TRUSTED_PROXIES']}".`,
    );
  }
  if (parseOrigins(environment['CORS_ORIGINS'] ?? '') === undefined) {
    throw new SetupError(
      `CORS_ORIGINS must be origins such as "https://app.example.com, http://localhost:3000", * for any or keys, not "${environment['CORS_ORIGINS']}".`,
    );
  }
  if (parseUpstreamHosts(environment['UPSTREAM_HOSTS'], environment['UPSTREAM_PRIVATE_HOSTS']) === undefined) {
    throw new SetupError(
      'UPSTREAM_HOSTS must be hosts such as "api.openai.com, *.example.com:8443", and UPSTREAM_PRIVATE_HOSTS such as "127.0.0.1:11434", each with its port.',
    );
  }
  const passedOn = PASSED_ON.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]] as const]));
  return {
    port,
    stateDir: resolve(stateDir),
    variables: {
      LOG_LEVEL: environment['LOG_LEVEL'] ?? 'warn',
      ...(machine === undefined ? {} : modelVariables(environment, machine)),
      ...Object.fromEntries(passedOn),
    },
  };
}

/** How much memory there is: of the machine, or what its control group is given. */
export const machineMemoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Infinity);

/** [M163] [M160] What models may take of the machine, and whether its agent serves them by itself. */
function modelVariables(
  { MODEL_MEMORY_MIB: memory, MODEL_REPLICAS: replicas }: Readonly<Record<string, string | undefined>>,
  { memoryBytes, hasAgent }: LocalMachine,
): Readonly<Record<string, string>> {
  if (memory !== undefined && !/^[1-9]\d{0,6}$/.test(memory))
    throw new SetupError(`MODEL_MEMORY_MIB must be a number of MiB, not "${memory}".`);
  if (replicas !== undefined && !MODEL_REPLICAS.includes(replicas))
    throw new SetupError(`MODEL_REPLICAS must be ${MODEL_REPLICAS.join(' or ')}, not "${replicas}".`);
  return {
    MODEL_MEMORY_MIB: memory ?? String(Math.floor((memoryBytes * MODEL_MEMORY_SHARE) / BYTES_PER_MIB)),
    MODEL_REPLICAS: replicas ?? (hasAgent ? 'auto' : 'off'),
  };
}

function portOf(name: string, text: string, portMax: number): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > portMax)
    throw new SetupError(`${name} must be a number from 1 to ${portMax}, not "${text}".`);
  return port;
}

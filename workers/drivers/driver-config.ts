import { readFile } from 'node:fs/promises';
import * as z from 'zod';

import { JOB_KINDS } from '../../src/contract/jobs/job-work.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import { nodeCapacity } from '../../src/contract/jobs/node-capacity.ts';
import { poolId } from '../../src/contract/pools/pools.ts';

const address = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''));
const words = z.array(z.string().min(1)).min(1);
const fields = z.record(z.string(), z.unknown());

const common = {
  pool: poolId,
  /** The gateway, as this process reaches it. */
  gateway: address,
  /** The gateway, as the nodes of the cluster reach it; the same if absent. */
  gateway_from_nodes: address.optional(),
  agent_token_file: z.string().min(1),
  name: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'must be up to 40 lower-case letters, digits and hyphens')
    .default('driver'),
  slots: z.int().min(1).max(POOL_LIMITS.clusterSlotsMaxCount),
  poll_ms: z.int().min(100).max(60_000).default(1_000),
  /** What a slot has: the scheduler places jobs by it. One core and 1 GiB if absent. */
  capacity: nodeCapacity.optional(),
  /** Those that run programs of tenants have to be named. */
  kinds: z.array(z.enum(JOB_KINDS)).min(1).default(['batch_embedding']),
  /** The API of the cluster. */
  url: address,
  token_file: z.string().min(1),
};

const slurm = z.strictObject({
  ...common,
  kind: z.literal('slurm'),
  user: z.string().min(1),
  partition: z.string().min(1).optional(),
  slots_per_node: z.int().min(1),
  time_limit_minutes: z.int().min(1).max(525_600),
  directory: z.string().startsWith('/'),
  runner: words,
  /** Where the nodes have the pool's token. */
  agent_token_file_on_nodes: z.string().startsWith('/'),
  job: fields.default({}),
});

const kubernetes = z.strictObject({
  ...common,
  kind: z.literal('kubernetes'),
  namespace: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of a namespace'),
  image: z.string().min(1),
  command: words.optional(),
  queue: z.string().min(1).optional(),
  priority_class: z.string().min(1).optional(),
  time_limit_s: z.int().min(1).max(31_536_000),
  /** The Secret whose key `token` holds the pool's token. */
  agent_token_secret: z.string().min(1),
  resources: fields.default({}),
  pod: fields.default({}),
});

const ray = z.strictObject({
  ...common,
  kind: z.literal('ray'),
  /** Of clusters that ask for a token. */
  token_file: z.string().min(1).optional(),
  runner: words,
  /** Where the nodes have the pool's token. */
  agent_token_file_on_nodes: z.string().startsWith('/'),
  runtime_env: z.looseObject({ env_vars: z.record(z.string(), z.string()).default({}) }).default({ env_vars: {} }),
  job: fields.default({}),
});

const driverConfig = z.discriminatedUnion('kind', [slurm, kubernetes, ray]);

export type DriverConfig = z.infer<typeof driverConfig>;

export type ReadConfig =
  | { readonly kind: 'config'; readonly config: DriverConfig }
  /** Each names a field and what is wrong with it, or says why the file cannot be read. */
  | { readonly kind: 'faults'; readonly faults: readonly string[] };

/** The file that an operator wrote. */
export async function readDriverConfig(path: string): Promise<ReadConfig> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read: ${String(error)}`;
    return { kind: 'faults', faults: [`${path} ${why}`] };
  }
  const parsed = driverConfig.safeParse(value);
  return parsed.success ? { kind: 'config', config: parsed.data } : { kind: 'faults', faults: parsed.error.issues.map(faultOf) };
}

function faultOf({ path, message }: z.core.$ZodIssue): string {
  const field = path.map(String).join('.');
  return field === '' ? message : `${field}: ${message}`;
}

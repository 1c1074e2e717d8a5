import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { isHostPattern } from '../api/client-address.ts';
import { name } from '../api/common.ts';
import { MARKETS } from '../jobs/job-terms.ts';
import { JOB_LIMITS } from '../jobs/job-limits.ts';
import { POOL_LIMITS } from './pool-limits.ts';
import { capacityOf, capacityReply, nodeCapacity } from '../jobs/node-capacity.ts';
import type { PoolSettings } from './pool-record.ts';
import { PLACERS, SCHEDULER_KINDS } from './pool-record.ts';

// What operators say of a pool: how its capacity is bought, how it grows and shrinks, and how jobs are placed in it and evicted from it.

const seconds = (max: number) => z.int().min(0).max(max);

const elasticity = z
  .strictObject({
    min_nodes: z.int().min(0).max(JOB_LIMITS.agentsMaxCount).default(0),
    max_nodes: z.int().min(1).max(JOB_LIMITS.agentsMaxCount),
    node: nodeCapacity.meta(about('What each node of the pool has that is asked for.')),
    provision_s: seconds(POOL_LIMITS.poolProvisionMaxS)
      .min(1)
      .default(60)
      .meta(about('From asking for a node to work on it. One that has not come in twice the time is asked for again.')),
    idle_s: seconds(POOL_LIMITS.poolIdleMaxS).default(300).meta(about('A node that had nothing to do for this long is given back.')),
  })
  .refine(({ min_nodes, max_nodes }) => min_nodes <= max_nodes, { path: ['min_nodes'], message: 'must not be more than max_nodes' })
  .meta({ id: 'PoolElasticity' });

const eviction = z
  .strictObject({
    min_runtime_s: seconds(JOB_LIMITS.jobRuntimeMaxS)
      .default(0)
      .meta(about('A job is left alone for this long after it has started to run.')),
    max_grace_s: seconds(JOB_LIMITS.jobGraceMaxS)
      .default(JOB_LIMITS.jobGraceMaxS)
      .meta(about('The longest a job is given to save and leave, whatever it asks for.')),
    max_leaving: z
      .int()
      .min(1)
      .max(JOB_LIMITS.agentsMaxCount)
      .default(JOB_LIMITS.schedulerBatchMaxCount)
      .meta(about('Jobs that may be asked to leave at once.')),
    protected_priority: z
      .int()
      .min(0)
      .max(JOB_LIMITS.jobPriorityMax)
      .optional()
      .meta(about('Jobs of this priority and above are not evicted for others; if absent, any may be.')),
    protected_kinds: z
      .array(z.enum(SCHEDULER_KINDS as unknown as [string, ...string[]]))
      .max(SCHEDULER_KINDS.length)
      .default([])
      .meta(about('Kinds of jobs that are not evicted for others.')),
  })
  .meta({ id: 'PoolEviction' });

const fields = {
  market: z.enum(MARKETS).meta(about('How the capacity is bought: jobs say which markets they accept.')),
  region: name.meta(about('Where the machines are: jobs may say which regions they accept.', 'local')),
  placer: z
    .enum(PLACERS)
    .meta(
      about(
        '`least_waste`: nodes are chosen so that the least is lost for the jobs that there are. `tightest_fit`: those that are left with least, ' +
          'so that others stay empty.',
      ),
    ),
  elasticity: elasticity.nullable().meta(about('How the pool grows and shrinks; null when its nodes are what they are.')),
  eviction: eviction.nullable().meta(about('What the pool adds to the policies of queues, the stricter of both; null adds nothing.')),
  replica_hosts: z
    .array(
      z
        .string()
        .max(POOL_LIMITS.hostPatternCharsMax)
        .refine(isHostPattern, 'must be a lower-case host name, *.name, an IP address or a CIDR range'),
    )
    .max(POOL_LIMITS.poolReplicaHostsMaxCount)
    .meta(
      about(
        'Where the gateway may call replicas of `online_inference`, besides the address from which their agents call: names, addresses, ranges.',
        ['10.0.0.0/8', '*.gpu.example.com'],
      ),
    ),
} as const;

/** For creation: what is absent is as it always was. */
export const newSettings = {
  market: fields.market.default('reserved'),
  region: fields.region.default('local'),
  placer: fields.placer.default('least_waste'),
  elasticity: fields.elasticity.default(null),
  eviction: fields.eviction.default(null),
  replica_hosts: fields.replica_hosts.default([]),
} as const;

/** For a change: what is absent stays. */
export const changedSettings = {
  market: fields.market.optional(),
  region: fields.region.optional(),
  placer: fields.placer.optional(),
  elasticity: fields.elasticity.optional(),
  eviction: fields.eviction.optional(),
  replica_hosts: fields.replica_hosts.optional(),
} as const;

export const settingsReply = z.object(fields);

type Settings = z.output<typeof settingsReply>;

type Given = { readonly [Field in keyof Settings]?: Settings[Field] | undefined };

/** The settings that a request names, as they are kept. */
export const settingsOf = ({
  market,
  region,
  placer,
  elasticity: scale,
  eviction: policy,
  replica_hosts: replicaHosts,
}: Given): Partial<PoolSettings> => ({
  ...(market === undefined ? {} : { market }),
  ...(region === undefined ? {} : { region }),
  ...(placer === undefined ? {} : { placer }),
  ...(scale === undefined ? {} : { elasticity: scale && elasticityOf(scale) }),
  ...(policy === undefined ? {} : { eviction: policy && evictionOf(policy) }),
  ...(replicaHosts === undefined ? {} : { replicaHosts }),
});

const elasticityOf = (given: z.output<typeof elasticity>): NonNullable<PoolSettings['elasticity']> => ({
  nodesMin: given.min_nodes,
  nodesMax: given.max_nodes,
  template: capacityOf(given.node),
  provisioningMs: given.provision_s * 1_000,
  idleMs: given.idle_s * 1_000,
});

const evictionOf = (given: z.output<typeof eviction>): NonNullable<PoolSettings['eviction']> => ({
  runtimeMinMs: given.min_runtime_s * 1_000,
  graceMaxMs: given.max_grace_s * 1_000,
  leavingMaxCount: given.max_leaving,
  protectedPriority: given.protected_priority ?? null,
  protectedKinds: given.protected_kinds as (typeof SCHEDULER_KINDS)[number][],
});

/** The settings as they are answered. */
export const replyOfSettings = ({
  market,
  region,
  placer,
  elasticity: scale,
  eviction: policy,
  replicaHosts = [],
}: PoolSettings): Settings => ({
  market,
  region,
  placer,
  elasticity: scale && {
    min_nodes: scale.nodesMin,
    max_nodes: scale.nodesMax,
    node: capacityReply(scale.template),
    provision_s: scale.provisioningMs / 1_000,
    idle_s: scale.idleMs / 1_000,
  },
  eviction: policy && {
    min_runtime_s: policy.runtimeMinMs / 1_000,
    max_grace_s: policy.graceMaxMs / 1_000,
    max_leaving: policy.leavingMaxCount,
    ...(policy.protectedPriority === null ? {} : { protected_priority: policy.protectedPriority }),
    protected_kinds: [...policy.protectedKinds],
  },
  replica_hosts: [...replicaHosts],
});

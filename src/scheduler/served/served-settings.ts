import { LIMITS } from '../../contract/limits.ts';
import type { PoolId, TenantId } from '../../kernel/ids.ts';
import type { CohortSpec } from '../engine/fairness/quota-tree.ts';
import type { CellSettings } from '../engine/machine/cell-settings.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';
import type { NodeSpec, PoolSpec } from '../engine/model/pool-spec.ts';
import { LeastWaste } from '../engine/placement/least-waste.ts';
import type { JobRequest } from './job.ts';

/** The cohort above the queues of all tenants. */
const TENANTS = 'tenants';

/** One region a cell. */
const REGION = 'local';

/** An agent runs one attempt at a time: as a node it has room for one. */
const ONE_ATTEMPT = { cpuMilli: 1_000, memoryMib: 1_024 };

/**
 * How the served cell decides. What a tenant has is a share of `cellAgentsMaxCount` agents: no limit that anyone meets, but what makes shares
 * comparable.
 */
export const SERVED_SETTINGS: CellSettings = {
  accelerators: new Map(),
  cohorts: [
    {
      name: TENANTS,
      parent: null,
      weightMilli: 1_000,
      quotas: { cpu: { nominal: LIMITS.cellAgentsMaxCount * ONE_ATTEMPT.cpuMilli, borrowingMax: null, lendingMax: null } },
      eviction: null,
    },
  ],
  pools: [],
  poolEviction: new Map(),
  placer: (cluster, mix) => new LeastWaste(cluster, mix),
  order: 'fair',
  agingMs: 60_000,
  agingMax: 100,
  // A tenant that had agents in the last minutes lets others go first; what it had yesterday counts for nothing.
  historyHalfLifeMs: 60_000,
  trustsObservedDurations: false,
  // Every job needs one agent: the next that is free serves it, and nodes need not be reserved.
  headPatienceMs: Infinity,
  // So often a job that runs is charged. A timer that was superseded stays in memory for as long.
  segmentMaxMs: 600_000,
  admissionsMaxCount: LIMITS.schedulerBatchMaxCount,
};

/** The queue of a tenant, named after it. All have the same weight; no job of one evicts another. */
export const queueOf = (tenantId: TenantId): CohortSpec => ({
  name: tenantId,
  parent: TENANTS,
  // A thousandth, so that the share of one agent in a full cell is still a whole number.
  weightMilli: 1,
  quotas: {},
  eviction: {
    victimOrder: 'least_lost_work',
    runtimeMinMs: 0,
    graceMaxMs: LIMITS.jobGraceMs,
    leavingMaxCount: LIMITS.schedulerBatchMaxCount,
    protectedPriority: null,
    protectedKinds: [],
    reclaimWithinCohort: false,
    preemptWithinQueue: false,
    preemptForFairShare: false,
  },
});

export const poolSpecOf = (id: PoolId): PoolSpec => ({ id, region: REGION, backend: 'agent', market: 'reserved', elasticity: null });

export const nodeOf = (id: string, poolId: PoolId): NodeSpec => ({
  id,
  poolId,
  accelerator: null,
  acceleratorCount: 0,
  ...ONE_ATTEMPT,
  domains: {},
  ordinal: 0,
});

const PRIORITY = { low: 10, normal: 50, high: 100 } as const;

/** A job as the engine sees it. */
export const specOf = ({ id, tenantId, priority, attemptsMax }: JobRequest): JobSpec => ({
  id,
  queue: tenantId,
  kind: 'batch_inference',
  priority: PRIORITY[priority],
  preemptible: true,
  options: [
    {
      accelerator: null,
      perNode: { ...ONE_ATTEMPT, acceleratorCount: 0, milliEach: 0 },
      nodes: { min: 1, max: 1, step: 1 },
      markets: ['reserved', 'on_demand', 'spot'],
      regions: null,
      topology: null,
      throughputHintMilli: 1_000,
    },
  ],
  limits: { deadlineAtMs: null, durationMaxMs: null, costMaxNanoDollars: null, priceMaxNanoDollarsPerHour: null },
  checkpoint: { intervalMs: null, graceMs: LIMITS.jobGraceMs, restartMs: 0 },
  retry: { attemptsMax },
  dependsOn: [],
  scaling: null,
  weights: null,
  dataRegions: [],
});

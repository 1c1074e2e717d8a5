import { ACCELERATORS } from '../../contract/jobs/accelerators.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { listedPrice } from '../../contract/tenancy/accelerator-prices.ts';
import type { CellSettings } from '../engine/cell/cell-settings.ts';
import { PlacerByPool } from '../engine/placement/placer-by-pool.ts';
import { specsOf } from './quotas/cohort-tree.ts';

/**
 * How the served cell decides. What a tenant has is a share of `cellAgentsMaxCount` agents of a core: no limit, but what makes shares comparable.
 */
export const SERVED_SETTINGS: CellSettings = {
  accelerators: new Map(Object.entries(ACCELERATORS).map(([name, type]) => [name, { name, ...type }])),
  cohorts: specsOf({ cohorts: [], queuesOf: () => [], reservations: [] }, []),
  pools: [],
  placer: (cluster, mix, policyOf) => new PlacerByPool(cluster, mix, policyOf),
  order: 'fair',
  // Jobs of a second or less would otherwise be over before they count as use.
  takesTurns: true,
  agingMs: 60_000,
  agingMax: 100,
  // A tenant that had agents in the last minutes lets others go first; what it had yesterday counts for nothing.
  historyHalfLifeMs: 60_000,
  trustsObservedDurations: false,
  // Small jobs pass a large one that waits for its nodes for so long; then nodes are reserved for it.
  headPatienceMs: 60_000,
  listedPrice,
  // A timer that was superseded stays in memory for as long.
  segmentMaxMs: JOB_LIMITS.jobSegmentMaxMs,
  prepay: {
    leadMs: JOB_LIMITS.jobFundsLeadMs,
    waitMs: JOB_LIMITS.jobFundsWaitMs,
    answerMs: 1_000,
    retryMs: JOB_LIMITS.jobFundsRetryMs,
    retryMaxMs: JOB_LIMITS.jobFundsRetryMaxMs,
  },
  nodeDoubtMs: JOB_LIMITS.nodeDoubtMs,
  admissionsMaxCount: JOB_LIMITS.schedulerBatchMaxCount,
};

import type { PoolNode } from '../../../src/contract/pools/pool-exchange.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { PoolId, TenantId } from '../../../src/kernel/ids.ts';
import type { CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import type { CellSettings } from '../../../src/scheduler/engine/cell/cell-settings.ts';
import { ANY_NODE } from '../../../src/scheduler/served/jobs/job.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { queueOf } from '../../../src/scheduler/served/quotas/cohort-tree.ts';
import { SERVED_SETTINGS } from '../../../src/scheduler/served/served-settings.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import type { Suite, Workload } from '../scheduler/kueue-suite.ts';
import { BORROWING_UNITS, NOMINAL_UNITS } from '../scheduler/kueue-suite.ts';

const UNIT_MILLI = 1_000;

/** The queue of a suite is that of a tenant. */
const tenantOf = (cohort: number, queue: number): TenantId =>
  `tn_${String(cohort).padStart(10, '0')}_${String(queue).padStart(8, '0')}` as TenantId;

/** The served cell with the cohorts and quotas of a suite; all else is as it is served. */
export function suiteSettings({ cohorts, queues }: Suite): CellSettings {
  const quotas = { cpu: { nominal: NOMINAL_UNITS * UNIT_MILLI, borrowingMax: BORROWING_UNITS * UNIT_MILLI, lendingMax: null } };
  const trees = Array.from({ length: cohorts }, (_, c): CohortSpec[] => [
    { name: `cohort-${c}`, parent: null, weightMilli: 1_000, quotas: {}, eviction: null },
    ...Array.from({ length: queues }, (__, q): CohortSpec => ({
      ...queueOf(tenantOf(c, q)),
      parent: `cohort-${c}`,
      weightMilli: 1_000,
      quotas,
    })),
  ]).flat();
  return { ...SERVED_SETTINGS, cohorts: trees };
}

/** A workload as a job: so many cores on one node. Kueue's priorities in the order that they have. */
export const requestOf = ({ n, cohort, queue, set }: Workload): JobRequest =>
  jobRequest(n, {
    tenantId: tenantOf(cohort, queue),
    priority: set.priority / 2,
    // On a machine too slow for leases a workload is tried again rather than given up.
    attemptsMax: JOB_LIMITS.jobAttemptsMaxCount,
    options: [{ ...ANY_NODE, perNode: { cpuMilli: set.units * UNIT_MILLI, memoryMib: 1, acceleratorCount: 0, milliEach: 0 } }],
  });

/** As in Kueue's suites only quota limits jobs: agents have room for more than the quotas allow. */
export const suiteAgent = (name: string, attemptsMax: number): Omit<PoolNode, 'id'> => ({
  name,
  capacity: { accelerator: null, acceleratorCount: 0, cpuMilli: 64 * UNIT_MILLI, memoryMib: 65_536 },
  attemptsMax,
  domains: {},
  ordinal: 0,
  address: null,
  weights: [],
});

export const poolOf = (cohort: number): PoolId => `pool_${String(cohort).padStart(10, '0')}` as PoolId;

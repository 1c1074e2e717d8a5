import type { PoolId } from '../../../kernel/ids.ts';
import { hasProspects } from '../admission/prospects.ts';
import { rootOf } from '../fairness/cohort-node.ts';
import { acceptsPool } from '../model/accepts-pool.ts';
import type { ResourceOption } from '../model/resource-option.ts';
import { policyFor, policyOf } from '../preemption/policy-for.ts';
import type { PendingClass } from '../queue/pending-class.ts';
import type { CellView } from './cell-view.ts';
import type { JobRecord } from './job-record.ts';

/** A job gave something back: the classes that share its quota or could use its nodes are looked at again, if anything can come of it. */
export function wakeAfter(cell: CellView, { spec, attempt }: JobRecord): void {
  const freed = spec.options[attempt?.option ?? 0]?.accelerator ?? null;
  const couldUse = ({ accelerator }: ResourceOption): boolean => freed === null || accelerator === null || accelerator === freed;
  const concerns = (pending: PendingClass): boolean => hasProspects(cell, pending);
  cell.pending.wakeBelow(rootOf(cell.holdings.queueOf(spec)), concerns);
  if (attempt !== null) wakeNear(cell, attempt.poolId, couldUse, concerns);
}

/** The classes that could be in a pool by such an option are looked at again. */
export function wakeNear(
  { fleet, pending }: CellView,
  poolId: PoolId,
  couldUse: (option: ResourceOption) => boolean,
  concerns: (pending: PendingClass) => boolean = () => true,
): void {
  const { spec } = fleet.pool(poolId);
  pending.wakeNear(
    poolId,
    (waiting) => waiting.exemplar.options.some((option) => couldUse(option) && acceptsPool(option, spec)) && concerns(waiting),
  );
}

/** A job that was told to leave has left. If only so many may leave at once, the classes that evict are looked at again. */
export function wakeEvictors(cell: CellView, left: JobRecord): void {
  if (policyFor(cell, left).leavingMaxCount === Infinity) return;
  cell.pending.wake(({ queue }) => {
    const { reclaims, preemptsWithin, evensOut } = policyOf(queue);
    return reclaims || preemptsWithin || evensOut;
  });
}

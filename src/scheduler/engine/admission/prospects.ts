import { available } from '../fairness/available.ts';
import type { CellView } from '../machine/cell-view.ts';
import { policyOf } from '../preemption/policy-for.ts';
import { firstOf } from '../queue/effective-priority.ts';
import type { PendingClass } from '../queue/pending-class.ts';
import { mayReserve } from './may-reserve.ts';

/**
 * Whether examining a class can have an effect: its quota has room for one of its jobs, others may be evicted for it, or nodes may have to
 * be reserved. For a class whose quota is used up and whose position in the queue is known, the answer is no, at little cost.
 */
export function hasProspects(cell: CellView, pending: PendingClass): boolean {
  const { queue, bundles } = pending;
  const fits = bundles.some((bundle) => bundle.every(({ resource, quantity }) => quantity <= available(queue, resource)));
  return fits || mayTakeFromOthers(cell, pending) || mayReserve(cell, firstOf(cell, pending));
}

function mayTakeFromOthers(cell: CellView, { queue }: PendingClass): boolean {
  const { preemptsWithin, reclaims, evensOut } = policyOf(queue);
  return preemptsWithin || reclaims || evensOut || cell.shrinkable.size > 0;
}

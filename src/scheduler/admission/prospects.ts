import { available } from '../fairness/available.ts';
import type { Cell } from '../machine/cell.ts';
import { policyOf } from '../preemption/policy-for.ts';
import { firstOf } from '../queue/effective-priority.ts';
import type { PendingClass } from '../queue/pending-class.ts';
import { mayReserve } from './may-reserve.ts';

/**
 * Whether anything can come of looking at a class: its quota has room for one of its jobs, or others may be made to give up theirs, or places may
 * have to be held for it. Of a class whose quota is used up and whose place in the queue is known this says no, at little cost.
 */
export function hasProspects(cell: Cell, pending: PendingClass): boolean {
  const { queue, bundles } = pending;
  const fits = bundles.some((bundle) => bundle.every(({ resource, quantity }) => quantity <= available(queue, resource)));
  return fits || mayTakeFromOthers(cell, pending) || mayReserve(cell, firstOf(cell, pending));
}

function mayTakeFromOthers(cell: Cell, { queue }: PendingClass): boolean {
  const { preemptsWithin, reclaims, evensOut } = policyOf(queue);
  return preemptsWithin || reclaims || evensOut || cell.shrinkable.size > 0;
}

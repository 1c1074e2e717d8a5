import type { JobId, PoolId } from '../../../kernel/ids.ts';
import { isWorthExamining, policyFor } from './feasibility.ts';
import { policyOf, rootOf } from '../fairness/quota-tree.ts';
import type { ResourceOption } from '../model/job-spec.ts';
import { acceptsPool } from '../model/job-spec.ts';
import type { PendingClass } from './pending-queues.ts';
import type { Cell } from './cell.ts';
import type { JobRecord } from './job-record.ts';
import type { NodeRecord } from './records.ts';

/** Changes a job, and wakes the waiting classes to which that may give a placement. */
export function saveJob(cell: Cell, job: JobRecord): void {
  const before = cell.jobs.find(job.spec.id);
  if (cell.record(job)) wakeAfter(cell, before ?? job);
  if (before !== undefined && isLeaving(before) && !isLeaving(job)) wakeEvictors(cell, before);
}

/** Changes a node. One that takes no new work can no longer be reserved. */
export function saveNode(cell: Cell, node: NodeRecord): void {
  const held = [...cell.reservations.all].filter(({ nodes }) => node.state !== 'open' && nodes.includes(node.index));
  for (const { jobId } of held) releaseHold(cell, jobId);
  if (node.state !== 'open') forgetDestinations(cell, node.index);
  if (cell.fleet.node(node.index).state !== node.state) cell.bookings.nodesChanged();
  cell.fleet.saveNode(node);
  cell.decide({ kind: 'save_node', node });
}

/** Jobs that were to go on there, once they have left where they are, wait instead. */
export function forgetDestinations(cell: Cell, node: number): void {
  for (const job of cell.jobs.inOrder(cell.jobs.leaving)) {
    const { attempt } = job;
    if (attempt === null || attempt.leaving?.next?.placement.slots.some((slot) => slot.node === node) !== true) continue;
    const { next: _, ...leaving } = attempt.leaving;
    saveJob(cell, { ...job, attempt: { ...attempt, leaving } });
  }
}

/** Cancels a job's reservation; jobs that wait for the same become candidates for it. */
export function releaseHold(cell: Cell, id: JobId): void {
  for (const reservation of cell.reservations.all) {
    if (reservation.jobId !== id) continue;
    cell.reservations.remove(reservation);
    const couldUse = (option: ResourceOption): boolean => (option.accelerator ?? 'cpu') === reservation.resource;
    cell.pending.wakeBelow(cell.tree.node(reservation.root), () => true);
    for (const poolId of new Set(reservation.nodes.map((node) => cell.fleet.node(node).spec.poolId))) wakeNear(cell, poolId, couldUse);
  }
}

/** A job released something: wakes the classes that share its quota or could use its nodes, if examining them can have an effect. */
function wakeAfter(cell: Cell, { spec, attempt }: JobRecord): void {
  const freed = spec.options[attempt?.option ?? 0]?.accelerator ?? null;
  const couldUse = ({ accelerator }: ResourceOption): boolean => freed === null || accelerator === null || accelerator === freed;
  const concerns = (pending: PendingClass): boolean => isWorthExamining(cell, pending);
  cell.pending.wakeBelow(rootOf(cell.holdings.queueOf(spec)), concerns);
  if (attempt !== null) wakeNear(cell, attempt.poolId, couldUse, concerns);
}

/** Wakes the classes that could be in a pool by such an option. */
function wakeNear(
  { fleet, pending }: Cell,
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

/** An evicted job has left. Where only so many may be leaving at once, wakes the classes that evict: one more may be asked to leave. */
function wakeEvictors(cell: Cell, left: JobRecord): void {
  if (policyFor(cell, left).leavingMaxCount === Infinity) return;
  cell.pending.wake(({ queue }) => {
    const { reclaimWithinCohort, preemptWithinQueue, preemptForFairShare } = policyOf(queue);
    return reclaimWithinCohort || preemptWithinQueue || preemptForFairShare;
  });
}

const isLeaving = ({ attempt }: JobRecord): boolean => attempt !== null && attempt.leaving !== null;

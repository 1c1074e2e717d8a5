import type { JobId, PoolId } from '../../../kernel/ids.ts';
import { isWorthExamining, policyFor, worthExaminingFromMs } from './feasibility.ts';
import type { CohortNode } from '../fairness/quota-tree.ts';
import { policyOf, rootOf } from '../fairness/quota-tree.ts';
import type { ResourceOption } from '../model/job-spec.ts';
import { acceptsPool } from '../model/job-spec.ts';
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
  const own = rootOf(cell.holdings.queueOf(spec));
  cell.pending.wakeBelow(own, (pending) => isWorthExamining(cell, pending));
  if (attempt === null) return;
  // What is worth examining in its own tree is awake by now.
  for (const root of cell.pending.rootsNear(attempt.poolId)) if (root !== own) wakeHopeful(cell, attempt.poolId, root, couldUse);
}

/** Wakes the classes of a tree that could be in a pool by such an option, if examining them can have an effect. */
function wakeHopeful(cell: Cell, poolId: PoolId, root: CohortNode, couldUse: (option: ResourceOption) => boolean): void {
  if (cell.settled.has(root)) return;
  const { spec } = cell.fleet.pool(poolId);
  let untilMs = Infinity;
  cell.pending.wakeNear(poolId, root, (pending) => {
    const fromMs = worthExaminingFromMs(cell, pending);
    untilMs = Math.min(untilMs, fromMs);
    return fromMs <= cell.nowMs && pending.exemplar.options.some((option) => couldUse(option) && acceptsPool(option, spec));
  });
  if (untilMs > cell.nowMs && cell.pending.areAllNear(poolId, root)) cell.settled.note(root, untilMs);
}

/** Wakes the classes that could be in a pool by such an option. */
function wakeNear({ fleet, pending }: Cell, poolId: PoolId, couldUse: (option: ResourceOption) => boolean): void {
  const { spec } = fleet.pool(poolId);
  for (const root of pending.rootsNear(poolId)) {
    pending.wakeNear(poolId, root, ({ exemplar }) => exemplar.options.some((option) => couldUse(option) && acceptsPool(option, spec)));
  }
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

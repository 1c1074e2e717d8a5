import { effectivePriority } from '../cell/feasibility.ts';
import { rootOf, policyOf } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import { takeTurn } from '../cell/queue-history.ts';
import { saveJob, releaseHold } from '../cell/changes.ts';
import type { Attempt, Destination, JobRecord } from '../cell/job-record.ts';
import { nodesOf } from '../cell/job-record.ts';
import type { AttemptPlace } from '../cell/records.ts';
import type { Slot } from '../model/cluster-state.ts';
import { enterNodes } from './node-weights.ts';
import { payableOf } from '../cell/payer-holds.ts';
import { openSegment, chargeSegment, askFunds } from './charge-segment.ts';
import { drawn } from '../cell/segment.ts';

/** Places a waiting job under a new fence, and hands it to its pool as soon as its nodes are empty. */
export function admit(cell: Cell, job: JobRecord, { option, poolId, placement }: Destination): void {
  const fence = job.fence + 1;
  const attempt: Attempt = {
    fence,
    option,
    priority: effectivePriority(cell, job),
    poolId,
    placement,
    admittedAtMs: cell.nowMs,
    startedAtMs: null,
    runningAtMs: null,
    savedAtMs: null,
    leaving: null,
    shedding: [],
    segment: null,
    segmentCount: 0,
    funds: null,
  };
  const { lost: _, ...rest } = job;
  const admitted: JobRecord = { ...rest, state: 'admitted', fence, attempt };
  cell.payers.probe(payableOf(job));
  releaseHold(cell, job.spec.id);
  saveJob(cell, admitted);
  if (cell.settings.takesTurns === true) takeTurn(cell, cell.holdings.queueOf(job.spec));
  cell.awaitRound(cell.holdings.queueOf(job.spec));
  start(cell, admitted);
  wakeClaimants(cell, job, attempt);
}

/**
 * Its queue's share is larger now, and others of its queue, or of its cohort, may no longer be covered: jobs that preempt for fair share,
 * reclaim, or preempt within their queue may have a claim on some of these jobs.
 */
function wakeClaimants(cell: Cell, { spec, sequence }: JobRecord, { priority }: Attempt): void {
  const admittedTo = cell.holdings.queueOf(spec);
  const root = rootOf(admittedTo);
  const { holders } = cell.holdings;
  if (root.height > 1) {
    return cell.pending.wakeBelow(root, (pending) => {
      const { preemptForFairShare, reclaimWithinCohort, preemptWithinQueue } = policyOf(pending.queue);
      return preemptForFairShare || reclaimWithinCohort || preemptWithinQueue;
    });
  }
  cell.pending.wakeBelow(root, (pending) => {
    const { preemptForFairShare, reclaimWithinCohort, preemptWithinQueue } = policyOf(pending.queue);
    // Where queues lie right below the root, only jobs of the same queue are displaced, and only those of lower rank.
    if (pending.queue === admittedTo) return preemptWithinQueue && holders.hasUncoveredBelow(admittedTo, { priority, sequence });
    return preemptForFairShare || (reclaimWithinCohort && holders.hasUncovered(admittedTo));
  });
}

/** Hands an admitted job to its pool unless another job is still on its nodes; where attempts are prepaid, once it has a grant. */
export function start(cell: Cell, job: JobRecord): void {
  const { attempt } = job;
  if (job.state !== 'admitted' || attempt === null || cell.holdings.occupants.block(attempt.placement)) return;
  if (cell.settings.prepay !== undefined && (attempt.funds?.next ?? null) === null) return askFunds(cell, job);
  const begun = { ...attempt, startedAtMs: cell.nowMs, funds: drawn(attempt.funds, 1) };
  saveJob(cell, { ...job, state: 'starting', attempt: { ...begun, segment: openSegment(cell, job, begun) } });
  enterNodes(cell, job, nodesOf(job));
  const places = placesOf(cell, attempt.placement.slots);
  if (!cell.undo.isOpen) cell.startErrors.started(job.spec.id, cell.nowMs);
  cell.decide({ kind: 'start', jobId: job.spec.id, fence: attempt.fence, poolId: attempt.poolId, places });
}

/** Hands over the jobs that waited for others to leave these nodes. */
export function startOn(cell: Cell, nodes: Iterable<number>): void {
  for (const job of cell.jobs.inOrder(cell.jobs.admitted.on(nodes))) start(cell, job);
}

/** Changes the nodes of an attempt. Those it gives up it owns no longer, and is on until it says that it has left them. */
export function resize(cell: Cell, job: JobRecord, attempt: Attempt, slots: readonly Slot[]): void {
  const kept = new Set(slots.map(({ node }) => node));
  const given = attempt.placement.slots.filter(({ node }) => !kept.has(node));
  const shedding = attempt.startedAtMs === null ? [] : [...attempt.shedding, ...given];
  const charged = chargeSegment(cell, job);
  const resized: Attempt = { ...(charged.attempt ?? attempt), placement: { ...attempt.placement, slots }, shedding };
  const segment = attempt.segment === null ? null : openSegment(cell, charged, resized);
  saveJob(cell, { ...charged, attempt: { ...resized, segment } });
  if (attempt.startedAtMs === null) return;
  const had = new Set(nodesOf(job));
  enterNodes(
    cell,
    job,
    [...kept].filter((node) => !had.has(node)),
  );
  cell.decide({ kind: 'resize', jobId: job.spec.id, fence: attempt.fence, places: placesOf(cell, slots) });
}

const placesOf = (cell: Cell, slots: readonly Slot[]): readonly AttemptPlace[] =>
  slots.map(({ node, mask }) => ({ nodeId: cell.fleet.node(node).spec.id, devices: devicesOf(mask) }));

/** The accelerators of a mask, from 0. */
const devicesOf = (mask: number): readonly number[] =>
  Array.from({ length: 32 - Math.clz32(mask) }, (_, index) => index).filter((index) => ((mask >>> index) & 1) === 1);

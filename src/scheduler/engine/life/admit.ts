import { rootOf } from '../fairness/cohort-node.ts';
import type { Cell } from '../machine/cell.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import { policyOf } from '../preemption/policy-for.ts';
import { effectivePriority } from '../queue/effective-priority.ts';
import type { Offer } from './offer.ts';
import { start } from './start.ts';

/** Places a waiting job under a new fence, and hands it to its pool as soon as its nodes are empty. */
export function admit(cell: Cell, job: JobRecord, { option, poolId, placement }: Offer): void {
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
  };
  const admitted: JobRecord = { ...job, state: 'admitted', fence, attempt };
  cell.releaseHold(job.spec.id);
  cell.save(admitted);
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
      const { evensOut, reclaims, preemptsWithin } = policyOf(pending.queue);
      return evensOut || reclaims || preemptsWithin;
    });
  }
  cell.pending.wakeBelow(root, (pending) => {
    const { evensOut, reclaims, preemptsWithin } = policyOf(pending.queue);
    // Where queues lie right below the root, only jobs of the same queue are displaced, and only those of lower rank.
    if (pending.queue === admittedTo) return preemptsWithin && holders.hasUncoveredBelow(admittedTo, { priority, sequence });
    return evensOut || (reclaims && holders.hasUncovered(admittedTo));
  });
}

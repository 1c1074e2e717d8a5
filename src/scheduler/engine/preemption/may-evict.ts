import { policyFor } from '../cell/feasibility.ts';
import { dominantSharePpm } from '../fairness/dominant-share.ts';
import type { Holders } from '../fairness/holders.ts';
import type { Holder } from '../fairness/quota-coverage.ts';
import type { CohortNode } from '../fairness/quota-tree.ts';
import { rootOf, policyOf } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import type { EvictionPolicy } from '../model/pool-spec.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';

/**
 * Which jobs a job may evict. Three rules, each of which raises the potential, which never cycles (see SPEC.md): its own queue's jobs of
 * less priority, unless they are better covered than it would be; jobs anywhere that are less covered than it would be; and, where neither
 * is covered, jobs of queues with a larger share that are of no more priority.
 */
export function mayEvict(cell: Cell, asking: Holder): readonly Victim[] {
  const { holders } = cell.holdings;
  const { victimOrder, preemptWithinQueue, reclaimWithinCohort, reclaimsLowerOnly, preemptForFairShare } = policyOf(asking.queue);
  if (!preemptWithinQueue && !reclaimWithinCohort && !preemptForFairShare) return [];
  const standing = holders.standingWith(asking);
  const victims: Victim[] = [];
  for (const other of queuesBelow(rootOf(asking.queue))) {
    const reason = ruleFor(cell, asking, standing, other);
    if (reason === undefined) continue;
    for (const holder of inQuestion(cell, asking, other, reason)) {
      if (reason === 'reclaim' && reclaimsLowerOnly === true && holder.priority >= asking.priority) continue;
      const job = RULES[reason](asking, standing, holder, holders) ? cell.jobs.get(holder.jobId) : undefined;
      if (job !== undefined && isOpenTo(cell, job)) victims.push({ job, reason, cost: costOf(cell, victimOrder, job) });
    }
  }
  return victims;
}

/** The jobs of a queue that the rule could select: on a full cluster that has settled these are few. */
function inQuestion(cell: Cell, { priority }: Holder, other: CohortNode, reason: Victim['reason']): readonly Holder[] {
  const { holders } = cell.holdings;
  if (reason === 'reclaim') return holders.uncovered(other);
  return holders.below(other, reason === 'priority' ? priority : priority + 1);
}

type Rule = (asking: Holder, standing: number, holder: Holder, holders: Holders) => boolean;

const RULES: Readonly<Record<Victim['reason'], Rule>> = {
  priority: (asking, standing, holder, holders) => holder.priority < asking.priority && holders.standing(holder) >= standing,
  reclaim: (_, standing, holder, holders) => holders.standing(holder) > standing,
  fair_share: (asking, standing, holder, holders) => holder.priority <= asking.priority && holders.standing(holder) === standing,
};

/** By which rule jobs of a queue come into question, if any; without looking at each of them. */
function ruleFor(cell: Cell, { queue, bundle }: Holder, standing: number, other: CohortNode): Victim['reason'] | undefined {
  const policy = policyOf(queue);
  if (other === queue) return policy.preemptWithinQueue ? 'priority' : undefined;
  const isCovered = standing < Math.max(1, rootOf(queue).height);
  if (isCovered) return policy.reclaimWithinCohort && cell.holdings.holders.hasUncovered(other) ? 'reclaim' : undefined;
  const preemptForFairShare = policy.preemptForFairShare && policyOf(other).preemptForFairShare;
  return preemptForFairShare && dominantSharePpm(other) > dominantSharePpm(queue, bundle) ? 'fair_share' : undefined;
}

/** Whether the policies where it runs let a job be evicted for others now. */
export function isOpenTo(cell: Cell, job: JobRecord): boolean {
  const { spec, attempt } = job;
  if (!spec.preemptible || attempt === null || attempt.leaving !== null) return false;
  const policy = policyFor(cell, job);
  if (isProtected(policy, job)) return false;
  if (attempt.runningAtMs !== null && cell.nowMs - attempt.runningAtMs < policy.runtimeMinMs) {
    cell.wakeAt(attempt.runningAtMs + policy.runtimeMinMs);
    return false;
  }
  return true;
}

/** Whether a job is never evicted for another. */
export const isProtected = (
  { protectedKinds, protectedPriority }: Pick<EvictionPolicy, 'protectedKinds' | 'protectedPriority'>,
  { spec }: JobRecord,
): boolean => !spec.preemptible || protectedKinds.includes(spec.kind) || (protectedPriority !== null && spec.priority >= protectedPriority);

/** What evicting a job costs, by which victims are chosen. */
export function costOf(cell: Cell, order: 'least_lost_work' | 'most_recent', job: JobRecord): number {
  return order === 'least_lost_work' ? lostWork(job, cell.nowMs) : cell.nowMs - (job.attempt?.admittedAtMs ?? cell.nowMs);
}

/** The queues of a tree, in the order of its cohorts. */
function queuesBelow(node: CohortNode): readonly CohortNode[] {
  return node.spec.eviction === null ? node.children.flatMap(queuesBelow) : [node];
}

/** A job that may be evicted for another, by which rule, and what that costs. */
export interface Victim {
  readonly job: JobRecord;
  readonly reason: 'priority' | 'reclaim' | 'fair_share';
  readonly cost: number;
}

/** Cheapest first, then least priority, then the latest. A total order. */
export const byCost = (a: Victim, b: Victim): number =>
  a.cost - b.cost || a.job.spec.priority - b.job.spec.priority || b.job.sequence - a.job.sequence;

/** Work without accelerators counts as a tenth of one for each node. */
const NO_ACCELERATOR_MILLI = WHOLE_MILLI / 10;

/**
 * What evicting a job costs, in thousandths of an accelerator times ms: the work since it last saved, and a start. It may or may not save
 * while it stops, so that is not counted on: otherwise jobs that save often would be evicted least, though they lose least.
 */
export function lostWork({ spec, attempt }: JobRecord, nowMs: number): number {
  if (attempt === null || attempt.startedAtMs === null) return 0;
  const { demand, slots } = attempt.placement;
  const milli = slots.length * Math.max(demand.acceleratorCount * demand.milliEach, NO_ACCELERATOR_MILLI);
  return milli * (Math.max(0, nowMs - (attempt.savedAtMs ?? attempt.startedAtMs)) + spec.checkpoint.restartMs);
}

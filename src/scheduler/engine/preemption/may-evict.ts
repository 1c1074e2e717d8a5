import { rootOf } from '../fairness/cohort-node.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import { dominantSharePpm } from '../fairness/dominant-share.ts';
import type { Holder } from '../fairness/holder.ts';
import type { Holders } from '../fairness/holders.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { lostWork } from './lost-work.ts';
import { policyFor, policyOf } from './policy-for.ts';
import type { Victim } from './victim.ts';

/**
 * Which jobs a job may evict. Three rules, each of which raises the potential, which never cycles (see SPEC.md): its own queue's jobs of
 * less priority, unless they are better covered than it would be; jobs anywhere that are less covered than it would be; and, where neither
 * is covered, jobs of queues with a larger share that are of no more priority.
 */
export function mayEvict(cell: Cell, asking: Holder): readonly Victim[] {
  const { holders } = cell.holdings;
  const { victimOrder, preemptsWithin, reclaims, evensOut } = policyOf(asking.queue);
  if (!preemptsWithin && !reclaims && !evensOut) return [];
  const standing = holders.standingWith(asking);
  const victims: Victim[] = [];
  for (const other of queuesBelow(rootOf(asking.queue))) {
    const reason = ruleFor(cell, asking, standing, other);
    if (reason === undefined) continue;
    for (const holder of inQuestion(cell, asking, other, reason)) {
      const job = RULES[reason](asking, standing, holder, holders) ? cell.job(holder.jobId) : undefined;
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
  if (other === queue) return policy.preemptsWithin ? 'priority' : undefined;
  const isCovered = standing < Math.max(1, rootOf(queue).height);
  if (isCovered) return policy.reclaims && cell.holdings.holders.hasUncovered(other) ? 'reclaim' : undefined;
  const evensOut = policy.evensOut && policyOf(other).evensOut;
  return evensOut && dominantSharePpm(other) > dominantSharePpm(queue, bundle) ? 'fair_share' : undefined;
}

/** Whether the policies where it runs let a job be evicted for others now. */
function isOpenTo(cell: Cell, job: JobRecord): boolean {
  const { spec, attempt } = job;
  if (!spec.preemptible || attempt === null) return false;
  const policy = policyFor(cell, job);
  if (policy.protectedKinds.includes(spec.kind)) return false;
  if (policy.protectedPriority !== null && spec.priority >= policy.protectedPriority) return false;
  if (attempt.runningAtMs !== null && cell.nowMs - attempt.runningAtMs < policy.runtimeMinMs) {
    cell.wakeAt(attempt.runningAtMs + policy.runtimeMinMs);
    return false;
  }
  return true;
}

function costOf(cell: Cell, order: 'least_lost_work' | 'most_recent', job: JobRecord): number {
  return order === 'least_lost_work' ? lostWork(job, cell.nowMs) : cell.nowMs - (job.attempt?.admittedAtMs ?? cell.nowMs);
}

/** The queues of a tree, in the order of its cohorts. */
export function queuesBelow(node: CohortNode): readonly CohortNode[] {
  return node.spec.eviction === null ? node.children.flatMap(queuesBelow) : [node];
}

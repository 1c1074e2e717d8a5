import type { CellView } from '../machine/cell-view.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { must } from '../../../kernel/assert.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import type { EvictionPolicy } from './eviction-policy.ts';

export const policyOf = (queue: CohortNode): EvictionPolicy => must(queue.spec.eviction, 'a queue has a policy');

/** What holds for a job where it runs: its queue's policy and that of its pool, the stricter of both. */
export function policyFor(cell: CellView, { spec, attempt }: JobRecord): EvictionPolicy {
  const own = policyOf(cell.holdings.queueOf(spec));
  const there = attempt === null ? undefined : cell.settings.poolEviction.get(attempt.poolId);
  if (there === undefined) return own;
  return {
    ...own,
    runtimeMinMs: Math.max(own.runtimeMinMs, there.runtimeMinMs),
    graceMaxMs: Math.min(own.graceMaxMs, there.graceMaxMs),
    leavingMaxCount: Math.min(own.leavingMaxCount, there.leavingMaxCount),
    protectedPriority: lower(own.protectedPriority, there.protectedPriority),
    protectedKinds: [...own.protectedKinds, ...there.protectedKinds],
  };
}

const lower = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));

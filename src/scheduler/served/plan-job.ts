import type { Outcome } from '../../contract/api/outcome.ts';
import type { JobId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { ExpectedPlacement } from '../engine/explain/explain.ts';
import { plan } from '../engine/explain/plan.ts';
import type { RemedyWays } from '../engine/explain/remedy.ts';
import type { CohortSpec } from '../engine/fairness/quota-tree.ts';
import type { Cell } from '../engine/cell/cell.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';
import type { WhyWaiting } from './explain-job.ts';
import { whyWaiting } from './explain-job.ts';
import type { HeldModel } from './job-standing.ts';
import { weightsHeld } from './job-standing.ts';

/** What would become of a job if it were submitted now, for its owner. Plain data. */
export interface JobPlan {
  /** When that was decided. */
  readonly atMs: number;
  /** Where it would start; of one that waits, where there will be room first, if there ever is. */
  readonly placement: (ExpectedPlacement & { readonly weights: HeldModel | null }) | null;
  /** The jobs that would be evicted for it: those of its tenant, and how many of others. */
  readonly evicted: { readonly jobIds: readonly JobId[]; readonly otherCount: number };
  /** Null: it would not wait, but have nodes at once, which those that are evicted have still to leave. */
  readonly waiting: WhyWaiting | null;
}

/** How the plan of a job is made: by the clock, and by what its tenant and operators can do. */
interface PlanContext {
  readonly nowMs: number;
  readonly ways: RemedyWays;
}

/** Decides on a job by the code that decides on submissions, and undoes it all (J103). `queue`: the job's own, if it has none yet. */
export function planJob(cell: Cell, spec: JobSpec, queue: CohortSpec, { nowMs, ways }: PlanContext): Outcome<JobPlan> {
  const { isOwn } = ways;
  const isNewQueue = cell.tree.queue(spec.queue) === undefined;
  if (isNewQueue) cell.tree.addQueue(queue);
  try {
    const planned = plan(cell, spec, nowMs, ways);
    if (!planned.ok) return planned;
    const atMs = Math.max(cell.nowMs, nowMs);
    if (planned.value.kind === 'waits') {
      const { explanation } = planned.value;
      const waiting = whyWaiting(cell, spec, explanation, isOwn);
      const { expected } = explanation;
      return ok({
        atMs,
        placement: expected && { ...expected, weights: weightsHeld(cell, spec, expected.nodeIds) },
        evicted: { jobIds: [], otherCount: 0 },
        waiting,
      });
    }
    const { kind: _, victims, ...placement } = planned.value;
    const jobIds = victims.map(({ jobId }) => jobId).filter(isOwn);
    const weights = weightsHeld(cell, spec, placement.nodeIds);
    return ok({
      atMs,
      placement: { ...placement, weights },
      evicted: { jobIds, otherCount: victims.length - jobIds.length },
      waiting: null,
    });
  } finally {
    if (isNewQueue) cell.tree.removeQueue(spec.queue);
  }
}

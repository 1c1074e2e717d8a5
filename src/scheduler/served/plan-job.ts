import type { Outcome } from '../../contract/api/outcome.ts';
import type { HourlyPrice } from '../../contract/tenancy/accelerator-prices.ts';
import type { JobId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { ExpectedPlacement } from '../engine/explain/explain.ts';
import type { DeadlineOutlook } from '../engine/explain/deadline-outlook.ts';
import { plan } from '../engine/explain/plan.ts';
import type { RemedyWays } from '../engine/explain/remedy.ts';
import type { CohortSpec } from '../engine/fairness/quota-tree.ts';
import type { Cell } from '../engine/cell/cell.ts';
import { highestPrice, poolPrice } from '../engine/cell/pool-price.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';
import { foreseen, NOTHING_KNOWN } from './foreseen.ts';
import type { WhyWaiting } from './explain-job.ts';
import { whyWaiting } from './explain-job.ts';
import type { HeldModel } from './job-standing.ts';
import { weightsHeld } from './job-standing.ts';

interface PlannedPlacement extends ExpectedPlacement {
  readonly weights: HeldModel | null;
  /** When it starts, as far as that is known, else now; null where nothing is sold. */
  readonly price: HourlyPrice | null;
  /** The highest that is known to hold until an attempt has run for as long as it may. */
  readonly highestPrice: HourlyPrice | null;
}

/** What would become of a job if it were submitted now, for its owner. Plain data. */
export interface JobPlan {
  /** When that was decided. */
  readonly atMs: number;
  /** Where it would start; of one that waits, where there will be room first, if there ever is. */
  readonly placement: PlannedPlacement | null;
  /** The jobs that would be evicted for it: those of its tenant, and how many of others. */
  readonly evicted: { readonly jobIds: readonly JobId[]; readonly otherCount: number };
  /** Null: it would not wait, but have nodes at once, which those that are evicted have still to leave. */
  readonly waiting: WhyWaiting | null;
  /** Whether it would be done by its deadline; null: it has none. */
  readonly outlook: DeadlineOutlook | null;
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
    let known = NOTHING_KNOWN;
    const planned = plan(cell, spec, nowMs, ways, (job) => (known = foreseen(cell, job, nowMs)));
    if (!planned.ok) return planned;
    const atMs = Math.max(cell.nowMs, nowMs);
    if (planned.value.kind === 'waits') {
      const { explanation } = planned.value;
      const waiting = whyWaiting(cell, spec, explanation, isOwn);
      const { expected } = explanation;
      return ok({
        atMs,
        placement: expected && pricedPlacement(cell, spec, expected, atMs),
        evicted: { jobIds: [], otherCount: 0 },
        waiting: { ...waiting, forecast: known.forecast },
        outlook: known.outlook,
      });
    }
    const { kind: _, victims, ...placement } = planned.value;
    const jobIds = victims.map(({ jobId }) => jobId).filter(isOwn);
    return ok({
      atMs,
      placement: pricedPlacement(cell, spec, placement, atMs),
      evicted: { jobIds, otherCount: victims.length - jobIds.length },
      waiting: null,
      outlook: known.outlook,
    });
  } finally {
    if (isNewQueue) cell.tree.removeQueue(spec.queue);
  }
}

function pricedPlacement(cell: Cell, spec: JobSpec, placement: ExpectedPlacement, nowMs: number): PlannedPlacement {
  const accelerator = spec.options[placement.option]?.accelerator ?? null;
  const atMs = Math.max(nowMs, placement.startMs ?? nowMs);
  return {
    ...placement,
    weights: weightsHeld(cell, spec, placement.nodeIds),
    price: poolPrice(cell, placement.poolId, accelerator, atMs) ?? null,
    highestPrice: highestPrice(cell, placement.poolId, accelerator, atMs, atMs + (spec.limits.durationMaxMs ?? 0)) ?? null,
  };
}

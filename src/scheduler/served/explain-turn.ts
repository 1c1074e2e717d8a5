import type { Cell } from '../engine/cell/cell.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import { isFinished } from '../engine/cell/job-record.ts';
import { attainedMs } from '../engine/life/charge-segment.ts';

/** How a job stands whose queue has its jobs take turns. Plain data. */
export interface WhyTurn {
  readonly roundMs: number;
  /** Null while no job of the queue has nodes. */
  readonly nextRoundMs: number | null;
  readonly attainedMs: number;
  /** Unfinished jobs of the queue that go before it. */
  readonly aheadCount: number;
}

/** Null of a job that is over, or whose queue has no turns. [J262] */
export function whyTurn(cell: Cell, job: JobRecord, nowMs: number): WhyTurn | null {
  const slice = cell.holdings.queueOf(job.spec).spec.timeSlice;
  if (slice === undefined || isFinished(job)) return null;
  const attained = (one: JobRecord): number => attainedMs(cell, one, slice, { nowMs });
  const own = attained(job);
  let aheadCount = 0;
  for (const other of cell.jobs.all) {
    if (other.spec.queue !== job.spec.queue || isFinished(other) || other === job) continue;
    const lead = other.spec.priority - job.spec.priority || own - attained(other) || job.sequence - other.sequence;
    aheadCount += Number(lead > 0);
  }
  return { roundMs: slice.roundMs, nextRoundMs: cell.queue(job.spec.queue).roundAtMs ?? null, attainedMs: own, aheadCount };
}

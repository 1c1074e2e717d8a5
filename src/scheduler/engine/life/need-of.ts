import { payerOf } from '../model/job-spec.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';

/** More is not asked for at once: a reservation of quotas lasts a day. */
const NEED_MAX_MS = 86_400_000;

/** An attempt that was stopped unpaid after so long is tried again only with this much more: what fails again and again soon waits for good. */
const UNPAID_FACTOR = 2;

/**
 * How long a job needs its nodes to its end, as far as is known, and for its grace: as long as its owner says, or jobs like it have taken if that is
 * less, without what it has saved. Where neither is known, null if it is the only one of its payer, which may have what there is; beside
 * others, a whole stretch: so that a budget which is nearly spent is not divided among jobs none of which ends. [J267]
 */
export function needMs(cell: Cell, job: JobRecord): number | null {
  const { durationMaxMs } = job.spec.limits;
  // It is asked to stop so long before what is paid ends.
  const { graceMs } = job.spec.checkpoint;
  const observedMs = cell.durations.of(job.classKey) ?? Infinity;
  const againMs = UNPAID_FACTOR * (job.unpaidMs ?? 0);
  const need = (wholeMs: number, mostMs = Infinity): number =>
    Math.min(NEED_MAX_MS, graceMs + Math.min(mostMs, Math.max(againMs, wholeMs - (job.savedMs ?? 0))));
  if (durationMaxMs !== null) return need(Math.min(durationMaxMs, observedMs), durationMaxMs);
  if (observedMs !== Infinity) return need(observedMs);
  return isOnlyOne(cell, job) ? null : Math.min(NEED_MAX_MS, cell.settings.segmentMaxMs);
}

/** Whether no other job of its payer has an attempt. */
function isOnlyOne(cell: Cell, { spec }: JobRecord): boolean {
  for (const id of cell.jobs.placedOf(payerOf(spec))) if (id !== spec.id) return false;
  return true;
}

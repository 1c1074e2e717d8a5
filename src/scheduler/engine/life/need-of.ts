import { payerOf } from '../model/job-spec.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';

/** More is not asked for at once: a reservation of quotas lasts a day. */
const NEED_MAX_MS = 86_400_000;

/** An attempt that was stopped unpaid after so long is tried again only with this much more: what fails again and again soon waits for good. */
const UNPAID_FACTOR = 2;

/**
 * How long a job needs its nodes to its end, as far as is known: what its owner says, or less where jobs like it have never taken as long; less what
 * it has saved. Where its owner says nothing, null if it is the only one of its payer, which may have what there is; beside others, as long
 * as jobs like it have taken, or a whole stretch: so that a budget which is nearly spent is not divided among jobs none of which ends. [J267]
 */
export function needMs(cell: Cell, job: JobRecord): number | null {
  const { durationMaxMs } = job.spec.limits;
  const observedMs = cell.durations.of(job.classKey) ?? Infinity;
  const againMs = UNPAID_FACTOR * (job.unpaidMs ?? 0);
  const need = (wholeMs: number): number => Math.min(NEED_MAX_MS, Math.max(againMs, wholeMs - (job.savedMs ?? 0)));
  if (durationMaxMs !== null) return Math.min(durationMaxMs, need(Math.min(durationMaxMs, observedMs)));
  if (isOnlyOne(cell, job)) return againMs === 0 ? null : Math.min(NEED_MAX_MS, againMs);
  return need(observedMs === Infinity ? cell.settings.segmentMaxMs : observedMs);
}

/** Whether no other job of its payer has an attempt. */
function isOnlyOne(cell: Cell, { spec }: JobRecord): boolean {
  for (const id of cell.jobs.placedOf(payerOf(spec))) if (id !== spec.id) return false;
  return true;
}

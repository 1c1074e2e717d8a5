import type { CellView } from '../machine/cell-view.ts';
import type { JobRecord } from '../machine/job-record.ts';

/** When a placed job is expected to have ended: at its longest duration, else after what similar jobs have taken; Infinity when unknown. */
export function expectedEndMs(cell: CellView, { spec, classKey, attempt }: JobRecord): number {
  const { durationMaxMs, deadlineAtMs } = spec.limits;
  const startedAtMs = attempt?.startedAtMs ?? attempt?.admittedAtMs ?? cell.nowMs;
  const durationMs = durationMaxMs === null ? (cell.durations.of(classKey) ?? Infinity) : durationMaxMs + spec.checkpoint.graceMs;
  return Math.min(startedAtMs + durationMs, (deadlineAtMs ?? Infinity) + spec.checkpoint.graceMs);
}

/** The longest time that a job starting now will take; undefined when unknown. */
export function longestMs(cell: CellView, { spec, classKey }: JobRecord): number | undefined {
  const { durationMaxMs } = spec.limits;
  if (durationMaxMs !== null) return durationMaxMs;
  return cell.settings.trustsObservedDurations ? cell.durations.of(classKey) : undefined;
}

import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';

/** When a job with a place will have left it: at the latest it may, else after what jobs like it have taken; Infinity when nobody knows. */
export function expectedEndMs(cell: Cell, { spec, classKey, attempt }: JobRecord): number {
  const { durationMaxMs, deadlineAtMs } = spec.limits;
  const startedAtMs = attempt?.startedAtMs ?? attempt?.admittedAtMs ?? cell.nowMs;
  const durationMs = durationMaxMs === null ? (cell.durations.of(classKey) ?? Infinity) : durationMaxMs + spec.checkpoint.graceMs;
  return Math.min(startedAtMs + durationMs, (deadlineAtMs ?? Infinity) + spec.checkpoint.graceMs);
}

/** How long a job that starts now will take at most; undefined when nobody can say. */
export function longestMs(cell: Cell, { spec, classKey }: JobRecord): number | undefined {
  const { durationMaxMs } = spec.limits;
  if (durationMaxMs !== null) return durationMaxMs;
  return cell.settings.trustsObservedDurations ? cell.durations.of(classKey) : undefined;
}

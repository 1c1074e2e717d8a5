import type { JobSpec } from '../model/job-spec.ts';

const HOUR_MS = 3_600_000;

/** Half of this is what a job loses that never saves and does not say how long it takes. */
const UNSAVED_MS = 2 * HOUR_MS;

/** What a job has to do again, on average, when it is interrupted: half of what lies between two saves, and beginning again. */
export function lostHours({ checkpoint, limits }: Pick<JobSpec, 'checkpoint' | 'limits'>): number {
  const betweenMs = checkpoint.intervalMs ?? limits.durationMaxMs ?? UNSAVED_MS;
  return (betweenMs / 2 + checkpoint.restartMs) / HOUR_MS;
}

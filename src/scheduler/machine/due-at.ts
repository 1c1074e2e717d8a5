import { affordableUntilMs } from '../billing/segment.ts';
import type { CellSettings } from './cell-settings.ts';
import type { JobRecord } from './job-record.ts';
import { isFinished } from './job-record.ts';

/** What has come for a job. */
export type Due = 'deadline' | 'grace' | 'duration' | 'cost' | 'segment';

/** What next comes for a job by itself, and when; of several at once, the first named in `Due`. */
export function dueOf(job: JobRecord, { segmentMaxMs }: CellSettings): { readonly what: Due; readonly atMs: number } {
  const { attempt, spec } = job;
  const { deadlineAtMs, durationMaxMs, costMaxNanoDollars } = spec.limits;
  const never = Infinity;
  if (isFinished(job)) return { what: 'deadline', atMs: never };
  const leaving = attempt?.leaving ?? null;
  const stays = leaving === null;
  const times: readonly (readonly [Due, number])[] = [
    ['deadline', stays ? (deadlineAtMs ?? never) : never],
    ['grace', leaving !== null && !leaving.isKilled ? leaving.graceEndsAtMs : never],
    ['duration', stays && durationMaxMs !== null ? (attempt?.startedAtMs ?? never) + durationMaxMs : never],
    [
      'cost',
      stays && costMaxNanoDollars !== null && attempt?.segment
        ? affordableUntilMs(attempt.segment, costMaxNanoDollars - job.costNanoDollars)
        : never,
    ],
    ['segment', attempt?.segment ? attempt.segment.startedAtMs + segmentMaxMs : never],
  ];
  const [what, atMs] = times.reduce((first, time) => (time[1] < first[1] ? time : first));
  return { what, atMs };
}

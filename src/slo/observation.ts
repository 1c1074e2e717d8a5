import type { EventCounts } from './objective.ts';
import { NO_EVENTS } from './objective.ts';
import { HOUR_MS } from '../kernel/time-units.ts';

/** Events observed, and the cursor for the next observation. */
export interface Observation {
  readonly samples: readonly Sample[];
  readonly cursor: Cursor;
}

export interface Sample extends EventCounts {
  readonly atMs: number;
}

/** Where the next observation starts: the hourly counters as last read, and the time up to which events are observed. Plain data. */
export interface Cursor {
  /** By hour since the epoch. */
  readonly seen?: Readonly<Record<number, EventCounts>>;
  readonly untilMs?: number;
}

/** The counter of one hour at the time of reading. */
export interface HourlyCounter extends EventCounts {
  readonly hour: number;
}

/** How long after its end an hour's counter may still grow, by late reports of isolates and differences between clocks. */
const LATE_HOURS = 2;

const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS);

/** The time from which counters must be read: the whole window at first, later the hours that may have grown since the last read. */
export const countersFromMs = ({ seen, untilMs }: Cursor, windowMs: number, nowMs: number): number =>
  seen === undefined ? nowMs - windowMs : (hourOf(untilMs ?? nowMs) - LATE_HOURS) * HOUR_MS;

/**
 * The growth of hourly counters since they were last read. An hour that was never read, at first or after an outage, becomes a sample at its
 * own time, so that it does not count as events of now. [SL4]
 */
export function grownBy({ seen, untilMs = -Infinity }: Cursor, counters: readonly HourlyCounter[], nowMs: number): Observation {
  const thisHour = hourOf(nowMs);
  const samples: Sample[] = [];
  const now = { good: 0, total: 0 };
  const next: Record<number, EventCounts> = {};
  for (const { hour, good, total } of counters) {
    const before = seen?.[hour] ?? NO_EVENTS;
    if (hour >= thisHour - LATE_HOURS) next[hour] = { good: Math.max(good, before.good), total: Math.max(total, before.total) };
    const [more, moreGood] = [total - before.total, good - before.good];
    if (more <= 0) continue;
    if (hour > hourOf(untilMs) && hour < thisHour) samples.push({ atMs: hour * HOUR_MS, good, total });
    else {
      now.good += Math.min(more, Math.max(0, moreGood));
      now.total += more;
    }
  }
  if (now.total > 0) samples.push({ atMs: nowMs, ...now });
  return { samples, cursor: { seen: next, untilMs: nowMs } };
}

/** The times of a job that its wait follows from. */
export interface WaitingJob {
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
}

/** Jobs whose wait is decided: submitted from `cursor.untilMs` on, and so long ago that they have started in time or have not. [SL7] */
export function decidedWaits(jobs: readonly WaitingJob[], belowMs: number, untilMs: number): Observation {
  const decided = jobs.filter(
    ({ createdAtMs, startedAtMs, finishedAtMs }) => startedAtMs !== null || finishedAtMs === null || finishedAtMs - createdAtMs > belowMs,
  );
  const samples = decided.map(({ createdAtMs, startedAtMs }) => ({
    atMs: createdAtMs + belowMs,
    good: startedAtMs !== null && startedAtMs - createdAtMs <= belowMs ? 1 : 0,
    total: 1,
  }));
  return { samples, cursor: { untilMs } };
}

import type { WindowKind } from '../../contract/tenancy/quota-terms.ts';
import { QUOTA_WINDOWS } from '../../contract/tenancy/quota-terms.ts';
import type { Amounts } from './amounts.ts';

/** The start of each window, in milliseconds since the epoch. */
export type WindowStarts = Readonly<Record<WindowKind, number>>;

const FIXED_MS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** How long a window is at most. */
export const windowMsMax = (kind: WindowKind): number => (kind === 'month' ? 31 * FIXED_MS.day : FIXED_MS[kind]);

export function windowStartMs(kind: WindowKind, nowMs: number): number {
  if (kind !== 'month') return nowMs - (nowMs % FIXED_MS[kind]);
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
}

/** The first millisecond after the window that starts at `startMs`. */
export function windowEndMs(kind: WindowKind, startMs: number): number {
  if (kind !== 'month') return startMs + FIXED_MS[kind];
  const start = new Date(startMs);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1);
}

export const NEVER_STARTED: WindowStarts = { second: 0, minute: 0, hour: 0, day: 0, month: 0 };

/** The windows of `nowMs`, but none that lies before those of `startsMs`: a clock that steps back reopens nothing. */
export function rolled(startsMs: WindowStarts, nowMs: number): WindowStarts {
  const start = (kind: WindowKind): number => Math.max(startsMs[kind], windowStartMs(kind, nowMs));
  // Most calls find the windows as they are, which the second shows.
  if (start('second') === startsMs.second) return startsMs;
  return { second: start('second'), minute: start('minute'), hour: start('hour'), day: start('day'), month: start('month') };
}

export const WINDOW_COUNT = QUOTA_WINDOWS.length;

/** Units that have been granted, and are thereby spent, in the windows that start at `startsMs`. */
export interface Slice {
  readonly units: Amounts;
  readonly startsMs: WindowStarts;
}

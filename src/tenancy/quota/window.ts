/** Quota windows: fixed, in UTC, and calendar months. */
export const WINDOWS = ['minute', 'day', 'month'] as const;

export type WindowKind = (typeof WINDOWS)[number];

/** The start of each window, in milliseconds since the epoch. */
export type WindowStarts = Readonly<Record<WindowKind, number>>;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export function windowStartMs(kind: WindowKind, nowMs: number): number {
  switch (kind) {
    case 'minute':
      return nowMs - (nowMs % MINUTE_MS);
    case 'day':
      return nowMs - (nowMs % DAY_MS);
    case 'month': {
      const now = new Date(nowMs);
      return Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
    }
  }
}

/** The first millisecond after the window that starts at `startMs`. */
export function windowEndMs(kind: WindowKind, startMs: number): number {
  switch (kind) {
    case 'minute':
      return startMs + MINUTE_MS;
    case 'day':
      return startMs + DAY_MS;
    case 'month': {
      const start = new Date(startMs);
      return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1);
    }
  }
}

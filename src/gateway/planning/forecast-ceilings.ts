import type { Assumed } from '../../capacity/assumptions.ts';
import type { Advice, CeilingKind, ForecastPath, Saturation } from '../../capacity/forecast/saturation.ts';
import { adviceOn, accumulated, peakOf, saturationOf, scaled } from '../../capacity/forecast/saturation.ts';
import type { WindowKind } from '../../contract/tenancy/quota-terms.ts';
import { windowMsMax, windowStartMs } from '../../tenancy/quota/window.ts';
import type { UsageKey } from './usage-history.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';

/** A limit that use may reach. */
export interface Ceiling {
  readonly kind: CeilingKind;
  readonly subject: string;
  readonly resource: UsageKey | 'vectors' | 'cache_bytes';
  /** The span that the limit counts in; absent: the limit is on what exists at any time. */
  readonly window?: WindowKind;
  readonly limit: number;
  /** For limits on what exists: the present amount, and the share of the growth that adds to it. */
  readonly held?: { readonly units: number; readonly share: number };
  /** Of what exists and is not counted itself: by how much it grew since then, while so much of that was used. */
  readonly growsWith?: { readonly key: UsageKey; readonly units: number; readonly fromMs: number };
  /** What the numbers are made of, where that is not the same for all ceilings of the kind. */
  readonly basis?: string;
  /** What a month of a further unit costs. */
  readonly usdPerUnitMonth?: number;
}

export interface ComparedCeiling {
  readonly ceiling: Ceiling;
  readonly used: number;
  readonly peak?: number;
  readonly basis: string;
  readonly status: 'within' | 'at_risk' | 'saturates' | 'not_enough_data';
  readonly saturation: Saturation;
  readonly advice?: Advice;
}

/** The use of one resource, past and expected. */
export interface Growth {
  /** By the day; undefined: not enough data. */
  readonly path: ForecastPath | undefined;
  /** The share of a day that its busiest hour has. */
  readonly busiestHourShare: number;
  /** Used in the current month, today, and on the busiest of the last days. */
  readonly usedThisMonth: number;
  readonly usedToday: number;
  readonly usedLately: number;
}

/** Compares the expected use with a limit, in the limit's own window. [K13] */
export function compared(ceiling: Ceiling, growth: Growth, a: Assumed): ComparedCeiling {
  const { used, factor, basis } = measured(ceiling, growth);
  const { path } = growth;
  if (path === undefined) {
    const isReached = used >= ceiling.limit;
    return { ceiling, used, basis, status: isReached ? 'saturates' : 'not_enough_data', saturation: {} };
  }
  const demand = demandOf(ceiling, path, growth, factor);
  const saturation = saturationOf(demand, ceiling.limit);
  const missing = peakOf(demand, 'high') - ceiling.limit;
  const advice = adviceOn(ceiling.kind, saturation, missing, ceiling.usdPerUnitMonth, a);
  const { expectedMs, earliestMs } = saturation;
  return {
    ceiling,
    used,
    peak: peakOf(demand, 'expected'),
    basis,
    status: expectedMs !== undefined ? 'saturates' : earliestMs !== undefined ? 'at_risk' : 'within',
    saturation,
    ...(advice === undefined ? {} : { advice }),
  };
}

function demandOf({ window, held }: Ceiling, path: ForecastPath, { usedThisMonth, usedToday }: Growth, factor: number): ForecastPath {
  if (held !== undefined) return accumulated(scaled(path, held.share), held.units);
  // The first day of the path is today, all of it.
  if (window === 'month') return accumulated(path, usedThisMonth - usedToday, (atMs) => windowStartMs('month', atMs));
  return scaled(path, factor);
}

function measured({ window, held, basis }: Ceiling, growth: Growth): { used: number; factor: number; basis: string } {
  const { usedThisMonth, usedLately, busiestHourShare: share } = growth;
  if (held !== undefined) return { used: held.units, factor: 1, basis: basis ?? 'all vectors that are written count as new' };
  if (window === 'month') return { used: usedThisMonth, factor: 1, basis: 'the month so far and the days to come' };
  if (window === 'day' || window === undefined) return { used: usedLately, factor: 1, basis: 'whole days' };
  if (window === 'hour') return { used: usedLately * share, factor: share, basis: 'the busiest hour of a day' };
  const factor = share / (HOUR_MS / windowMsMax(window));
  return { used: usedLately * factor, factor, basis: `the mean ${window} of the busiest hour: shorter peaks are not in the ledger` };
}

/** The days of a forecast by the hour: their sums, the first with what was used of it already. */
export function byDay(path: ForecastPath, usedToday: number): ForecastPath {
  if (path.stepMs === DAY_MS) return path;
  const startMs = Math.floor(path.startMs / DAY_MS) * DAY_MS;
  const days = new Map([[startMs, { expected: usedToday, low: usedToday, high: usedToday }]]);
  for (const [position, point] of path.points.entries()) {
    const atMs = path.startMs + position * path.stepMs;
    const dayMs = Math.floor(atMs / DAY_MS) * DAY_MS;
    const sum = days.get(dayMs) ?? { expected: 0, low: 0, high: 0 };
    for (const end of ['expected', 'low', 'high'] as const) sum[end] += point[end];
    days.set(dayMs, sum);
  }
  return { startMs, stepMs: DAY_MS, points: [...days.values()] };
}

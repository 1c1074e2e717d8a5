import type { ForecastPoint } from './series-forecast.ts';
import type { Assumed } from '../assumptions.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

/** When a growing quantity reaches a limit, in ms since the epoch; absent: not within the forecast. */
export interface Saturation {
  /** By the expected values. */
  readonly expectedMs?: number;
  /** By the upper end of the interval (earliest), and by the lower (latest). */
  readonly earliestMs?: number;
  readonly latestMs?: number;
}

/** A forecast at equal steps, the first of which ends a step after `startMs`. */
export interface ForecastPath {
  readonly startMs: number;
  readonly stepMs: number;
  readonly points: readonly ForecastPoint[];
}

/** The first step whose value is at or above the limit. [K13] */
export function saturationOf({ startMs, stepMs, points }: ForecastPath, limit: number): Saturation {
  const reachedMs = (of: (point: ForecastPoint) => number): number | undefined => {
    const position = points.findIndex((point) => of(point) >= limit);
    return position === -1 ? undefined : startMs + position * stepMs;
  };
  const [expectedMs, earliestMs, latestMs] = [
    reachedMs(({ expected }) => expected),
    reachedMs(({ high }) => high),
    reachedMs(({ low }) => low),
  ];
  return {
    ...(expectedMs === undefined ? {} : { expectedMs }),
    ...(earliestMs === undefined ? {} : { earliestMs }),
    ...(latestMs === undefined ? {} : { latestMs }),
  };
}

/** Every value times a factor, such as the share of a day that its busiest hour has. */
export const scaled = (path: ForecastPath, factor: number): ForecastPath => ({
  ...path,
  points: path.points.map(({ expected, low, high }) => ({ expected: expected * factor, low: low * factor, high: high * factor })),
});

/**
 * The running total at each step. It starts at `held`, and at zero in each new period, such as a month. The ends of the interval are added up
 * as if all steps erred to the same side, so the interval of the total is never too narrow.
 */
export function accumulated(path: ForecastPath, held: number, periodOf: (atMs: number) => number = () => 0): ForecastPath {
  const sums = { expected: held, low: held, high: held };
  let period = periodOf(path.startMs);
  const points = path.points.map((point, position) => {
    const at = periodOf(path.startMs + position * path.stepMs);
    if (at !== period) {
      Object.assign(sums, { expected: 0, low: 0, high: 0 });
      period = at;
    }
    for (const end of ['expected', 'low', 'high'] as const) sums[end] += point[end];
    return { ...sums };
  });
  return { ...path, points };
}

/** The largest value of a step as far as the forecast reaches. */
export const peakOf = ({ points }: ForecastPath, of: 'expected' | 'low' | 'high'): number =>
  points.reduce((peak, point) => Math.max(peak, point[of]), 0);

/** What reaches its limit. */
export type CeilingKind = 'quota' | 'budget' | 'index' | 'pool' | 'cache';

export interface Advice {
  readonly action: 'raise_quota' | 'raise_budget' | 'add_index' | 'add_accelerators' | 'extend_cache';
  /** Units above the limit at the end of the forecast, by the upper end of its interval. */
  readonly quantity: number;
  readonly leadDays: number;
  /** The latest time to order: `leadDays` before the limit may be reached at the earliest. May lie in the past. */
  readonly orderByMs: number;
  /** Price a month; absent for what has no price of its own, such as a quota. */
  readonly usdPerMonth?: number;
}

const ACTIONS = {
  quota: 'raise_quota',
  budget: 'raise_budget',
  index: 'add_index',
  pool: 'add_accelerators',
  cache: 'extend_cache',
} as const satisfies Record<CeilingKind, Advice['action']>;

export const leadDaysOf = (kind: CeilingKind, a: Assumed): number =>
  ({
    quota: a.quotaLeadDays,
    budget: a.budgetLeadDays,
    index: a.indexLeadDays,
    pool: a.acceleratorLeadDays,
    cache: a.cacheLeadDays,
  })[kind];

/** What to do about a ceiling that is reached; undefined where even the upper end of the interval stays below it. [K14] */
export function adviceOn(
  kind: CeilingKind,
  { earliestMs }: Saturation,
  missing: number,
  usdPerUnitMonth: number | undefined,
  a: Assumed,
): Advice | undefined {
  if (earliestMs === undefined) return undefined;
  const leadDays = leadDaysOf(kind, a);
  return {
    action: ACTIONS[kind],
    quantity: Math.ceil(Math.max(0, missing)),
    leadDays,
    orderByMs: earliestMs - leadDays * DAY_MS,
    ...(usdPerUnitMonth === undefined ? {} : { usdPerMonth: Math.max(0, missing) * usdPerUnitMonth }),
  };
}

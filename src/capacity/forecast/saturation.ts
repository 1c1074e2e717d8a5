import type { ForecastPoint } from './series-forecast.ts';

/** When a growing quantity reaches a limit; an absent moment lies beyond the forecast. */
export interface Saturation {
  /** By what is expected. */
  readonly expectedMs?: number;
  /** By the upper end of the interval, and by the lower. */
  readonly earliestMs?: number;
  readonly latestMs?: number;
}

/** A forecast at equal steps, the first of which ends a step after `startMs`. */
export interface ForecastPath {
  readonly startMs: number;
  readonly stepMs: number;
  readonly points: readonly ForecastPoint[];
}

/** The first step at which the limit is reached. What is at it already reaches it at the first step. [K13] */
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

/** The same quantities, each a share of what they were: such as the busiest hour of a day. */
export const scaled = (path: ForecastPath, factor: number): ForecastPath => ({
  ...path,
  points: path.points.map(({ expected, low, high }) => ({ expected: expected * factor, low: low * factor, high: high * factor })),
});

/**
 * What has come together by each step, beginning with `held`, and from nothing in each new period, such as a month. The ends of the interval add
 * up as if all steps erred to the same side: wider than the truth, never narrower.
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

import { assert, must } from '../../kernel/assert.ts';

/** A series at equal steps, and how many of them make its season: 7 of days, 24 of hours. */
export interface SeriesShape {
  readonly season: number;
}

/** Continues a series by so many steps. */
type Method = (history: readonly number[], shape: SeriesShape, steps: number) => number[];

const last = (values: readonly number[]): number => must(values.at(-1), 'a series that is continued has values');

/** Tomorrow is as today. */
const naive: Method = (history, _, steps) => Array.from({ length: steps }, () => last(history));

/** Tomorrow is as the same day of last week. */
const seasonalNaive: Method = (history, { season }, steps) =>
  Array.from({ length: steps }, (_, step) => must(history[history.length - season + (step % season)], 'a series has a season'));

/** A season as the last one, moved by the mean change of a season so far (Hyndman and Athanasopoulos, FPP3, 5.2: drift). */
const seasonalDrift: Method = (history, shape, steps) => {
  const { season } = shape;
  const seasons = Math.floor(history.length / season);
  const totals = Array.from({ length: seasons }, (_, back) => meanOf(history, history.length - (seasons - back) * season, season));
  const drift = seasons < 2 ? 0 : (last(totals) - must(totals[0], 'there are seasons')) / (seasons - 1);
  return seasonalNaive(history, shape, steps).map((value, step) => value + drift * (Math.floor(step / season) + 1));
};

/** Seasons that growth is fitted to: older ones say little of how a series grows now. */
const GROWTH_SEASONS_MAX = 12;
/** A slope of fewer standard deviations is one of the noise: what is continued is the level alone. */
const SLOPE_DEVIATIONS_MIN = 3;

/**
 * A line through the logarithms with a level for each step of the season, by least squares (FPP3, 7.4): each season adds the same share, which does not fade.
 * 1 is added as by Holt-Winters.
 */
const growth: Method = (history, { season }, steps) => {
  const seasons = Math.min(GROWTH_SEASONS_MAX, Math.floor(history.length / season));
  const logs = history.slice(-seasons * season).map((value) => Math.log1p(Math.max(0, value)));
  const levels = Array.from({ length: season }, (_, phase) => {
    const sum = logs.reduce((total, value, at) => (at % season === phase ? total + value : total), 0);
    return sum / seasons;
  });
  const levelAt = (at: number): number => must(levels[at % season], 'a season has all its steps');
  // Within a phase, steps lie whole seasons apart: their slope is free of the season.
  const fromMiddle = (at: number): number => Math.floor(at / season) - (seasons - 1) / 2;
  const squares = logs.reduce((sum, _, at) => sum + fromMiddle(at) ** 2, 0);
  const fitted = logs.reduce((sum, value, at) => sum + fromMiddle(at) * (value - levelAt(at)), 0) / squares;
  const missed = logs.reduce((sum, value, at) => sum + (value - levelAt(at) - fitted * fromMiddle(at)) ** 2, 0);
  const deviation = Math.sqrt(missed / Math.max(1, logs.length - season - 1) / squares);
  const slope = Math.abs(fitted) < SLOPE_DEVIATIONS_MIN * deviation ? 0 : fitted;
  return Array.from({ length: steps }, (_, step) => Math.expm1(levelAt(step) + slope * fromMiddle(logs.length + step)));
};

/** The parameters of exponential smoothing: of the level, the trend, the season, and how fast the trend fades. */
interface Smoothing {
  readonly alpha: number;
  readonly beta: number;
  readonly gamma: number;
  readonly phi: number;
}

interface SmoothedState {
  readonly level: number;
  readonly trend: number;
  readonly season: readonly number[];
  /** The mean square of the errors of one step. */
  readonly error: number;
}

// A coarse grid: the error is flat around its minimum, and a finer one fits the noise of short series.
const GRID: readonly Smoothing[] = [0.1, 0.3, 0.6].flatMap((alpha) =>
  [0, 0.05, 0.2].flatMap((beta) => [0.05, 0.2, 0.5].flatMap((gamma) => [0.85, 0.98].map((phi) => ({ alpha, beta, gamma, phi })))),
);

/**
 * Exponential smoothing with a season and a trend that fades (Holt-Winters; Gardner and McKenzie 1985; FPP3, 8.3). Smoothed are logarithms,
 * as traffic grows by shares and its season with it; 1 is added so that a step without any use has one.
 */
const holtWinters: Method = (history, { season }, steps) => {
  const logs = history.map((value) => Math.log1p(Math.max(0, value)));
  const fitted = GRID.map((smoothing) => ({ smoothing, state: smoothed(logs, season, smoothing) }));
  const { smoothing, state } = fitted.reduce((best, next) => (next.state.error < best.state.error ? next : best));
  let fading = 0;
  return Array.from({ length: steps }, (_, step) => {
    fading += smoothing.phi ** (step + 1);
    const seasonal = must(state.season[(history.length + step) % season], 'a season has all its steps');
    return Math.expm1(state.level + state.trend * fading + seasonal);
  });
};

function smoothed(logs: readonly number[], season: number, { alpha, beta, gamma, phi }: Smoothing): SmoothedState {
  let level = meanOf(logs, 0, season);
  let trend = (meanOf(logs, season, season) - level) / season;
  const seasonal = logs.slice(0, season).map((value) => value - level);
  let squares = 0;
  for (let at = season; at < logs.length; at++) {
    const value = logs[at] ?? 0;
    const before = seasonal[at % season] ?? 0;
    const expected = level + phi * trend;
    squares += (value - expected - before) ** 2;
    const nextLevel = alpha * (value - before) + (1 - alpha) * expected;
    trend = beta * (nextLevel - level) + (1 - beta) * phi * trend;
    seasonal[at % season] = gamma * (value - nextLevel) + (1 - gamma) * before;
    level = nextLevel;
  }
  return { level, trend, season: seasonal, error: squares / (logs.length - season) };
}

/** Half of each: errors of different kinds cancel out (Bates and Granger 1969). */
const combined: Method = (history, shape, steps) => {
  const other = seasonalDrift(history, shape, steps);
  return holtWinters(history, shape, steps).map((value, step) => (value + must(other[step], 'both have all steps')) / 2);
};

/** From the simplest: of methods that err as much, the first is taken. */
const METHODS = {
  naive,
  seasonal_naive: seasonalNaive,
  seasonal_drift: seasonalDrift,
  growth,
  holt_winters: holtWinters,
  combined,
} as const satisfies Record<string, Method>;

export type ForecastMethod = keyof typeof METHODS;

export const FORECAST_METHODS = Object.keys(METHODS) as readonly ForecastMethod[];

/** Continues a series of at least two seasons; nothing is used less than not at all. */
export function continued(method: ForecastMethod, history: readonly number[], shape: SeriesShape, steps: number): number[] {
  assert(history.length >= 2 * shape.season, 'a series that is continued has two seasons');
  return METHODS[method](history, shape, steps).map((value) => Math.max(0, value));
}

function meanOf(values: readonly number[], from: number, count: number): number {
  let sum = 0;
  for (let at = from; at < from + count; at++) sum += values[at] ?? 0;
  return sum / count;
}

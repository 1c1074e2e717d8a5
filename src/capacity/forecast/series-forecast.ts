import { must } from '../../kernel/assert.ts';
import type { ForecastMethod, SeriesShape } from './forecast-methods.ts';
import { continued, FORECAST_METHODS } from './forecast-methods.ts';

/** What is expected at one step, and between which values it lies at the level of the forecast. */
export interface ForecastPoint {
  readonly expected: number;
  readonly low: number;
  readonly high: number;
}

export type SeriesForecast =
  | {
      readonly kind: 'forecast';
      readonly method: ForecastMethod;
      /** The error of the method in the trials, as a share of what came. */
      readonly error: number;
      /** Trials looked so many steps ahead; beyond, intervals grow with the root of the step. */
      readonly triedSteps: number;
      readonly points: readonly ForecastPoint[];
    }
  | { readonly kind: 'not_enough_data'; readonly steps: number; readonly stepsNeeded: number };

/** Two seasons to learn from and one to compare with. */
export const stepsNeeded = ({ season }: SeriesShape): number => 3 * season;

/**
 * Continues a series by the method that would have forecast its past best, with intervals from how far off it was then: conformal prediction
 * (Vovk et al. 2005; Lei et al. 2018), by step ahead (Stankeviciute et al. 2021). Nothing is assumed of how errors are distributed; that
 * coming errors are like those of the trials is. [K11]
 */
export function forecastSeries(history: readonly number[], shape: SeriesShape, steps: number, level: number): SeriesForecast {
  const needed = stepsNeeded(shape);
  if (history.length < needed) return { kind: 'not_enough_data', steps: history.length, stepsNeeded: needed };
  const { method, error, residuals } = bestOf(trialsOf(history, shape, steps));
  const tried = triedSteps(history.length, shape, steps);
  const widths = widthsOf(residuals, tried, steps, level);
  const scale = scaleOf(history, shape);
  const points = continued(method, history, shape, steps).map((expected, position) => {
    const width = must(widths[position], 'each step has a width') * scale;
    return { expected, low: Math.max(0, expected - width), high: expected + width };
  });
  return { kind: 'forecast', method, error, triedSteps: tried, points };
}

/** Half the width of the interval of each step; it never shrinks with the steps ahead. */
function widthsOf(residuals: readonly Residual[], tried: number, steps: number, level: number): number[] {
  let widest = 0;
  return Array.from({ length: steps }, (_, position) => {
    const step = position + 1;
    if (step > tried) return widest * Math.sqrt(step / tried);
    // Neighbouring steps err alike, and together they are enough for a quantile.
    const near = residuals.filter((residual) => residual.step >= step / NEAR && residual.step <= step * NEAR);
    widest = Math.max(
      widest,
      conformalQuantile(
        near.map(({ scaled }) => Math.abs(scaled)),
        level,
      ),
    );
    return widest;
  });
}

const NEAR = 1.5;

/**
 * The size that a further error exceeds with a chance of at most 1 - level, if it is exchangeable with these. A level too high for so few
 * errors gets the largest of them, enlarged in proportion to how many are missing.
 */
export function conformalQuantile(sizes: readonly number[], level: number): number {
  const sorted = sizes.toSorted((a, b) => a - b);
  const rank = Math.ceil((sorted.length + 1) * level);
  const largest = sorted.at(-1) ?? 0;
  return rank <= sorted.length ? must(sorted[rank - 1], 'a rank within') : largest * (rank / Math.max(1, sorted.length));
}

/** One error of a forecast that was made as if the series had ended earlier. */
export interface Residual {
  /** How many steps ahead it was, from 1. */
  readonly step: number;
  /** Actual less forecast, divided by the mean of the season before, so that errors of a growing series compare. */
  readonly scaled: number;
}

export interface Trial {
  readonly method: ForecastMethod;
  /** The sum of all errors' sizes as a share of what came: the weighted mean absolute percentage error. */
  readonly error: number;
  readonly residuals: readonly Residual[];
}

/** The most times that a series is forecast again, which bounds the work of a forecast. */
const ORIGINS_MAX = 16;

/** Trials begin in the middle of the history, of which they look ahead a third at most. */
const BEFORE_SHARE = 1 / 2;
const AHEAD_SHARE = 1 / 3;

/** How far ahead the trials of a series of that length look. */
export const triedSteps = (length: number, { season }: SeriesShape, steps: number): number =>
  Math.max(1, Math.min(steps, Math.floor(length * AHEAD_SHARE), length - 2 * season));

/** Where trials begin: spread evenly up to the last origin that leaves a whole season, or the whole span looked ahead, to compare with. */
export function originsOf(length: number, shape: SeriesShape, steps: number): number[] {
  const first = Math.max(2 * shape.season, Math.ceil(length * BEFORE_SHARE));
  const ahead = Math.min(steps, shape.season);
  const count = Math.max(1, Math.min(ORIGINS_MAX, length - ahead - first + 1));
  const stride = count === 1 ? 0 : (length - ahead - first) / (count - 1);
  return [...new Set(Array.from({ length: count }, (_, position) => Math.min(length - 1, Math.floor(first + position * stride))))];
}

/** How each method would have done: forecasts from earlier ends of the series, each compared with what came (FPP3, 5.10). [K10] */
export function trialsOf(history: readonly number[], shape: SeriesShape, steps: number): Trial[] {
  const ahead = triedSteps(history.length, shape, steps);
  const origins = originsOf(history.length, shape, ahead);
  return FORECAST_METHODS.map((method) => {
    const residuals: Residual[] = [];
    let [missed, came] = [0, 0];
    for (const origin of origins) {
      const before = history.slice(0, origin);
      const scale = scaleOf(before, shape);
      for (const [position, value] of continued(method, before, shape, Math.min(ahead, history.length - origin)).entries()) {
        const actual = must(history[origin + position], 'only what came is forecast');
        residuals.push({ step: position + 1, scaled: (actual - value) / scale });
        missed += Math.abs(actual - value);
        came += actual;
      }
    }
    return { method, error: came === 0 ? (missed === 0 ? 0 : Infinity) : missed / came, residuals };
  });
}

/** The method that erred least; of equal ones the simplest. */
export const bestOf = (trials: readonly Trial[]): Trial => trials.reduce((best, next) => (next.error < best.error ? next : best));

/** The mean of the last season; 1 where nothing was used, so that errors are counted as they are. */
export function scaleOf(history: readonly number[], { season }: SeriesShape): number {
  const recent = history.slice(-season);
  return recent.reduce((sum, value) => sum + value, 0) / recent.length || 1;
}

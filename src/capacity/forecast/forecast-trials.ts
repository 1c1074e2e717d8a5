import { must } from '../../kernel/assert.ts';
import type { ForecastMethod, SeriesShape } from './forecast-methods.ts';
import { continued, FORECAST_METHODS } from './forecast-methods.ts';

/** One error of a forecast that was made as if the series had ended earlier. */
export interface Residual {
  /** How many steps ahead it was, from 1. */
  readonly step: number;
  /** Its position in the series. */
  readonly at: number;
  /** Actual less forecast, divided by the level at the step, so that errors of a growing series compare. */
  readonly scaled: number;
}

export interface Trial {
  readonly method: ForecastMethod;
  /** The sum of all errors' sizes as a share of what came: the weighted mean absolute percentage error. */
  readonly error: number;
  readonly residuals: readonly Residual[];
  /** Steps that could not be compared, as what came is not known. */
  readonly unknown: number;
}

/** The most times that a series is forecast again, which bounds the work of a forecast. */
const ORIGINS_MAX = 16;

/** Trials begin in the middle of the history, of which they look ahead a third at most. */
const BEFORE_SHARE = 1 / 2;
const AHEAD_SHARE = 1 / 3;

/** How far ahead the trials of a series of that length look. */
export const triedStepsOf = (length: number, { season }: SeriesShape, steps: number): number =>
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
export function trialsOf(
  history: readonly number[],
  shape: SeriesShape,
  steps: number,
  isKnown: (at: number) => boolean = () => true,
): Trial[] {
  const ahead = triedStepsOf(history.length, shape, steps);
  const origins = originsOf(history.length, shape, ahead);
  return FORECAST_METHODS.map((method) => {
    const residuals: Residual[] = [];
    let [missed, came, unknown] = [0, 0, 0];
    for (const origin of origins) {
      const before = history.slice(0, origin);
      const path = continued(method, before, shape, Math.min(ahead, history.length - origin));
      const levels = levelsOf(before, path, shape);
      for (const [position, value] of path.entries()) {
        if (!isKnown(origin + position)) {
          unknown += 1;
          continue;
        }
        const scale = must(levels[position], 'each step has a level');
        const actual = must(history[origin + position], 'only what came is forecast');
        residuals.push({ step: position + 1, at: origin + position, scaled: (actual - value) / scale });
        missed += Math.abs(actual - value);
        came += actual;
      }
    }
    return { method, error: came === 0 ? (missed === 0 ? 0 : Infinity) : missed / came, residuals, unknown };
  });
}

/** The method that erred least; of equal ones the simplest. */
export const bestOf = (trials: readonly Trial[]): Trial => trials.reduce((best, next) => (next.error < best.error ? next : best));

/** The mean of the last season; 1 where nothing was used, so that errors are counted as they are. */
export function scaleOf(history: readonly number[], { season }: SeriesShape): number {
  const recent = history.slice(-season);
  return recent.reduce((sum, value) => sum + value, 0) / recent.length || 1;
}

/**
 * What errors at each step of a forecast are counted in: the largest mean of a season up to it, the last one that was measured included. So errors of what
 * grows by shares grow with it.
 */
export function levelsOf(history: readonly number[], path: readonly number[], shape: SeriesShape): number[] {
  const { season } = shape;
  const all = [...history.slice(-season), ...path];
  let level = scaleOf(history, shape);
  return path.map((_, position) => {
    level = Math.max(level, scaleOf(all.slice(position + 1, position + 1 + season), shape));
    return level;
  });
}

import { must } from '../../kernel/assert.ts';
import type { ForecastMethod, SeriesShape } from './forecast-methods.ts';
import { continued } from './forecast-methods.ts';
import { bestOf, levelsOf, trialsOf, triedStepsOf } from './forecast-trials.ts';
import { sinceShift } from './level-shift.ts';
import { widthsOf } from './residual-widths.ts';

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
      /** Trials looked so many steps ahead; beyond, intervals are extrapolated. */
      readonly triedSteps: number;
      readonly points: readonly ForecastPoint[];
    }
  | { readonly kind: 'not_enough_data'; readonly steps: number; readonly stepsNeeded: number };

/** Two seasons to learn from and one to compare with. */
export const stepsNeeded = ({ season }: SeriesShape): number => 3 * season;

/**
 * Continues a series by the method that would have forecast its past best, with intervals from how far off it was then: conformal prediction
 * (Vovk et al. 2005; Lei et al. 2018), by step ahead (Stankeviciute et al. 2021). Nothing is assumed of how errors are distributed; that
 * coming errors are like those of the trials, as shares of the level, is. [K11] Positions that are not known are filled, and compared with nothing; where
 * most are so that trials would be compared with, there is not enough data. [K27]
 */
export function forecastSeries(
  series: readonly number[],
  shape: SeriesShape,
  steps: number,
  level: number,
  isKnown: (at: number) => boolean = () => true,
): SeriesForecast {
  const needed = stepsNeeded(shape);
  if (series.length < needed) return { kind: 'not_enough_data', steps: series.length, stepsNeeded: needed };
  const history = sinceShift(series, shape, needed);
  const before = series.length - history.length;
  const { method, error, residuals, unknown } = bestOf(trialsOf(history, shape, steps, (at) => isKnown(before + at)));
  if (unknown > residuals.length) return { kind: 'not_enough_data', steps: series.length, stepsNeeded: needed };
  const triedSteps = triedStepsOf(history.length, shape, steps);
  const path = continued(method, history, shape, steps);
  const levels = levelsOf(history, path, shape);
  const widths = widthsOf(residuals, { triedSteps, steps, level });
  const points = path.map((expected, position) => {
    const width = must(widths[position], 'each step has a width') * must(levels[position], 'each step has a level');
    return { expected, low: Math.max(0, expected - width), high: expected + width };
  });
  return { kind: 'forecast', method, error, triedSteps, points };
}

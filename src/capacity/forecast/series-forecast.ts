import { must } from '../../kernel/assert.ts';
import type { ForecastMethod, SeriesShape } from './forecast-methods.ts';
import { continued } from './forecast-methods.ts';
import type { Residual } from './rolling-origin.ts';
import { bestOf, scaleOf, trialsOf, triedSteps } from './rolling-origin.ts';

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

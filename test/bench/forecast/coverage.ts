import { forecastSeries } from '../../../src/capacity/forecast/series-forecast.ts';
import type { SyntheticKind } from './synthetic-series.ts';
import { syntheticSeries } from './synthetic-series.ts';

/** How long the history is, how far ahead is forecast, and how noisy the series is. */
export interface CoverageCase {
  readonly known: number;
  readonly ahead: number;
  readonly noise: number;
}

export interface Coverage {
  /** How often the truth lay within the interval. */
  readonly share: number;
  /** The mean width of the intervals as a share of what came. */
  readonly width: number;
}

const SEASON = { season: 7 } as const;

/** Forecasts so many series of a kind in each case, at one level. */
export function coverageOf(
  kind: SyntheticKind,
  cases: readonly CoverageCase[],
  { runs, level }: { runs: number; level: number },
): Coverage {
  let [covered, counted, width] = [0, 0, 0];
  for (const [at, one] of cases.entries()) {
    for (let run = 0; run < runs; run++) {
      const series = syntheticSeries(kind, 1 + run * cases.length + at, one);
      const made = forecastSeries(series.slice(0, one.known), SEASON, one.ahead, level);
      if (made.kind !== 'forecast') continue;
      const actual = series.slice(one.known);
      const came = actual.reduce((sum, value) => sum + value, 0) || 1;
      width += made.points.reduce((sum, { low, high }) => sum + high - low, 0) / came;
      covered += made.points.filter(({ low, high }, step) => low <= (actual[step] ?? 0) && (actual[step] ?? 0) <= high).length;
      counted += one.ahead;
    }
  }
  return { share: covered / counted, width: width / (runs * cases.length) };
}

import { continued } from '../../../src/capacity/forecast/forecast-methods.ts';
import { forecastSeries, stepsNeeded } from '../../../src/capacity/forecast/series-forecast.ts';
import type { ForecastTrace } from './request-series.ts';

/** Two weeks, or two days. */
export const HORIZON = { day: 14, hour: 48 } as const;
const SEASON = { day: 7, hour: 24 } as const;

export interface Backtest {
  readonly forecasts: number;
  /** The sum of the errors' sizes as a share of what came (weighted MAPE): steps without any request have no MAPE of their own. */
  readonly error: number;
  readonly naiveError: number;
  readonly seasonalError: number;
  /** The mean of errors as shares of what came, of the steps in which something came. */
  readonly mape: number;
  readonly naiveMape: number;
  readonly seasonalMape: number;
  /** How often the truth lay within the interval. */
  readonly coverage: number;
  readonly methods: Readonly<Record<string, number>>;
}

class Errors {
  #missed = 0;
  #shares = 0;
  #counted = 0;

  add(value: number, actual: number): void {
    this.#missed += Math.abs(actual - value);
    if (actual === 0) return;
    this.#shares += Math.abs(actual - value) / actual;
    this.#counted += 1;
  }

  weighted(came: number): number {
    return this.#missed / came;
  }

  mape(): number {
    return this.#shares / this.#counted;
  }
}

/** Forecasts the second half of a series, a horizon at a time, twice for each step, as the product would have at that time. */
export function backtest({ values, step }: ForecastTrace, level: number): Backtest {
  const [horizon, shape] = [HORIZON[step], { season: SEASON[step] }];
  const [ours, naive, seasonal] = [new Errors(), new Errors(), new Errors()];
  const methods: Record<string, number> = {};
  let [forecasts, came, covered, counted] = [0, 0, 0, 0];
  for (let origin = Math.max(stepsNeeded(shape), values.length >> 1); origin + horizon <= values.length; origin += horizon / 2) {
    const history = values.slice(0, origin);
    const made = forecastSeries(history, shape, horizon, level);
    if (made.kind !== 'forecast') continue;
    forecasts += 1;
    methods[made.method] = (methods[made.method] ?? 0) + 1;
    const [last, week] = [continued('naive', history, shape, horizon), continued('seasonal_naive', history, shape, horizon)];
    for (const [position, { expected, low, high }] of made.points.entries()) {
      const actual = values[origin + position] ?? 0;
      ours.add(expected, actual);
      naive.add(last[position] ?? 0, actual);
      seasonal.add(week[position] ?? 0, actual);
      came += actual;
      counted += 1;
      if (actual >= low && actual <= high) covered += 1;
    }
  }
  return {
    forecasts,
    error: ours.weighted(came),
    naiveError: naive.weighted(came),
    seasonalError: seasonal.weighted(came),
    mape: ours.mape(),
    naiveMape: naive.mape(),
    seasonalMape: seasonal.mape(),
    coverage: covered / counted,
    methods,
  };
}

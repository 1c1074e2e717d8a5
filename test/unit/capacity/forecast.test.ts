import { describe, expect, it } from 'vitest';

import { assumed } from '../../../src/capacity/assumptions.ts';
import { adviceOn, accumulated, saturationOf, scaled } from '../../../src/capacity/forecast/saturation.ts';
import { continued, FORECAST_METHODS } from '../../../src/capacity/forecast/forecast-methods.ts';
import { bestOf, originsOf, trialsOf } from '../../../src/capacity/forecast/forecast-trials.ts';
import { sinceShift } from '../../../src/capacity/forecast/level-shift.ts';
import { conformalQuantile, widthsOf } from '../../../src/capacity/forecast/residual-widths.ts';
import { forecastSeries } from '../../../src/capacity/forecast/series-forecast.ts';
import { FORECAST_TRACES } from '../../bench/forecast/request-series.ts';
import { backtest } from '../../bench/forecast/backtest.ts';
import { coverageOf } from '../../bench/forecast/coverage.ts';
import { SYNTHETIC_KINDS } from '../../bench/forecast/synthetic-series.ts';
import { effort } from '../../support/fixtures/effort.ts';

const WEEK = { season: 7 };
const DAY_MS = 86_400_000;
const SHARES = [1, 1.1, 1.2, 1.1, 1, 0.4, 0.3];

/** Days of a service that grows by so much a day, with quiet weekends and errors of a known size. */
const growing = (days: number, perDay: number, noise = 0): number[] =>
  Array.from({ length: days }, (_, day) => {
    const wobble = 1 + noise * Math.sin(day * 12.9898) * Math.cos(day * 4.1414);
    return (1_000 + perDay * day) * (SHARES[day % 7] ?? 1) * wobble;
  });

describe('methods of forecasting', () => {
  it.each(FORECAST_METHODS)('%s continues a constant series as it is, and never below zero', (method) => {
    const flat = continued(
      method,
      Array.from({ length: 28 }, () => 50),
      WEEK,
      10,
    );
    for (const value of flat) expect(value).toBeCloseTo(50, 6);
    const falling = Array.from({ length: 28 }, (_, day) => Math.max(0, 280 - 10 * day));
    expect(Math.min(...continued(method, falling, WEEK, 60))).toBeGreaterThanOrEqual(0);
  });

  it('the seasonal drift continues a line with a season exactly', () => {
    const history = Array.from({ length: 35 }, (_, day) => 100 + 10 * day + (day % 7));
    const next = continued('seasonal_drift', history, WEEK, 14);
    next.forEach((value, step) => expect(value).toBeCloseTo(100 + 10 * (35 + step) + ((35 + step) % 7), 6));
  });

  it('growth continues shares that do not fade, and of noise the level alone', () => {
    const history = Array.from({ length: 35 }, (_, day) => 1_000 * 1.03 ** day * (SHARES[day % 7] ?? 1));
    const next = continued('growth', history, WEEK, 30);
    next.forEach((value, step) => expect(value / (1_000 * 1.03 ** (35 + step) * (SHARES[(35 + step) % 7] ?? 1))).toBeCloseTo(1, 2));
    const noisy = Array.from({ length: 28 }, (_, day) => 100 + 40 * Math.sin(day * 2.3 + (day % 5)));
    const flat = continued('growth', noisy, WEEK, 28);
    expect(flat.slice(21)).toEqual(flat.slice(0, 7));
  });

  it('Holt-Winters follows growth by shares, of which a fading trend keeps a part', () => {
    const history = growing(84, 20);
    const next = continued('holt_winters', history, WEEK, 7);
    const truth = growing(91, 20).slice(84);
    next.forEach((value, step) => expect(Math.abs(value - (truth[step] ?? 0)) / (truth[step] ?? 1)).toBeLessThan(0.06));
  });
});

describe('trials', () => {
  it('[K10] see nothing that comes after their origin', () => {
    const history = growing(60, 5, 0.2);
    const origins = originsOf(60, WEEK, 14);
    const changedAt = origins[1] ?? 0;
    const changed = history.map((value, day) => (day >= changedAt + 14 ? value * 100 : value));
    const first = (values: number[]) => trialsOf(values, WEEK, 14).map(({ residuals }) => residuals.slice(0, 14));
    expect(first(changed)).toEqual(first(history));
    // What comes first after the origin changes its own error and no forecast.
    const origin = origins[0] ?? 0;
    const late = first(history.map((value, day) => (day === origin ? value * 5 : value)));
    late.forEach((residuals, method) => {
      const before = first(history)[method] ?? [];
      expect(residuals[0]).not.toEqual(before[0]);
      expect(residuals.slice(1)).toEqual(before.slice(1));
    });
  });

  it('[K10] choose the method that erred least, and of equal ones the simplest', () => {
    const trials = trialsOf(growing(70, 30), WEEK, 14);
    const best = bestOf(trials);
    for (const { error } of trials) expect(best.error).toBeLessThanOrEqual(error);
    expect(best.method).not.toBe('naive');
    expect(
      bestOf(
        trialsOf(
          Array.from({ length: 42 }, () => 7),
          WEEK,
          7,
        ),
      ).method,
    ).toBe('naive');
  });

  it('cover the second half of the history, from two seasons on', () => {
    expect(originsOf(21, WEEK, 7)).toEqual([14]);
    const origins = originsOf(200, WEEK, 30);
    expect([origins[0], origins.at(-1), origins.length]).toEqual([100, 193, 16]);
  });
});

describe('intervals', () => {
  it('[K11] are finite-sample quantiles: of nine errors the largest, of few ones more than that', () => {
    expect(conformalQuantile([5, 1, 9, 3, 7, 2, 8, 4, 6], 0.9)).toBe(9);
    expect(
      conformalQuantile(
        Array.from({ length: 99 }, (_, at) => at + 1),
        0.9,
      ),
    ).toBe(90);
    expect(conformalQuantile([2, 4], 0.9)).toBeCloseTo(5.4, 9);
    // Of a hundred errors that are worth three, the largest is not enough either.
    const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
    expect(conformalQuantile(hundred, 0.9, 3)).toBeCloseTo(120, 9);
  });

  it('[K11] never get narrower further ahead, nor below zero', () => {
    const forecast = forecastSeries(growing(63, 2, 0.5), WEEK, 90, 0.9);
    if (forecast.kind !== 'forecast') throw new Error('63 days are enough');
    const widths = forecast.points.map(({ high, expected }) => high - expected);
    widths.forEach((width, step) => expect(width).toBeGreaterThanOrEqual((widths[step - 1] ?? 0) - 1e-9));
    expect(Math.min(...forecast.points.map(({ low }) => low))).toBeGreaterThanOrEqual(0);
    expect(forecast.triedSteps).toBe(21);
  });

  it('[K11] beyond the trials grow as far as errors of neighbours are alike', () => {
    const trial = (sizeAt: (step: number, origin: number) => number) =>
      Array.from({ length: 60 }, (_, origin) =>
        Array.from({ length: 8 }, (__, at) => ({ step: at + 1, at: origin + at, scaled: sizeAt(at + 1, origin) })),
      ).flat();
    const widthsFor = (sizeAt: (step: number, origin: number) => number) =>
      widthsOf(trial(sizeAt), { triedSteps: 8, steps: 32, level: 0.9 });
    const signs = widthsFor((step, origin) => ((step * 7 + origin * 3) % 2 === 0 ? 1 : -1));
    expect(signs[31]).toBeCloseTo(signs[7] ?? 0, 6);
    const walk = widthsFor((step, origin) => Math.sqrt(step) * (origin % 2 === 0 ? 1 : -1));
    expect((walk[31] ?? 0) / (walk[7] ?? 1)).toBeGreaterThan(1.9);
    const drift = widthsFor((step, origin) => step * (origin % 2 === 0 ? 1 : -1));
    expect((drift[31] ?? 0) / (drift[7] ?? 1)).toBeGreaterThan((walk[31] ?? 0) / (walk[7] ?? 1));
  });

  it.each(SYNTHETIC_KINDS)('[K19] of 0.9 hold the truth of a series that is %s in 85 to 97 of 100 cases', (kind) => {
    // The whole matrix is `npm run bench -- forecast`.
    const runs = effort(12, 40);
    const { share } = coverageOf(
      kind,
      [
        { known: 56, ahead: 30, noise: 0.03 },
        { known: 91, ahead: 14, noise: 0.1 },
      ],
      { runs, level: 0.9 },
    );
    expect(share).toBeGreaterThanOrEqual(0.85);
    expect(share).toBeLessThanOrEqual(0.97);
  });

  it('[K11] are wider where more is to be covered', () => {
    const widthAt = (level: number): number => {
      const made = forecastSeries(growing(84, 2, 0.5), WEEK, 7, level);
      return made.kind === 'forecast' ? (made.points[6]?.high ?? 0) - (made.points[6]?.expected ?? 0) : Number.NaN;
    };
    expect(widthAt(0.8)).toBeLessThan(widthAt(0.95));
  });

  it('[K12] a series of fewer than three seasons states what is missing', () => {
    expect(forecastSeries(growing(20, 1), WEEK, 30, 0.9)).toEqual({ kind: 'not_enough_data', steps: 20, stepsNeeded: 21 });
    expect(forecastSeries(growing(21, 1), WEEK, 30, 0.9).kind).toBe('forecast');
  });
});

describe('[K18] a lasting shift', () => {
  const weeks = (levels: readonly number[]): number[] =>
    levels.flatMap((level) => SHARES.map((share, day) => level * share * (1 + 0.01 * Math.sin(day + level))));

  it('leaves only what came since, and a burst, growth or noise all of it', () => {
    const shifted = weeks([10, 10, 10, 10, 30, 30, 30, 30]);
    expect(sinceShift(shifted, WEEK, 21)).toEqual(shifted.slice(28));
    expect(sinceShift(shifted.toReversed(), WEEK, 21)).toHaveLength(28);
    for (const levels of [
      [10, 10, 10, 30, 10, 10, 10, 10],
      [10, 13, 17, 22, 29, 37, 48, 63],
      [10, 20, 9, 25, 12, 30, 11, 24],
      [10, 10, 10, 10, 10, 10, 30, 30],
      [10, 10, 30, 30],
    ])
      expect(sinceShift(weeks(levels), WEEK, 21)).toHaveLength(levels.length * 7);
  });

  it('makes the interval as wide as the noise, and not as the shift', () => {
    const made = forecastSeries(weeks([10, 10, 10, 10, 30, 30, 30, 30]), WEEK, 7, 0.9);
    if (made.kind !== 'forecast') throw new Error('eight weeks are enough');
    for (const { expected, high } of made.points) expect(high - expected).toBeLessThan(3);
  });
});

describe('saturation', () => {
  const path = {
    startMs: 0,
    stepMs: DAY_MS,
    points: [10, 20, 30, 40].map((expected) => ({ expected, low: expected - 10, high: expected + 10 })),
  };

  it('[K13] is at the first step that reaches the limit, earlier by the upper end and later by the lower', () => {
    expect(saturationOf(path, 30)).toEqual({ earliestMs: DAY_MS, expectedMs: 2 * DAY_MS, latestMs: 3 * DAY_MS });
    expect(saturationOf(path, 45)).toEqual({ earliestMs: 3 * DAY_MS });
    expect(saturationOf(path, 51)).toEqual({});
    expect(saturationOf(scaled(path, 2), 60)).toEqual(saturationOf(path, 30));
  });

  it('[K13] of what adds up begins with what is held, and anew in each period', () => {
    const sums = accumulated(path, 5).points.map(({ expected }) => expected);
    expect(sums).toEqual([15, 35, 65, 105]);
    const halves = accumulated(path, 5, (atMs) => Math.floor(atMs / (2 * DAY_MS))).points;
    expect(halves.map(({ low }) => low)).toEqual([5, 15, 20, 50]);
  });

  it('[K14] is to be prevented before its earliest moment, by the lead time of what is missing', () => {
    const a = assumed({ acceleratorLeadDays: 14 });
    const advice = adviceOn('pool', { earliestMs: 20 * DAY_MS, expectedMs: 30 * DAY_MS }, 2.2, 100, a);
    expect(advice).toEqual({
      action: 'add_accelerators',
      quantity: 3,
      leadDays: 14,
      orderByMs: 6 * DAY_MS,
      usdPerMonth: 220.00000000000003,
    });
    expect(adviceOn('quota', {}, 5, undefined, a)).toBeUndefined();
  });
});

it('[K15] forecasts of real requests err less than both baselines, and intervals hold the truth', () => {
  // The whole of it is `npm run bench -- forecast`.
  const few = FORECAST_TRACES.filter(({ name, step }) => step === 'day' || name.startsWith('genai'));
  expect(few.length).toBeGreaterThan(5);
  const results = few.map((trace) => backtest(trace, 0.9));
  const mean = (of: (result: (typeof results)[number]) => number): number =>
    results.reduce((sum, one) => sum + of(one), 0) / results.length;
  expect(mean(({ error }) => error)).toBeLessThan(mean(({ naiveError }) => naiveError));
  expect(mean(({ error }) => error)).toBeLessThan(mean(({ seasonalError }) => seasonalError));
  expect(mean(({ coverage }) => coverage)).toBeGreaterThan(0.85);
  expect(mean(({ coverage }) => coverage)).toBeLessThan(0.99);
});

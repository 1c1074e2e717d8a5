import { describe, expect, it } from 'vitest';

import { forecastSeries } from '../../../src/capacity/forecast/series-forecast.ts';
import { forecastWithGaps } from '../../../src/capacity/history/forecast-with-gaps.ts';
import type { HistorySample } from '../../../src/capacity/history/history-samples.ts';
import { historyTimeMs } from '../../../src/capacity/history/history-time.ts';
import type { SteppedHistory, StepTerms } from '../../../src/capacity/history/history-steps.ts';
import { steppedHistory } from '../../../src/capacity/history/history-steps.ts';
import { TimeZone } from '../../../src/capacity/history/time-zone.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.UTC(2026, 5, 1);
const zoneOf = (name: string): TimeZone => {
  const zone = TimeZone.of(name);
  if (zone === undefined) throw new Error(`${name} is a zone`);
  return zone;
};
const iso = (time: string | number, zone = 'UTC'): string | undefined => {
  const atMs = historyTimeMs(time, zoneOf(zone));
  return atMs === undefined ? undefined : new Date(atMs).toISOString();
};

const samplesOf = (rows: readonly (readonly [string, number | undefined])[], zone = 'UTC'): HistorySample[] =>
  rows.map(([time, value], row) => ({
    atMs: historyTimeMs(time, zoneOf(zone)) ?? Number.NaN,
    value,
    place: () => ({ path: ['rows', row, 'time'], words: '' }),
  }));

const stepped = (samples: readonly HistorySample[], more: Partial<StepTerms> = {}) =>
  steppedHistory(samples, {
    combine: 'sum',
    duplicates: 'refuse',
    gaps: 'unknown',
    zone: zoneOf('UTC'),
    nowMs: NOW_MS,
    stepsMax: 10_000,
    step: undefined,
    ...more,
  });

function steps(...of: Parameters<typeof stepped>): SteppedHistory {
  const read = stepped(...of);
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

/** Rows each so many milliseconds, from then on. */
const every = (apartMs: number, count: number, fromMs: number, valueAt = (row: number) => row): HistorySample[] =>
  Array.from({ length: count }, (_, row) => ({
    atMs: fromMs + row * apartMs,
    value: valueAt(row),
    place: () => ({ path: ['rows', row], words: '' }),
  }));

describe('times', () => {
  it('[K26] are instants with a zone or in the one stated, dates, or seconds or milliseconds', () => {
    expect(iso('2026-03-01T12:00:00Z')).toBe('2026-03-01T12:00:00.000Z');
    expect(iso('2026-03-01 12:00:00.250 +0530')).toBe('2026-03-01T06:30:00.250Z');
    expect(iso('2026-03-01 12:00', 'Europe/Berlin')).toBe('2026-03-01T11:00:00.000Z');
    expect(iso('2026-07-01', 'America/New_York')).toBe('2026-07-01T04:00:00.000Z');
    expect(iso('2026-07-01', '-03:30')).toBe('2026-07-01T03:30:00.000Z');
    expect(iso('1772366400')).toBe('2026-03-01T12:00:00.000Z');
    expect(iso(1_772_366_400_000)).toBe('2026-03-01T12:00:00.000Z');
    expect(iso('1772366400.781')).toBe('2026-03-01T12:00:00.781Z');
  });

  it('[K26] that clocks pass over or show twice have one meaning each', () => {
    // 29 March: from 02:00 to 03:00; 25 October: from 03:00 back to 02:00.
    const berlin = (time: string) => iso(time, 'Europe/Berlin');
    expect(['01:59', '02:30', '03:30'].map((time) => berlin(`2026-03-29 ${time}`))).toEqual(
      ['00:59', '01:30', '01:30'].map((time) => `2026-03-29T${time}:00.000Z`),
    );
    expect(['01:30', '02:30', '03:30'].map((time) => berlin(`2026-10-25 ${time}`))).toEqual([
      '2026-10-24T23:30:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T02:30:00.000Z',
    ]);
  });

  it('[K26] of every hour of a year come back from the clocks of every zone', () => {
    for (const name of ['Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Santiago', 'Pacific/Apia']) {
      const zone = zoneOf(name);
      let shownTwice = 0;
      for (let atMs = Date.UTC(2025, 0, 1); atMs < Date.UTC(2026, 0, 1); atMs += HOUR_MS) {
        const back = zone.instantMs(zone.localMs(atMs));
        expect(zone.localMs(back)).toBe(zone.localMs(atMs));
        if (back !== atMs) shownTwice += 1;
      }
      expect(shownTwice, name).toBeLessThanOrEqual(1);
    }
  });

  it.each(['1/2/2026', '2026-02-30', '2026-13-01', '2026-01-01T24:30:00Z', '2026-01-01T10:00:00+1', 'yesterday', '-5', '1e9', ''])(
    '[K26] are not guessed: %s',
    (text) => expect(iso(text)).toBeUndefined(),
  );

  it('[K26] have no zone that there is not', () => {
    for (const name of ['Mars/Olympus', '+25:00', '+05:75', '']) expect(TimeZone.of(name)).toBeUndefined();
  });
});

describe('steps', () => {
  it('[K27] are found from how far most rows are apart', () => {
    const from = Date.UTC(2026, 0, 5);
    const found = [15_000, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS].map((apartMs) => steps(every(apartMs, 12, from)).grid.step);
    expect(found).toEqual(['hour', 'hour', 'day', 'day', 'week']);
    expect(stepped(every(30 * DAY_MS, 4, from))).toMatchObject({
      ok: false,
      error: { path: ['step'], message: expect.stringContaining('30 days apart') },
    });
  });

  it('[K27] of days follow the clocks of their zone', () => {
    const days = Array.from({ length: 5 }, (_, day) => [`2026-03-${27 + day}`, day + 1] as const);
    const { values, grid, first } = steps(samplesOf(days, 'Europe/Berlin'), { zone: zoneOf('Europe/Berlin') });
    expect(values).toEqual([1, 2, 3, 4, 5]);
    // The third day has 23 hours.
    const begins = [0, 2, 3].map((day) => new Date(grid.startMs(first + day)).toISOString().slice(5, 16));
    expect(begins).toEqual(['03-26T23:00', '03-28T23:00', '03-29T22:00']);
  });

  it('[K27] without a value are unknown, and zero only where that is said', () => {
    const rows = samplesOf([
      ['2026-01-01', 5],
      ['2026-01-02', undefined],
      ['2026-01-03', 0],
      ['2026-01-05', 7],
    ]);
    expect(steps(rows, { step: 'day' })).toMatchObject({ values: [5, undefined, 0, undefined, 7], gaps: 2 });
    expect(steps(rows, { step: 'day', gaps: 'zero' })).toMatchObject({ values: [5, 0, 0, 0, 7], gaps: 2 });
  });

  it('[K27] of a list of events have those that there are, however few, and none where there are none', () => {
    const day = (of: number, count: number) => every(60_000, count, Date.UTC(2026, 0, of, 0), () => 1);
    const events = [...day(1, 40), ...day(2, 30), ...day(3, 2), ...day(5, 50), ...every(60_000, 30, Date.UTC(2026, 0, 6, 23, 30), () => 1)];
    expect(steps(events, { step: 'day', gaps: 'zero' })).toMatchObject({ values: [40, 30, 2, 0, 50, 30], gaps: 1 });
    expect(steps(events, { step: 'day' })).toMatchObject({ values: [40, 30, undefined, undefined, 50, 30], gaps: 2 });
  });

  it('[K27] that rows cover in part, or that have not ended, are left out', () => {
    // Rows each hour from 18:00 of one day to 05:00 of another.
    const { values, first, partialSteps } = steps(
      every(HOUR_MS, 60, Date.UTC(2026, 0, 1, 18), () => 1),
      { step: 'day' },
    );
    expect({ values, partialSteps }).toEqual({ values: [24, 24], partialSteps: 2 });
    expect(first).toBe(Date.UTC(2026, 0, 2) / DAY_MS);
    const now = NOW_MS + 12 * HOUR_MS;
    expect(steps(every(DAY_MS, 4, NOW_MS - 3 * DAY_MS), { nowMs: now })).toMatchObject({ values: [0, 1, 2], partialSteps: 1 });
    // In the middle, a day of which most hours are lacking is not known either.
    const holed = every(HOUR_MS, 72, Date.UTC(2026, 0, 1), () => 1).filter(
      ({ atMs }) => atMs < Date.UTC(2026, 0, 2, 9) || atMs >= Date.UTC(2026, 0, 3),
    );
    expect(steps(holed, { step: 'day' })).toMatchObject({ values: [24, undefined, 24], gaps: 1 });
    expect(steps(holed, { step: 'day', combine: 'mean' })).toMatchObject({ values: [1, 1, 1], gaps: 0 });
  });

  it('[K26] come from rows in any order, of which two of one time are refused or added', () => {
    const rows = samplesOf([
      ['2026-01-03', 3],
      ['2026-01-01', 1],
      ['2026-01-02', 2],
    ]);
    expect(steps(rows)).toMatchObject({ values: [1, 2, 3], isSorted: false, rows: 3 });
    const twice = samplesOf([
      ['2026-01-01', 1],
      ['2026-01-02', 2],
      ['2026-01-02T00:00:00Z', 5],
      ['2026-01-03', 4],
    ]);
    expect(stepped(twice)).toMatchObject({
      ok: false,
      error: { code: 'invalid_value', path: ['rows', 2, 'time'], message: expect.stringContaining('row 1') },
    });
    expect(steps(twice, { duplicates: 'sum' })).toMatchObject({ values: [1, 7, 4], duplicates: 1 });
  });

  it('[K29] are no more than one forecast takes', () => {
    expect(stepped(every(DAY_MS, 2, 31_536_000_000), { step: 'hour', stepsMax: 24 })).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded' },
    });
    expect(stepped(every(DAY_MS, 2, 31_536_000_000), { step: 'hour', stepsMax: 25 })).toMatchObject({ ok: true });
  });
});

describe('a series with gaps', () => {
  const week = { season: 7 };
  const series = Array.from(
    { length: 70 },
    (_, day) => (1_000 + 3 * day) * ([1, 1.1, 1.2, 1.1, 1, 0.4, 0.3][day % 7] ?? 1) * (1 + 0.05 * Math.sin(day * 12.9898)),
  );
  const without = (isGone: (day: number) => boolean) => series.map((value, day) => (isGone(day) ? undefined : value));

  it('[K29] is forecast as any other where there are none', () => {
    expect(forecastWithGaps(series, week, 14, 0.9)).toEqual(forecastSeries(series, week, 14, 0.9));
  });

  it('[K27] is forecast about as it would be without them, and not as a fall', () => {
    const whole = forecastWithGaps(series, week, 14, 0.9);
    const holed = forecastWithGaps(
      without((day) => day % 9 === 4),
      week,
      14,
      0.9,
    );
    const zeroed = forecastWithGaps(
      series.map((value, day) => (day % 9 === 4 ? 0 : value)),
      week,
      14,
      0.9,
    );
    if (whole.kind !== 'forecast' || holed.kind !== 'forecast' || zeroed.kind !== 'forecast') throw new Error('ten weeks are enough');
    for (const [step, { expected }] of holed.points.entries()) expect(expected / (whole.points[step]?.expected ?? 1)).toBeCloseTo(1, 1);
    const widthOf = ({ points }: typeof whole) => points.reduce((sum, { low, high }) => sum + high - low, 0);
    expect(widthOf(holed)).toBeLessThan(2 * widthOf(whole));
    expect(widthOf(zeroed)).toBeGreaterThan(3 * widthOf(whole));
  });

  it('[K27] at its end is forecast from the last that is known', () => {
    const cut = forecastWithGaps(
      without((day) => day >= 60),
      week,
      14,
      0.9,
    );
    const longer = forecastWithGaps(series.slice(0, 60), week, 24, 0.9);
    if (cut.kind !== 'forecast' || longer.kind !== 'forecast') throw new Error('eight weeks are enough');
    expect(cut.points).toEqual(longer.points.slice(10));
  });

  it('[K27] has no forecast where too little is known, altogether or to compare with', () => {
    expect(
      forecastWithGaps(
        without((day) => day > 19),
        week,
        14,
        0.9,
      ),
    ).toEqual({ kind: 'not_enough_data', steps: 20, stepsNeeded: 21 });
    expect(
      forecastWithGaps(
        without((day) => day > 30 && day < 66),
        week,
        14,
        0.9,
      ),
    ).toMatchObject({ kind: 'not_enough_data', steps: 35 });
  });
});

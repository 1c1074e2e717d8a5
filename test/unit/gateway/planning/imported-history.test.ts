import { describe, expect, it } from 'vitest';

import type { Dimension } from '../../../../src/contract/api/meter.ts';
import type { Principal } from '../../../../src/contract/api/principal.ts';
import type { HistoryBody, HistoryQuery } from '../../../../src/contract/planning/history.ts';
import { historyEndpoints } from '../../../../src/contract/planning/history.ts';
import { CapacityForecaster } from '../../../../src/gateway/planning/capacity-forecaster.ts';
import type { Ceiling } from '../../../../src/gateway/planning/forecast-ceilings.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { FORECAST_TRACES } from '../../../bench/forecast/request-series.ts';
import { forecastSeries } from '../../../../src/capacity/forecast/series-forecast.ts';
import type { UsageLine } from '../../../../src/tenancy/usage/usage-query.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TENANT = 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j' as TenantId;
const ADMIN: Principal = { kind: 'admin' };
// In the evening of the tenth of a month.
const NOW_MS = Date.UTC(2026, 10, 10, 18, 30);
const TODAY = Math.floor(NOW_MS / DAY_MS);

/** Requests of a day: growth, a week, and something that does not repeat. */
const usedOn = (day: number): number =>
  Math.round((500 + 4 * (day - TODAY + 90)) * ([1, 1.1, 1.2, 1.1, 1, 0.4, 0.3][day % 7] ?? 1) * (1 + 0.06 * Math.sin(day * 12.9898)));
const hourly = (hour: number): number => 10 + (hour % 24) + (hour % 7);

/** A ledger that has counted since a day, or not at all. */
const ledger = (sinceDay: number) => ({
  read: async (
    _: Principal,
    { from = 0, group_by: by = [] }: { from?: number | undefined; group_by?: readonly Dimension[] | undefined },
  ) => {
    const isDaily = by.includes('day');
    const stepMs = isDaily ? DAY_MS : HOUR_MS;
    const first = Math.ceil(Math.max(sinceDay * DAY_MS, from * 1000) / stepMs);
    const lines: UsageLine[] = [];
    for (let at = first; at * stepMs < NOW_MS; at++)
      lines.push({
        meter: 'requests',
        quantity: isDaily ? usedOn(at) : hourly(at),
        accelerator: '',
        group: isDaily ? { day: at } : { hour: at },
        priceId: 'p',
        amountNano: 0n,
      });
    return ok({ fromMs: from * 1000, toMs: NOW_MS, lines });
  },
});

const forecaster = (sinceDay: number, ceilings: readonly Ceiling[] = []) =>
  new CapacityForecaster({
    usage: ledger(sinceDay),
    sources: [async () => ok({ ceilings })],
    clock: { nowMs: () => NOW_MS },
    turn: () => Promise.resolve(),
  });

const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
const days = (from: number, to: number): HistoryBody => ({
  csv: `date,value\n${Array.from({ length: to - from }, (_, at) => `${dateOf(from + at)},${usedOn(from + at)}\n`).join('')}`,
  rows: undefined,
});

const queryOf = (given: object): HistoryQuery => historyEndpoints.forecastCapacityHistory.query.parse(given);
const joined = (given: object = {}): HistoryQuery => queryOf({ tenant: TENANT, meter: 'requests', ...given });

async function read(sinceDay: number, query: HistoryQuery, body: HistoryBody, ceilings: readonly Ceiling[] = []) {
  const answer = await forecaster(sinceDay, ceilings).readHistory(ADMIN, query, body);
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

const quota = (limit: number, window: NonNullable<Ceiling['window']> = 'day'): Ceiling => ({
  kind: 'quota',
  subject: TENANT,
  resource: 'requests',
  window,
  limit,
});

describe('a history before what was measured', () => {
  it('[K28] is forecast, and compared with limits, as if all of it had been measured', async () => {
    const all = [quota(900), quota(10_000), quota(20_000, 'month')];
    const measured = await forecaster(TODAY - 60, all).read(ADMIN, { tenant: TENANT, horizon_days: 60, level: '0.9' });
    if (!measured.ok) throw new Error(measured.error.message);
    // Ten days are there twice: those that were measured count.
    const wrong = {
      ...days(TODAY - 60, TODAY - 10),
      csv: `${days(TODAY - 60, TODAY - 20).csv}${dateOf(TODAY - 20)},7\n${dateOf(TODAY - 11)},9\n`,
    };
    for (const body of [days(TODAY - 60, TODAY - 20), wrong]) {
      const { series, ceilings, notes } = await read(TODAY - 20, joined({ horizon_days: '60' }), body, all);
      expect(series[0]?.forecast).toEqual(measured.value.series[0]?.forecast);
      expect(ceilings).toEqual(measured.value.ceilings);
      expect(notes).toEqual([]);
    }
    const [one] = (await read(TODAY - 20, joined(), wrong)).series;
    expect(one).toMatchObject({
      fromMs: (TODAY - 60) * DAY_MS,
      toMs: (TODAY - 20) * DAY_MS,
      steps: 60,
      measured: { fromMs: (TODAY - 20) * DAY_MS, steps: 20, replacedSteps: 10 },
    });
    expect(one?.atMs(0)).toBe(TODAY * DAY_MS);
  });

  it('[K28] leaves what neither has unknown', async () => {
    const { series } = await read(TODAY - 10, joined(), days(TODAY - 60, TODAY - 15));
    expect(series[0]).toMatchObject({ gaps: 5, steps: 60, toMs: (TODAY - 15) * DAY_MS, forecast: { kind: 'forecast' } });
    const whole = await read(TODAY - 10, joined(), days(TODAY - 60, TODAY - 10));
    const [holed, full] = [series[0]?.forecast, whole.series[0]?.forecast];
    if (holed?.kind !== 'forecast' || full?.kind !== 'forecast') throw new Error('both are forecast');
    expect((holed.points[6]?.expected ?? 0) / (full.points[6]?.expected ?? 1)).toBeCloseTo(1, 1);
  });

  it('[K28] stands for a tenant of which nothing was measured, up to half a year', async () => {
    const { series, ceilings } = await read(TODAY + 1, joined(), days(TODAY - 60, TODAY - 3), [quota(900), quota(900, 'hour')]);
    expect(series[0]).toMatchObject({ measured: { fromMs: undefined, steps: 0 }, gaps: 3, forecast: { kind: 'forecast' } });
    expect(series[0]?.atMs(0)).toBe(TODAY * DAY_MS);
    expect(ceilings.map(({ status }) => status)).toEqual(['saturates', 'saturates']);
    const old = await forecaster(TODAY + 1).readHistory(ADMIN, joined(), days(TODAY - 205, TODAY - 181));
    expect(old).toMatchObject({ ok: false, error: { code: 'limit_exceeded', value: 181, limit: { name: 'forecastDaysMax' } } });
  });

  it('[K28] is joined by the date, which is said where its days are of another zone', async () => {
    const utc = await read(TODAY - 20, joined(), days(TODAY - 60, TODAY - 20));
    const { series, notes } = await read(TODAY - 20, joined({ zone: 'Europe/Berlin' }), days(TODAY - 60, TODAY - 20));
    expect(series[0]?.forecast).toEqual(utc.series[0]?.forecast);
    expect(notes).toEqual([expect.stringContaining('Europe/Berlin')]);
  });

  it('[K28] is joined by the hour, too, and says how busy the busiest is', async () => {
    const nowHour = Math.floor(NOW_MS / HOUR_MS);
    const from = (TODAY - 5) * 24;
    const rows = Array.from({ length: from - nowHour + 24 * 20 }, (_, at) => from - 1 - at).map((hour) => ({
      time: hour * 3600,
      value: hourly(hour),
    }));
    const { series, ceilings } = await read(TODAY - 5, joined({ horizon_days: '3' }), { csv: undefined, rows }, [quota(1_000, 'hour')]);
    expect(series[0]).toMatchObject({ imported: { isSorted: false }, step: 'hour', measured: { steps: 5 * 24 + 18 }, gaps: 0 });
    const { forecast } = series[0] ?? {};
    if (forecast?.kind !== 'forecast') throw new Error('there are weeks');
    expect(forecast.points).toHaveLength(72);
    expect(ceilings).toMatchObject([{ status: 'within' }]);
  });

  it.each([
    [joined({ step: 'week' }), days(TODAY - 60, TODAY - 20), 'step'],
    [queryOf({ tenant: TENANT }), days(TODAY - 60, TODAY - 20), 'meter'],
    [joined({ series_column: 's' }), { csv: 'time,s,value\n2026-01-01,a,1\n2026-01-01,b,1\n', rows: undefined }, 'meter'],
    [joined(), { csv: 'time,value\nService total,3\n', rows: undefined }, 'csv'],
  ])('[K28] is refused where it cannot be joined (%#)', async (query, body, field) => {
    expect(await forecaster(TODAY - 20).readHistory(ADMIN, query, body)).toMatchObject({ ok: false, error: { path: [field] } });
  });
});

describe('a history alone', () => {
  it.each([
    ['philly jobs', 'day', 14, 14],
    ['philly jobs', 'hour', 48, 2],
  ] as const)('[K29] %s by the %s has the intervals that the engine gives for the numbers', async (name, step, steps, horizon) => {
    const trace = FORECAST_TRACES.find((one) => one.name === name && one.step === step);
    const stepMs = step === 'day' ? DAY_MS : HOUR_MS;
    const startMs = Date.parse(trace?.start ?? '');
    const rows = (trace?.values ?? []).map((value, at) => `${new Date(startMs + at * stepMs).toISOString()},${value}\n`);
    const { series, ceilings } = await read(TODAY, queryOf({ horizon_days: `${horizon}`, level: '0.8' }), {
      csv: `time,jobs\n${rows.join('')}`,
      rows: undefined,
    });
    expect(series[0]?.forecast).toEqual(forecastSeries(trace?.values ?? [], { season: step === 'day' ? 7 : 24 }, steps, 0.8));
    expect(series[0]?.atMs(0)).toBe(startMs + (trace?.values.length ?? 0) * stepMs);
    expect(ceilings).toEqual([]);
  });

  it('refuses a key that is restricted to some resources', async () => {
    const restricted = { kind: 'tenant', tenantId: TENANT, resources: ['index/a'] } as unknown as Principal;
    const answer = await forecaster(TODAY).readHistory(restricted, queryOf({}), days(TODAY - 60, TODAY));
    expect(answer).toMatchObject({ ok: false, error: { code: 'scope_denied' } });
  });
});

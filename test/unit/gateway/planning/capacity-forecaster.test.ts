import { describe, expect, it } from 'vitest';

import type { ForecastQuery } from '../../../../src/contract/planning/capacity.ts';
import type { Dimension } from '../../../../src/contract/api/meter.ts';
import type { Principal } from '../../../../src/contract/api/principal.ts';
import type { OrganisationId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { capacityAlerts } from '../../../../src/gateway/planning/capacity-alerts.ts';
import { CapacityForecaster } from '../../../../src/gateway/planning/capacity-forecaster.ts';
import type { Ceiling } from '../../../../src/gateway/planning/forecast-ceilings.ts';
import { budgetCeilings, indexCeilings, quotaCeilings } from '../../../../src/gateway/planning/ceiling-sources.ts';
import { cacheCeilings } from '../../../../src/gateway/planning/cache-ceilings.ts';
import { poolCeilings } from '../../../../src/gateway/planning/pool-ceilings.ts';
import { shardBudget } from '../../../../src/index/resharding/shard-budget.ts';
import type { UsageLine } from '../../../../src/tenancy/usage/usage-query.ts';
import type { CacheLine } from '../../../../src/gateway/caches/cache-stats.ts';
import { CACHE_LIMITS } from '../../../../src/contract/caches/cache-limits.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const TENANT = 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j' as TenantId;
const ORGANISATION = 'org_4v9k2m7q1xb6d8w0f3' as OrganisationId;
const ADMIN: Principal = { kind: 'admin' };
// In the evening of the tenth of a month.
const NOW_MS = Date.UTC(2026, 10, 10, 18, 30);

const line = (meter: UsageLine['meter'], quantity: number, group: UsageLine['group'], amountNano = 0n): UsageLine => ({
  meter,
  quantity,
  accelerator: '',
  group,
  priceId: '2026-01-01',
  amountNano,
});

/** A ledger in which each hour since `sinceMs` has `perHour(hour)` of a meter. */
const ledger = (meter: UsageLine['meter'], sinceMs: number, perHour: (hour: number) => number) => ({
  read: async (
    _: Principal,
    { from = 0, group_by: by = [] }: { from?: number | undefined; group_by?: readonly Dimension[] | undefined },
  ) => {
    const first = Math.max(Math.floor(sinceMs / HOUR_MS), Math.floor((from * 1000) / HOUR_MS));
    const sums = new Map<number, number>();
    for (let hour = first; hour * HOUR_MS < NOW_MS; hour++) {
      const at = by.includes('day') ? Math.floor(hour / 24) : hour;
      sums.set(at, (sums.get(at) ?? 0) + perHour(hour));
    }
    const lines = [...sums].map(([at, units]) => line(meter, units, by.includes('day') ? { day: at } : { hour: at }, BigInt(units * 10)));
    return ok({ fromMs: first * HOUR_MS, toMs: NOW_MS, lines });
  },
});

const forecasterOf = (usage: ReturnType<typeof ledger>, ceilings: readonly Ceiling[] = []): CapacityForecaster =>
  new CapacityForecaster({ usage, sources: [async () => ok({ ceilings })], clock: { nowMs: () => NOW_MS }, turn: () => Promise.resolve() });

const asked = (horizonDays = 30): ForecastQuery => ({ tenant: TENANT, horizon_days: horizonDays, level: '0.9' });

async function readOf(forecaster: CapacityForecaster, query = asked()) {
  const read = await forecaster.read(ADMIN, query);
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

const quota = (window: NonNullable<Ceiling['window']>, limit: number): Ceiling => ({
  kind: 'quota',
  subject: TENANT,
  resource: 'requests',
  window,
  limit,
});

describe('a forecast of the ledger', () => {
  it('[K12] is by the day from 21 whole days on, of which today is none', async () => {
    const { series } = await readOf(forecasterOf(ledger('requests', NOW_MS - 40 * DAY_MS, () => 10)));
    const [requests] = series;
    expect(requests).toMatchObject({ resource: 'requests', step: 'day', startMs: Date.UTC(2026, 10, 10), stepMs: DAY_MS });
    if (requests?.forecast.kind !== 'forecast') throw new Error('there are 40 days');
    expect(requests.forecast.points).toHaveLength(30);
    // Today alone would have been a fall to 190.
    for (const { expected } of requests.forecast.points) expect(expected).toBeCloseTo(240, 3);
    expect(series.map(({ resource }) => resource)).toEqual(['requests', 'spend_nano']);
  });

  it('[K12] is by the hour from 72 hours on, and before that states what is missing', async () => {
    const young = await readOf(forecasterOf(ledger('requests', NOW_MS - 4 * DAY_MS, (hour) => 10 + (hour % 24))));
    expect(young.series[0]).toMatchObject({ step: 'hour', startMs: Date.UTC(2026, 10, 10, 18) });
    expect(young.series[0]?.forecast).toMatchObject({ kind: 'forecast' });
    const newborn = await readOf(
      forecasterOf(
        ledger('requests', NOW_MS - 2 * DAY_MS, () => 10),
        [quota('day', 1_000)],
      ),
    );
    expect(newborn.series[0]?.forecast).toMatchObject({ kind: 'not_enough_data', steps: 48, stepsNeeded: 72 });
    expect(newborn.ceilings[0]).toMatchObject({ status: 'not_enough_data' });
  });

  it('refuses a key that is restricted to some resources', async () => {
    const restricted = { kind: 'tenant', tenantId: TENANT, resources: ['index/a'] } as unknown as Principal;
    const read = await forecasterOf(ledger('requests', NOW_MS, () => 1)).read(restricted, asked());
    expect(read).toMatchObject({ ok: false, error: { code: 'scope_denied' } });
  });
});

describe('a limit', () => {
  const growing = ledger('requests', NOW_MS - 60 * DAY_MS, (hour) => Math.round((hour - (NOW_MS - 60 * DAY_MS) / HOUR_MS) / 24) * 10);

  it('[K13] of a day is reached when a day needs it, and the moments are in order', async () => {
    const { ceilings } = await readOf(forecasterOf(growing, [quota('day', 16_000), quota('day', 1_000_000)]), asked(60));
    const [first, second] = ceilings;
    expect(first).toMatchObject({ status: 'saturates', ceiling: { limit: 16_000 }, advice: { action: 'raise_quota' } });
    expect(second).toMatchObject({ status: 'within' });
    const { earliestMs = 0, expectedMs = 0, latestMs = Infinity } = first?.saturation ?? {};
    expect(earliestMs).toBeLessThanOrEqual(expectedMs);
    expect(expectedMs).toBeLessThanOrEqual(latestMs);
    expect(expectedMs).toBeGreaterThan(NOW_MS);
  });

  it('[K13] of a month counts the month so far once, and begins anew with the next', async () => {
    const flat = ledger('requests', NOW_MS - 40 * DAY_MS, () => 10);
    // November has 7,200: on the last day of it 6,960 are passed.
    const { ceilings } = await readOf(forecasterOf(flat, [quota('month', 7_000), quota('month', 7_500)]));
    expect(ceilings[0]).toMatchObject({ used: 9 * 240 + 190, saturation: { expectedMs: Date.UTC(2026, 10, 30) } });
    expect(ceilings[1]?.saturation.expectedMs).toBeUndefined();
  });

  it('[K13] of an hour or a minute is compared with the busiest hour of a day', async () => {
    // A day has 2,300, half of them in one hour.
    const peaked = ledger('requests', NOW_MS - 40 * DAY_MS, (hour) => (hour % 24 === 9 ? 1_150 : 50));
    const { ceilings } = await readOf(forecasterOf(peaked, [quota('hour', 1_100), quota('minute', 19), quota('minute', 25)]));
    const statuses = ceilings.map(({ ceiling, status }) => [ceiling.window, ceiling.limit, status]);
    expect(statuses).toEqual([
      ['hour', 1_100, 'saturates'],
      ['minute', 19, 'saturates'],
      ['minute', 25, 'within'],
    ]);
  });

  it('[K13] of what exists begins with what there is', async () => {
    const written = ledger('vectors_written', NOW_MS - 40 * DAY_MS, () => 100);
    const index: Ceiling = {
      kind: 'index',
      subject: 'articles',
      resource: 'vectors',
      limit: 20_000,
      held: { units: 10_000, share: 0.5 },
      usdPerUnitMonth: 0.001,
    };
    const { ceilings } = await readOf(forecasterOf(written, [index]));
    // 1,200 a day: on the ninth day, of which today is the first, there are 20,800.
    expect(ceilings[0]?.saturation.expectedMs).toBe(Date.UTC(2026, 10, 18));
    expect(ceilings[0]?.advice).toMatchObject({ action: 'add_index', leadDays: 3, usdPerMonth: expect.closeTo(26, 0) });
  });
});

it('[K16] limits that are expected to be reached are alerts, whose ids are the same all month', async () => {
  const flat = ledger('requests', NOW_MS - 40 * DAY_MS, () => 10);
  const alerts = await capacityAlerts(forecasterOf(flat, [quota('day', 200), quota('day', 10_000)]), TENANT, 30);
  if (!alerts.ok) throw new Error(alerts.error.message);
  expect(alerts.value).toMatchObject([
    {
      kind: 'capacity.saturates',
      id: `capacity:${TENANT}:quota:${TENANT}:requests:day:200:2026-11`,
      levelId: TENANT,
      details: { limit: 200, used: 240, action: 'raise_quota' },
    },
  ]);
});

describe('where limits come from', () => {
  const subject = { organisationId: ORGANISATION, tenantId: TENANT };
  const rule = { kind: 'hard', burst: null, accelerator: null } as const;

  it('quotas of the level, those of accelerators by type, and of vectors what exists', async () => {
    const vectors = { ...rule, resource: 'vectors', window: 'held', limit: 500 } as const;
    const rules = [
      { ...rule, resource: 'tokens', window: 'month', limit: 9 },
      { ...rule, resource: 'accelerator_ms', window: 'day', limit: 7, accelerator: 'h100' },
      vectors,
      { ...rule, resource: 'jobs', window: 'held', limit: 3 },
    ] as const;
    const describeLevel = async () => ({ level: { rules }, held: [{ rule: vectors, units: 40 }] });
    const found = await quotaCeilings((() => ({ describe: describeLevel })) as never)(ADMIN, subject);
    expect(found).toMatchObject({
      ok: true,
      value: {
        ceilings: [
          { resource: 'tokens', window: 'month', limit: 9 },
          { resource: 'accelerator_ms:h100', window: 'day', limit: 7 },
          { resource: 'vectors', limit: 500, held: { units: 40, share: 1 } },
        ],
        leftOut: ['the quota of open jobs: the ledger does not count them'],
      },
    });
  });

  it('budgets of the level, for the admin alone', async () => {
    const list = async () => [
      { levelId: TENANT, amountNano: 5 },
      { levelId: 'tn_other', amountNano: 6 },
    ];
    const source = budgetCeilings((() => ({ list })) as never);
    expect(await source(ADMIN, subject)).toMatchObject({ value: { ceilings: [{ kind: 'budget', window: 'month', limit: 5 }] } });
    expect(await source({ kind: 'tenant' } as Principal, subject)).toEqual(ok({ ceilings: [] }));
  });

  it('accelerators of all pools by type, for the admin and a whole organisation alone', async () => {
    const node = (accelerator: string | null, acceleratorCount: number) => ({ node: { capacity: { accelerator, acceleratorCount } } });
    const nodes = {
      a: ok([node('h100', 8), node('h100', 4), node(null, 0), { node: { capacity: null } }]),
      b: ok([node('l4', 1)]),
      c: { ok: false, error: { code: 'pool_not_found' } },
    };
    const prices = [
      { accelerator: 'h100', nanoDollarsPerHour: 7_000_000_000, isInForce: false },
      { accelerator: 'h100', nanoDollarsPerHour: 2_900_000_000, isInForce: true },
    ];
    const queue = {
      pools: async () => Object.keys(nodes).map((id) => ({ id, name: id })),
      operate: async (name: string, id: keyof typeof nodes) => (name === 'nodes' ? nodes[id] : ok(prices)),
    };
    const source = poolCeilings(queue as never);
    expect(await source(ADMIN, { organisationId: ORGANISATION })).toMatchObject({
      value: {
        ceilings: [
          // 2.90 dollars an hour.
          {
            kind: 'pool',
            resource: 'accelerator_ms:h100',
            window: 'day',
            limit: 12 * DAY_MS,
            usdPerUnitMonth: expect.closeTo((30 * 2.9) / HOUR_MS, 12),
          },
          { resource: 'accelerator_ms:l4', limit: DAY_MS },
        ],
        leftOut: ['pool c: pool_not_found'],
      },
    });
    const tenantAsked = await source(ADMIN, { organisationId: ORGANISATION, tenantId: TENANT });
    const askedByTenant = await source({ kind: 'tenant' } as Principal, { organisationId: ORGANISATION });
    for (const found of [tenantAsked, askedByTenant]) expect(found).toEqual(ok({ ceilings: [] }));
  });

  it('indexes of a tenant, each with its share of what is written', async () => {
    const manifests = [
      { name: 'a', dimensions: 100 },
      { name: 'b', dimensions: 100, shardVectorsMax: 50 },
    ];
    const indexes = {
      list: async () => ok({ indexes: manifests, hasMore: true }),
      count: async ({ name }: { name: string }) => ok(name === 'a' ? 30 : 10),
    };
    const found = await indexCeilings(indexes as never)(ADMIN, subject);
    expect(found).toMatchObject({
      value: {
        ceilings: [
          { subject: 'a', held: { units: 30, share: 0.75 }, limit: INDEX_LIMITS.shardsPerIndexMaxCount * shardBudget({ dimensions: 100 }) },
          { subject: 'b', held: { units: 10, share: 0.25 }, limit: INDEX_LIMITS.shardsPerIndexMaxCount * 50 },
        ],
        leftOut: [expect.stringContaining('50')],
      },
    });
    expect(await indexCeilings(indexes as never)(ADMIN, { organisationId: ORGANISATION })).toEqual(ok({ ceilings: [] }));
  });
});

describe('the memory of caches', () => {
  const MIB = 1024 * 1024;
  const lineOf = (counts: CacheLine['counts'], bytes: number): CacheLine => ({
    cache: 'embeddings',
    model: 'glove',
    counts,
    held: { isolates: 2, entries: 1_000, bytes },
  });
  const ceilingOf = async (lines: readonly CacheLine[]) => {
    const usage = ledger('embedding_tokens', NOW_MS - 60 * DAY_MS, () => 100);
    const source = cacheCeilings(async () => lines, { nowMs: () => NOW_MS });
    const forecaster = new CapacityForecaster({ usage, sources: [source], clock: { nowMs: () => NOW_MS }, turn: () => Promise.resolve() });
    return (await readOf(forecaster, asked(90))).ceilings;
  };

  it('[K17] is full when what has to be computed has filled it, and states by when more is needed', async () => {
    const limit = 2 * CACHE_LIMITS.cacheL1BytesMax;
    // A seventh of what is held was added in each of seven days.
    const [cache] = await ceilingOf([lineOf({ memory: 3_000, computed: 1_000 }, 8 * MIB)]);
    expect(cache).toMatchObject({ status: 'saturates', used: 8 * MIB, ceiling: { kind: 'cache', subject: 'glove', limit } });
    const days = ((cache?.saturation.expectedMs ?? 0) - NOW_MS) / DAY_MS;
    expect(days).toBeGreaterThan(30);
    expect(days).toBeLessThan(40);
    expect(cache?.advice).toMatchObject({ action: 'extend_cache', leadDays: 1 });
    expect(cache?.basis).toContain('75 % hits');
    const [slow] = await ceilingOf([lineOf({ memory: 3_000, computed: 10 }, 8 * MIB)]);
    expect(slow).toMatchObject({ status: 'within' });
  });

  it('[K17] is full already while it evicts, whatever it holds', async () => {
    const [evicting] = await ceilingOf([lineOf({ computed: 1_000, evicted: 11 }, 3 * MIB)]);
    expect(evicting).toMatchObject({ status: 'saturates', ceiling: { limit: 3 * MIB } });
    const [rarely] = await ceilingOf([lineOf({ computed: 1_000, evicted: 10 }, 3 * MIB)]);
    expect(rarely?.ceiling.limit).toBe(2 * CACHE_LIMITS.cacheL1BytesMax);
    expect(await ceilingOf([{ ...lineOf({ computed: 1 }, 0), held: { isolates: 0, entries: 0, bytes: 0 } }])).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { ASSUMPTIONS, assumed } from '../../../src/capacity/assumptions.ts';
import { leadDaysOf } from '../../../src/capacity/forecast/saturation.ts';
import type { IndexDemand } from '../../../src/capacity/index-plan.ts';
import { planRouting, leafCpuMs, planIndex } from '../../../src/capacity/index-plan.ts';

const leadsOf = (others: Parameters<typeof assumed>[0]): string =>
  (['quota', 'budget', 'index', 'pool', 'cache'] as const).map((kind) => leadDaysOf(kind, assumed(others))).join(' ');

const DEMAND: IndexDemand = {
  vectors: 10_000_000,
  dimensions: 100,
  qps: 100,
  writesPerSecond: 10,
  recall: 0.95,
  replicas: 0,
  shardVectorsMax: 100_000,
  shardsMax: 4_096,
  locators: 8,
  leavesMax: 100,
};

describe('the assumptions of plans', () => {
  it('[K1] have a source, a unit and a date each', () => {
    const all = Object.entries(ASSUMPTIONS);
    expect(all.length).toBeGreaterThan(25);
    for (const [name, { value, unit, basis, source, date }] of all) {
      expect(value, name).toBeGreaterThan(0);
      expect(unit.length, name).toBeGreaterThan(10);
      expect(source.length, name).toBeGreaterThan(8);
      expect(date, name).toMatch(/^20\d\d-\d\d-\d\d$/);
      expect(basis).toBeOneOf(['read', 'measured', 'chosen']);
    }
    expect(assumed({ hopMs: 9 })).toEqual({ ...assumed(), hopMs: 9 });
  });

  it('[K1] are all used: halving or doubling one changes a plan, a simulation, a lead time or a replay', () => {
    const simulated = new Set([
      'coldStartMs',
      'coldStartSpread',
      'coldPagesMs',
      'hopMs',
      'hopSpread',
      'slowCallShare',
      'slowCallMs',
      'popularitySkew',
    ]);
    // Prices of a replay of inference, whose test has them.
    const replayed = new Set(['poolCpuUsdPerHour', 'poolBusyShare']);
    const demand = { ...DEMAND, recall: 0.99, qps: 1 } as const;
    for (const [name, { value }] of Object.entries(ASSUMPTIONS)) {
      const other = planIndex(demand, assumed({ [name]: 2 * value }));
      const isUsed =
        JSON.stringify(other) !== JSON.stringify(planIndex(demand, assumed())) || leadsOf({ [name]: 2 * value }) !== leadsOf({});
      expect(isUsed || simulated.has(name) || replayed.has(name), name).toBe(true);
    }
  });
});

describe('the plan of an index', () => {
  it('[K2] costs the sum of its lines, checked by hand', () => {
    const a = assumed({ copiesFactor: 1.25, shardFill: 0.5, probesCount: 10, searchUs: 100, rowsScoredCount: 10, rowReadUs: 10 });
    const plan = planIndex({ ...DEMAND, writesPerSecond: 0 }, a);
    expect(plan).toMatchObject({ shards: 250, vectorsPerShard: 50_000, locators: 8, objects: 259, probes: 10 });
    expect(plan.leafMs).toBeCloseTo((100 * Math.sqrt(50_000 / 331_479) + 100) / 1000, 9);
    // 259.2 million queries a month, with ten calls each.
    const calls = plan.bill.find(({ what }) => what === 'calls of shards and locators');
    expect(calls?.usdPerMonth).toBeCloseTo(2592 * 0.15, 6);
    const running = plan.bill.find(({ what }) => what === 'time in which shards run');
    expect(running?.usdPerMonth).toBeCloseTo(((2592 * plan.leafMs) / 1000) * 0.128 * 12.5, 6);
    expect(plan.usdPerMonth).toBeCloseTo(
      plan.bill.reduce((sum, { usdPerMonth }) => sum + usdPerMonth, 0),
      9,
    );
    expect(plan.usdPerMillionQueries).toBeCloseTo(plan.usdPerMonth / 259.2, 9);
  });

  it('[K2] never needs less for more vectors or queries', () => {
    const base = planIndex(DEMAND, assumed());
    for (const more of [
      { vectors: 2e7 },
      { dimensions: 200 },
      { qps: 200 },
      { writesPerSecond: 20 },
      { replicas: 1 },
      { recall: 0.99 as const },
    ]) {
      const plan = planIndex({ ...DEMAND, ...more }, assumed());
      for (const field of ['shards', 'objects', 'probes', 'memoryBytes', 'storageBytes', 'usdPerMonth'] as const) {
        expect(plan[field], `${field} for ${JSON.stringify(more)}`).toBeGreaterThanOrEqual(base[field]);
      }
    }
    expect(leafCpuMs(400_000, 100, 0.95, assumed())).toBeGreaterThan(leafCpuMs(100_000, 100, 0.95, assumed()));
  });

  it('[K2] includes the cost of ranking shards, which grows more slowly than their number', () => {
    const a = assumed({ rankedNumberNs: 2 });
    // For each shard: a quarter of a coarse centroid, a mean and eight centroids.
    expect(planRouting(100, 100, a).rankingMs).toBeCloseTo((100 * 9.25 * 100 * 2) / 1e6, 9);
    const [many, more] = [planRouting(1_024, 100, a), planRouting(4_096, 100, a)];
    expect(more.rankingMs).toBeLessThan(1.4 * many.rankingMs);
    expect(more.regionBytes).toBe(4 * many.regionBytes);
    const cpuOf = (ns: number) => planIndex(DEMAND, assumed({ rankedNumberNs: ns })).bill.find(({ what }) => what === 'CPU of the gateway');
    const { routing } = planIndex(DEMAND, assumed({ rankedNumberNs: 1 }));
    // 110 queries and writes a second.
    expect(cpuOf(2)!.usdPerMonth - cpuOf(1)!.usdPerMonth).toBeCloseTo(285.12 * routing.rankingMs * 0.02, 9);
    expect(planIndex({ ...DEMAND, vectors: 10 }, assumed()).routing).toEqual({ rankingMs: 0, regionBytes: 0 });
  });

  it('[K3] has one shard and nothing else while everything fits into it', () => {
    const small = planIndex({ ...DEMAND, vectors: 100_000 }, assumed());
    expect(small).toMatchObject({ shards: 1, locators: 0, objects: 2, probes: 1, vectorsPerShard: 100_000 });
    expect(planIndex({ ...DEMAND, vectors: 100_001 }, assumed({ copiesFactor: 1.25 }))).toMatchObject({
      shards: 2,
      locators: 8,
      objects: 11,
    });
  });

  it('[K8] states the number of indexes needed for vectors that are too many for one', () => {
    const few = { ...DEMAND, shardsMax: 100 };
    expect(planIndex(DEMAND, assumed()).indexes).toBe(1);
    const { indexes, shards, locators, objects, routing } = planIndex(few, assumed());
    expect([indexes, locators, objects]).toEqual([Math.ceil(shards / 100), 8 * indexes, shards + 9 * indexes]);
    expect(routing.regionBytes).toBeLessThan(planIndex(DEMAND, assumed()).routing.regionBytes);
  });

  it('assumes that an idle shard is not in memory and that a busy one almost always is', () => {
    expect(planIndex({ ...DEMAND, qps: 0 }, assumed())).toMatchObject({ coldShare: 1, usdPerMillionQueries: 0 });
    expect(planIndex({ ...DEMAND, qps: 0.1 }, assumed()).coldShare).toBeGreaterThan(0.8);
    expect(planIndex({ ...DEMAND, qps: 10_000 }, assumed()).coldShare).toBeLessThan(1e-4);
  });
});

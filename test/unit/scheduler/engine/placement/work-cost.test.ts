import { describe, expect, it } from 'vitest';
import type { PoolId } from '../../../../../src/kernel/ids.ts';
import { Cell } from '../../../../../src/scheduler/engine/cell/cell.ts';
import type { JobSpec } from '../../../../../src/scheduler/engine/model/job-spec.ts';
import type { Market } from '../../../../../src/scheduler/engine/model/pool-spec.ts';
import {
  interruptionsPerHour,
  NONE_SEEN,
  watched,
  lostHours,
  costPerWork,
} from '../../../../../src/scheduler/engine/placement/work-cost.ts';
import { cellSettings, CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { foldRecords } from '../../../../support/oracles/fold-records.ts';
import { jobSpec, nodeSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const HOUR_MS = 3_600_000;
const pool = (name: string): PoolId => `pool_${name.padEnd(10, '0')}` as PoolId;
const quota = { nominal: 100_000, borrowingMax: null, lendingMax: null };

/** Two types of accelerators, H100 on demand and spot; A100 in another region, too. Prices in dollars an hour. */
function world(prices: { h100: number; spot: number; a100: number; far?: number }): CellWorld {
  const pools = [
    poolSpec({ id: pool('demand'), market: 'on_demand' }),
    poolSpec({ id: pool('spot'), market: 'spot' }),
    poolSpec({ id: pool('a'), market: 'on_demand' }),
    poolSpec({ id: pool('far'), market: 'on_demand', region: 'us' }),
  ];
  const settings = { pools, cohorts: [cohort('all'), queue('a', 100, { quotas: { H100: quota, A100: quota } })] };
  const nodes = [
    nodeSpec(0, { poolId: pool('demand') }),
    nodeSpec(1, { poolId: pool('spot') }),
    nodeSpec(2, { poolId: pool('a'), accelerator: 'A100' }),
    nodeSpec(3, { poolId: pool('far'), accelerator: 'A100' }),
  ];
  const made = new CellWorld(settings, nodes);
  const price = (accelerator: string, market: Market, dollars: number, region = 'eu'): void => {
    made.do({ kind: 'price', row: { accelerator, region, market, fromMs: 0, nanoDollarsPerHour: dollars * 1e9 } });
  };
  price('H100', 'on_demand', prices.h100);
  price('H100', 'spot', prices.spot);
  price('A100', 'on_demand', prices.a100);
  price('A100', 'on_demand', prices.far ?? prices.a100, 'us');
  return made;
}

const twoWays = (h100: number, a100: number, overrides: Partial<JobSpec> = {}): Partial<JobSpec> => ({
  options: [option(1, { throughputHintMilli: h100 }), option(1, { accelerator: 'A100', throughputHintMilli: a100 })],
  checkpoint: { intervalMs: HOUR_MS, graceMs: 0, restartMs: 0 },
  ...overrides,
});
const poolOf = (made: CellWorld, n: number, overrides: Partial<JobSpec>): PoolId | undefined =>
  made.job(made.submit(n, overrides)).attempt?.poolId;

describe('[PL11] the price of an option', () => {
  it('is where the job, not the hour, costs least', () => {
    const made = world({ h100: 4, spot: 9, a100: 2 });
    expect(poolOf(made, 1, twoWays(3_000, 1_000)), 'three times as fast at twice the price').toBe(pool('demand'));
    expect(poolOf(made, 2, twoWays(1_500, 1_000))).toBe(pool('a'));
    expect(poolOf(made, 3, twoWays(2_000, 1_000)), 'equal: as the job lists them').toBe(pool('demand'));
  });

  it('is spot as long as what it loses is less than what it saves', () => {
    const made = world({ h100: 4, spot: 3.9, a100: 99 });
    const short = twoWays(1_000, 1, { checkpoint: { intervalMs: 60_000, graceMs: 0, restartMs: 0 } });
    expect(poolOf(made, 1, short)).toBe(pool('spot'));
    // Half of 4 hours, one in 48: 4 % more.
    expect(poolOf(made, 2, twoWays(1_000, 1, { checkpoint: { intervalMs: 4 * HOUR_MS, graceMs: 0, restartMs: 0 } }))).toBe(pool('demand'));
  });

  it('is near the data while there is room, whatever it costs', () => {
    const made = world({ h100: 50, spot: 50, a100: 9, far: 1 });
    const whole = { options: [option(8, { accelerator: 'A100', perNode: { ...option(8).perNode } })] };
    expect(poolOf(made, 1, { ...whole, dataRegions: ['eu'] })).toBe(pool('a'));
    expect(poolOf(made, 2, { ...whole, dataRegions: ['eu'] })).toBe(pool('far'));
    const free = world({ h100: 50, spot: 50, a100: 9, far: 1 });
    expect(poolOf(free, 1, whole)).toBe(pool('far'));
  });

  it('counts what each node of a gang loses, and nothing but what is billed', () => {
    const terms = { nanoDollarsPerHour: 1_000, throughputMilli: 10, nodes: 1, interruptionsPerHour: 0.1, lostHours: 0.5 };
    expect(costPerWork(terms)).toBeCloseTo(105, 9);
    expect(costPerWork({ ...terms, nodes: 4 })).toBeCloseTo(120, 9);
    expect(costPerWork({ ...terms, throughputMilli: 0 }), 'a job that does nothing there').toBeCloseTo(1_050, 9);
  });
});

describe('[PL12] throughput', () => {
  it('is what attempts report, the newest half, instead of hints; and is recorded', () => {
    const made = world({ h100: 4, spot: 9, a100: 2 });
    const hopeful = twoWays(3_000, 1_000);
    const first = made.submit(1, hopeful);
    expect(made.job(first).attempt?.poolId).toBe(pool('demand'));
    const { classKey } = made.job(first);
    made.report(first, { kind: 'progress', workMilli: 500, overMs: HOUR_MS });
    expect(made.cell.throughputs.of(classKey, 0)).toBe(500);
    made.report(first, { kind: 'progress', workMilli: 1_000, overMs: HOUR_MS / 2 });
    expect(made.cell.throughputs.of(classKey, 0)).toBe(1_250);
    for (const news of [
      { workMilli: 9, overMs: 0 },
      { workMilli: -1, overMs: 9 },
    ])
      made.report(first, { kind: 'progress', ...news });
    expect(made.cell.throughputs.of(classKey, 0)).toBe(1_250);
    expect(poolOf(made, 2, hopeful), 'others like it go by what it did').toBe(pool('a'));
    const rebuilt = new Cell(cellSettings({ ...made.cell.settings }), foldRecords(made.history));
    expect(rebuilt.throughputs.of(classKey, 0)).toBe(1_250);
    made.report(first, { kind: 'progress', workMilli: 9, overMs: HOUR_MS }, 77);
    expect(made.cell.throughputs.of(classKey, 0), 'news of another attempt').toBe(1_250);
  });
});

describe('[PL13] interruptions', () => {
  it('are counted over the time that nodes were there', () => {
    const two = watched(NONE_SEEN, 0, 1_000);
    const seen = watched(two, 2, 1_000 + 12 * HOUR_MS);
    expect(seen).toEqual({ count: 0, nodeMs: 24 * HOUR_MS, untilMs: 1_000 + 12 * HOUR_MS });
    expect(interruptionsPerHour('spot', NONE_SEEN)).toBeCloseTo(1 / 48, 9);
    expect(interruptionsPerHour('spot', seen)).toBeCloseTo(1 / 96, 9);
    expect(interruptionsPerHour('spot', { ...seen, count: 1 })).toBeCloseTo(1.5 / 48, 9);
    expect(interruptionsPerHour('on_demand', seen)).toBe(0);
    expect(watched(seen, 5, 0), 'a clock that was set back').toEqual(seen);
  });

  it('turn jobs away from spot, once they are many, and each is counted once', () => {
    const made = world({ h100: 4, spot: 3, a100: 99 });
    const job = twoWays(1_000, 1);
    expect(poolOf(made, 1, job)).toBe(pool('spot'));
    const count = (): number => made.cell.fleet.pool(pool('spot')).interruptions.count;
    for (let n = 10; n < 30; n++) {
      made.nowMs += 60_000;
      made.do({ kind: 'add_nodes', nodes: [nodeSpec(n, { poolId: pool('spot') })] });
      made.do({ kind: 'spot_notice', nodeId: `node-${n}`, goneAtMs: made.nowMs });
      made.do({ kind: 'node_lost', nodeId: `node-${n}` });
    }
    expect(count()).toBe(20);
    expect(poolOf(made, 2, job), 'half an hour is lost in every third').toBe(pool('demand'));
    made.do({ kind: 'node_lost', nodeId: 'node-1' });
    expect(count()).toBe(21);
    expect(made.cell.fleet.pool(pool('demand')).interruptions.count).toBe(0);
  });

  it('cost a job half of what lies between saves, and a new beginning', () => {
    const { checkpoint, limits } = jobSpec(0);
    expect(lostHours({ checkpoint: { ...checkpoint, intervalMs: HOUR_MS, restartMs: HOUR_MS / 4 }, limits })).toBe(0.75);
    expect(lostHours({ checkpoint, limits: { ...limits, durationMaxMs: 3 * HOUR_MS } })).toBe(1.5);
    expect(lostHours({ checkpoint, limits })).toBe(1);
  });
});

describe('[PL14] jobs that wait together', () => {
  it('leave cheap nodes to jobs without an alternative', () => {
    const made = world({ h100: 4, spot: 99, a100: 4 });
    // One place of each is left.
    made.submit(1, {
      options: [option(7, { perNode: { ...option(7).perNode } })],
      limits: { ...jobSpec(0).limits, priceMaxNanoDollarsPerHour: 28e9 },
    });
    made.do({ kind: 'suspend', queue: 'a', isSuspended: true });
    const filler = (n: number, count: number, accelerator: string, region: string) =>
      made.submit(n, {
        options: [option(count, { accelerator, perNode: { ...option(count).perNode }, markets: ['on_demand'], regions: [region] })],
      });
    const fillers = [filler(2, 7, 'H100', 'eu'), filler(3, 7, 'A100', 'eu'), filler(4, 8, 'A100', 'us')];
    const markets: Market[] = ['on_demand'];
    const ways = (h100: number, a100: number) => ({
      options: twoWays(h100, a100).options!.map((each) => ({ ...each, markets })),
    });
    const [content, needy] = [made.submit(5, ways(1_010, 1_000)), made.submit(6, ways(2_000, 100))];
    expect(fillers).toHaveLength(3);
    made.do({ kind: 'suspend', queue: 'a', isSuspended: false });
    expect(made.job(needy).attempt?.poolId).toBe(pool('demand'));
    expect(made.job(content).attempt?.poolId).toBe(pool('a'));
  });
});

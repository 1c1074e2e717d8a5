import { describe, expect, it } from 'vitest';
import { assumed } from '../../../../src/capacity/assumptions.ts';
import { planIndex } from '../../../../src/capacity/index-plan.ts';
import { assumptions, capacity } from '../../../../workers/cli/planning/capacity.ts';
import { Chance } from '../../../../workers/cli/sim/chance.ts';
import type { Scenario } from '../../../../workers/cli/planning/simulate.ts';
import { simulate } from '../../../../workers/cli/planning/simulate.ts';
import { SimulatedTime } from '../../../../workers/cli/planning/simulated-time.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';

const numbers = assumed();
const plan = planIndex(
  {
    vectors: 5_000_000,
    dimensions: 100,
    qps: 200,
    writesPerSecond: 0,
    recall: 0.95,
    replicas: 1,
    shardVectorsMax: 100_000,
    shardsMax: 4_096,
    locators: 8,
    leavesMax: 100,
  },
  numbers,
);
const scenario = (over: Partial<Scenario> = {}): Scenario => ({
  plan,
  assumed: numbers,
  qps: 200,
  queries: 3_000,
  deadlineMs: 50,
  isHedged: true,
  seed: 3,
  ...over,
});

describe('simulated time', () => {
  it('[K4] runs what is due in order, and nothing that was called off', async () => {
    const [time, chance] = [new SimulatedTime(), new Chance(5)];
    const ran: number[] = [];
    const dues = Array.from({ length: 500 }, (_, i) => {
      const atMs = Math.floor(chance.next() * 100);
      return { atMs, callOff: time.after(atMs, () => ran.push(time.nowMs())), isOff: i % 7 === 0 };
    });
    for (const { callOff, isOff } of dues) if (isOff) callOff();
    await time.run();
    const expected = dues.filter(({ isOff }) => !isOff).map(({ atMs }) => atMs);
    expect(ran).toEqual(expected.toSorted((a, b) => a - b));
  });
});

describe('simulated queries', () => {
  it('[K4] are the same for the same seed, and about as long for another', async () => {
    const first = await simulate(scenario());
    expect(await simulate(scenario())).toEqual(first);
    const other = await simulate(scenario({ seed: 4 }));
    expect(other).not.toEqual(first);
    expect(other.p50Ms / first.p50Ms).toBeGreaterThan(0.9);
    expect(other.p50Ms / first.p50Ms).toBeLessThan(1.1);
    // No faster than a call there and back.
    expect(first.p50Ms).toBeGreaterThan(numbers.hopMs);
  });

  it('[K5] end at their deadline, partial if a shard is dead and has no replica', async () => {
    const dead = await simulate(scenario({ isHedged: false, slowFactor: Infinity }));
    const well = await simulate(scenario({ isHedged: false }));
    expect(dead.p999Ms).toBeLessThanOrEqual(50.001);
    expect(dead.partialShare).toBeGreaterThan(well.partialShare + 0.05);
    const rescued = await simulate(scenario({ slowFactor: Infinity }));
    expect(rescued.partialShare).toBeLessThan(dead.partialShare / 2);
  });

  it('[K6] have a short tail only while slow calls are made again', async () => {
    const patient = { deadlineMs: 5_000 };
    const [alone, hedged] = [await simulate(scenario({ ...patient, isHedged: false })), await simulate(scenario(patient))];
    expect(alone.p99Ms).toBeGreaterThan(1.5 * hedged.p99Ms);
    expect(hedged.hedgedShare).toBeGreaterThan(0.01);
    expect(hedged.hedgedShare).toBeLessThan(0.06);
    expect(alone.hedgedShare).toBe(0);
    expect(alone.callsPerQuery).toBe(plan.probes);
    const cold = await simulate(scenario({ ...patient, assumed: { ...numbers, idleUntilColdS: 0.01 } }));
    expect(cold.coldShare).toBeGreaterThan(0.3);
    expect(cold.p50Ms).toBeGreaterThan(hedged.p50Ms + numbers.coldStartMs / 2);
  });
});

describe('sluice capacity', () => {
  const printed = async (...args: string[]): Promise<string> => {
    const { status, stdout } = await carriedOut(capacity(), ...args);
    expect(status).toBe(0);
    return stdout;
  };

  it('[K2] prints the plan, in words or as JSON', async () => {
    const text = await printed('--vectors', '1_000_000', '--dims', '384', '--qps', '50');
    for (const part of ['1,000,000 vectors of 384', 'shards', 'objects', 'storage', 'p99.9', 'a million queries', 'rows written']) {
      expect(text).toContain(part);
    }
    const json = JSON.parse(await printed('--vectors', '3e6', '--dims', '384', '--qps', '0', '--json'));
    expect(json).toMatchObject({ demand: { vectors: 3_000_000 }, latency: null, plan: { coldShare: 1 } });
    expect(json.plan.shards).toBeGreaterThan(10);
    expect((await carriedOut(assumptions())).stdout).toContain('developers.cloudflare.com');
  });

  it.each([
    [['--vectors', '-1', '--dims', '3', '--qps', '1'], 'vectors'],
    [['--vectors', 'many', '--dims', '3', '--qps', '1'], '--vectors'],
    [['--vectors', '10', '--dims', '9000', '--qps', '1'], '--dims'],
    [['--vectors', '10', '--dims', '1', '--qps', '1'], '--dims'],
    [['--vectors', '10', '--dims', '10'], '--qps'],
    [['--vectors', '10', '--dims', '10', '--qps', '1', '--recall', '0.5'], '--recall'],
  ])('[K7] refuses %j', async (args, named) => {
    const { status, stderr } = await carriedOut(capacity(), ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(named);
  });
});

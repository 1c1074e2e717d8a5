import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../../src/scheduler/engine/model/cluster-state.ts';
import { acceleratorMilli } from '../../../../src/scheduler/engine/placement/workload-mix.ts';
import { arrivals, OPENB_POLICIES, replayOpenb } from '../../../../src/scheduler/simulator/openb/replay.ts';
import { FgdCost, PUBLISHED_FGD, typicalShapes } from '../../../../src/scheduler/simulator/openb/fgd.ts';
import { readOpenb } from '../../../../src/scheduler/simulator/openb/read-openb.ts';
import { MARKS, studyOpenb } from '../../../../src/scheduler/simulator/openb/study.ts';
import { demand, nodeSpec } from '../../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { syntheticOpenb } from '../../../support/fixtures/synthetic-openb.ts';

const traceOf = (...args: Parameters<typeof syntheticOpenb>) => {
  const files = syntheticOpenb(...args);
  const outcome = readOpenb(files.nodes, files.pods);
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.value;
};
const chanceOf = (seed: number) => {
  const random = new Seeded(seed);
  return () => random.next();
};
const capacityMilli = 212_000;

describe('[PL22] arrivals', () => {
  it.each([
    ['fewer than the cluster has', 150],
    ['more', 700],
  ])('of %s come to 1.3 times what it has, each from the trace', (_, pods) => {
    const trace = traceOf(3, pods);
    expect(trace.nodes.reduce((sum, { acceleratorCount }) => sum + acceleratorCount * 1_000, 0)).toBe(capacityMilli);
    const order = arrivals(trace, capacityMilli, chanceOf(1));
    const milli = order.reduce((sum, pod) => sum + acceleratorMilli(trace.shapes[pod]!.shape), 0);
    expect(Math.abs(milli / capacityMilli - 1.3)).toBeLessThan(8_000 / capacityMilli);
    expect(order).toEqual(arrivals(trace, capacityMilli, chanceOf(1)));
    expect(order).not.toEqual(arrivals(trace, capacityMilli, chanceOf(2)));
    const count = (list: readonly number[], shape: number) => list.filter((pod) => pod === shape).length;
    for (const shape of trace.shapes.keys()) {
      if (pods === 150) expect(count(order, shape)).toBeGreaterThanOrEqual(count(trace.pods, shape));
      else expect(count(order, shape)).toBeLessThanOrEqual(count(trace.pods, shape));
    }
  });
});

describe('replays', () => {
  it('[PL23] count as allocated what the nodes lack, and never more than has arrived', () => {
    const trace = traceOf(3);
    for (const policy of Object.values(OPENB_POLICIES)) {
      const order = arrivals(trace, capacityMilli, chanceOf(7));
      const { curve, cluster, placed, refused } = replayOpenb(trace, order, policy);
      let free = 0;
      for (let node = 0; node < cluster.length; node++) {
        for (let index = 0; index < cluster.spec(node).acceleratorCount; index++) free += cluster.acceleratorFreeMilli(node, index);
      }
      expect(curve.at(-1)!.allocatedPct).toBeCloseTo(100 - (100 * free) / capacityMilli, 9);
      expect(placed + refused).toBe(order.length);
      expect(refused, 'not everything fits').toBeGreaterThan(10);
      for (const { arrivedPct, allocatedPct } of curve.slice(0, -1)) expect(allocatedPct).toBeLessThan(arrivedPct + 4);
      expect(curve.map(({ allocatedPct }) => allocatedPct)).toEqual(
        curve.map(({ allocatedPct }) => allocatedPct).toSorted((a, b) => a - b),
      );
      expect(curve.length).toBeGreaterThan(129);
    }
  });

  it('[PL20] are the same for the same seed', () => {
    const study = () => JSON.stringify(studyOpenb(traceOf(5), [1, 2], chanceOf));
    expect(study()).toBe(study());
    expect(study()).not.toBe(JSON.stringify(studyOpenb(traceOf(5), [1, 3], chanceOf)));
  });

  it('[PL22] leave more allocated than FGD does, on the same arrivals', () => {
    const wins = { 95: 0, 100: 0, 130: 0 };
    const gain = { 95: 0, 100: 0, 130: 0 };
    for (const trace of [11, 12, 13, 14, 15].map((seed) => traceOf(seed, 320, 0.4))) {
      const { summary, pairedWins } = studyOpenb(trace, [1, 2, 3, 4], chanceOf);
      for (const mark of MARKS) {
        wins[mark] += pairedWins[mark];
        gain[mark] +=
          (summary.find(({ policy }) => policy === 'sluice')!.mean[mark] - summary.find(({ policy }) => policy === 'fgd')!.mean[mark]) / 5;
      }
    }
    for (const mark of MARKS) {
      expect(wins[mark], `of 20 at ${mark} %`).toBeGreaterThan(15);
      expect(gain[mark]).toBeGreaterThan(1);
    }
  });

  it('[PL22] know what was published of 17 traces', () => {
    expect(Object.keys(PUBLISHED_FGD)).toHaveLength(17);
    expect(PUBLISHED_FGD['gpuspec33']).toEqual({ 95: 84.25, 100: 87.84, 130: 94.55 });
  });
});

describe('[PL24] the replica of FGD', () => {
  it('knows the shapes that make up 95 % of the jobs, whatever their memory', () => {
    const shape = (cpuMilli: number, memoryMib = 1) => ({ ...demand(1, { cpuMilli, memoryMib }), accelerators: null });
    const typical = typicalShapes([
      { shape: shape(1), weight: 10 },
      { shape: shape(2, 1), weight: 40 },
      { shape: shape(2, 2), weight: 45 },
      { shape: shape(3), weight: 3 },
      { shape: shape(4), weight: 2 },
    ]);
    expect(typical.map(({ shape: { cpuMilli }, weight }) => [cpuMilli, weight])).toEqual([
      [2, 85 / 95],
      [1, 10 / 95],
    ]);
  });

  it('gives 50 points where nothing changes, so that the first of equals is taken; more for less waste', () => {
    const cluster = new ClusterState();
    for (const n of [0, 1, 2]) cluster.add(nodeSpec(n, { acceleratorCount: 2 }));
    const half = { ...demand(1, { milliEach: 500 }), accelerators: null };
    const whole = { ...demand(1), accelerators: null };
    const fgd = new FgdCost(cluster, [{ shape: whole, weight: 1 }]);
    expect(fgd.choose(0, { ...half, acceleratorCount: 0 })).toEqual({ cost: -50, mask: 0 });
    expect(fgd.choose(1, whole)).toEqual({ cost: -50, mask: 1 });
    expect(fgd.choose(1, half), '500 more are wasted').toEqual({ cost: -37, mask: 1 });
    cluster.allocate({ demand: half, slots: [{ node: 2, mask: 0b10 }] });
    expect(fgd.choose(2, half), '500 fewer').toEqual({ cost: -62, mask: 0b10 });
  });
});

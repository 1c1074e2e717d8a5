import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../../../src/scheduler/engine/model/cluster-state.ts';
import type { NodeSpec } from '../../../../../src/scheduler/engine/model/pool-spec.ts';
import { balanceLoad, GangScarcity, Scarcity } from '../../../../../src/scheduler/engine/placement/scarcity.ts';
import { contention, gangsOf, IdleCapacity } from '../../../../../src/scheduler/engine/placement/idle-capacity.ts';
import { CostBoard } from '../../../../../src/scheduler/engine/placement/cost-board.ts';
import { Fragmentation } from '../../../../../src/scheduler/engine/placement/fragmentation.ts';
import type { Shape } from '../../../../../src/scheduler/engine/placement/workload-mix.ts';
import { Stranding, WasteCost } from '../../../../../src/scheduler/engine/placement/waste-cost.ts';
import { demand, nodeSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const shape = (count: number, cpuMilli: number, milliEach = 1_000, accelerators: string[] | null = null): Shape => ({
  ...demand(count, { cpuMilli, milliEach }),
  accelerators: accelerators === null ? null : new Set(accelerators),
});

const clusterOf = (...specs: Partial<NodeSpec>[]): ClusterState => {
  const cluster = new ClusterState();
  for (const [n, spec] of specs.entries()) cluster.add(nodeSpec(n, spec));
  return cluster;
};

describe('[PL4] fragmentation', () => {
  const mix = [
    { shape: shape(1, 1_000, 400), weight: 0.4 },
    { shape: shape(2, 4_000), weight: 0.3 },
    { shape: shape(1, 1_000, 1_000, ['A100']), weight: 0.2 },
    { shape: shape(0, 1_000), weight: 0.1 },
  ];

  it('is what of the idle accelerators each shape could not use', () => {
    const ofH100 = new Fragmentation(mix, 'H100');
    // Of 2600: parts of 400 leave the 300 and the 300; the pair fits once CPU suffices; the others can use nothing.
    expect(ofH100.milli(4_000, [1_000, 1_000, 300, 300])).toBeCloseTo(0.4 * 600 + 0.3 * 600 + 0.2 * 2_600 + 0.1 * 2_600, 9);
    expect(ofH100.milli(3_999, [1_000, 1_000, 300, 300])).toBeCloseTo(0.4 * 600 + 0.3 * 2_600 + 0.2 * 2_600 + 0.1 * 2_600, 9);
    expect(new Fragmentation(mix, 'A100').milli(1_000, [1_000])).toBeCloseTo(0.3 * 1_000 + 0.1 * 1_000, 9);
    expect(ofH100.milli(999, [1_000]), 'without CPU all of it').toBeCloseTo(1_000, 9);
    expect(ofH100.milli(64_000, [0, 0])).toBe(0);
  });
});

describe('[PL5] stranding', () => {
  it('is what each shape alone would leave idle when CPU runs out', () => {
    const stranding = new Stranding([
      { shape: shape(1, 10_000), weight: 3 },
      { shape: shape(2, 10_000), weight: 1 },
      { shape: shape(0, 64_000), weight: 9 },
    ]);
    // 3 of 5 accelerators asked for come with 10 cores each, 2 with 5.
    expect(stranding.milli(20_000, 8_000)).toBeCloseTo(0.6 * (8_000 - 2_000) + 0.4 * (8_000 - 4_000), 9);
    expect(stranding.milli(60_000, 8_000)).toBeCloseTo(0.6 * 2_000, 9);
    expect(stranding.milli(80_000, 8_000)).toBe(0);
  });
});

describe('[PL6] scarcity of types', () => {
  it('spreads demand that has a choice evenly', () => {
    const capacity = new Map([
      ['a', 10_000],
      ['b', 5_000],
      ['c', 5_000],
    ]);
    const demands = [
      { types: ['a'], milli: 8_000 },
      { types: ['a', 'b'], milli: 3_000 },
      { types: ['b', 'c'], milli: 2_000 },
      { types: ['nowhere'], milli: 1_000 },
    ];
    const spread = balanceLoad(demands, capacity);
    const load = (type: string) => spread.reduce((sum, on) => sum + (on.get(type) ?? 0), 0);
    expect(load('a'), 'who may go elsewhere does').toBeCloseTo(8_000, 1);
    expect(load('b')).toBeCloseTo(3_000, 1);
    expect(load('c')).toBeCloseTo(2_000, 1);
    // Never more on one than could be had by moving something to another.
    expect(spread.slice(0, 3).map((on) => [...on.values()].reduce((sum, milli) => sum + milli, 0))).toEqual(
      demands.slice(0, 3).map(({ milli }) => expect.closeTo(milli, 1)),
    );
    expect(spread[3]).toEqual(new Map());
  });

  it('prices what others insist on, more the less of it is idle, and nothing else', () => {
    const cluster = clusterOf({}, {}, { accelerator: 'A100' }, { accelerator: 'TPU' });
    const scarcity = new Scarcity(cluster, [
      { shape: shape(1, 1_000), weight: 6 },
      { shape: shape(1, 1_000, 1_000, ['A100']), weight: 2 },
    ]);
    // A quarter of the demand insists on A100, which is a quarter of what is idle: all of it is spoken for.
    expect(scarcity.typePrices()).toEqual(
      new Map([
        ['A100', 1],
        ['H100', 0],
        ['TPU', 0],
      ]),
    );
    for (const node of [0, 1]) cluster.allocate({ demand: demand(4), slots: [{ node, mask: 0b1111 }] });
    expect(scarcity.typePrices().get('A100')).toBeCloseTo(0.75 ** 2, 9);
    cluster.allocate({ demand: demand(4), slots: [{ node: 2, mask: 0b1111 }] });
    expect(scarcity.typePrices().get('A100')).toBe(1);
    cluster.open(2, false);
    expect([...scarcity.typePrices().keys()], 'a node that is closed has nothing').toEqual(['H100', 'TPU']);
  });

  it('prefers, for flexible jobs, types that no other job insists on', () => {
    const cluster = clusterOf({ accelerator: 'A100' }, {});
    const anywhere = shape(1, 1_000);
    const mix = [
      { shape: anywhere, weight: 1 },
      { shape: shape(1, 1_000, 1_000, ['A100']), weight: 1 },
    ];
    const board = new CostBoard(cluster, new WasteCost(cluster, mix), new Scarcity(cluster, mix));
    expect(board.cheapest(anywhere, [0, 1], 1, () => true)).toEqual([{ node: 1, mask: 1 }]);
  });
});

describe('[PL7] scarcity of blocks', () => {
  const mix = [
    { shape: shape(1, 1_000), weight: 8 },
    { shape: shape(4, 1_000), weight: 1 },
    { shape: shape(8, 1_000), weight: 1 },
  ];
  const [one, four, eight] = mix.map((each) => each.shape) as [Shape, Shape, Shape];
  const idleOf = (cluster: ClusterState): IdleCapacity => {
    const idle = new IdleCapacity(cluster);
    idle.countFor(gangsOf(mix));
    idle.refresh();
    return idle;
  };

  it('costs nothing while blocks abound, a fifth of a block when contended, and nothing for equal blocks', () => {
    const gangs = new GangScarcity(mix);
    const begun = clusterOf({}, {});
    begun.allocate({ demand: demand(1), slots: [{ node: 0, mask: 1 }] });
    // 0.6 and 0.4 of the demand; 15 idle, of which 12 in blocks of 4 and 8 in blocks of 8.
    expect(gangs.prices(idleOf(begun), one)).toEqual([expect.closeTo(800 * 0.75 ** 2, 9), expect.closeTo(1_600 * 0.75 ** 2, 9)]);
    expect(gangs.prices(idleOf(begun), four)).toEqual([0, expect.closeTo(1_600 * 0.75 ** 2, 9)]);
    expect(gangs.prices(idleOf(begun), eight)).toEqual([0, 0]);
    begun.allocate({ demand: demand(1), slots: [{ node: 1, mask: 1 }] });
    expect(gangs.prices(idleOf(begun), one)[1], 'no block is left').toBe(1_600);
    const broken = (whole: number, taken: number) => gangs.broken([10, 100], { whole, cpuFreeMilli: 64_000 }, taken, 1_000);
    expect([broken(8, 1), broken(7, 3), broken(7, 4)]).toEqual([110, 0, 10]);
    expect([contention(0.1, 1_000, 0), contention(0.001, 1_000, 100)]).toEqual([1, expect.closeTo(0.0001, 12)]);
  });

  it('counts the CPU that gangs take, each by what it is of those that take as many accelerators', () => {
    const cpuMix = [
      { shape: shape(1, 1_000), weight: 8 },
      { shape: shape(8, 32_000), weight: 3 },
      { shape: shape(8, 60_000), weight: 1 },
    ];
    const gangs = new GangScarcity(cpuMix);
    expect(gangsOf(cpuMix)).toEqual([
      { count: 8, cpuMilli: 32_000 },
      { count: 8, cpuMilli: 60_000 },
    ]);
    const cluster = clusterOf({}, { cpuMilli: 40_000 });
    const idle = new IdleCapacity(cluster);
    idle.countFor(gangsOf(cpuMix));
    idle.refresh();
    expect([idle.blocks(0), idle.blocks(1)]).toEqual([2, 1]);
    // 0.8 of the demand needs the lesser CPU or more, of 16 idle there are 16; 0.2 the greater, of which there are 8.
    expect(gangs.prices(idle, cpuMix[0]!.shape)).toEqual([
      expect.closeTo(1_600 * 0.75 * 0.8 ** 2, 9),
      expect.closeTo(1_600 * 0.25 * 0.4 ** 2, 9),
    ]);
    expect(gangs.prices(idle, cpuMix[1]!.shape)[0]).toBe(0);
    // Five cores less are one block less for those who need 60.
    expect(gangs.broken([10, 100], { whole: 8, cpuFreeMilli: 64_000 }, 0, 5_000)).toBe(100);
    expect(gangs.broken([10, 100], { whole: 8, cpuFreeMilli: 64_000 }, 0, 4_000)).toBe(0);
  });

  it('keeps small jobs off the last block', () => {
    // The second is broken into already, but has so few cores left that by its own waste alone the first would be taken.
    const cluster = clusterOf({}, { cpuMilli: 8_000 });
    cluster.allocate({ demand: demand(1), slots: [{ node: 1, mask: 1 }] });
    const cheapest = (wanted: Shape, scarcity: Scarcity | null) =>
      new CostBoard(cluster, new WasteCost(cluster, mix), scarcity).cheapest(wanted, [0, 1], 1, () => true)?.[0]?.node;
    expect([cheapest(shape(1, 2_000), null), cheapest(shape(1, 2_000), new Scarcity(cluster, mix))]).toEqual([0, 1]);
    expect(cheapest(mix[2]!.shape, new Scarcity(cluster, mix))).toBe(0);
  });
});

describe('[PL2] of nodes that waste as much', () => {
  const mix = [{ shape: shape(1, 1_000), weight: 1 }];
  const cheapest = (cluster: ClusterState, wanted: Shape, nodes = [...Array.from({ length: cluster.length }).keys()], count = 1) =>
    new CostBoard(cluster, new WasteCost(cluster, mix), null).cheapest(wanted, nodes, count, () => true);

  it('the fullest is taken: least idle accelerators, then least CPU', () => {
    const cluster = clusterOf({}, { acceleratorCount: 4 }, { acceleratorCount: 4, cpuMilli: 32_000 });
    expect(cheapest(cluster, mix[0]!.shape)).toEqual([{ node: 2, mask: 1 }]);
    expect(cheapest(cluster, mix[0]!.shape, [0, 1])).toEqual([{ node: 1, mask: 1 }]);
  });

  it('then the first by index, in whatever order they are given', () => {
    const cluster = clusterOf({}, {}, {});
    expect(cheapest(cluster, mix[0]!.shape, [2, 0, 1])).toEqual([{ node: 0, mask: 1 }]);
    expect(cheapest(cluster, mix[0]!.shape, [2, 1])).toEqual([{ node: 1, mask: 1 }]);
    expect(cheapest(cluster, mix[0]!.shape, [2, 1, 0], 2)?.map(({ node }) => node)).toEqual([0, 1]);
    expect(cheapest(cluster, mix[0]!.shape, [2, 1, 0], 4)).toBeUndefined();
  });

  it('parts go to the device that is left with least', () => {
    const cluster = clusterOf({ acceleratorCount: 3 });
    cluster.allocate({ demand: demand(1, { milliEach: 300 }), slots: [{ node: 0, mask: 0b010 }] });
    cluster.allocate({ demand: demand(1, { milliEach: 500 }), slots: [{ node: 0, mask: 0b100 }] });
    expect(cheapest(cluster, shape(1, 1_000, 500))).toEqual([{ node: 0, mask: 0b100 }]);
    expect(cheapest(cluster, shape(1, 1_000, 600))).toEqual([{ node: 0, mask: 0b010 }]);
    expect(cheapest(cluster, shape(1, 1_000, 800))).toEqual([{ node: 0, mask: 0b001 }]);
  });
});

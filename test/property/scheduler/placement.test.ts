import * as fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { ClusterState } from '../../../src/scheduler/engine/model/cluster-state.ts';
import type { Placement } from '../../../src/scheduler/engine/model/cluster-state.ts';
import { UndoLog } from '../../../src/scheduler/engine/model/undo-log.ts';
import { CostBoard, RememberedCost } from '../../../src/scheduler/engine/placement/cost-board.ts';
import { freeAfter } from '../../../src/scheduler/engine/placement/accelerator-masks.ts';
import { Fragmentation } from '../../../src/scheduler/engine/placement/fragmentation.ts';
import { Scarcity } from '../../../src/scheduler/engine/placement/scarcity.ts';
import type { Shape, WeightedShape } from '../../../src/scheduler/engine/placement/workload-mix.ts';
import { acceptsType } from '../../../src/scheduler/engine/placement/workload-mix.ts';
import { Stranding, WasteCost } from '../../../src/scheduler/engine/placement/waste-cost.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { nodeSpec } from '../../support/fixtures/scheduler-specs.ts';

const shape: fc.Arbitrary<Shape> = fc
  .record({
    cpuMilli: fc.integer({ min: 0, max: 20_000 }),
    memoryMib: fc.integer({ min: 0, max: 20_000 }),
    size: fc.constantFrom([0, 1_000], [1, 200], [1, 350], [1, 500], [1, 1_000], [1, 1_000], [2, 1_000], [2, 600], [4, 1_000], [8, 1_000]),
    accelerators: fc.constantFrom(null, null, ['H100'], ['A100'], ['A100', 'TPU']),
  })
  .map(({ cpuMilli, memoryMib, size: [acceleratorCount = 0, milliEach = 0], accelerators }) => ({
    cpuMilli,
    memoryMib,
    acceleratorCount,
    milliEach,
    accelerators: accelerators === null || acceleratorCount === 0 ? null : new Set(accelerators),
  }));

const node = fc.record({
  accelerator: fc.constantFrom('H100', 'A100', 'TPU', null),
  count: fc.constantFrom(1, 2, 4, 8),
  cpuMilli: fc.constantFrom(8_000, 32_000, 64_000),
});

const happening = fc.record({
  kind: fc.constantFrom(
    'place' as const,
    'place' as const,
    'place' as const,
    'give' as const,
    'close' as const,
    'trial' as const,
    'add' as const,
  ),
  which: fc.nat(1_000),
  count: fc.constantFrom(1, 1, 1, 2, 3),
});

const seen = { placed: 0, gangs: 0, noRoom: 0, undone: 0, closed: 0, outgrown: 0 };

class World {
  readonly undo = new UndoLog();
  readonly cluster = new ClusterState(this.undo);
  held: Placement[] = [];
  board: CostBoard;
  readonly mix: readonly WeightedShape[];

  constructor(
    nodes: readonly { readonly accelerator: string | null; readonly count: number; readonly cpuMilli: number }[],
    mix: readonly WeightedShape[],
  ) {
    this.mix = mix;
    for (const { accelerator, count, cpuMilli } of nodes) {
      const acceleratorCount = accelerator === null ? 0 : count;
      this.cluster.add(nodeSpec(this.cluster.length, { accelerator, acceleratorCount, cpuMilli, memoryMib: 65_536 }));
    }
    this.board = this.kept();
  }

  /** As the engine has it: costs of nodes that are alike are found once. */
  kept(): CostBoard {
    return new CostBoard(
      this.cluster,
      new RememberedCost(this.cluster, new WasteCost(this.cluster, this.mix)),
      new Scarcity(this.cluster, this.mix),
    );
  }

  fresh(): CostBoard {
    return new CostBoard(this.cluster, new WasteCost(this.cluster, this.mix), new Scarcity(this.cluster, this.mix));
  }

  get nodes(): number[] {
    return Array.from({ length: this.cluster.length }, (_, index) => index);
  }

  place({ which, count }: { readonly which: number; readonly count: number }): void {
    if (this.board.isOutgrown) this.board = this.kept();
    const wanted = this.mix[which % this.mix.length]!.shape;
    const allows = (index: number): boolean => (which + index) % 7 !== 0;
    const slots = this.board.cheapest(wanted, this.nodes, count, allows);
    const anew = this.fresh();
    expect(slots, '[PL3] what was kept is what is found anew').toEqual(anew.cheapest(wanted, this.nodes, count, allows));
    expect(slots, '[PL2] in whatever order').toEqual(anew.cheapest(wanted, this.nodes.toReversed(), count, allows));
    const fitting = this.nodes.filter((index) => this.fits(index, wanted) && allows(index));
    expect(this.board.fitting(wanted, this.nodes, allows)).toEqual(fitting);
    expect(slots !== undefined, '[PL1] a place is found exactly when there is one').toBe(fitting.length >= count);
    if (slots === undefined) {
      seen.noRoom += 1;
      return;
    }
    expect(slots).toHaveLength(count);
    expect(new Set(slots.map(({ node: at }) => at)).size, '[PL1] each node once').toBe(count);
    for (const { node: at } of slots) expect(fitting).toContain(at);
    // Refuses what is not free, and masks of another size.
    this.cluster.allocate({ demand: wanted, slots });
    this.held.push({ demand: wanted, slots });
    seen.placed += 1;
    if (count > 1) seen.gangs += 1;
  }

  fits(index: number, wanted: Shape): boolean {
    const { accelerator } = this.cluster.spec(index);
    const isItsType = wanted.acceleratorCount === 0 || (accelerator !== null && acceptsType(wanted, accelerator));
    return isItsType && this.cluster.fits(index, wanted);
  }

  do(next: { readonly kind: 'place' | 'give' | 'close' | 'trial' | 'add'; readonly which: number; readonly count: number }): void {
    const { kind, which } = next;
    if (kind === 'place') return this.place(next);
    if (kind === 'give') {
      const [gone] = this.held.splice(which % Math.max(1, this.held.length), 1);
      if (gone !== undefined) this.cluster.release(gone);
    } else if (kind === 'close') {
      seen.closed += 1;
      this.cluster.open(which % this.cluster.length, which % 3 !== 0);
    } else if (kind === 'add') {
      // More at once than there is room for, now and then.
      for (let more = 0; more < (which % 5 === 0 ? 70 : 1); more++) this.cluster.add(nodeSpec(this.cluster.length, { cpuMilli: 8_000 }));
      if (this.board.isOutgrown) seen.outgrown += 1;
    } else {
      const before = [...this.held];
      this.undo.trial(() => {
        this.place(next);
        this.do({ kind: 'give', which, count: 1 });
        this.cluster.open(0, false);
      });
      this.held = before;
      seen.undone += 1;
    }
  }
}

it('[PL1] [PL2] [PL3] placements fit, do not depend on order, and equal those of an uncached board', () => {
  fc.assert(
    fc.property(
      fc.array(node, { minLength: 1, maxLength: 6 }),
      fc.array(shape, { minLength: 1, maxLength: 6 }),
      fc.array(happening, { maxLength: 40 }),
      (nodes, shapes, happenings) => {
        const world = new World(
          nodes,
          shapes.map((each, index) => ({ shape: each, weight: 1 + index })),
        );
        for (const next of happenings) world.do(next);
        const taken = world.held.reduce((sum, { demand, slots }) => sum + demand.cpuMilli * slots.length, 0);
        const missing = world.nodes.reduce((sum, at) => sum + world.cluster.spec(at).cpuMilli - world.cluster.columns.cpuFreeMilli[at]!, 0);
        expect(missing, '[PL1] what is taken is what was placed').toBe(taken);
      },
    ),
    { numRuns: effort(150), seed: 7 },
  );
});

it('[PL4] [PL5] what a node wastes is what counting shape by shape says', () => {
  let stranded = 0;
  fc.assert(
    fc.property(
      fc.array(shape, { minLength: 1, maxLength: 6 }),
      fc.nat(64_000),
      fc.array(fc.constantFrom<number>(0, 150, 500, 1_000), { minLength: 1, maxLength: 8 }),
      (shapes, cpuMilli, free) => {
        const cluster = new ClusterState();
        cluster.add(nodeSpec(0, { acceleratorCount: free.length }));
        for (const [index, milli] of free.entries()) {
          const taken = { cpuMilli: 0, memoryMib: 0, acceleratorCount: 1, milliEach: 1_000 - milli };
          if (milli < 1_000) cluster.allocate({ demand: taken, slots: [{ node: 0, mask: 1 << index }] });
        }
        expect(freeAfter(cluster, 0, 0, 0)).toEqual(free);
        const mix = shapes.map((each, index) => ({ shape: each, weight: 1 + index }));
        const idle = free.reduce((sum, milli) => sum + milli, 0);
        const usable = ({ acceleratorCount, milliEach, accelerators, cpuMilli: needed }: Shape): number => {
          const enough = free.filter((milli) => milli >= milliEach);
          const fits =
            acceleratorCount > 0 && enough.length >= acceleratorCount && needed <= cpuMilli && accelerators?.has('H100') !== false;
          return fits ? enough.reduce((sum, milli) => sum + milli, 0) : 0;
        };
        const wasted = mix.reduce((sum, { shape: each, weight }) => sum + weight * (idle - usable(each)), 0);
        expect(new Fragmentation(mix, 'H100').milli(cpuMilli, free)).toBeCloseTo(wasted, 6);
        const users = mix.filter(({ shape: each }) => each.acceleratorCount > 0 && each.cpuMilli > 0);
        const milliOf = ({ shape: { acceleratorCount, milliEach }, weight }: WeightedShape): number =>
          weight * acceleratorCount * milliEach;
        const total = users.reduce((sum, each) => sum + milliOf(each), 0);
        const left = users.reduce((sum, each) => {
          const jobs = cpuMilli / each.shape.cpuMilli;
          const used = jobs * each.shape.acceleratorCount * each.shape.milliEach;
          return sum + (milliOf(each) / total) * Math.max(0, idle - used);
        }, 0);
        stranded += Number(left > 0);
        expect(new Stranding(mix).milli(cpuMilli, idle)).toBeCloseTo(left, 6);
      },
    ),
    { numRuns: effort(300), seed: 8 },
  );
  expect(stranded).toBeGreaterThan(50);
});

afterAll(() => {
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(effort(5));
});

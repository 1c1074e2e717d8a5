import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { tightestMask } from '../../../src/scheduler/engine/placement/accelerator-masks.ts';
import { ClusterState } from '../../../src/scheduler/engine/model/cluster-state.ts';
import type { Placement } from '../../../src/scheduler/engine/model/cluster-state.ts';
import { UndoLog } from '../../../src/scheduler/engine/model/undo-log.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { demand, nodeSpec } from '../../support/fixtures/scheduler-specs.ts';

const NODES = 3;

const change = fc.record({
  kind: fc.constantFrom('take' as const, 'take' as const, 'give' as const, 'trial' as const, 'close' as const),
  node: fc.nat(NODES - 1),
  count: fc.nat(3),
  milli: fc.constantFrom(100, 200, 300, 1000, 1000),
  which: fc.nat(20),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const seen = { taken: 0, given: 0, undone: 0, refused: 0 };

class World {
  readonly undo = new UndoLog();
  readonly cluster = new ClusterState(this.undo);
  held: Placement[] = [];

  constructor() {
    for (let n = 0; n < NODES; n++) this.cluster.add(nodeSpec(n, { acceleratorCount: 1 + n, cpuMilli: 4_000 }));
  }

  play({ kind, node, count, milli, which }: Change): void {
    if (kind === 'give') return this.give(which);
    if (kind === 'close') return this.cluster.open(node, which % 2 === 0);
    if (kind === 'take') return this.take(node, count, milli);
    const before = this.view();
    const held = [...this.held];
    this.undo.trial(() => {
      this.take(node, count, milli);
      this.give(which);
      this.cluster.open(node, false);
    });
    this.held = held;
    seen.undone += 1;
    expect(this.view(), 'a trial leaves no trace').toEqual(before);
  }

  take(node: number, count: number, milliEach: number): void {
    const wanted = demand(count, { milliEach });
    if (!this.cluster.fits(node, wanted)) {
      seen.refused += 1;
      return;
    }
    const placement = { demand: wanted, slots: [{ node, mask: tightestMask(this.cluster, node, wanted) }] };
    this.cluster.allocate(placement);
    this.held.push(placement);
    seen.taken += 1;
  }

  give(which: number): void {
    const [placement] = this.held.splice(which % Math.max(1, this.held.length), 1);
    if (placement === undefined) return;
    this.cluster.release(placement);
    seen.given += 1;
  }

  /** Everything but revisions, which only rise. */
  view() {
    const { cpuFreeMilli, memoryFreeMib, acceleratorFreeMilli, wholeFree, slotCount, isOpen } = this.cluster.columns;
    return [cpuFreeMilli, memoryFreeMib, acceleratorFreeMilli, wholeFree, slotCount, isOpen].map((column) => column.slice());
  }

  /** What is free is what there is less what is held, counted from scratch. */
  check(): void {
    for (let node = 0; node < NODES; node++) {
      const spec = this.cluster.spec(node);
      const here = this.held.filter(({ slots }) => slots[0]!.node === node);
      const free = Array.from({ length: spec.acceleratorCount }, (_, index) =>
        here.reduce((left, { demand: d, slots }) => left - ((slots[0]!.mask >> index) & 1) * d.milliEach, 1000),
      );
      expect(free).toEqual(free.map((_, index) => this.cluster.acceleratorFreeMilli(node, index)));
      expect(free.every((milli) => milli >= 0)).toBe(true);
      expect(this.cluster.columns.wholeFree[node]).toBe(free.filter((milli) => milli === 1000).length);
      expect(this.cluster.columns.cpuFreeMilli[node]).toBe(spec.cpuMilli - 1_000 * here.length);
      expect(this.cluster.columns.memoryFreeMib[node]).toBe(spec.memoryMib - 1_024 * here.length);
      expect(this.cluster.columns.slotCount[node]).toBe(here.length);
    }
  }
}

it('[J21] free capacity is total less taken capacity, to the unit, and a trial leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const world = new World();
      for (const one of changes) world.play(one);
      world.check();
    }),
    { seed: 21, numRuns: effort(2_000) },
  );
  for (const [what, count] of Object.entries(seen)) expect(count, `the runs contained ${what}`).toBeGreaterThan(1_000);
});

it('[J21] a third of a third of a device and the rest of it fill it exactly', () => {
  const cluster = new ClusterState();
  cluster.add(nodeSpec(0, { acceleratorCount: 1 }));
  for (const milliEach of [100, 200, 700]) {
    const wanted = demand(1, { milliEach });
    expect(cluster.fits(0, wanted)).toBe(true);
    cluster.allocate({ demand: wanted, slots: [{ node: 0, mask: 1 }] });
  }
  expect(cluster.acceleratorFreeMilli(0, 0)).toBe(0);
  expect(cluster.fits(0, demand(1, { milliEach: 1 }))).toBe(false);
});

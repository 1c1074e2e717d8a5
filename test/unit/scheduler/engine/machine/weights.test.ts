import { describe, expect, it } from 'vitest';

import type { JobId } from '../../../../../src/kernel/ids.ts';
import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { demand, nodeSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';

const SETTINGS = { cohorts: [cohort('all'), queue('a', 90)] };
const GIB = 1_024;

/** A job that works with weights of a model. */
const using = (model: string, gib: number, loadMs = 10_000) => ({
  options: [option(1, { perNode: demand(1, { memoryMib: gib * GIB }) })],
  weights: { model, memoryMib: gib * GIB, loadMs },
});

const nodeOf = (world: CellWorld, id: JobId) => world.job(id).attempt!.placement.slots[0]!.node;
const residentOn = (world: CellWorld, node: number) =>
  world.cell.fleet
    .node(node)
    .weights.map(({ model }) => model)
    .sort();

describe('[J68] weights in the memory of nodes', () => {
  it('stay when their job leaves, and the next that needs them goes where they are', () => {
    const world = new CellWorld(
      SETTINGS,
      [0, 1, 2].map((n) => nodeSpec(n, { acceleratorCount: 2, memoryMib: 64 * GIB })),
    );
    const filler = world.submit(1);
    const first = world.submit(2, { ...using('llama', 8), options: [option(2, { perNode: demand(2, { memoryMib: 8 * GIB }) })] });
    const home = nodeOf(world, first);
    expect(home).not.toBe(nodeOf(world, filler));
    world.report(first, { kind: 'completed' });
    expect(residentOn(world, home)).toEqual(['llama']);
    const other = world.submit(3);
    expect(nodeOf(world, other), 'who needs none goes where least is wasted').toBe(nodeOf(world, filler));
    world.report(other, { kind: 'completed' });
    const second = world.submit(4, using('llama', 8));
    expect(nodeOf(world, second)).toBe(home);
    expect(world.cell.fleet.node(home).weights).toMatchObject([{ model: 'llama', uses: 2, users: 1 }]);
  });

  it('are unloaded at once for a job that needs the memory: the cheapest to reload, never those in use', () => {
    const world = new CellWorld(SETTINGS, [nodeSpec(0, { memoryMib: 64 * GIB })]);
    const held = world.submit(1, using('in use', 16, 1));
    for (const [n, model, loadMs] of [
      [2, 'dear', 90_000],
      [3, 'cheap', 5_000],
    ] as const) {
      const id = world.submit(n, using(model, 20, loadMs));
      world.report(id, { kind: 'completed' });
    }
    expect(residentOn(world, 0)).toEqual(['cheap', 'dear', 'in use']);
    const needs = world.submit(4, { options: [option(1, { perNode: demand(1, { memoryMib: 20 * GIB }) })] });
    expect(world.states(held, needs)).toEqual(['starting', 'starting']);
    expect(world.decisions.filter(({ kind }) => kind === 'unload' || kind === 'start')).toMatchObject([
      { kind: 'unload', nodeId: 'node-0', model: 'cheap' },
      { kind: 'start', jobId: needs },
    ]);
    expect(residentOn(world, 0)).toEqual(['dear', 'in use']);
  });
});

describe('[J240] what a node says that it holds', () => {
  const idle = (world: CellWorld, n: number, model: string, gib: number, loadMs: number): void => {
    world.report(world.submit(n, using(model, gib, loadMs)), { kind: 'completed' });
  };
  const said = (model: string, gib: number, loadMs = 10_000) => ({ model, memoryMib: gib * GIB, loadMs });

  it('is there, and what it does not name is gone; sizes and times are as measured', () => {
    const world = new CellWorld(SETTINGS, [nodeSpec(0, { memoryMib: 64 * GIB })]);
    idle(world, 1, 'gone', 8, 1_000);
    idle(world, 2, 'kept', 8, 1_000);
    world.do({ kind: 'weights', nodeId: 'node-0', weights: [said('kept', 10, 5_000), said('found', 4)] });
    const { weights } = world.cell.fleet.node(0);
    expect(weights.map(({ model, memoryMib, loadMs, uses }) => [model, memoryMib / GIB, loadMs, uses])).toEqual([
      ['kept', 10, 5_000, 1],
      ['found', 4, 10_000, 1],
    ]);
    idle(world, 3, 'kept', 8, 1_000);
    expect(world.cell.fleet.node(0).weights.at(-1), 'what was measured counts').toMatchObject({
      memoryMib: 10 * GIB,
      loadMs: 5_000,
      uses: 2,
    });
  });

  it('leaves what is in use, though it spoke before that came', () => {
    const world = new CellWorld(SETTINGS, [nodeSpec(0, { memoryMib: 64 * GIB })]);
    world.submit(1, using('in use', 8));
    world.do({ kind: 'weights', nodeId: 'node-0', weights: [] });
    expect(world.cell.fleet.node(0).weights).toMatchObject([{ model: 'in use', users: 1 }]);
  });

  it('changes nothing where it brings nothing new, and nothing of a node that is not there', () => {
    const world = new CellWorld(SETTINGS, [nodeSpec(0, { memoryMib: 64 * GIB })]);
    idle(world, 1, 'm', 8, 10_000);
    world.do({ kind: 'weights', nodeId: 'node-0', weights: [said('m', 8)] });
    world.do({ kind: 'weights', nodeId: 'nobody', weights: [said('m', 8)] });
    expect(world.decisions).toEqual([]);
  });

  it('leaves no more than it has for weights: the cheapest to load go, never those in use', () => {
    const world = new CellWorld(SETTINGS, [nodeSpec(0, { memoryMib: 64 * GIB, weightsMaxMib: 24 * GIB })]);
    world.submit(1, using('in use', 8));
    idle(world, 2, 'dear', 8, 90_000);
    idle(world, 3, 'cheap', 8, 5_000);
    expect(residentOn(world, 0)).toEqual(['cheap', 'dear', 'in use']);
    world.submit(4, using('new', 8));
    expect(world.decided('unload')).toMatchObject([{ model: 'cheap' }]);
    world.do({ kind: 'weights', nodeId: 'node-0', weights: [said('in use', 8), said('dear', 8, 90_000), said('cheap', 8, 5_000)] });
    expect(residentOn(world, 0)).toEqual(['dear', 'in use', 'new']);
    expect(world.decided('unload'), 'it says so still: once more').toEqual([
      { kind: 'unload', poolId: world.cell.fleet.node(0).spec.poolId, nodeId: 'node-0', model: 'cheap' },
    ]);
  });

  it('is not asked of a node that keeps none', () => {
    const world = new CellWorld(SETTINGS, [nodeSpec(0, { memoryMib: 64 * GIB, weightsMaxMib: 0 })]);
    const job = world.submit(1, using('m', 8));
    expect(world.cell.fleet.node(0).weights).toEqual([]);
    world.report(job, { kind: 'completed' });
    world.do({ kind: 'weights', nodeId: 'node-0', weights: [said('m', 8)] });
    expect(world.cell.fleet.node(0).weights).toEqual([]);
    expect(world.decided('unload')).toEqual([]);
  });
});

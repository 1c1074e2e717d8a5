import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ResidentWeights } from '../../../src/scheduler/engine/cell/resident-weights.ts';
import { weightsToUnload } from '../../../src/scheduler/engine/cell/resident-weights.ts';
import { BusyCell } from '../../support/worlds/busy-cell.ts';
import type { CellWorld } from '../../support/worlds/cell-world.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { loadedMs, loadedMsByRecency, weightsTrace } from '../../support/fixtures/weights-trace.ts';

const weights = fc.record({
  memoryMib: fc.integer({ min: 1, max: 40 }),
  loadMs: fc.integer({ min: 1, max: 60 }),
  credit: fc.integer({ min: 0, max: 50 }),
  uses: fc.constant(1),
  users: fc.constantFrom(0, 0, 0, 1),
});

const cost = (chosen: readonly ResidentWeights[]) => chosen.reduce((sum, { credit, memoryMib }) => sum + credit * memoryMib, 0);
const size = (chosen: readonly ResidentWeights[]) => chosen.reduce((sum, { memoryMib }) => sum + memoryMib, 0);

it('[J65] unloads weights that are not in use, enough and none too many, at a cost near the least', () => {
  let [best, all, regret] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(weights, { maxLength: 8 }), fc.nat(60), fc.nat(150), (drawn, freeMib, neededMib) => {
      const resident = drawn.map((one, n): ResidentWeights => ({ model: `m${n}`, ...one }));
      const open = resident.filter(({ users }) => users === 0);
      const sets = Array.from({ length: 1 << open.length }, (_, mask) => open.filter((__, n) => (mask >> n) & 1));
      const enough = sets.filter((set) => size(set) >= neededMib - freeMib);
      const least = Math.min(...enough.map(cost));
      const chosen = weightsToUnload(resident, freeMib, neededMib);
      expect(chosen === undefined).toBe(enough.length === 0);
      if (chosen === undefined) return;
      expect(chosen.every(({ users }) => users === 0)).toBe(true);
      expect(size(chosen)).toBeGreaterThanOrEqual(neededMib - freeMib);
      for (const one of chosen) expect(size(chosen.filter((other) => other !== one)), 'none too many').toBeLessThan(neededMib - freeMib);
      if (chosen.length === 0) return;
      all += 1;
      if (cost(chosen) === least) best += 1;
      regret += (cost(chosen) - least) / Math.max(1, least);
    }),
    { seed: 65, numRuns: effort(500, 20_000) },
  );
  expect(all).toBeGreaterThan(80);
  expect(best / all, 'mostly the least').toBeGreaterThan(0.75);
  expect(regret / all).toBeLessThan(0.5);
});

it('[J68] keeping weights by credit costs less loading than by recency, with little memory or much', () => {
  for (const memoryMib of [240 * 1_024, 480 * 1_024, 960 * 1_024]) {
    let [byCredit, byRecency] = [0, 0];
    for (const seed of firstSeeds(effort(4, 160))) {
      const trace = weightsTrace(seed, 2_000);
      byCredit += loadedMs(trace, memoryMib);
      byRecency += loadedMsByRecency(trace, memoryMib);
    }
    expect(byCredit / byRecency, `${memoryMib} MiB`).toBeLessThan(0.95);
  }
});

const seen = { idle: 0, inUse: 0, found: 0, loaded: 0, unloaded: 0 };

/** Memory is what jobs have asked for and what weights fill of the rest; those in use are there, and counted right. */
function check(world: CellWorld): void {
  const { cell } = world;
  for (const { spec: pool } of cell.fleet.pools) {
    for (const index of cell.fleet.nodesOf(pool.id)) {
      const { weights: resident } = cell.fleet.node(index);
      const idleMib = size(resident.filter(({ users }) => users === 0));
      const takenMib = [...cell.jobs.all].reduce((sum, { attempt }) => {
        const isThere = attempt !== null && [...attempt.placement.slots, ...attempt.shedding].some(({ node }) => node === index);
        return isThere && attempt.startedAtMs !== null ? sum + attempt.placement.demand.memoryMib : sum;
      }, 0);
      expect(idleMib === 0 || idleMib + takenMib <= cell.fleet.cluster.spec(index).memoryMib, 'memory suffices').toBe(true);
      const using = [...cell.jobs.all].filter(
        ({ spec, attempt }) =>
          spec.weights !== null &&
          attempt !== null &&
          attempt.startedAtMs !== null &&
          [...attempt.placement.slots, ...attempt.shedding].some(({ node }) => node === index),
      );
      for (const { spec } of using) expect(resident.some(({ model }) => model === spec.weights!.model)).toBe(true);
      for (const { model, users } of resident) expect(users).toBe(using.filter(({ spec }) => spec.weights!.model === model).length);
      seen.idle += resident.filter(({ users }) => users === 0).length;
      seen.inUse += using.length;
    }
  }
}

it('[J68] idle weights stay as far as memory allows; weights in use always', () => {
  for (const seed of firstSeeds(effort(20, 960), 98, 109, 177)) {
    const busy = new BusyCell(seed);
    const { world } = busy;
    for (let n = 0; n < 120; n++) {
      const before = new Map([...world.cell.jobs.all].map((job) => [job.spec.id, job.attempt?.startedAtMs ?? null]));
      const there = new Map(
        [...world.cell.fleet.pools].flatMap(({ spec }) =>
          world.cell.fleet.nodesOf(spec.id).map((index) => [index, world.cell.fleet.node(index).weights]),
        ),
      );
      world.do(busy.next());
      seen.unloaded += world.decided('unload').length;
      for (const { spec, attempt } of world.cell.jobs.all) {
        if (spec.weights === null || attempt === null || attempt.startedAtMs === null || before.get(spec.id) != null) continue;
        const hits = attempt.placement.slots.filter(({ node }) => there.get(node)?.some(({ model }) => model === spec.weights!.model));
        seen.found += hits.length;
        seen.loaded += attempt.placement.slots.length - hits.length;
      }
      check(world);
    }
  }
  for (const [what, count] of Object.entries(seen))
    expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(20);
});

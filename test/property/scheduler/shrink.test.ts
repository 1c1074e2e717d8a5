import { expect, it } from 'vitest';

import { CellWorld, cohort, queue } from '../../support/worlds/cell-world.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { nodeSpec, option } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const NODES = 24;

it('[J61] jobs give up as few steps as suffice, one after the other from the one with most to spare', () => {
  const seen = { shrunk: 0, bySeveral: 0, impossible: 0, untouched: 0 };
  for (const seed of seeds(150)) {
    const rng = new Seeded(seed);
    const below = (count: number) => Math.floor(rng.next() * count);
    const eviction = { preemptWithinQueue: false, reclaimWithinCohort: false };
    const world = new CellWorld(
      { cohorts: [cohort('all'), queue('a', NODES, { eviction })], headPatienceMs: 1e12 },
      Array.from({ length: NODES }, (_, n) => nodeSpec(n, { acceleratorCount: 1 })),
    );
    const sizeOf = (n: number) => world.job(ids[n]!).attempt?.placement.slots.length ?? 0;
    const ranges = Array.from({ length: 1 + below(6) }, () => {
      const [min, step] = [1 + below(2), 1 + below(2)];
      return { min, step, max: min + step * below(8) };
    });
    const ids = ranges.map((nodes, n) => {
      const id = world.submit(n, { queue: 'a', options: [option(1, { nodes })] });
      // Who still is on nodes that it has given up gives up no more.
      for (const { spec, attempt } of world.cell.jobs.all) if ((attempt?.shedding.length ?? 0) > 0) world.report(spec.id, { kind: 'shed' });
      return id;
    });
    const expected = ranges.map((_, n) => sizeOf(n));
    const total = () => expected.reduce((sum, size) => sum + size, 0);
    const count = 1 + below(NODES);
    const spare = (n: number) => (expected[n] === 0 ? 0 : Math.floor((expected[n]! - ranges[n]!.min) / ranges[n]!.step) * ranges[n]!.step);
    const before = [...expected];
    while (NODES - total() < count) {
      const most = ranges.keys().reduce((best, n) => (spare(n) > spare(best) ? n : best), 0);
      if (spare(most) === 0) break;
      expected[most]! -= ranges[most]!.step;
    }
    const isPossible = NODES - total() >= count;
    const id = world.submit(99, { queue: 'a', options: [option(1, { nodes: { min: count, max: count, step: 1 } })] });
    expect(world.job(id).attempt !== null, `seed ${seed}`).toBe(isPossible);
    const after = ranges.map((_, n) => sizeOf(n));
    expect(after, `seed ${seed}: ${count} of ${NODES}, ${JSON.stringify({ before, ranges })}`).toEqual(isPossible ? expected : before);
    const shrunk = after.filter((size, n) => size < before[n]!).length;
    if (!isPossible) seen.impossible += 1;
    else if (shrunk === 0) seen.untouched += 1;
    else seen.shrunk += 1;
    if (shrunk > 1) seen.bySeveral += 1;
  }
  for (const [what, times] of Object.entries(seen))
    expect(times, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(10);
});

import { expect, it } from 'vitest';

import { BASELINE } from '../../../bench/scheduler/kueue-suite.ts';
import { suiteWorld } from '../../../bench/served/suite-world.ts';
import { startsOfEngine, startsOfServedCell } from '../../../support/worlds/served-suite.ts';

/** Kueue's baseline suite with a tenth of its workloads in two of its cohorts. */
const SUITE = { ...BASELINE, cohorts: 2, sets: BASELINE.sets.map((set) => ({ ...set, count: set.count / 10 })) };

const world = suiteWorld(SUITE, 4);

/** Starts of one moment may reach different pools in any order. */
const ordered = (starts: ReturnType<typeof startsOfEngine>) => starts.toSorted((a, b) => a.atMs - b.atMs || (a.jobId < b.jobId ? -1 : 1));

it('[J166] starts the jobs of a published suite when and where the engine alone does', () => {
  const engine = ordered(startsOfEngine(world));
  expect(engine.length).toBe(world.jobs.length);
  expect(engine.length).toBe(600);
  expect(ordered(startsOfServedCell(world))).toEqual(engine);
  // Jobs waited: the quotas were in use.
  const arrivals = new Map(world.jobs.map(({ request, arrivalMs }) => [request.id, arrivalMs]));
  expect(engine.filter(({ jobId, atMs }) => atMs > arrivals.get(jobId)!).length).toBeGreaterThan(50);
});

it('[J166] does so, too, when the memory of the object is lost again and again', () => {
  const starts = ordered(startsOfServedCell(world, 20));
  expect(starts.length).toBe(600);
  expect(starts).toEqual(ordered(startsOfEngine(world)));
});

import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Choice } from '../../../src/scheduler/placement/assign-options.ts';
import { assignOptions } from '../../../src/scheduler/placement/assign-options.ts';
import { effort } from '../../support/effort.ts';

const choice: fc.Arbitrary<Choice> = fc.record({
  place: fc.constantFrom('a', 'b', 'c'),
  milli: fc.constantFrom(1_000, 1_000, 2_000, 4_000),
  cost: fc.integer({ min: 1, max: 100 }),
});

/** What is placed, and the least it may cost, by trying everything. */
function best(jobs: readonly (readonly Choice[])[], idle: Readonly<Record<string, number>>): { count: number; cost: number } {
  const [first, ...rest] = jobs;
  if (first === undefined) return { count: 0, cost: 0 };
  let found = best(rest, idle);
  for (const { place, milli, cost } of first) {
    if (idle[place]! < milli) continue;
    const with_ = best(rest, { ...idle, [place]: idle[place]! - milli });
    if (with_.count + 1 > found.count || (with_.count + 1 === found.count && with_.cost + cost < found.cost)) {
      found = { count: with_.count + 1, cost: with_.cost + cost };
    }
  }
  return found;
}

it('[PL14] options are assigned within what is idle, near to the least that all can cost, and to nobody at the expense of who came before', () => {
  const gaps: number[] = [];
  fc.assert(
    fc.property(
      fc.record({ a: fc.integer({ min: 0, max: 6 }), b: fc.integer({ min: 0, max: 6 }), c: fc.integer({ min: 0, max: 6 }) }),
      fc.array(fc.array(choice, { maxLength: 3 }), { maxLength: 7 }),
      (whole, jobs) => {
        const idle = { a: whole.a * 1_000, b: whole.b * 1_000, c: whole.c * 1_000 };
        const chosen = assignOptions(jobs, new Map(Object.entries(idle)));
        expect(assignOptions(jobs, new Map(Object.entries(idle)))).toEqual(chosen);
        const taken = jobs.flatMap((choices, job) => choices[chosen[job]!] ?? []);
        for (const place of ['a', 'b', 'c'] as const) {
          const used = taken.reduce((sum, each) => sum + (each.place === place ? each.milli : 0), 0);
          expect(used).toBeLessThanOrEqual(idle[place]);
        }
        // Whoever has nothing would find nothing now.
        for (const [job, choices] of jobs.entries()) {
          if (chosen[job] !== -1) continue;
          const left = (place: Choice['place']) =>
            idle[place as 'a'] - taken.reduce((sum, each) => sum + (each.place === place ? each.milli : 0), 0);
          for (const { place, milli } of choices) expect(left(place)).toBeLessThan(milli);
        }
        const least = best(jobs, idle);
        const cost = taken.reduce((sum, each) => sum + each.cost, 0);
        if (taken.length === least.count && least.count === jobs.length && least.count > 1) gaps.push(cost / least.cost - 1);
      },
    ),
    { numRuns: effort(400), seed: 10 },
  );
  expect(gaps.length, 'all have a place').toBeGreaterThan(effort(20));
  expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toBeLessThan(0.02);
  expect(Math.min(...gaps)).toBeGreaterThan(-1e-9);
});

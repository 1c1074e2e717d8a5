import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Choice } from '../../../src/scheduler/engine/placement/assign-options.ts';
import { assignOptions } from '../../../src/scheduler/engine/placement/assign-options.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { leastDollars } from '../../support/oracles/least-dollars.ts';
import { engineDollars, staticInstance } from '../../support/fakes/static-instance.ts';

const choice: fc.Arbitrary<Choice> = fc.record({
  place: fc.constantFrom('a', 'b'),
  count: fc.constantFrom(1, 1, 2, 4),
  nodes: fc.constantFrom(1, 1, 1, 2),
  cost: fc.integer({ min: 1, max: 100 }),
});

type Free = Readonly<Record<string, readonly number[]>>;

/** All ways to take `count` on each of `nodes` nodes. */
function ways(free: readonly number[], count: number, nodes: number, from = 0): (readonly number[])[] {
  if (nodes === 0) return [free];
  return free.flatMap((whole, node) =>
    node < from || whole < count ? [] : ways(free.with(node, whole - count), count, nodes - 1, node + 1),
  );
}

/** How many can be placed, and the least they may cost, by trying everything. */
function best(jobs: readonly (readonly Choice[])[], free: Free): { count: number; cost: number } {
  const [first, ...rest] = jobs;
  if (first === undefined) return { count: 0, cost: 0 };
  let found = best(rest, free);
  for (const { place, count, nodes, cost } of first) {
    for (const left of ways(free[place]!, count, nodes)) {
      const then = best(rest, { ...free, [place]: left });
      if (then.count + 1 > found.count || (then.count + 1 === found.count && then.cost + cost < found.cost)) {
        found = { count: then.count + 1, cost: then.cost + cost };
      }
    }
  }
  return found;
}

it('[PL14] options are assigned within free capacity, at nearly least cost, to every job that fits', () => {
  const gaps: number[] = [];
  let leftOut = 0;
  fc.assert(
    fc.property(
      fc.record({
        a: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
        b: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
      }),
      fc.array(fc.array(choice, { maxLength: 3 }), { maxLength: 5 }),
      (free, jobs) => {
        const whole = new Map(Object.entries(free).map(([place, nodes]) => [place, new Map(nodes.entries())]));
        const assigned = assignOptions(jobs, whole);
        expect(assignOptions(jobs, whole)).toEqual(assigned);
        const left: Record<string, number[]> = { a: [...free.a], b: [...free.b] };
        let cost = 0;
        for (const [job, { choice: index, nodes }] of assigned.entries()) {
          const taken = jobs[job]![index];
          if (taken === undefined) continue;
          cost += taken.cost;
          expect(new Set(nodes).size).toBe(taken.nodes);
          for (const node of nodes) left[taken.place]![node]! -= taken.count;
        }
        expect(Math.min(0, ...left['a']!, ...left['b']!)).toBe(0);
        for (const [job, { choice: index }] of assigned.entries()) {
          if (index !== -1) continue;
          leftOut += 1;
          for (const { place, count, nodes } of jobs[job]!)
            expect(left[place]!.filter((amount) => amount >= count).length).toBeLessThan(nodes);
        }
        const least = best(jobs, free);
        const placed = assigned.filter(({ choice: index }) => index !== -1).length;
        expect(placed).toBeLessThanOrEqual(least.count);
        if (placed === jobs.length && placed > 1) gaps.push(cost / least.cost - 1);
      },
    ),
    { numRuns: effort(400), seed: 10 },
  );
  expect(leftOut).toBeGreaterThan(effort(20));
  expect(gaps.length, 'all have a place').toBeGreaterThan(effort(20));
  expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toBeLessThan(0.02);
  expect(Math.min(...gaps)).toBeGreaterThan(-1e-9);
});

it('[PL15] the engine spends at most 3 % more than the optimum on jobs that wait together, on average', () => {
  const gaps: number[] = [];
  for (let seed = 1; seed <= effort(20); seed++) {
    const instance = staticInstance(seed);
    const least = leastDollars(instance);
    if (least === undefined) continue;
    const spent = engineDollars(instance);
    expect(spent, `seed ${seed}: all have a place`).toBeDefined();
    gaps.push(spent! / least - 1);
    expect(gaps.at(-1), `seed ${seed}: nothing is cheaper than the least`).toBeGreaterThan(-1e-6);
  }
  expect(gaps.length).toBeGreaterThan(effort(15));
  expect(gaps.filter((gap) => gap > 1e-6).length, 'not all instances are easy').toBeGreaterThan(effort(3));
  expect(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length).toBeLessThan(0.03);
});

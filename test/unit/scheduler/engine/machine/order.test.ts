import { describe, expect, it } from 'vitest';
import type { Placer } from '../../../../../src/scheduler/engine/placement/placer.ts';
import { LeastWaste } from '../../../../../src/scheduler/engine/placement/least-waste.ts';
import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { demand, nodeSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';

const of = (wholes: number) => ({ options: [option(wholes, { perNode: demand(wholes) })] });
const common = { ...cohort('all'), quotas: { H100: { nominal: 8_000, borrowingMax: null, lendingMax: null } } };

describe('[J71] the next job', () => {
  it('is the one that has waited longest, once that outweighs the priority of others', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 8)], agingMs: 10_000, agingMax: 5 }, [nodeSpec(0)]);
    const runs = world.submit(1, { ...of(8), priority: 50 });
    const old = world.submit(2, { ...of(8), priority: 1, preemptible: false });
    world.wait(30_000);
    const higher = world.submit(3, { ...of(8), priority: 3 });
    const highest = world.submit(4, { ...of(8), priority: 9 });
    world.report(runs, { kind: 'completed' });
    expect(world.states(old, higher, highest), 'so much is not made up for').toEqual(['pending', 'pending', 'starting']);
    world.report(highest, { kind: 'completed' });
    expect(world.states(old, higher)).toEqual(['starting', 'pending']);
  });

  it('is of the queue that used less lately, where both have the same now; distant use does not count', () => {
    for (const [passedMs, first] of [
      [0, 'b'],
      [40 * 3_600_000, 'a'],
    ] as const) {
      const world = new CellWorld({ cohorts: [common, queue('a', 0), queue('b', 0)], agingMs: 1e12, headPatienceMs: 1e12 }, [nodeSpec(0)]);
      const had = world.submit(1, { queue: 'a', ...of(4) });
      world.wait(3_600_000);
      world.report(had, { kind: 'completed' });
      world.wait(passedMs);
      const full = world.submit(2, { queue: 'a', ...of(8), priority: 99 });
      const [a, b] = [world.submit(3, { queue: 'a', ...of(8) }), world.submit(4, { queue: 'b', ...of(8) })];
      world.report(full, { kind: 'completed' });
      expect(world.states(a, b), `after ${passedMs} ms`).toEqual(first === 'a' ? ['starting', 'pending'] : ['pending', 'starting']);
    }
  });
});

it('[J73] a job placed for having waited keeps its rank, and evicts none by having waited', () => {
  const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 8)], agingMs: 10_000, agingMax: 5, headPatienceMs: 1e12 }, [
    nodeSpec(0),
  ]);
  const runs = world.submit(1, { ...of(8), priority: 3, preemptible: true });
  const old = world.submit(2, { ...of(8), priority: 1 });
  world.wait(60_000);
  expect(world.states(runs, old), 'it counts for more by now than who runs, and has to wait').toEqual(['starting', 'pending']);
  world.report(runs, { kind: 'completed' });
  expect(world.states(old)).toEqual(['starting']);
  const passed = world.submit(3, { ...of(8), priority: 6 });
  world.wait(60_000);
  expect(world.states(old, passed), 'as much as it counts for').toEqual(['starting', 'pending']);
  const more = world.submit(4, { ...of(8), priority: 7 });
  expect(world.states(old, passed, more)).toEqual(['checkpointing', 'pending', 'admitted']);
});

it('[J72] a job that becomes first of its class is examined when its own wait limit is over', () => {
  const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 8)], headPatienceMs: 20_000, agingMs: 1e12 }, [nodeSpec(0)]);
  const [runs, held] = [world.submit(1, { ...of(8), priority: 99 }), world.submit(2, { ...of(8), priority: 98 })];
  const before = world.submit(3, of(8));
  world.wait(30_000);
  expect(world.cell.reservations.of('all', 'H100')?.jobId).toBe(held);
  const then = world.submit(4, of(8));
  world.do({ kind: 'cancel', jobId: before });
  expect(world.states(runs, held, then)).toEqual(['starting', 'pending', 'pending']);
  expect(world.cell.nextDueMs()).toBe(world.job(then).submittedAtMs + 20_000);
});

it('[J25] ten thousand jobs that are alike cost one evaluation', () => {
  let looks = 0;
  const placer = (...args: ConstructorParameters<typeof LeastWaste>): Placer => {
    const inner = new LeastWaste(...args);
    return {
      place: (request) => {
        looks += 1;
        return inner.place(request);
      },
      waste: (...placed) => inner.waste(...placed),
    };
  };
  const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 90)], placer }, [nodeSpec(0, { acceleratorCount: 1 })]);
  // Of half a device each, so that no count of whole ones answers beforehand.
  const half = { options: [option(1, { perNode: demand(1, { milliEach: 600 }) })] };
  const runs = world.submit(0, half);
  looks = 0;
  for (let n = 1; n <= 10_000; n++) world.submit(n, half);
  expect(looks, 'the first that came was looked at, with a place held for it; nobody else').toBeLessThan(10);
  looks = 0;
  world.report(runs, { kind: 'completed' });
  expect(world.decided('start')).toHaveLength(1);
  expect(looks, 'the one that got the place, and the next that did not').toBeLessThan(10);
});

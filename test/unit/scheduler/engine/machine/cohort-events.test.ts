import { describe, expect, it } from 'vitest';

import type { CohortSpec } from '../../../../../src/scheduler/engine/fairness/quota-tree.ts';
import { explain } from '../../../../../src/scheduler/engine/explain/explain.ts';
import { CellWorld, cohort, evictionPolicy, queue } from '../../../../support/worlds/cell-world.ts';
import { nodeSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';

const FINITE = { leavingMaxCount: 100 };
const PLENTY = { nominal: 100_000, borrowingMax: null, lendingMax: null };
const one = { options: [option(1)] };

/** A cell with so many H100s, one job on each at most. */
const cellOf = (wholes: number, cohorts: readonly CohortSpec[], settings = {}) =>
  new CellWorld({ cohorts: [{ ...cohort('all'), quotas: { H100: PLENTY } }, ...cohorts], ...settings }, [
    nodeSpec(0, { acceleratorCount: wholes }),
  ]);

describe('cohorts that change', () => {
  it('[J180] gives a queue what its new quota lets it have, and takes nothing from jobs that run', () => {
    const world = cellOf(4, [queue('a', 1, { limits: { borrowingMax: 0 }, eviction: FINITE }), queue('b', 4, { eviction: FINITE })]);
    const [first, second] = [world.submit(1, { queue: 'a', ...one }), world.submit(2, { queue: 'a', ...one })];
    expect(world.states(first, second)).toEqual(['starting', 'pending']);
    world.do({ kind: 'change_cohorts', saved: [queue('a', 2, { limits: { borrowingMax: 0 }, eviction: FINITE })], gone: [] });
    expect(world.states(first, second)).toEqual(['starting', 'starting']);
    world.do({ kind: 'change_cohorts', saved: [queue('a', 0, { limits: { borrowingMax: 0 }, eviction: FINITE })], gone: [] });
    const third = world.submit(3, { queue: 'a', ...one });
    expect(world.states(first, second, third)).toEqual(['starting', 'starting', 'pending']);
    expect(explain(world.cell, world.job(third)).blockers).toMatchObject([{ kind: 'exceeds_quota', needed: 1_000, available: 0 }]);
    world.do({ kind: 'change_cohorts', saved: [queue('late', 1, { eviction: FINITE })], gone: [] });
    expect(world.states(world.submit(4, { queue: 'late', ...one }))).toEqual(['starting']);
  });

  it('[J181] places no job of a queue on hold, and keeps no nodes for those that wait in it', () => {
    const world = cellOf(2, [queue('a', 2, { eviction: FINITE }), queue('b', 2, { eviction: { ...FINITE, reclaimWithinCohort: false } })]);
    const running = world.submit(1, { queue: 'a', ...one, preemptible: false });
    world.report(running, { kind: 'running' });
    // It waits for both, and what is free is held for it.
    const large = world.submit(2, { queue: 'a', options: [option(2)], priority: 60 });
    const small = world.submit(3, { queue: 'b', ...one });
    expect(world.states(large, small)).toEqual(['pending', 'pending']);
    world.do({ kind: 'change_cohorts', saved: [{ ...queue('a', 2, { eviction: FINITE }), stop: 'hold' }], gone: [] });
    expect(world.states(running, large, small)).toEqual(['running', 'pending', 'starting']);
    expect(explain(world.cell, world.job(large)).why).toEqual({ kind: 'queue_stopped' });
    world.do({ kind: 'change_cohorts', saved: [{ ...queue('a', 2, { eviction: FINITE }), stop: 'hold_and_drain' }], gone: [] });
    expect(world.decided('notice')).toMatchObject([{ jobId: running, reason: 'queue_stopped' }]);
    world.leaveAll();
    expect(world.states(running, large)).toEqual(['evicted', 'pending']);
    world.do({ kind: 'change_cohorts', saved: [queue('a', 2, { eviction: FINITE })], gone: [] });
    expect(explain(world.cell, world.job(large)).why).toEqual({ kind: 'blocked' });
  });

  it.each([
    ['lower priority alone', true, 'running'],
    ['any priority', false, 'checkpointing'],
  ])('[J182] reclaims what was borrowed from jobs of %s', (_, reclaimsLowerOnly, state) => {
    const lender = { ...queue('a', 1), eviction: evictionPolicy({ reclaimsLowerOnly }) };
    const world = cellOf(1, [lender, queue('b', 0)]);
    const borrower = world.submit(1, { queue: 'b', ...one, priority: 2 });
    world.report(borrower, { kind: 'running' });
    world.submit(2, { queue: 'a', ...one, priority: 2 });
    expect(world.states(borrower)).toEqual([state]);
    const higher = world.submit(3, { queue: 'a', ...one, priority: 3 });
    expect(world.states(borrower)).toEqual(['checkpointing']);
    world.leaveAll();
    expect(world.states(higher)).toEqual(['starting']);
  });

  it('[J183] a cohort of busy queues gets no more turns than a queue beside it', () => {
    const members = ['x', 'y', 'z'].map((name) => queue(name, 0, { parent: 'team' }));
    const world = cellOf(1, [cohort('team', 'all'), ...members, queue('solo', 0)], { takesTurns: true });
    for (let n = 1; n <= 12; n++) world.submit(n, { queue: ['x', 'y', 'z'][n % 3]!, ...one, priority: 9 });
    for (let n = 13; n <= 18; n++) world.submit(n, { queue: 'solo', ...one });
    const started: string[] = [];
    for (let round = 0; round < 10; round++) {
      world.nowMs += 10;
      const [id] = world.cell.jobs.placed;
      started.push(world.job(id!).spec.queue);
      world.report(id!, { kind: 'running' });
      world.report(id!, { kind: 'completed' });
    }
    expect(started.filter((name) => name === 'solo').length).toBeGreaterThanOrEqual(4);
  });
});

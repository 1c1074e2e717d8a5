import { expect, it } from 'vitest';

import type { PoolId } from '../../../../../src/kernel/ids.ts';
import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';
import { nodeSpec, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const LATE = 'pool_late000000' as PoolId;
const late = { kind: 'add_queue', spec: queue('late', 0, { quotas: {}, eviction: { leavingMaxCount: 5 } }) } as const;

it('[J85] gives a pool that comes later to the jobs that waited before it, now and whenever it has room', () => {
  const cohorts = [cohort('all'), queue('a', 8), cohort('others'), queue('z', 8, { parent: 'others' })];
  const world = new CellWorld({ cohorts }, []);
  const [first, second] = [world.submit(1), world.submit(2, { queue: 'z' })];
  world.do({ kind: 'add_pool', spec: poolSpec({ id: LATE }) });
  world.do({ kind: 'add_nodes', nodes: [nodeSpec(0, { poolId: LATE, acceleratorCount: 1 })] });
  expect(world.states(first, second)).toEqual(['starting', 'pending']);
  world.report(first, { kind: 'completed' });
  expect(world.states(first, second)).toEqual(['succeeded', 'starting']);
  // Once per id.
  expect(world.do({ kind: 'add_pool', spec: poolSpec({ id: LATE }) }).decisions).toEqual([]);
});

it('[J85] takes jobs of a queue that comes later, and forgets it once they are over', () => {
  const world = new CellWorld();
  expect(world.do({ kind: 'submit', spec: { ...world.job(world.submit(1)).spec, id: 'job_x' as never, queue: 'late' } }).outcome.ok).toBe(
    false,
  );
  world.do(late);
  expect(world.do(late).decisions).toEqual([]);
  const id = world.submit(2, { queue: 'late' });
  expect(world.job(id).state).toBe('starting');
  expect(world.do({ kind: 'remove_queue', name: 'late' }).decisions).toEqual([]);
  world.wait(1_000);
  world.report(id, { kind: 'completed' });
  expect(world.cell.durations.of(world.job(id).classKey)).toBeGreaterThan(0);
  world.do({ kind: 'remove_queue', name: 'late' });
  expect(world.decided('forget_cohort')).toEqual([{ kind: 'forget_cohort', name: 'late' }]);
  expect(world.decided('save_duration')).toMatchObject([{ longestMs: null }]);
  expect(world.cell.tree.queue('late')).toBeUndefined();
  // Those of the settings stay.
  world.do({ kind: 'remove_queue', name: 'b' });
  expect(world.cell.tree.queue('b')).toBeDefined();
});

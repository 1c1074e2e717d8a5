import { describe, expect, it } from 'vitest';
import type { EvictionPolicy } from '../../../../../src/scheduler/engine/model/pool-spec.ts';
import { CellWorld, cohort, evictionPolicy, queue } from '../../../../support/worlds/cell-world.ts';
import { demand, nodeSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const of = (wholes: number) => ({ options: [option(wholes, { perNode: demand(wholes) })] });
const GRACE = { checkpoint: { intervalMs: 60_000, graceMs: 30_000, restartMs: 0 } };
const worldOf = (eviction: Partial<EvictionPolicy>, pool: Partial<EvictionPolicy> = {}) =>
  new CellWorld(
    {
      cohorts: [cohort('all'), queue('a', 8, { eviction })],
      pools: [poolSpec({ eviction: evictionPolicy(pool) })],
      agingMs: 1e12,
    },
    [nodeSpec(0)],
  );

describe('[J70] an eviction policy', () => {
  it('protects priorities and kinds, whether that of the queue or that of the pool says so', () => {
    for (const world of [worldOf({ protectedPriority: 5 }), worldOf({}, { protectedPriority: 5 })]) {
      const [safe, open] = [world.submit(1, { ...of(4), priority: 5 }), world.submit(2, { ...of(4), priority: 4 })];
      const [first, second] = [world.submit(3, { ...of(4), priority: 9 }), world.submit(4, { ...of(4), priority: 9 })];
      expect(world.states(safe, open, first, second)).toEqual(['starting', 'checkpointing', 'admitted', 'pending']);
    }
    for (const world of [worldOf({ protectedKinds: ['training'] }), worldOf({}, { protectedKinds: ['training'] })]) {
      const [safe, open] = [world.submit(1, { ...of(4), kind: 'training' }), world.submit(2, { ...of(4), kind: 'command' })];
      const [first, second] = [world.submit(3, { ...of(4), priority: 90 }), world.submit(4, { ...of(4), priority: 90 })];
      expect(world.states(safe, open, first, second)).toEqual(['starting', 'checkpointing', 'admitted', 'pending']);
    }
  });

  it('limits evictions at once, and examines the next waiting job as soon as one has left', () => {
    for (const world of [worldOf({ leavingMaxCount: 1 }), worldOf({}, { leavingMaxCount: 1 })]) {
      const low = [1, 2].map((n) => world.submit(n, { ...of(4), priority: 1, ...GRACE }));
      const large = world.submit(3, { ...of(8), priority: 9, preemptible: false });
      expect(world.states(...low, large), 'it would take two').toEqual(['starting', 'starting', 'pending']);
      world.do({ kind: 'cancel', jobId: large });
      const high = [4, 5].map((n) => world.submit(n, { ...of(4), priority: 9, preemptible: false }));
      expect(world.states(...high)).toEqual(['admitted', 'pending']);
      world.report([...world.cell.jobs.leaving][0]!, { kind: 'released' });
      expect(world.states(...high)).toEqual(['starting', 'admitted']);
      world.report([...world.cell.jobs.leaving][0]!, { kind: 'released' });
      expect(world.states(...low, ...high)).toEqual(['evicted', 'evicted', 'starting', 'starting']);
    }
  });

  it('leaves a job alone until it has run for a while, and then it goes without anything else happening', () => {
    const world = worldOf({ runtimeMinMs: 60_000 });
    const low = world.submit(1, { ...of(8), priority: 1 });
    world.report(low, { kind: 'running' });
    const high = world.submit(2, { ...of(8), priority: 9 });
    world.wait(59_999);
    expect(world.states(low, high)).toEqual(['running', 'pending']);
    expect(world.cell.nextDueMs()).toBe(world.nowMs + 1);
    world.wait(1);
    expect(world.states(low, high)).toEqual(['checkpointing', 'admitted']);
  });

  it('bounds the grace, by the stricter of both', () => {
    for (const world of [worldOf({ graceMaxMs: 5_000 }), worldOf({}, { graceMaxMs: 5_000 })]) {
      const low = world.submit(1, { ...of(8), priority: 1, ...GRACE });
      world.submit(2, { ...of(8), priority: 9 });
      expect(world.decided('notice')).toMatchObject([{ jobId: low, untilMs: world.nowMs + 5_000 }]);
    }
  });

  it('chooses the cheapest victims: by work lost, or by how recently they came', () => {
    for (const [victimOrder, victim] of [
      ['least_lost_work', 0],
      ['most_recent', 1],
    ] as const) {
      const world = worldOf({ victimOrder });
      const saves = world.submit(1, { ...of(4), priority: 1 });
      world.wait(60_000);
      const recent = world.submit(2, { ...of(4), priority: 1 });
      world.wait(60_000);
      world.report(saves, { kind: 'saved' });
      world.submit(3, { ...of(4), priority: 9 });
      expect(world.decided('notice')).toMatchObject([{ jobId: [saves, recent][victim] }]);
    }
  });
});

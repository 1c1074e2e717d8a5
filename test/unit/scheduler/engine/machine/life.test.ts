import { describe, expect, it } from 'vitest';

import { CellWorld, queue, cohort } from '../../../../support/worlds/cell-world.ts';
import { jobSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';

const NO_LIMITS = jobSpec(0).limits;
const GRACE = { intervalMs: 60_000, graceMs: 30_000, restartMs: 10_000 };

describe('the life of a job in the engine', () => {
  it('[J27] goes from pending over starting and running to succeeded', () => {
    const world = new CellWorld();
    const id = world.submit(1);
    expect(world.decided('start')).toEqual([
      { kind: 'start', jobId: id, fence: 1, poolId: 'pool_aaaaaaaaaa', places: [{ nodeId: 'node-0', devices: [0] }] },
    ]);
    expect(world.states(id)).toEqual(['starting']);
    world.report(id, { kind: 'running' });
    expect(world.states(id)).toEqual(['running']);
    world.report(id, { kind: 'completed' });
    expect(world.states(id)).toEqual(['succeeded']);
    expect(world.job(id)).toMatchObject({ attempt: null, finishedAtMs: world.nowMs, endReason: null });
  });

  it('[J28] takes news of the live attempt only', () => {
    const world = new CellWorld();
    const id = world.submit(1);
    world.report(id, { kind: 'released' });
    expect(world.job(id)).toMatchObject({ fence: 2, state: 'starting', failures: 0 });
    const before = world.job(id);
    for (const kind of ['running', 'completed', 'released', 'saved'] as const) {
      expect(world.report(id, { kind }, 1).outcome).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
      expect(world.decisions).toEqual([]);
    }
    expect(world.job(id)).toBe(before);
    world.report(id, { kind: 'completed' });
    expect(world.report(id, { kind: 'completed' }).outcome).toMatchObject({ ok: false });
  });

  it('[J29] is tried again after a failure, up to its limit, and never after a permanent one', () => {
    const world = new CellWorld();
    const id = world.submit(1, { retry: { attemptsMax: 2 } });
    world.report(id, { kind: 'failed', isPermanent: false });
    expect(world.job(id)).toMatchObject({ state: 'starting', fence: 2, failures: 1 });
    world.report(id, { kind: 'failed', isPermanent: false });
    expect(world.job(id)).toMatchObject({ state: 'failed', endReason: 'attempts_spent' });
    const other = world.submit(2);
    world.report(other, { kind: 'failed', isPermanent: true });
    expect(world.job(other)).toMatchObject({ state: 'failed', endReason: 'job_failed' });
  });

  it('[J30] waits for those it depends on, and fails with them', () => {
    const world = new CellWorld();
    const first = world.submit(1);
    const second = world.submit(2, { dependsOn: [first] });
    const third = world.submit(3, { dependsOn: [second] });
    expect(world.states(second, third)).toEqual(['pending', 'pending']);
    world.report(first, { kind: 'completed' });
    expect(world.states(second, third)).toEqual(['starting', 'pending']);
    world.report(second, { kind: 'failed', isPermanent: true });
    expect(world.job(third)).toMatchObject({ state: 'failed', endReason: 'dependency_failed' });
    const late = world.submit(4, { dependsOn: [third] });
    expect(world.job(late)).toMatchObject({ state: 'failed', endReason: 'dependency_failed' });
    const missing = world.do({ kind: 'submit', spec: jobSpec(5, { dependsOn: [jobSpec(99).id] }) });
    expect(missing.outcome).toMatchObject({ ok: false, error: { code: 'job_not_found', path: ['dependsOn'] } });
  });

  it('[J30] what had ended before a job that it depends on ends as it did', () => {
    const world = new CellWorld();
    const first = world.submit(1);
    const limits = { ...NO_LIMITS, deadlineAtMs: world.nowMs + 1_000 };
    const [cancelled, expired, waits] = [
      world.submit(2, { dependsOn: [first] }),
      world.submit(3, { dependsOn: [first], limits }),
      world.submit(4, { dependsOn: [first] }),
    ];
    world.do({ kind: 'cancel', jobId: cancelled });
    world.wait(1_000);
    const ended = [world.job(cancelled), world.job(expired)];
    expect(ended.map(({ state }) => state)).toEqual(['cancelled', 'expired']);
    world.wait(1_000);
    world.report(first, { kind: 'failed', isPermanent: true });
    expect(world.states(first, waits)).toEqual(['failed', 'failed']);
    expect([world.job(cancelled), world.job(expired)]).toEqual(ended);
    expect(world.decided('save').map(({ job }) => job.spec.id)).toEqual([first, waits]);
  });

  it('[J31] expires at its deadline, waiting or running', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 1)] });
    const limits = { ...NO_LIMITS, deadlineAtMs: world.nowMs + 1_000 };
    const [runs, waits] = [world.submit(1, { limits, checkpoint: GRACE }), world.submit(2, { limits })];
    expect(world.states(runs, waits)).toEqual(['starting', 'pending']);
    world.wait(999);
    expect(world.states(runs, waits)).toEqual(['starting', 'pending']);
    world.wait(1);
    expect(world.states(runs, waits)).toEqual(['checkpointing', 'expired']);
    expect(world.decided('notice')).toMatchObject([{ jobId: runs, reason: 'deadline', untilMs: world.nowMs + 30_000 }]);
    world.report(runs, { kind: 'released' });
    expect(world.job(runs)).toMatchObject({ state: 'expired', endReason: 'deadline' });
  });

  it('[J32] is asked to stop at its longest duration, and killed when its grace is over', () => {
    const world = new CellWorld();
    const id = world.submit(1, { limits: { ...NO_LIMITS, durationMaxMs: 5_000 }, checkpoint: GRACE });
    world.wait(5_000);
    expect(world.decided('notice')).toMatchObject([{ jobId: id, reason: 'max_duration' }]);
    world.wait(29_999);
    expect(world.decided('kill')).toEqual([]);
    world.wait(1);
    expect(world.decided('kill')).toEqual([{ kind: 'kill', jobId: id, fence: 1 }]);
    world.wait(60_000);
    expect(world.decided('kill')).toEqual([]);
    expect(world.states(id)).toEqual(['checkpointing']);
    world.report(id, { kind: 'released' });
    expect(world.job(id)).toMatchObject({ state: 'failed', endReason: 'max_duration' });
  });

  it('[J33] is cancelled at once while it waits, else once it has stopped, even if it completes meanwhile', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 2)] });
    const [one, two, three] = [1, 2, 3].map((n) => world.submit(n, { checkpoint: GRACE }));
    world.do({ kind: 'cancel', jobId: three! });
    expect(world.states(three!)).toEqual(['cancelled']);
    world.do({ kind: 'cancel', jobId: one! });
    world.do({ kind: 'cancel', jobId: two! });
    expect(world.states(one!, two!)).toEqual(['checkpointing', 'checkpointing']);
    world.report(one!, { kind: 'released' });
    world.report(two!, { kind: 'completed' });
    expect(world.states(one!, two!)).toEqual(['cancelled', 'cancelled']);
    expect(world.do({ kind: 'cancel', jobId: one! }).decisions).toEqual([]);
    expect(world.do({ kind: 'cancel', jobId: jobSpec(77).id }).outcome).toMatchObject({ ok: false });
  });

  it('[J34] starts on the nodes of an evicted job only once that has left', () => {
    const world = new CellWorld({ cohorts: [cohort('all'), queue('a', 8)] }, undefined);
    const low = world.submit(1, { priority: 10, options: [option(8)], checkpoint: GRACE });
    const high = world.submit(2, { priority: 90, options: [option(4)] });
    expect(world.states(low, high)).toEqual(['checkpointing', 'starting']);
    expect(world.job(high).attempt!.placement.slots[0]!.node, 'the other node is free: only quota was short').toBe(1);
    world.report(low, { kind: 'released' });
    expect(world.states(low)).toEqual(['evicted']);
  });
});

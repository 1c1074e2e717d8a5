import { cellWays } from '../../../../support/oracles/apply-remedy.ts';
import { describe, expect, it } from 'vitest';

import { explain } from '../../../../../src/scheduler/engine/explain/explain.ts';
import { plan } from '../../../../../src/scheduler/engine/explain/plan.ts';
import type { Booking } from '../../../../../src/scheduler/engine/cell/records.ts';
import type { JobSpec } from '../../../../../src/scheduler/engine/model/job-spec.ts';
import { CellWorld, queue, cohort, evictionPolicy } from '../../../../support/worlds/cell-world.ts';
import { jobSpec, nodeSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';

const SECOND_MS = 1_000;
const GRACE_MS = 500;
/** It takes a whole node. */
const whole: Partial<JobSpec> = { options: [option(8)], checkpoint: { intervalMs: null, graceMs: GRACE_MS, restartMs: 0 } };
const mine = { ...whole, queue: 'a' };
const foreign = { ...whole, queue: 'b' };
const lasting = (durationMaxMs: number): JobSpec['limits'] => ({ ...jobSpec(0).limits, durationMaxMs });

/** A cell of so many nodes whose queues have room for everything. */
function cellOf(nodes: number, settings: ConstructorParameters<typeof CellWorld>[0] = {}): CellWorld {
  const cohorts = [cohort('all'), queue('a', 800), queue('b', 800)];
  return new CellWorld(
    { cohorts, ...settings },
    Array.from({ length: nodes }, (_, n) => nodeSpec(n)),
  );
}

/** Books nodes for queue `a`, from in ten seconds for ten seconds. */
function book(world: CellWorld, overrides: Partial<Booking> = {}): Booking {
  const fromMs = world.nowMs + 10 * SECOND_MS;
  const times = { fromMs, untilMs: fromMs + 10 * SECOND_MS };
  const booking = { id: 'one', queue: 'a', ...times, poolId: null, count: 1, nodeIds: ['node-0'], hasBegun: false, ...overrides };
  world.do({ kind: 'book', booking });
  return booking;
}

const running = (world: CellWorld, n: number, spec: Partial<JobSpec>) => {
  const id = world.submit(n, spec);
  world.report(id, { kind: 'running' });
  return id;
};
const nodeOf = (world: CellWorld, id: JobSpec['id']): string | undefined => {
  const slot = world.job(id).attempt?.placement.slots[0];
  return slot && world.cell.fleet.node(slot.node).spec.id;
};

describe('booked nodes', () => {
  it('[J194] are left with notice at the start, take jobs of their queue alone, and are free after it', () => {
    const world = cellOf(1);
    const other = running(world, 1, foreign);
    const { fromMs, untilMs } = book(world);
    expect(world.cell.nextDueMs()).toBeLessThanOrEqual(fromMs);
    world.nowMs = fromMs - 1;
    world.do({ kind: 'tick' });
    expect(world.states(other)).toEqual(['running']);
    world.wait(1);
    expect(world.decided('notice')).toMatchObject([{ jobId: other, reason: 'reserved', untilMs: fromMs + GRACE_MS }]);
    const own = world.submit(2, mine);
    const waiting = world.submit(3, foreign);
    world.leaveAll();
    expect(world.states(other, own, waiting)).toEqual(['evicted', 'starting', 'pending']);
    world.report(own, { kind: 'completed' });
    expect(world.states(other, waiting)).toEqual(['evicted', 'pending']);
    expect(world.cell.nextDueMs()).toBeLessThanOrEqual(untilMs);
    world.nowMs = untilMs;
    world.do({ kind: 'tick' });
    expect(world.states(other, waiting)).toEqual(['starting', 'pending']);
    expect([...world.cell.bookings.all]).toEqual([]);
  });

  it('[J194] are free at once when the booking is cancelled, and taken at once when its time has come', () => {
    const world = cellOf(1);
    const { fromMs } = book(world, { fromMs: 0 });
    expect(fromMs).toBe(0);
    const waiting = world.submit(1, foreign);
    expect(world.states(waiting)).toEqual(['pending']);
    world.do({ kind: 'cancel_booking', id: 'one' });
    expect(world.states(waiting)).toEqual(['starting']);
  });

  it('[J194] are where jobs of its queue go first, and into which no other grows', () => {
    const world = cellOf(3);
    book(world, { fromMs: 0, nodeIds: ['node-2'] });
    expect(nodeOf(world, world.submit(1, mine))).toBe('node-2');
    const elastic = { ...foreign, options: [option(8, { nodes: { min: 1, max: 3, step: 1 } })] };
    const other = running(world, 2, elastic);
    expect(world.job(other).attempt?.placement.slots).toHaveLength(2);
    world.report(jobSpec(1).id, { kind: 'completed' });
    world.wait(1);
    expect(world.job(other).attempt?.placement.slots).toHaveLength(2);
  });

  it('[J194] evict no job for one that could not use what it leaves', () => {
    const world = cellOf(1, { cohorts: [cohort('all'), queue('a', 0), queue('b', 8)] });
    book(world, { fromMs: 0 });
    const own = running(world, 1, mine);
    // What queue a uses is borrowed from queue b, which would reclaim it.
    world.submit(2, foreign);
    expect(world.states(own)).toEqual(['running']);
  });

  it.each([
    ['may last into the booking', lasting(10_001), true, 'pending'],
    ['will be over', lasting(10_000), true, 'starting'],
    ['says nothing of its duration', lasting(1), true, 'starting'],
    ['could not be evicted', jobSpec(0).limits, false, 'pending'],
  ])('[J195] a job that %s', (_, limits, preemptible, state) => {
    const world = cellOf(1);
    book(world);
    const own = limits.durationMaxMs === 1 ? { ...limits, durationMaxMs: null } : limits;
    const job = world.submit(1, { ...foreign, limits: own, preemptible });
    expect(world.states(job)).toEqual([state]);
  });

  it('[J196] of a pool are those that cost least to clear when it begins, protected jobs last', () => {
    const policy = evictionPolicy({ protectedKinds: ['index_build'] });
    const world = cellOf(4, { pools: [poolSpec({ eviction: policy })] });
    const guarded = running(world, 1, { ...foreign, kind: 'index_build' });
    world.wait(1_000);
    const old = running(world, 2, foreign);
    world.wait(60_000);
    const young = running(world, 3, foreign);
    const last = running(world, 4, mine);
    world.wait(1_000);
    const { fromMs } = book(world, { poolId: poolSpec().id, count: 2, nodeIds: [] });
    world.nowMs = fromMs;
    world.do({ kind: 'tick' });
    expect(new Set([...world.cell.bookings.all][0]?.nodeIds)).toEqual(new Set([nodeOf(world, young), nodeOf(world, last)]));
    expect(world.states(guarded, old, young, last)).toEqual(['running', 'running', 'checkpointing', 'running']);
  });

  it('[J196] of a pool are replaced where some are lost or drained, by none that others have booked', () => {
    const world = cellOf(3);
    const { id: poolId } = poolSpec();
    book(world, { poolId, count: 2, fromMs: 0, nodeIds: [] });
    book(world, { id: 'two', queue: 'b', poolId, count: 2, fromMs: 0, nodeIds: [] });
    const nodes = () => Object.fromEntries([...world.cell.bookings.all].map(({ id, nodeIds }) => [id, nodeIds]));
    expect(nodes()).toEqual({ one: ['node-0', 'node-1'], two: ['node-2'] });
    world.do({ kind: 'node_lost', nodeId: 'node-0' });
    expect(nodes()).toEqual({ one: ['node-1'], two: ['node-2'] });
    world.do({ kind: 'add_nodes', nodes: [nodeSpec(3)] });
    expect(nodes()).toEqual({ one: ['node-1', 'node-3'], two: ['node-2'] });
    world.do({ kind: 'cancel_booking', id: 'one' });
    expect(nodes()).toEqual({ two: ['node-2', 'node-3'] });
    world.do({ kind: 'cordon', nodeId: 'node-2' });
    expect(nodes()).toEqual({ two: ['node-1', 'node-3'] });
  });

  it('[J196] of an elastic pool are not released while they are booked, and no job waits for them', () => {
    const template = { accelerator: 'H100', acceleratorCount: 8, cpuMilli: 64_000, memoryMib: 262_144 };
    const elasticity = { nodesMin: 0, nodesMax: 2, template, provisioningMs: 1_000, idleMs: 1_000 };
    const world = cellOf(1, { pools: [poolSpec({ elasticity })] });
    const { untilMs } = book(world, { fromMs: 0 });
    world.wait(5_000);
    expect(world.decided('retire')).toEqual([]);
    world.submit(1, foreign);
    expect(world.decided('provision')).toMatchObject([{ count: 1 }]);
    world.do({ kind: 'cancel', jobId: jobSpec(1).id });
    world.do({ kind: 'provision_failed', poolId: poolSpec().id, count: 1 });
    world.nowMs = untilMs;
    world.do({ kind: 'tick' });
    world.wait(5_000);
    expect([...world.cell.fleet.pools].flatMap(({ spec }) => world.cell.fleet.nodesOf(spec.id))).toEqual([]);
  });

  it('[J197] are why a job waits: which booking, from when and until when, and what would help', () => {
    const world = cellOf(1);
    const { fromMs, untilMs } = book(world);
    const spec = { ...foreign, limits: lasting(60_000) };
    const id = world.submit(1, spec);
    const reserved = { kind: 'reserved', bookingId: 'one', queue: 'a', fromMs, untilMs };
    const explained = explain(world.cell, world.job(id), cellWays(world.cell, world.job(id).spec.queue));
    expect(explained.remedies.map(({ steps }) => steps)).toEqual([
      [{ kind: 'end_reservation', option: 0, bookingId: 'one' }],
      [expect.objectContaining({ kind: 'more_nodes', by: 1 })],
      [{ kind: 'shorter_duration', option: 0, durationMaxMs: fromMs - world.nowMs }],
    ]);
    expect(explained).toMatchObject({
      blockers: [reserved],
      earliestStartMs: untilMs,
      expected: { nodeIds: ['node-0'] },
    });
    expect(plan(world.cell, jobSpec(2, spec), world.nowMs)).toMatchObject({
      value: { kind: 'waits', explanation: { blockers: [reserved], earliestStartMs: untilMs } },
    });
    expect(plan(world.cell, jobSpec(2, { ...spec, limits: lasting(10_000) }), world.nowMs)).toMatchObject({ value: { kind: 'has_place' } });
    // Also when the nodes are busy with jobs of the booking's queue.
    world.nowMs = fromMs;
    const own = world.submit(3, mine);
    expect(world.states(own)).toEqual(['starting']);
    expect(explain(world.cell, world.job(id))).toMatchObject({ blockers: [reserved] });
    // Planned at the very time when it begins: what is planned is what happens.
    expect(plan(world.cell, jobSpec(4, { ...foreign, limits: lasting(10_000) }), world.nowMs)).toMatchObject({ value: { kind: 'waits' } });
  });

  it('[J195] a plan at the time when a booking begins counts it as begun, and begins nothing', () => {
    const world = cellOf(1);
    const other = running(world, 1, foreign);
    const { fromMs } = book(world);
    const planned = plan(world.cell, jobSpec(2, mine), fromMs);
    expect(planned).toMatchObject({ value: { kind: 'has_place', startMs: fromMs + GRACE_MS } });
    expect([world.states(other), [...world.cell.bookings.all][0]?.hasBegun]).toEqual([['running'], false]);
    world.nowMs = fromMs;
    expect(world.states(world.submit(2, mine), other)).toEqual(['admitted', 'checkpointing']);
  });
});

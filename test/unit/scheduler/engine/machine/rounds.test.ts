import { describe, expect, it } from 'vitest';
import type { JobId, PoolId } from '../../../../../src/kernel/ids.ts';
import { Cell } from '../../../../../src/scheduler/engine/cell/cell.ts';
import { holding } from '../../../../../src/scheduler/engine/cell/job-record.ts';
import { attainedMs } from '../../../../../src/scheduler/engine/life/charge-segment.ts';
import type { jobSpec } from '../../../../support/fixtures/scheduler-specs.ts';
import { nodeSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';
import { CellWorld, cohort, queue } from '../../../../support/worlds/cell-world.ts';

const ROUND_MS = 100_000;
const SLICE = { roundMs: ROUND_MS, moveMs: 0 };
const A100S = 'pool_bbbbbbbbbb' as PoolId;

/** A cell with a queue `turns` whose jobs take turns, and one, `rest`, whose jobs do not. */
const world = (nodes = [nodeSpec(0, { acceleratorCount: 2 })], slice = SLICE, eviction = {}): CellWorld =>
  new CellWorld(
    {
      cohorts: [
        cohort('all'),
        queue('turns', 64, { timeSlice: slice, eviction: { preemptWithinQueue: false, ...eviction } }),
        queue('rest', 64, { eviction: { preemptWithinQueue: false } }),
      ],
      pools: [poolSpec(), poolSpec({ id: A100S })],
    },
    nodes,
  );

const job = (cell: CellWorld, n: number, overrides: Parameters<typeof jobSpec>[1] = {}): JobId => {
  const id = cell.submit(n, { queue: 'turns', ...overrides });
  if (cell.job(id).state === 'starting') cell.report(id, { kind: 'running' });
  return id;
};

/** The next round has come, and the jobs whose turn is over have left; those that start run. */
const turn = (cell: CellWorld): void => {
  cell.wait(ROUND_MS - (cell.nowMs % ROUND_MS));
  cell.leaveAll();
  for (const { spec, state } of cell.cell.jobs.all) if (state === 'starting') cell.report(spec.id, { kind: 'running' });
};

const running = (cell: CellWorld, ids: readonly JobId[]): readonly number[] =>
  ids.flatMap((id, n) => (cell.job(id).state === 'running' ? [n] : []));

const twoTypes = (fast: number, slow: number) => [
  option(1, { throughputHintMilli: fast }),
  option(1, { accelerator: 'A100', throughputHintMilli: slow }),
];

const twoNodes = () => [nodeSpec(0, { acceleratorCount: 1 }), nodeSpec(1, { acceleratorCount: 1, accelerator: 'A100', poolId: A100S })];

describe('rounds', () => {
  it('[J261] let those go that have attained least, and end once nothing of the queue runs', () => {
    const cell = world();
    const ids = [0, 1, 2].map((n) => job(cell, n));
    expect(running(cell, ids)).toEqual([0, 1]);
    const seen: number[] = [0, 0, 0];
    for (let round = 0; round < 30; round++) {
      turn(cell);
      expect(running(cell, ids)).toHaveLength(2);
      for (const n of running(cell, ids)) seen[n] = (seen[n] ?? 0) + 1;
    }
    expect(Math.max(...seen) - Math.min(...seen)).toBeLessThanOrEqual(1);
    expect(ids.every((id) => cell.job(id).fence > 5)).toBe(true);
    for (const id of ids) cell.do({ kind: 'cancel', jobId: id });
    cell.leaveAll();
    turn(cell);
    expect(cell.cell.nextDueMs()).toBe(Infinity);
  });

  it('[J261] leave a queue alone whose jobs all have nodes, and begin at whole multiples of their length', () => {
    const cell = world();
    job(cell, 0);
    expect(cell.cell.nextDueMs() % ROUND_MS).toBe(0);
    turn(cell);
    expect(cell.decided('notice')).toEqual([]);
    expect(cell.cell.nextDueMs()).toBe(cell.nowMs + ROUND_MS);
  });

  it('[J261] use what is free between two rounds', () => {
    const cell = world();
    const ids = [0, 1, 2].map((n) => job(cell, n));
    cell.nowMs += 10;
    cell.report(ids[0]!, { kind: 'completed' });
    expect(cell.states(...ids)).toEqual(['succeeded', 'running', 'starting']);
  });

  it('[J261] go by priority first, and take nothing from other queues', () => {
    const cell = world([nodeSpec(0, { acceleratorCount: 3 })]);
    const other = job(cell, 9, { queue: 'rest' });
    const [high, ...low] = [job(cell, 0, { priority: 90 }), job(cell, 1), job(cell, 2)];
    for (let round = 0; round < 4; round++) {
      turn(cell);
      expect([cell.job(high).fence, cell.job(other).fence]).toEqual([1, 1]);
      expect(running(cell, low)).toHaveLength(1);
    }
    expect(low.map((id) => cell.job(id).fence > 1)).toContain(true);
  });

  it('[J261] [J70] leave alone what policies protect, replicas, and more than may leave at once', () => {
    const replica = world();
    const ids = [job(replica, 0, { kind: 'online_inference' }), job(replica, 1), job(replica, 2)];
    for (let round = 0; round < 3; round++) turn(replica);
    expect(replica.job(ids[0]!).fence).toBe(1);
    expect(Math.max(replica.job(ids[1]!).fence, replica.job(ids[2]!).fence)).toBeGreaterThan(1);
    const safe = world([nodeSpec(0, { acceleratorCount: 2 })], SLICE, { protectedPriority: 0 });
    const kept = [0, 1, 2].map((n) => job(safe, n));
    turn(safe);
    expect(running(safe, kept)).toEqual([0, 1]);
    const slow = world([nodeSpec(0, { acceleratorCount: 2 })], SLICE, { leavingMaxCount: 1 });
    for (let n = 0; n < 4; n++) job(slow, n);
    slow.wait(ROUND_MS - (slow.nowMs % ROUND_MS));
    expect(slow.decided('notice')).toHaveLength(1);
    // Which one may leave is chosen among those that should, not among those that are there longest.
    const first = world([nodeSpec(0, { acceleratorCount: 2 })], SLICE, { leavingMaxCount: 1 });
    const [keeps, leaves] = [job(first, 0, { priority: 90 }), job(first, 1)];
    job(first, 2);
    first.wait(ROUND_MS - (first.nowMs % ROUND_MS));
    expect(first.states(keeps, leaves)).toEqual(['running', 'checkpointing']);
  });

  it('[J261] a gang has its turn though what others keep lies scattered', () => {
    const nodes = [nodeSpec(0, { acceleratorCount: 2 }), nodeSpec(1, { acceleratorCount: 2 })];
    const cell = world(nodes);
    const small = [0, 1, 2, 3].map((n) => job(cell, n));
    const gang = job(cell, 4, { options: [option(2)] });
    let fence = 0;
    for (let round = 0; round < 4 && fence === 0; round++) {
      turn(cell);
      ({ fence } = cell.job(gang));
    }
    expect(cell.job(gang).state).toBe('running');
    expect(running(cell, small)).toHaveLength(2);
  });

  it('[J260] count work, not time: by how fast the option is, less what beginning costs', () => {
    const cell = world(twoNodes(), { roundMs: ROUND_MS, moveMs: 10_000 });
    const slow = job(cell, 0, {
      options: [option(1, { accelerator: 'A100', throughputHintMilli: 250 }), option(9, { throughputHintMilli: 1_000 })],
    });
    cell.nowMs += 50_000;
    cell.do({ kind: 'tick' });
    const slice = { roundMs: ROUND_MS, moveMs: 10_000 };
    expect(attainedMs(cell.cell, cell.job(slow), slice)).toBe(10_000);
    cell.do({ kind: 'preempt', jobId: slow });
    cell.leaveAll();
    expect(cell.job(slow).attainedMs).toBe(10_000);
    cell.do({ kind: 'cancel', jobId: slow });
    cell.leaveAll();
    expect(cell.job(slow)).toMatchObject({ state: 'cancelled' });
  });
});

describe('a job that goes on elsewhere', () => {
  /** Two jobs, each on the type that is worse for both together; a round has come, and both are asked to leave. */
  const swapping = () => {
    const cell = world(twoNodes());
    const even = job(cell, 0, { options: twoTypes(1_000, 900) });
    const picky = job(cell, 1, { options: twoTypes(1_000, 200) });
    expect([cell.job(even).attempt?.option, cell.job(picky).attempt?.option]).toEqual([0, 1]);
    cell.wait(ROUND_MS - (cell.nowMs % ROUND_MS));
    expect(cell.states(even, picky)).toEqual(['checkpointing', 'checkpointing']);
    return { cell, even, picky };
  };

  it('[J261] [J263] owns where it goes, and begins there once it and the other have left', () => {
    const { cell, even, picky } = swapping();
    expect([even, picky].map((id) => holding(cell.job(id))?.option)).toEqual([1, 0]);
    const stranger = job(cell, 2, { queue: 'rest', options: twoTypes(1_000, 1_000) });
    expect(cell.job(stranger).attempt).toBeNull();
    cell.report(even, { kind: 'released' });
    expect(cell.states(even, picky)).toEqual(['admitted', 'checkpointing']);
    cell.report(picky, { kind: 'released' });
    expect(cell.states(even, picky)).toEqual(['starting', 'starting']);
    expect([even, picky].map((id) => cell.job(id).attempt?.option)).toEqual([1, 0]);
    expect(cell.job(even)).toMatchObject({ evictions: 1, failures: 0, fence: 2 });
  });

  it('[J263] [J50] does so in a cell that was rebuilt meanwhile', () => {
    const { cell, even, picky } = swapping();
    const copy = JSON.parse(JSON.stringify([...cell.cell.jobs.all])) as never;
    const records = {
      jobs: copy,
      nextSequence: 3,
      nodes: [0, 1].map((index) => cell.cell.fleet.node(index)),
      queues: ['turns', 'rest'].map((name) => cell.cell.queue(name)),
      cohorts: [],
      pools: [...cell.cell.fleet.pools],
      prices: [],
      accelerators: [],
      reservations: [],
      bookings: [],
      durations: [],
      throughputs: [],
      payers: [],
      wakeAtMs: null,
    };
    cell.cell = new Cell(cell.cell.settings, records);
    cell.cell.advance(cell.nowMs);
    cell.leaveAll();
    expect([even, picky].map((id) => cell.job(id).attempt?.option)).toEqual([1, 0]);
    expect(cell.states(even, picky)).toEqual(['starting', 'starting']);
  });

  it('[J263] waits instead when it may not come back, or the nodes take no work any more', () => {
    const cancelled = swapping();
    cancelled.cell.do({ kind: 'cancel', jobId: cancelled.even });
    expect(holding(cancelled.cell.job(cancelled.even))).toBeNull();
    cancelled.cell.leaveAll();
    expect(cancelled.cell.states(cancelled.even, cancelled.picky)).toEqual(['cancelled', 'starting']);

    const held = swapping();
    held.cell.do({ kind: 'hold', jobId: held.even, isHeld: true });
    held.cell.leaveAll();
    expect(held.cell.states(held.even, held.picky)).toEqual(['evicted', 'starting']);

    const drained = swapping();
    drained.cell.do({ kind: 'cordon', nodeId: 'node-1' });
    expect(holding(drained.cell.job(drained.even))).toBeNull();
    drained.cell.leaveAll();
    expect(drained.cell.job(drained.even).attempt).toBeNull();

    const lost = swapping();
    lost.cell.do({ kind: 'node_lost', nodeId: 'node-0' });
    expect(lost.cell.job(lost.even).attempt).toMatchObject({ option: 1 });
    lost.cell.leaveAll();
    expect(lost.cell.states(lost.even, lost.picky)).toEqual(['starting', 'evicted']);
  });
});

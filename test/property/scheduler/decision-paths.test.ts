import { expect, it } from 'vitest';
import type { PoolId } from '../../../src/kernel/ids.ts';
import type { Blocker, Lack } from '../../../src/scheduler/engine/cell/offer.ts';
import { foreseen } from '../../../src/scheduler/served/foreseen.ts';
import { explain } from '../../../src/scheduler/engine/explain/explain.ts';
import type { Why } from '../../../src/scheduler/engine/explain/explain.ts';
import type { Plan } from '../../../src/scheduler/engine/explain/plan.ts';
import { plan } from '../../../src/scheduler/engine/explain/plan.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import type { AttemptNews, CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import type { EndReason, EvictionReason, JobRecord, JobState } from '../../../src/scheduler/engine/cell/job-record.ts';
import { isWaiting } from '../../../src/scheduler/engine/cell/job-record.ts';
import { BusyCell } from '../../support/worlds/busy-cell.ts';
import type { CellWorld } from '../../support/worlds/cell-world.ts';
import { queue } from '../../support/worlds/cell-world.ts';
import { poolSpec } from '../../support/fixtures/scheduler-specs.ts';
import { seeds } from '../../support/fixtures/effort.ts';

/** How a job came to a place. */
type Admission =
  | 'free'
  | 'at_once'
  | 'later'
  | 'backfill'
  | 'borrowing'
  | 'others_shrink'
  | 'others_leave'
  | 'other_option'
  | 'other_region';

/**
 * Everything the engine can decide, and why. A kind that is added anywhere must be named here, or this does not compile, and be reached by the
 * runs, or the test fails.
 */
const reached = {
  decisions: {
    save: 0,
    save_node: 0,
    forget_node: 0,
    save_queue: 0,
    save_cohort: 0,
    forget_cohort: 0,
    save_pool: 0,
    forget_pool: 0,
    save_price: 0,
    forget_price: 0,
    save_accelerator: 0,
    save_reservation: 0,
    save_duration: 0,
    save_run_times: 0,
    save_start_errors: 0,
    save_throughput: 0,
    forget_reservation: 0,
    save_booking: 0,
    forget_booking: 0,
    save_wake: 0,
    save_payer: 0,
    charge: 0,
    fund: 0,
    start: 0,
    notice: 0,
    kill: 0,
    resize: 0,
    provision: 0,
    retire: 0,
    unload: 0,
  } satisfies Record<CellDecision['kind'], number>,
  evictions: {
    priority: 0,
    reclaim: 0,
    fair_share: 0,
    spot_notice: 0,
    node_drain: 0,
    node_lost: 0,
    max_duration: 0,
    deadline: 0,
    cost_cap: 0,
    tenant_suspended: 0,
    queue_stopped: 0,
    time_slice: 0,
    reserved: 0,
    budget_exhausted: 0,
    scaled_to_zero: 0,
    suspended: 0,
    requested: 0,
    cancelled: 0,
  } satisfies Record<EvictionReason, number>,
  ends: {
    max_duration: 0,
    deadline: 0,
    cost_cap: 0,
    cancelled: 0,
    job_failed: 0,
    attempts_spent: 0,
    dependency_failed: 0,
  } satisfies Record<EndReason, number>,
  states: {
    pending: 0,
    admitted: 0,
    starting: 0,
    running: 0,
    checkpointing: 0,
    evicted: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    expired: 0,
  } satisfies Record<JobState, number>,
  admissions: {
    free: 0,
    at_once: 0,
    later: 0,
    backfill: 0,
    borrowing: 0,
    others_shrink: 0,
    others_leave: 0,
    other_option: 0,
    other_region: 0,
  } satisfies Record<Admission, number>,
  sizes: { grown: 0, shrunk: 0 },
  whys: {
    not_waiting: 0,
    dependencies: 0,
    queue_suspended: 0,
    queue_stopped: 0,
    payer_refused: 0,
    suspended: 0,
    scaled_to_zero: 0,
    others_first: 0,
    blocked: 0,
  } satisfies Record<Why['kind'], number>,
  blockers: {
    no_pool: 0,
    price: 0,
    exceeds_quota: 0,
    quota: 0,
    exceeds_capacity: 0,
    no_room: 0,
    reserved: 0,
    held: 0,
    too_late: 0,
  } satisfies Record<Blocker['kind'], number>,
  lacks: { accelerators: 0, cpu: 0, memory: 0, topology: 0, nodes: 0 } satisfies Record<Lack['dimension'], number>,
  plans: { has_place: 0, waits: 0 } satisfies Record<Plan['kind'], number>,
  events: {
    submit: 0,
    cancel: 0,
    hold: 0,
    preempt: 0,
    reprioritise: 0,
    report: 0,
    funded: 0,
    unfunded: 0,
    release_payer: 0,
    scale: 0,
    load: 0,
    suspend: 0,
    add_nodes: 0,
    weights: 0,
    add_queue: 0,
    remove_queue: 0,
    change_cohorts: 0,
    book: 0,
    cancel_booking: 0,
    add_pool: 0,
    change_pool: 0,
    remove_pool: 0,
    add_accelerators: 0,
    drain: 0,
    cordon: 0,
    uncordon: 0,
    spot_notice: 0,
    node_lost: 0,
    price: 0,
    provision_failed: 0,
    tick: 0,
  } satisfies Record<CellEvent['kind'], number>,
  news: {
    running: 0,
    saved: 0,
    progress: 0,
    completed: 0,
    failed: 0,
    released: 0,
    unpaid: 0,
    shed: 0,
    replica_lost: 0,
    rejected: 0,
  } satisfies Record<AttemptNews['kind'], number>,
};

function count<Kind extends string>(table: Record<Kind, number>, kind: Kind): void {
  table[kind] += 1;
}

function tallyDecisions(world: CellWorld): void {
  for (const decision of world.decisions) {
    count(reached.decisions, decision.kind);
    if (decision.kind === 'notice') count(reached.evictions, decision.reason);
    if (decision.kind !== 'save') continue;
    const { job } = decision;
    count(reached.states, job.state);
    if (job.endReason !== null) count(reached.ends, job.endReason);
  }
}

function tallyPlaces(world: CellWorld, before: ReadonlyMap<string, JobRecord>): void {
  const told = new Set(world.decided('notice').map(({ jobId }) => world.cell.jobs.get(jobId).attempt?.leaving?.forJob));
  for (const job of world.cell.jobs.all) {
    const former = before.get(job.spec.id);
    const isNew = job.attempt !== null && job.attempt.fence !== former?.attempt?.fence;
    if (isNew) tallyAdmission(world, job, told.has(job.spec.id));
    else tallySize(job, former);
  }
}

function tallySize({ attempt }: JobRecord, former: JobRecord | undefined): void {
  const [size, was] = [attempt, former?.attempt].map((one) => one?.placement.slots.length ?? 0) as [number, number];
  if (size > was) count(reached.sizes, 'grown');
  if (size < was && size > 0) count(reached.sizes, 'shrunk');
}

function tallyAdmission(world: CellWorld, { spec, sequence, attempt }: JobRecord, evicts: boolean): void {
  const { cell } = world;
  const { admissions } = reached;
  const shrinks = world
    .decided('resize')
    .some(({ places, jobId }) => places.length < (cell.jobs.get(jobId).attempt?.shedding.length ?? 0) + places.length);
  count(admissions, evicts ? 'others_leave' : shrinks ? 'others_shrink' : 'free');
  count(admissions, attempt!.startedAtMs === null ? 'later' : 'at_once');
  if (attempt!.option > 0) count(admissions, 'other_option');
  if (spec.dataRegions.length > 0 && !spec.dataRegions.includes(cell.fleet.pool(attempt!.poolId).spec.region))
    count(admissions, 'other_region');
  const resource = spec.options[attempt!.option]!.accelerator ?? 'cpu';
  const passes = [...cell.reservations.all].some((hold) => hold.resource === resource && cell.jobs.get(hold.jobId).sequence < sequence);
  if (passes) count(admissions, 'backfill');
  const { accounts } = cell.tree.node(spec.queue);
  if ([...accounts.values()].some(({ used, subtree }) => used > subtree)) count(admissions, 'borrowing');
}

function tallyReasons(world: CellWorld): void {
  for (const job of world.cell.jobs.all) {
    const explanation = explain(world.cell, job);
    // Until one that was foreseen has started.
    if (reached.decisions.save_start_errors === 0) foreseen(world.cell, job, world.nowMs);
    count(reached.whys, explanation.why.kind);
    expect(isWaiting(job)).toBe(explanation.why.kind !== 'not_waiting');
    for (const blocker of explanation.blockers) {
      count(reached.blockers, blocker.kind);
      if (blocker.kind === 'no_room' && blocker.lack !== null) count(reached.lacks, blocker.lack.dimension);
    }
  }
}

const LATE = 'pool_late000000' as PoolId;

/** Nodes for queue `c` alone: as many as the pool has, from a little later on. */
const BOOKED = { queue: 'c', poolId: poolSpec().id, count: 3, nodeIds: [], hasBegun: false } as const;
const SOON = { fromMs: 1_060_000, untilMs: 1_150_000 };

/** Queues, a pool and bookings that come after the cell was made, or go, by step. */
const LATECOMERS: readonly (CellEvent | undefined)[] = [
  { kind: 'add_queue', spec: queue('late', 0, { quotas: {}, eviction: { leavingMaxCount: 5 } }) },
  { kind: 'add_pool', spec: poolSpec({ id: LATE }) },
  { kind: 'remove_queue', name: 'late' },
  { kind: 'change_pool', spec: poolSpec({ id: LATE, market: 'spot' }) },
  { kind: 'price', row: { accelerator: null, region: 'eu', market: 'spot', poolId: LATE, fromMs: 1_000, nanoDollarsPerHour: 1 } },
  { kind: 'price', row: { accelerator: null, region: 'eu', market: 'spot', poolId: LATE, fromMs: 2_000, nanoDollarsPerHour: 2 } },
  { kind: 'remove_pool', poolId: LATE },
  { kind: 'add_accelerators', types: [{ name: 'late', kind: 'gpu', memoryMib: 1, sharing: 'whole' }] },
  { kind: 'cordon', nodeId: 'node-1' },
  { kind: 'uncordon', nodeId: 'node-1' },
  { kind: 'book', booking: { id: 'first', ...BOOKED, ...SOON } },
  { kind: 'book', booking: { id: 'none', ...BOOKED, ...SOON } },
  { kind: 'cancel_booking', id: 'none' },
  { kind: 'weights', nodeId: 'node-1', weights: [{ model: 'late', memoryMib: 1, loadMs: 5 }] },
];

const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';
const isAllReached = (): boolean => Object.values(reached).every((counts) => Object.values(counts).every((times) => times > 0));

it('[J67] every decision and every reason that the engine knows is reached', () => {
  for (const seed of seeds(80)) {
    if (!IS_FULL && isAllReached()) break;
    const busy = new BusyCell(seed, seed % 4 === 0);
    const { world } = busy;
    for (let n = 0; n < 120; n++) {
      const event = (seed < 4 ? LATECOMERS[n] : undefined) ?? busy.next();
      const before = new Map([...world.cell.jobs.all].map((job) => [job.spec.id, job]));
      if (event.kind === 'submit') {
        const planned = plan(world.cell, event.spec, world.nowMs);
        if (planned.ok) count(reached.plans, planned.value.kind);
      }
      world.do(event);
      count(reached.events, event.kind);
      if (event.kind === 'report') count(reached.news, event.news.kind);
      tallyDecisions(world);
      tallyPlaces(world, before);
      if (n % 10 === 0) tallyReasons(world);
    }
  }
  for (const [table, counts] of Object.entries(reached))
    for (const [kind, times] of Object.entries(counts)) expect(times, `${table}.${kind}: ${JSON.stringify(counts)}`).toBeGreaterThan(0);
});

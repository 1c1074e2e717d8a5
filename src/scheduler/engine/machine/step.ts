import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { must } from '../../../kernel/assert.ts';
import type { JobId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import { schedule } from './schedule.ts';
import { followFewer, followLoad, steady, wantNodes } from '../elastic/follow-load.ts';
import { grow, growServices, restore } from '../elastic/grow.ts';
import { scalePools } from '../elastic/scale-pools.ts';
import { rollSegment, askFunds } from '../life/charge-segment.ts';
import { finish, requestEviction } from '../life/end-attempt.ts';
import { paidUntilMs } from '../cell/segment.ts';
import { evictUnpaid, giveUp, releasePayer, takeFunds } from '../life/take-funds.ts';
import { checkJob } from '../model/check-job.ts';
import type { JobSpec } from '../model/job-spec.ts';
import { book, cancelBooking, keepBookings } from './booking-events.ts';
import { weightsReported } from '../life/node-weights.ts';
import type { Cell } from '../cell/cell.ts';
import { saveJob, releaseHold } from '../cell/changes.ts';
import type { CellEvent } from '../cell/event.ts';
import { changeCohorts, clearQueue, addNodes, cordon, drain, dropEmpty, nodeLost, provisionFailed, uncordon } from './node-events.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { isFinished } from '../cell/job-record.ts';
import type { CellDecision } from '../cell/records.ts';
import { report } from './report.ts';
import { turnRounds } from '../rounds/turn-rounds.ts';
import { dueOf } from '../cell/timers.ts';
import { rootOf } from '../fairness/quota-tree.ts';

/** What one event led to. */
export interface CellStep extends Aftermath {
  /** The job in question, if there is one; or why the event changed nothing. */
  readonly outcome: EventOutcome;
}

type EventOutcome = Outcome<JobRecord | undefined>;

interface Aftermath {
  readonly decisions: readonly CellDecision[];
  /** When the next `tick` is due: at once when there was more to do than one step does. Infinity when only news can change anything. */
  readonly nextDueMs: number;
}

/** The scheduler: what follows from `event` at `nowMs`. The same cell and event give the same decisions. */
export function step(cell: Cell, event: CellEvent, nowMs: number): CellStep {
  const { outcomes, ...rest } = stepAll(cell, [event], nowMs);
  return { ...rest, outcome: must(outcomes[0], 'an event has an outcome') };
}

/** What follows from events that came together: they are applied in their order, and jobs are placed once, after the last. */
export function stepAll(
  cell: Cell,
  events: readonly CellEvent[],
  nowMs: number,
): Aftermath & { /** In the order of the events. */ readonly outcomes: readonly EventOutcome[] } {
  cell.advance(nowMs);
  const outcomes = events.map((event) => apply(cell, event));
  place(cell);
  grow(cell);
  scalePools(cell);
  dropEmpty(cell);
  scheduleAnotherPass(cell);
  return { decisions: cell.takeDecisions(), outcomes, nextDueMs: cell.nextDueMs() };
}

/** Does what time has brought, and places the jobs that wait; on trial, until what is asked is decided. */
export function place(cell: Cell, isDecided?: () => boolean): void {
  tick(cell);
  keepBookings(cell);
  turnRounds(cell);
  restore(cell);
  growServices(cell);
  schedule(cell, isDecided);
}

/**
 * If classes remain unprocessed, schedule another pass now, and record it: there were too many, or a reservation was cancelled after all
 * had been examined.
 */
function scheduleAnotherPass(cell: Cell): void {
  for (const { queue } of cell.pending.awake()) if (!cell.isStopped(queue)) return cell.wakeAt(cell.nowMs);
}

/** What one event does by itself: nothing is placed after it. */
export function apply<Kind extends CellEvent['kind']>(cell: Cell, event: EventOf<Kind>): EventOutcome {
  const act: (cell: Cell, event: EventOf<Kind>) => EventOutcome | void = APPLY[event.kind];
  return act(cell, event) ?? ok(undefined);
}

type EventOf<Kind extends CellEvent['kind']> = Extract<CellEvent, { readonly kind: Kind }>;

/** What each kind of event does. One that answers nothing is of no single job, and is never refused. */
const APPLY: { readonly [Kind in CellEvent['kind']]: (cell: Cell, event: EventOf<Kind>) => EventOutcome | void } = {
  submit: (cell, { spec }) => submit(cell, spec),
  cancel: (cell, { jobId }) =>
    onJob(cell, jobId, (job) => {
      if (job.attempt === null) finish(cell, job, 'cancelled', 'cancelled');
      else requestEviction(cell, job, { reason: 'cancelled' });
    }),
  hold: (cell, { jobId, isHeld }) => onJob(cell, jobId, (job) => hold(cell, job, isHeld)),
  preempt: (cell, { jobId }) => onJob(cell, jobId, (job) => requestEviction(cell, job, { reason: 'requested' })),
  reprioritise: (cell, { jobId, priority }) => onJob(cell, jobId, (job) => reprioritise(cell, job, priority)),
  scale: (cell, { jobId, nodes }) => onJob(cell, jobId, (job) => wantNodes(cell, job, steady(nodes))),
  load: (cell, { jobId, load }) => onJob(cell, jobId, (job) => followLoad(cell, job, load)),
  report: (cell, event) => unlessStale(report(cell, event), event, 'is not live'),
  funded: (cell, event) => unlessStale(takeFunds(cell, event), event, 'asks for no grant'),
  unfunded: (cell, event) => unlessStale(takeFunds(cell, event), event, 'asks for no grant'),
  release_payer: (cell, { payer }) => releasePayer(cell, payer),
  suspend: (cell, event) => suspend(cell, event),
  price: (cell, { row }) => cell.savePrice(row),
  tick: () => undefined,
  // Queues, pools and nodes come and go.
  add_queue: (cell, { spec }) => cell.addQueue(spec),
  remove_queue: (cell, { name }) => cell.removeQueue(name),
  change_cohorts: (cell, event) => changeCohorts(cell, event),
  add_pool: (cell, { spec }) => cell.addPool(spec),
  change_pool: (cell, { spec }) => cell.changePool(spec),
  remove_pool: (cell, { poolId }) => cell.removePool(poolId),
  add_accelerators: (cell, { types }) => types.forEach((type) => cell.addAccelerator(type)),
  add_nodes: (cell, event) => addNodes(cell, event),
  provision_failed: (cell, { poolId, count }) => provisionFailed(cell, poolId, count),
  book: (cell, { booking }) => book(cell, booking),
  cancel_booking: (cell, { id }) => cancelBooking(cell, id),
  weights: (cell, { nodeId, weights }) => weightsReported(cell, nodeId, weights),
  cordon: (cell, { nodeId }) => cordon(cell, nodeId),
  uncordon: (cell, { nodeId }) => uncordon(cell, nodeId),
  drain: (cell, { nodeId }) => drain(cell, nodeId, 'node_drain'),
  spot_notice: (cell, { nodeId, goneAtMs }) => drain(cell, nodeId, 'spot_notice', goneAtMs),
  node_lost: (cell, { nodeId }) => nodeLost(cell, nodeId),
};

function unlessStale(
  taken: 'accepted' | 'stale',
  { fence, jobId }: { readonly fence: number; readonly jobId: JobId },
  why: string,
): EventOutcome {
  return taken === 'stale' ? refuse('stale_fence', `attempt ${fence} of ${jobId} ${why}`, 'fence') : ok(undefined);
}

function onJob(cell: Cell, jobId: JobId, act: (job: JobRecord) => void): EventOutcome {
  const job = cell.jobs.find(jobId);
  if (job === undefined) return refuse('job_not_found', `no job ${jobId}`, 'job');
  if (!isFinished(job)) act(job);
  return ok(cell.jobs.get(jobId));
}

/** A held job has no placement; it waits for none until it is let go. */
function hold(cell: Cell, job: JobRecord, isHeld: boolean): void {
  if (!cell.undo.isOpen) cell.startErrors.forget(job.spec.id);
  if (job.isHeld === isHeld) return;
  const held = { ...job, isHeld };
  saveJob(cell, held);
  if (!isHeld) return;
  releaseHold(cell, job.spec.id);
  requestEviction(cell, held, { reason: 'suspended' });
}

/** Gives a job another priority: a placed one keeps what its waiting has added to it. Jobs that it outranks no longer are examined again. */
function reprioritise(cell: Cell, job: JobRecord, priority: number): void {
  const change = priority - job.spec.priority;
  if (!cell.undo.isOpen) cell.startErrors.forget(job.spec.id);
  if (change === 0) return;
  const { spec, classKey } = cell.shapes.shared({ ...job.spec, priority });
  const [, avoided] = job.classKey.split('\n');
  releaseHold(cell, spec.id);
  saveJob(cell, {
    ...job,
    spec,
    classKey: avoided === undefined ? classKey : `${classKey}\n${avoided}`,
    attempt: job.attempt === null ? null : { ...job.attempt, priority: job.attempt.priority + change },
  });
  cell.pending.wakeBelow(rootOf(cell.holdings.queueOf(spec)), () => true);
}

/** A suspended queue places no job; the eviction of its running jobs is requested. */
function suspend(cell: Cell, { queue: name, isSuspended }: { readonly queue: string; readonly isSuspended: boolean }): EventOutcome {
  const queue = cell.tree.queue(name);
  if (queue === undefined) return refuse('invalid_value', `there is no queue ${name}`, 'queue');
  cell.saveQueue({ ...cell.queue(name), isSuspended });
  if (isSuspended) clearQueue(cell, name, 'tenant_suspended');
  else cell.pending.wake((pending) => pending.queue === queue);
  return ok(undefined);
}

/** Takes a job in, once per id. */
export function submit(cell: Cell, spec: JobSpec): Outcome<JobRecord> {
  const known = cell.jobs.find(spec.id);
  if (known !== undefined) return ok(known);
  const checked = checkJob(spec, cell.accelerators);
  if (!checked.ok) return checked;
  if (cell.tree.queue(spec.queue) === undefined) return refuse('invalid_value', `there is no queue ${spec.queue}`, 'queue');
  const missing = spec.dependsOn.find((id) => cell.jobs.find(id) === undefined);
  if (missing !== undefined) return refuse('job_not_found', `no job ${missing}`, 'dependsOn');
  const shared = cell.shapes.shared(spec);
  if (!cell.undo.isOpen) cell.arrivals.note(shared, cell.nowMs);
  saveJob(cell, {
    spec: shared.spec,
    classKey: shared.classKey,
    sequence: cell.jobs.nextSequence,
    state: 'pending',
    fence: 0,
    attempt: null,
    failures: 0,
    evictions: 0,
    costNanoDollars: 0,
    avoids: NOTHING,
    submittedAtMs: cell.nowMs,
    finishedAtMs: null,
    endReason: null,
    nodesWanted: spec.scaling === null ? null : spec.scaling.nodesMin,
    fewerSinceMs: null,
    fewerNodes: null,
    isHeld: false,
  });
  const isDoomed = spec.dependsOn.some((id) => ['failed', 'cancelled', 'expired'].includes(cell.jobs.get(id).state));
  if (isDoomed) finish(cell, cell.jobs.get(spec.id), 'failed', 'dependency_failed');
  return ok(cell.jobs.get(spec.id));
}

const NOTHING: readonly string[] = [];

/** Jobs that one step looks at because their time has come. */
const TIMERS_A_STEP = 1_000;

/** Does what time has brought to jobs. */
function tick(cell: Cell): void {
  for (let count = 0; count < TIMERS_A_STEP; count++) {
    const job = cell.nextDue();
    if (job === undefined) return;
    ACT[dueOf(job, cell.settings).what](cell, job);
  }
}

const ACT = {
  deadline(cell: Cell, job: JobRecord): void {
    if (job.attempt === null) finish(cell, job, 'expired', 'deadline');
    else requestEviction(cell, job, { reason: 'deadline' });
  },
  /** It waits still, and no longer ends by its deadline unless it is faster than its owner says. */
  late: (cell: Cell, job: JobRecord): void => saveJob(cell, { ...job, lateAtMs: cell.nowMs }),
  /** Its grace is over: from now on it is killed. Its nodes are free once its pool confirms it. */
  grace(cell: Cell, job: JobRecord): void {
    const { attempt } = job;
    if (attempt === null || attempt.leaving === null) return;
    saveJob(cell, { ...job, attempt: { ...attempt, leaving: { ...attempt.leaving, isKilled: true } } });
    cell.decide({ kind: 'kill', jobId: job.spec.id, fence: attempt.fence });
  },
  duration: (cell: Cell, job: JobRecord): void => requestEviction(cell, job, { reason: 'max_duration' }),
  cost: (cell: Cell, job: JobRecord): void => requestEviction(cell, job, { reason: 'cost_cap' }),
  unanswered: giveUp,
  ask: askFunds,
  unpaid(cell: Cell, job: JobRecord): void {
    evictUnpaid(cell, job, paidUntilMs(must(job.attempt, 'an attempt is paid')));
  },
  segment: rollSegment,
  fewer: followFewer,
};

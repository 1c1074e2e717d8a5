import type { Outcome } from '../../../contract/outcome.ts';
import { refuse } from '../../../contract/outcome.ts';
import { must, unreachable } from '../../../kernel/assert.ts';
import type { JobId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import { schedule } from './schedule.ts';
import { followFewer, followLoad } from '../elastic/follow-load.ts';
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
import { saveJob } from '../cell/changes.ts';
import type { CellEvent } from '../cell/event.ts';
import { changeCohorts, clearQueue, addNodes, cordon, drain, dropEmpty, nodeLost, provisionFailed, uncordon } from './node-events.ts';
import { command, isJobCommand } from './job-commands.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { isFinished } from '../cell/job-record.ts';
import type { CellDecision } from '../cell/records.ts';
import { report } from './report.ts';
import { turnRounds } from '../rounds/turn-rounds.ts';
import { dueOf } from '../cell/timers.ts';

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
  tick(cell, TIMERS_A_STEP);
  keepBookings(cell);
  turnRounds(cell);
  restore(cell);
  growServices(cell);
  schedule(cell);
  grow(cell);
  scalePools(cell);
  dropEmpty(cell);
  scheduleAnotherPass(cell);
  return { decisions: cell.takeDecisions(), outcomes, nextDueMs: cell.nextDueMs() };
}

/**
 * If classes remain unprocessed, schedule another pass now, and record it: there were too many, or a reservation was cancelled after all
 * had been examined.
 */
function scheduleAnotherPass(cell: Cell): void {
  for (const { queue } of cell.pending.awake()) if (!cell.isStopped(queue)) return cell.wakeAt(cell.nowMs);
}

function apply(cell: Cell, event: CellEvent): EventOutcome {
  if (isFleetEvent(event)) {
    changeFleet(cell, event);
    return ok(undefined);
  }
  if (isJobCommand(event)) return onJob(cell, event.jobId, (job) => command(cell, job, event));
  switch (event.kind) {
    case 'submit':
      return submit(cell, event.spec);
    case 'report':
      if (report(cell, event) === 'stale') return refuse('stale_fence', `attempt ${event.fence} of ${event.jobId} is not live`, 'fence');
      break;
    case 'funded':
    case 'unfunded':
      if (takeFunds(cell, event) === 'stale')
        return refuse('stale_fence', `attempt ${event.fence} of ${event.jobId} asks for no grant`, 'fence');
      break;
    case 'release_payer':
      releasePayer(cell, event.payer);
      break;
    case 'load':
      return onJob(cell, event.jobId, (job) => followLoad(cell, job, event.load));
    case 'suspend':
      return suspend(cell, event);
    case 'price':
      cell.savePrice(event.row);
      break;
    case 'tick':
      break;
    default:
      return unreachable(event);
  }
  return ok(undefined);
}

const NODE_EVENTS = ['weights', 'drain', 'cordon', 'uncordon', 'spot_notice', 'node_lost'] as const satisfies readonly CellEvent['kind'][];

type NodeEvent = Extract<CellEvent, { kind: (typeof NODE_EVENTS)[number] }>;

const isNodeEvent = (event: CellEvent): event is NodeEvent => (NODE_EVENTS as readonly CellEvent['kind'][]).includes(event.kind);

const FLEET_EVENTS = [
  'add_queue',
  'remove_queue',
  'change_cohorts',
  'add_pool',
  'change_pool',
  'remove_pool',
  'add_accelerators',
  'add_nodes',
  ...NODE_EVENTS,
  'book',
  'cancel_booking',
  'provision_failed',
] as const satisfies readonly CellEvent['kind'][];

type FleetEvent = Extract<CellEvent, { kind: (typeof FLEET_EVENTS)[number] }>;

const isFleetEvent = (event: CellEvent): event is FleetEvent => (FLEET_EVENTS as readonly CellEvent['kind'][]).includes(event.kind);

/** Queues, pools and nodes come and go. */
function changeFleet(cell: Cell, event: FleetEvent): void {
  if (isNodeEvent(event)) return changeNode(cell, event);
  switch (event.kind) {
    case 'add_queue':
      return cell.addQueue(event.spec);
    case 'remove_queue':
      return cell.removeQueue(event.name);
    case 'change_cohorts':
      return changeCohorts(cell, event);
    case 'add_pool':
      return cell.addPool(event.spec);
    case 'change_pool':
      return cell.changePool(event.spec);
    case 'remove_pool':
      return cell.removePool(event.poolId);
    case 'add_accelerators':
      return event.types.forEach((type) => cell.addAccelerator(type));
    case 'add_nodes':
      return addNodes(cell, event.nodes, event.weights);
    case 'book':
      return book(cell, event.booking);
    case 'cancel_booking':
      return cancelBooking(cell, event.id);
    case 'provision_failed':
      return provisionFailed(cell, event.poolId, event.count);
    default:
      unreachable(event);
  }
}

/** A node that is there takes work, or not, or goes. */
function changeNode(cell: Cell, event: NodeEvent): void {
  switch (event.kind) {
    case 'weights':
      return weightsReported(cell, event.nodeId, event.weights);
    case 'cordon':
      return cordon(cell, event.nodeId);
    case 'uncordon':
      return uncordon(cell, event.nodeId);
    case 'drain':
      return drain(cell, event.nodeId, 'node_drain');
    case 'spot_notice':
      return drain(cell, event.nodeId, 'spot_notice', event.goneAtMs);
    case 'node_lost':
      return nodeLost(cell, event.nodeId);
    default:
      unreachable(event);
  }
}

function onJob(cell: Cell, jobId: JobId, act: (job: JobRecord) => void): EventOutcome {
  const job = cell.jobs.find(jobId);
  if (job === undefined) return refuse('job_not_found', `no job ${jobId}`, 'job');
  if (!isFinished(job)) act(job);
  return ok(cell.jobs.get(jobId));
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
export const TIMERS_A_STEP = 1_000;

/** Does what time has brought, for so many jobs at most. */
export function tick(cell: Cell, countMax: number): void {
  for (let count = 0; count < countMax; count++) {
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

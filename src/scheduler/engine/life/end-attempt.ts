import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import { saveJob, releaseHold } from '../cell/changes.ts';
import type { Destination, EndReason, EvictionReason, JobRecord, Leaving } from '../cell/job-record.ts';
import { nodesOf } from '../cell/job-record.ts';
import { payableOf } from '../cell/payer-holds.ts';
import { payerOf } from '../model/job-spec.ts';
import { policyFor } from '../cell/feasibility.ts';
import { attainedMs, chargeSegment } from './charge-segment.ts';
import { leaveNodes } from './node-weights.ts';
import { admit, startOn } from './begin-attempt.ts';

/** A job without its attempt, charged for what it used, and with what it attained. What was granted and not used may do for others. */
function withoutAttempt(cell: Cell, job: JobRecord): JobRecord {
  const slice = cell.holdings.queueOf(job.spec).spec.timeSlice;
  const charged: JobRecord = { ...chargeSegment(cell, job), ...workOf(cell, job), attempt: null };
  const { payer } = payableOf(job);
  if (job.attempt?.runningAtMs != null && job.attempt.funds !== null && cell.payers.retry(payer)) wakeOf(cell, payer);
  return slice === undefined ? charged : { ...charged, attainedMs: attainedMs(cell, job, slice) };
}

/** What is remembered of the work of an attempt that ends: what it saved; or, if it was stopped unpaid, how long it worked in vain. */
function workOf({ nowMs }: Cell, { attempt, savedMs = 0, unpaidMs = 0 }: JobRecord): Pick<JobRecord, 'savedMs' | 'unpaidMs'> {
  if (attempt?.funds == null || attempt.runningAtMs === null) return {};
  if (attempt.savedAtMs !== null) return { savedMs: savedMs + Math.max(0, attempt.savedAtMs - attempt.runningAtMs) };
  if (attempt.leaving?.reason !== 'budget_exhausted') return {};
  return { unpaidMs: Math.max(unpaidMs, nowMs - attempt.runningAtMs) };
}

/** Jobs of a payer that wait are looked at again. */
export function wakeOf(cell: Cell, payer: string): void {
  cell.pending.wake(({ exemplar }) => payerOf(exemplar) === payer);
}

/** Ends a job for good, and its attempt with it. Jobs that depend on it go on, or fail with it. */
export function finish(
  cell: Cell,
  job: JobRecord,
  state: 'succeeded' | 'failed' | 'cancelled' | 'expired',
  endReason: EndReason | null,
): void {
  const { id } = job.spec;
  releaseHold(cell, id);
  if (!cell.undo.isOpen) cell.startErrors.forget(id);
  saveJob(cell, { ...withoutAttempt(cell, job), state, endReason, finishedAtMs: cell.nowMs });
  freeNodes(cell, job);
  for (const dependent of cell.jobs.dependentsOf(id)) {
    const other = cell.jobs.find(dependent);
    if (other === undefined || other.finishedAtMs !== null) continue;
    if (state !== 'succeeded') finish(cell, other, 'failed', 'dependency_failed');
    // What has succeeded is awaited no longer, and may be forgotten.
    else saveJob(cell, { ...other, spec: { ...other.spec, dependsOn: other.spec.dependsOn.filter((awaited) => awaited !== id) } });
  }
}

/** Jobs that wait for its nodes may start there; it no longer needs the weights it used there. */
function freeNodes(cell: Cell, job: JobRecord): void {
  const nodes = nodesOf(job);
  if (job.attempt !== null && job.attempt.startedAtMs !== null) leaveNodes(cell, job, nodes);
  startOn(cell, nodes);
}

/** Puts a job back to waiting. It keeps its position in the queue, and what it had saved. */
export function requeue(cell: Cell, job: JobRecord, state: 'pending' | 'evicted', change: Partial<JobRecord> = {}): void {
  saveJob(cell, { ...withoutAttempt(cell, job), ...change, state });
  freeNodes(cell, job);
}

/** Takes note of how long an attempt has run that ends: by itself, or because it is taken away (`isCut`). */
export function observeRun(cell: Cell, job: JobRecord, isCut: boolean): void {
  const runningAtMs = job.attempt?.runningAtMs ?? job.attempt?.startedAtMs;
  if (runningAtMs != null && !cell.undo.isOpen) cell.runTimes.observe(job, cell.nowMs - runningAtMs, isCut);
}

/** The state of a job once it has left its nodes. */
export function leave(cell: Cell, job: JobRecord, reason: EvictionReason): void {
  observeRun(cell, job, reason !== 'max_duration');
  const after = AFTER_LEAVING[reason];
  if (after.state !== 'evicted') return finish(cell, job, after.state, after.endReason);
  const next = job.attempt?.leaving?.next;
  // Jobs like it take so long at least.
  if (reason === 'budget_exhausted' && job.attempt?.runningAtMs != null)
    cell.observeDuration(job, (job.savedMs ?? 0) + cell.nowMs - job.attempt.runningAtMs);
  requeue(cell, job, 'evicted', { evictions: job.evictions + 1 });
  const now = cell.jobs.get(job.spec.id);
  if (next !== undefined && mayBegin(cell, now)) admit(cell, now, next);
}

/** Whether a job that has left may begin elsewhere at once. */
function mayBegin(cell: Cell, job: JobRecord): boolean {
  const isHalted = cell.isStopped(cell.holdings.queueOf(job.spec)) || cell.payers.of(payableOf(job)) !== undefined;
  return cell.jobs.isPending(job) && !isHalted;
}

/** Lets a job that is leaving go on elsewhere as soon as it has left. From now on it owns that. */
export function destine(cell: Cell, job: JobRecord, { option, poolId, placement }: Destination): void {
  const { attempt } = job;
  if (attempt === null || attempt.leaving === null) return;
  saveJob(cell, { ...job, attempt: { ...attempt, leaving: { ...attempt.leaving, next: { option, poolId, placement } } } });
}

/** A failure that may be tried again, within the job's limit. */
export function failed(cell: Cell, job: JobRecord, isPermanent: boolean, change: Partial<JobRecord> = {}): void {
  const failures = job.failures + 1;
  if (isPermanent) finish(cell, { ...job, failures }, 'failed', 'job_failed');
  else if (failures >= job.spec.retry.attemptsMax) finish(cell, { ...job, failures }, 'failed', 'attempts_spent');
  else requeue(cell, job, 'pending', { ...change, failures });
}

export interface Notice {
  readonly reason: EvictionReason;
  /** The latest it may stay, where that is not up to its grace. */
  readonly goneAtMs?: number;
  readonly forJob?: JobId;
}

/** Requests a job's eviction: it saves and stops. It no longer owns its placement; others may get it, and wait until the job has gone. */
export function requestEviction(cell: Cell, job: JobRecord, { reason, goneAtMs = Infinity, forJob }: Notice): void {
  const { attempt } = job;
  if (attempt === null) return;
  if (attempt.startedAtMs === null) return leave(cell, job, reason);
  if (attempt.leaving !== null) return hurry(cell, job, attempt.leaving, reason, goneAtMs);
  const graceMs = Math.min(job.spec.checkpoint.graceMs, policyFor(cell, job).graceMaxMs);
  const leaving: Leaving = {
    reason,
    noticeAtMs: cell.nowMs,
    graceEndsAtMs: Math.min(goneAtMs, cell.nowMs + graceMs),
    isKilled: false,
    forJob: forJob ?? null,
  };
  notify(cell, job, leaving);
}

/** One that leaves already may have to be gone sooner, must not come back, or has nowhere to go any more. */
function hurry(cell: Cell, job: JobRecord, leaving: Leaving, why: EvictionReason, goneAtMs: number): void {
  const { next, ...rest } = leaving;
  const graceEndsAtMs = Math.min(leaving.graceEndsAtMs, goneAtMs);
  const reason = overrides(why, leaving.reason) ? why : leaving.reason;
  const stays = next !== undefined && OF_ITS_NODES.has(why);
  const hurried: Leaving = { ...rest, graceEndsAtMs, reason, ...(stays ? { next } : {}) };
  if (graceEndsAtMs !== leaving.graceEndsAtMs || reason !== leaving.reason) notify(cell, job, hurried);
  else if (next !== undefined && !stays && job.attempt !== null) saveJob(cell, { ...job, attempt: { ...job.attempt, leaving: hurried } });
}

/** Reasons to leave that are of the nodes: a job that goes elsewhere goes there all the same. */
const OF_ITS_NODES: ReadonlySet<EvictionReason> = new Set(['node_lost', 'node_drain', 'spot_notice', 'reserved']);

function notify(cell: Cell, job: JobRecord, leaving: Leaving): void {
  const { attempt } = job;
  if (attempt === null) return;
  saveJob(cell, { ...job, state: 'checkpointing', attempt: { ...attempt, leaving } });
  cell.decide({
    kind: 'notice',
    jobId: job.spec.id,
    fence: attempt.fence,
    reason: leaving.reason,
    untilMs: leaving.graceEndsAtMs,
  });
}

/** The state of a job that has left its nodes: it waits again, or is over. */
type Aftermath = { readonly state: 'evicted' } | { readonly state: 'failed' | 'expired' | 'cancelled'; readonly endReason: EndReason };

const WAITS: Aftermath = { state: 'evicted' };

/** The state of a job that has left its nodes, by the reason of its eviction. */
const AFTER_LEAVING: Readonly<Record<EvictionReason, Aftermath>> = {
  priority: WAITS,
  reclaim: WAITS,
  fair_share: WAITS,
  spot_notice: WAITS,
  node_drain: WAITS,
  node_lost: WAITS,
  tenant_suspended: WAITS,
  queue_stopped: WAITS,
  time_slice: WAITS,
  reserved: WAITS,
  budget_exhausted: WAITS,
  scaled_to_zero: WAITS,
  suspended: WAITS,
  requested: WAITS,
  max_duration: { state: 'failed', endReason: 'max_duration' },
  cost_cap: { state: 'failed', endReason: 'cost_cap' },
  deadline: { state: 'expired', endReason: 'deadline' },
  cancelled: { state: 'cancelled', endReason: 'cancelled' },
};

/** Whether a job that is leaving for one reason shall leave for the other instead: it must not come back when the other forbids it. */
const overrides = (reason: EvictionReason, former: EvictionReason): boolean =>
  AFTER_LEAVING[former].state === 'evicted' && AFTER_LEAVING[reason].state !== 'evicted';

/**
 * Does the same to jobs that all have to leave, each in its state at the time: admitted ones first, which would otherwise be handed over for an
 * instant once the others have left.
 */
export function toEach(cell: Cell, jobs: readonly JobRecord[], act: (job: JobRecord) => void): void {
  for (const { spec } of [...jobs.filter(isAdmitted), ...jobs.filter((job) => !isAdmitted(job))]) act(cell.jobs.get(spec.id));
}

const isAdmitted = ({ state }: JobRecord): boolean => state === 'admitted';

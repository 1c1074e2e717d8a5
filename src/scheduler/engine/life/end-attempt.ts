import type { Cell } from '../machine/cell.ts';
import type { EndReason, EvictionReason, JobRecord } from '../machine/job-record.ts';
import { nodesOf } from '../machine/job-record.ts';
import { leaveNodes } from '../weights/node-weights.ts';
import { chargeSegment } from './charge-segment.ts';
import { startOn } from './start.ts';
import { AFTER_LEAVING } from './what-follows.ts';

/** A job without its attempt, charged for what it used. */
const withoutAttempt = (cell: Cell, job: JobRecord): JobRecord => ({ ...chargeSegment(cell, job), attempt: null });

/** Ends a job for good, and its attempt with it. Jobs that depend on it go on, or fail with it. */
export function finish(
  cell: Cell,
  job: JobRecord,
  state: 'succeeded' | 'failed' | 'cancelled' | 'expired',
  endReason: EndReason | null,
): void {
  const { id } = job.spec;
  cell.releaseHold(id);
  cell.save({ ...withoutAttempt(cell, job), state, endReason, finishedAtMs: cell.nowMs });
  freeNodes(cell, job);
  for (const dependent of cell.dependentsOf(id)) {
    const other = cell.job(dependent);
    if (state === 'succeeded') cell.refile(dependent);
    else if (other.finishedAtMs === null) finish(cell, other, 'failed', 'dependency_failed');
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
  cell.save({ ...withoutAttempt(cell, job), ...change, state });
  freeNodes(cell, job);
}

/** The state of a job once it has left its nodes. */
export function leave(cell: Cell, job: JobRecord, reason: EvictionReason): void {
  const next = AFTER_LEAVING[reason];
  if (next.state === 'evicted') requeue(cell, job, 'evicted', { evictions: job.evictions + 1 });
  else finish(cell, job, next.state, next.endReason);
}

/** A failure that may be tried again, within the job's limit. */
export function failed(cell: Cell, job: JobRecord, isPermanent: boolean, change: Partial<JobRecord> = {}): void {
  const failures = job.failures + 1;
  if (isPermanent) finish(cell, { ...job, failures }, 'failed', 'job_failed');
  else if (failures >= job.spec.retry.attemptsMax) finish(cell, { ...job, failures }, 'failed', 'attempts_spent');
  else requeue(cell, job, 'pending', { ...change, failures });
}

import type { Cell } from '../machine/cell.ts';
import type { EvictionReason, JobRecord, Leaving } from '../machine/job-record.ts';
import { policyFor } from '../preemption/policy-for.ts';
import type { JobId } from '../../../kernel/ids.ts';
import { leave } from './end-attempt.ts';
import { overrides } from './what-follows.ts';

interface Notice {
  readonly reason: EvictionReason;
  /** The latest it may stay, where that is not up to its grace. */
  readonly goneAtMs?: number;
  readonly forJob?: JobId;
}

/** Requests a job's eviction: it saves and stops. It no longer owns its placement; others may get it, and wait until the job has gone. */
export function tellToLeave(cell: Cell, job: JobRecord, { reason, goneAtMs = Infinity, forJob }: Notice): void {
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

/** One that leaves already may have to be gone sooner, or must not come back. */
function hurry(cell: Cell, job: JobRecord, leaving: Leaving, reason: EvictionReason, goneAtMs: number): void {
  const graceEndsAtMs = Math.min(leaving.graceEndsAtMs, goneAtMs);
  const next = { ...leaving, graceEndsAtMs, reason: overrides(reason, leaving.reason) ? reason : leaving.reason };
  if (next.graceEndsAtMs !== leaving.graceEndsAtMs || next.reason !== leaving.reason) notify(cell, job, next);
}

function notify(cell: Cell, job: JobRecord, leaving: Leaving): void {
  const { attempt } = job;
  if (attempt === null) return;
  cell.save({ ...job, state: 'checkpointing', attempt: { ...attempt, leaving } });
  cell.decide({
    kind: 'notice',
    jobId: job.spec.id,
    fence: attempt.fence,
    reason: leaving.reason,
    untilMs: leaving.graceEndsAtMs,
  });
}

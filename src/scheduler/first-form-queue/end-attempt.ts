import type { FailureReason } from '../../contract/attempt.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Decision } from './decision.ts';
import type { EndedAttempt, Job, LiveAttempt } from './job.ts';
import { NO_PROGRESS } from './job.ts';
import { counts, triesAgain } from './retry-policy.ts';

export interface Failure {
  readonly reason: FailureReason;
  readonly message: string;
}

/** The job after its attempt ended without output: cancelled if that was asked for, else queued again or failed. */
export function afterFailure(job: Job, attempt: LiveAttempt, failure: Failure, nowMs: number): Decision[] {
  const failures = job.failures + (counts(failure.reason) ? 1 : 0);
  const ended = { ...withoutAttempt(job, attempt, failure.reason, nowMs), failures };
  if (job.state === 'cancelling') return [{ kind: 'save', job: finished(ended, 'cancelled', nowMs) }];
  if (!triesAgain(job, failures, failure.reason)) {
    return [{ kind: 'save', job: { ...finished(ended, 'failed', nowMs), error: { reason: failure.reason, message: failure.message } } }];
  }
  return [
    { kind: 'save', job: { ...ended, state: 'pending', progress: NO_PROGRESS } },
    { kind: 'nudge', poolId: 'waiting' },
  ];
}

export const finished = (job: Job, state: 'succeeded' | 'failed' | 'cancelled', nowMs: number): Job => ({
  ...job,
  state,
  finishedAtMs: nowMs,
});

/** The job with its live attempt moved to the ended ones. */
export function withoutAttempt(job: Job, attempt: LiveAttempt, outcome: EndedAttempt['outcome'], nowMs: number): Job {
  const { fence, poolId, startedAtMs } = attempt;
  const ended = [...job.ended, { fence, poolId, startedAtMs, endedAtMs: nowMs, outcome }];
  return { ...job, attempt: null, ended: ended.slice(-LIMITS.jobAttemptsKeptCount) };
}

import type { FailureReason, JobOutput } from '../../contract/jobs/attempt.ts';
import type { Progress, LineFault } from '../../contract/jobs/attempt-report.ts';
import { attemptIdOf, outputFileOf } from '../../contract/jobs/attempt.ts';
import type { JobState } from '../../contract/jobs/jobs.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { Attempt, EndReason, JobRecord } from '../engine/cell/job-record.ts';
import { isFinished } from '../engine/cell/job-record.ts';
import type { EndedAttempt, Job, LiveAttempt } from './jobs/job.ts';
import { NO_PROGRESS, withProgress } from './jobs/job.ts';

/** How a pool says that an attempt ended. */
export type AttemptEnd =
  | {
      readonly fence: number;
      readonly outcome: 'succeeded';
      readonly progress: Progress;
      readonly tokens: number;
      readonly outputs?: readonly JobOutput[];
      readonly registeredModel?: string;
    }
  | AttemptFailure;

export interface AttemptFailure {
  readonly fence: number;
  readonly outcome: FailureReason;
  readonly message: string;
  readonly exitCode?: number;
  /** Of an input that is invalid. */
  readonly lines?: readonly LineFault[];
  /** So many tokens have to be paid before there is another attempt. */
  readonly tokensNeeded?: number;
}

/**
 * A job as its owner sees it after the engine has changed its record. `end` is what its pool reported of the attempt that is over; of one
 * that is over without a report, the scheduler has given up the node.
 */
export function projected(job: Job, record: JobRecord, end: AttemptEnd | undefined, nowMs: number): Job {
  const handed = handedOver(record);
  const attempt = handed === null ? null : liveAttempt(job, record, handed);
  const over = attempt?.fence === job.attempt?.fence ? null : job.attempt;
  const next = {
    ...job,
    state: stateOf(record),
    fence: record.fence,
    attempt,
    failures: record.failures,
    nodesWanted: record.nodesWanted,
    startedAtMs: job.startedAtMs ?? attempt?.startedAtMs ?? null,
    finishedAtMs: record.finishedAtMs,
    ...(record.lateAtMs === undefined ? {} : { lateAtMs: record.lateAtMs }),
  };
  if (over === null && record.state !== 'succeeded') return { ...next, error: errorOf(record, undefined) };
  return over === null ? next : withEnded(next, over, record, end?.fence === over.fence ? end : undefined, nowMs);
}

/** The job without an attempt that is over. */
function withEnded(job: Job, over: LiveAttempt, record: JobRecord, end: AttemptEnd | undefined, nowMs: number): Job {
  const ended = [...job.ended, endedAttempt(over, end, record, nowMs)].slice(-JOB_LIMITS.jobAttemptsKeptCount);
  if (record.state === 'succeeded' && end?.outcome === 'succeeded') {
    // An agent that names no outputs has uploaded one.
    const outputFile = end.outputs === undefined ? outputFileOf(job.id, over.fence) : (end.outputs[0]?.file ?? null);
    // What it has saved is of no use any more.
    const { checkpoint: _saved, ...rest } = withProgress(job, end.progress, nowMs);
    return {
      ...rest,
      ended,
      outputFile,
      ...(end.outputs === undefined ? {} : { outputs: end.outputs }),
      ...(end.registeredModel === undefined ? {} : { registeredModel: end.registeredModel }),
    };
  }
  return {
    ...job,
    ended,
    progress: isFinished(record) ? job.progress : NO_PROGRESS,
    error: errorOf(record, end),
    ...(end === undefined || end.outcome === 'succeeded' || end.tokensNeeded === undefined ? {} : { tokensNeeded: end.tokensNeeded }),
  };
}

/** The attempt under way, once a pool has it: one that waits for its nodes to be empty is the engine's own business. */
const handedOver = ({ attempt }: JobRecord): (Attempt & { readonly startedAtMs: number }) | null =>
  attempt === null || attempt.startedAtMs === null ? null : { ...attempt, startedAtMs: attempt.startedAtMs };

function liveAttempt(job: Job, { spec }: JobRecord, attempt: Attempt & { startedAtMs: number }): LiveAttempt {
  const { fence, poolId, option, placement, startedAtMs, runningAtMs, leaving } = attempt;
  const { confirmedRanks, group }: Partial<LiveAttempt> = job.attempt?.fence === fence ? job.attempt : {};
  return {
    id: attemptIdOf(spec.id, fence),
    fence,
    poolId,
    option,
    nodes: placement.slots.length,
    startedAtMs,
    stopping: leaving?.reason ?? null,
    ...(leaving === null || leaving.forJob === null ? {} : { stoppingFor: leaving.forJob }),
    ...(leaving === null ? {} : { stopByMs: leaving.graceEndsAtMs }),
    isConfirmed: runningAtMs !== null,
    ...(confirmedRanks === undefined ? {} : { confirmedRanks }),
    ...(group === undefined ? {} : { group }),
  };
}

function endedAttempt(
  { fence, poolId, startedAtMs, stopping, stoppingFor, isConfirmed }: LiveAttempt,
  end: AttemptEnd | undefined,
  record: JobRecord,
  nowMs: number,
): EndedAttempt {
  // The output of a job that was cancelled meanwhile is not wanted.
  const reported = end?.outcome === 'succeeded' && record.state !== 'succeeded' ? 'cancelled' : end?.outcome;
  const outcome: EndedAttempt['outcome'] = reported ?? (isConfirmed ? 'lease_expired' : 'never_started');
  return {
    fence,
    poolId,
    startedAtMs,
    endedAtMs: nowMs,
    outcome,
    stoppedFor: stopping,
    ...(stoppingFor === undefined ? {} : { stoppedForJob: stoppingFor }),
    ...(end === undefined ? {} : exitCodeOf(end)),
  };
}

const exitCodeOf = (end: AttemptEnd): { readonly exitCode?: number } =>
  end.outcome === 'succeeded' || end.exitCode === undefined ? {} : { exitCode: end.exitCode };

/** Why the job failed, if it has. */
function errorOf({ state, endReason }: JobRecord, end: AttemptEnd | undefined): Job['error'] {
  if (state !== 'failed' && state !== 'expired') return null;
  const own = endReason === null ? undefined : ENDED_BY[endReason];
  if (own !== undefined) return own;
  return end === undefined || end.outcome === 'succeeded'
    ? { reason: 'lease_expired', message: 'the pool fell silent' }
    : { reason: end.outcome, message: end.message, ...exitCodeOf(end), ...(end.lines === undefined ? {} : { lines: end.lines }) };
}

/** The ends that no agent reports: they follow from what the owner had set. */
const ENDED_BY: { readonly [Reason in EndReason]?: NonNullable<Job['error']> } = {
  deadline: { reason: 'deadline_exceeded', message: 'it had not finished by its deadline_at' },
  max_duration: { reason: 'runtime_exceeded', message: 'an attempt ran for longer than max_runtime_s' },
  cost_cap: { reason: 'cost_exceeded', message: 'more would have cost more than max_cost_usd' },
  dependency_failed: { reason: 'dependency_failed', message: 'a job that it depends on did not succeed' },
};

/** The states of the engine, as the API names them. */
function stateOf({ state, attempt, isHeld }: JobRecord): JobState {
  switch (state) {
    case 'pending':
    case 'admitted':
    case 'evicted':
      return isHeld ? 'suspended' : 'pending';
    case 'checkpointing':
      return attempt?.leaving?.reason === 'cancelled' ? 'cancelling' : 'stopping';
    case 'expired':
      return 'failed';
    case 'starting':
    case 'running':
    case 'succeeded':
    case 'failed':
    case 'cancelled':
      return state;
    default:
      return unreachable(state);
  }
}

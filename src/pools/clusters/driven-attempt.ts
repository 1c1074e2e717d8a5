import type { FailureReason } from '../../contract/jobs/attempt.ts';
import { POOL_LIMITS } from '../../contract/pools/pool-limits.ts';
import type { AttemptId } from '../../kernel/ids.ts';
import type { AgentCommand } from '../agent-lease.ts';
import type { ClusterEnd, ClusterJob, ClusterTask } from './cluster.ts';

/** What a driver knows of an attempt that it brought, or is to bring, to a cluster. */
export interface DrivenAttempt {
  readonly attemptId: AttemptId;
  readonly fence: number;
  /** What to submit; absent where the job was found in the cluster: an earlier driver submitted it. */
  readonly task?: ClusterTask;
  /** The last submission: `asked` as long as its answer is not known. */
  readonly submission: { readonly kind: 'none' } | { readonly kind: 'asked' | 'accepted'; readonly atMs: number };
  readonly submitCount: number;
  /** Its jobs in the cluster, as listed. */
  readonly jobs: readonly ClusterJob[];
  /** When that listing was asked for, and when it was there. */
  readonly listedAtMs: number;
  readonly shownAtMs: number;
  /** Since when one of its jobs has been running. */
  readonly runningSinceMs: number | null;
  /** The process that runs it, as the pool last answered. */
  readonly run: string | null;
  readonly command: AgentCommand;
  /** When the pool was asked for that. */
  readonly heardAtMs: number;
  /** The pool counts on this attempt: its fence is the newest, and its end is not on record. */
  readonly isHeld: boolean;
}

export type DriverAction =
  | { readonly kind: 'submit'; readonly task: ClusterTask }
  | { readonly kind: 'cancel'; readonly job: ClusterJob }
  /** Reports the end of the attempt to the pool. */
  | { readonly kind: 'end'; readonly reason: FailureReason; readonly message: string }
  /** Nothing of it is left. */
  | { readonly kind: 'forget' };

export const newAttempt = (attemptId: AttemptId, fence: number, task?: ClusterTask): DrivenAttempt => ({
  attemptId,
  fence,
  ...(task === undefined ? {} : { task }),
  submission: { kind: 'none' },
  submitCount: 0,
  jobs: [],
  listedAtMs: -Infinity,
  shownAtMs: -Infinity,
  runningSinceMs: null,
  run: null,
  command: 'continue',
  heardAtMs: -Infinity,
  isHeld: true,
});

/** The attempt as a listing shows it that was asked for, and there, at these times. */
export function listed(attempt: DrivenAttempt, jobs: readonly ClusterJob[], listedAtMs: number, shownAtMs: number): DrivenAttempt {
  const isRunning = jobs.some(({ phase }) => phase.kind === 'running');
  return { ...attempt, jobs, listedAtMs, shownAtMs, runningSinceMs: isRunning ? (attempt.runningSinceMs ?? shownAtMs) : null };
}

/**
 * Whether the pool has to be asked before anything is done: of a job that is over or gone it may know more than at the last heartbeat, such as
 * that a process has the attempt, or has ended it.
 */
export function hasToHear({ isHeld, jobs, submission, heardAtMs, shownAtMs }: DrivenAttempt): boolean {
  const isOverOrGone = jobs.length === 0 ? submission.kind === 'accepted' : jobs.every(({ phase }) => phase.kind === 'ended');
  return isHeld && isOverOrGone && heardAtMs < shownAtMs;
}

const NOTHING: readonly DriverAction[] = [];

/** What the driver does next for an attempt. Doing it again is harmless: each action says what it wants to be so. */
export function actionsFor(attempt: DrivenAttempt, nowMs: number): readonly DriverAction[] {
  const { jobs, isHeld, command, run } = attempt;
  const live = jobs.filter(({ phase }) => phase.kind !== 'ended');
  // Another attempt at the job may be under way: whatever is left of this one only takes room (P66).
  if (!isHeld) return live.length === 0 ? [{ kind: 'forget' }] : live.map(cancelling);
  // A process that has the attempt reads the command itself, and may have to save its work first.
  if (command !== 'continue' && run === null) return leaving(attempt, live);
  return live.length === 0 ? withoutLiveJob(attempt) : withLiveJob(attempt, live, nowMs);
}

function leaving({ command }: DrivenAttempt, live: readonly ClusterJob[]): readonly DriverAction[] {
  const reason = command === 'cancel' ? 'cancelled' : 'released';
  return live.length === 0 ? [{ kind: 'end', reason, message: 'the driver was instructed to stop it' }] : live.map(cancelling);
}

function withLiveJob(attempt: DrivenAttempt, live: readonly ClusterJob[], nowMs: number): readonly DriverAction[] {
  const { run, runningSinceMs } = attempt;
  const running = live.filter(({ phase }) => phase.kind === 'running');
  const queued = live.filter(({ phase }) => phase.kind === 'queued');
  if (run !== null && running.length === 0) {
    // Its second process would be refused (P60): the next attempt gets a higher fence (P68).
    return [ending('released', 'the cluster has put its job back into the queue')];
  }
  if (run === null && runningSinceMs !== null && nowMs - runningSinceMs > POOL_LIMITS.clusterStartMsMax) {
    return [
      ending('agent_error', `its job has been running for clusterStartMsMax (${POOL_LIMITS.clusterStartMsMax} ms) and has not reported`),
    ];
  }
  // A submission whose answer was lost may have been taken twice (P64). Of two that run, the pool has refused one.
  return (running.length > 0 ? queued : queued.slice(1)).map(cancelling);
}

function withoutLiveJob(attempt: DrivenAttempt): readonly DriverAction[] {
  const { jobs, submission, submitCount, task, listedAtMs, run } = attempt;
  const last = jobs.at(-1);
  if (hasToHear(attempt)) return NOTHING;
  if (last !== undefined) return afterEnd(attempt, last);
  if (submission.kind === 'none') return task === undefined ? [ending('released', 'its job is gone')] : [{ kind: 'submit', task }];
  // Only a listing that was asked for later shows whether the cluster has it (P63).
  if (listedAtMs <= submission.atMs) return NOTHING;
  if (submission.kind === 'accepted') {
    // A cluster may forget a job that runs, and then only the process itself knows better.
    return run !== null ? NOTHING : [ending('released', 'the cluster has no record of its job any more')];
  }
  if (submitCount < POOL_LIMITS.clusterSubmitsMaxCount && task !== undefined) return [{ kind: 'submit', task }];
  return [ending('agent_error', `${submitCount} submissions were not answered, and none was taken (clusterSubmitsMaxCount)`)];
}

/** How the attempt of a job that ended is reported; a process that did its work has reported it itself, or is reporting it now. */
const END = {
  succeeded: 'agent_error',
  failed: 'agent_error',
  time_limit: 'agent_error',
  // By its operators, for a reason of theirs: tried again as often as a failure.
  cancelled: 'agent_error',
  preempted: 'released',
  node_lost: 'released',
} as const satisfies Record<ClusterEnd, FailureReason>;

function afterEnd({ run }: DrivenAttempt, { phase }: ClusterJob): readonly DriverAction[] {
  if (phase.kind !== 'ended') return NOTHING;
  // Its last report is on the way; if it is lost, so is the lease.
  if (phase.how === 'succeeded' && run !== null) return NOTHING;
  return [ending(END[phase.how], phase.how === 'succeeded' ? 'its job ended without a report' : `the cluster: ${phase.detail}`)];
}

const ending = (reason: FailureReason, message: string): DriverAction => ({ kind: 'end', reason, message });
const cancelling = (job: ClusterJob): DriverAction => ({ kind: 'cancel', job });

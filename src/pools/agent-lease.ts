import type { AttemptEnding, AttemptReport, Grant, Serving, Throughput, Checkpoint } from '../contract/jobs/attempt.ts';
import { hasOtherLoad, isNews, rankOfAttempt } from '../contract/jobs/attempt.ts';
import type { Progress } from '../contract/jobs/attempt-report.ts';
import { followsLoad } from '../contract/jobs/job-facts.ts';
import { JOB_LIMITS } from '../contract/jobs/job-limits.ts';
import type { Brand, AttemptId } from '../kernel/ids.ts';
import type { Outcome } from '../contract/api/outcome.ts';

export type AgentId = Brand<'AgentId'>;

/** An attempt in the hands of an agent. Plain data: it is stored as one row. */
export interface AgentLease {
  readonly grant: Grant;
  readonly agentId: AgentId;
  /** An agent that says nothing until then has lost the attempt. */
  readonly leaseUntilMs: number;
  /** Null until the agent's first heartbeat. */
  readonly progress: Progress | null;
  /** The process that runs it, where the agent drives a cluster that may start several (P60). */
  readonly run?: string;
  /** Where the other members of the gang reach this one, once it has said so, and of which version the group was then; absent: 0. */
  readonly address?: string;
  readonly metVersion?: number;
  /** Of a member that is to leave: it holds the attempt no longer than that, whatever it says. */
  readonly leaveUntilMs?: number;
  /** How fast it has been since the last report to the scheduler; absent: not measured. */
  readonly throughput?: Throughput | undefined;
  /** Of a replica: where it serves, once it has said so. */
  readonly serving?: Serving;
  /** The instruction in the reply to the agent's next heartbeat. */
  readonly command: AgentCommand;
  /** Its agent has yet to be answered it; absent: it was. */
  readonly waits?: true;
  /** The agent holds it no longer; kept until the scheduler knows. */
  readonly lost: boolean;
  /** How it ended, where the agent said so or had to stop; absent while it is held, and where the agent fell silent. */
  readonly ending?: AttemptEnding;
  /** What the scheduler knows of it; absent: nothing yet. */
  readonly known?: { readonly progress: Progress; readonly atMs: number; readonly serving?: Serving };
}

/** `cancel`: stop, the job is being cancelled. `stop`: stop and give the attempt back. `leave`: stop, the attempt goes on without this member. */
export type AgentCommand = 'continue' | 'cancel' | 'stop' | 'leave';

export interface HeartbeatReply {
  readonly command: AgentCommand;
  /** The process that runs the attempt, once one has been named. */
  readonly run: string | null;
  /** What the member is among those of its attempt now. */
  readonly place: GroupPlace;
}

/** What a member is among those of its attempt, each time these have changed. */
export interface GroupPlace {
  readonly version: number;
  readonly rank: number;
  readonly worldSize: number;
}

export const placeOf = ({ version = 0, rank = 0, worldSize = 1 }: Grant): GroupPlace => ({ version, rank, worldSize });

/** The lease of a member of an attempt whose members have changed. */
export const replaced = (lease: AgentLease, { version, rank, worldSize }: GroupPlace): AgentLease => ({
  ...lease,
  grant: { ...lease.grant, version, rank, worldSize },
});

/** The lease of a member that the attempt goes on without: it has its grace, and the length of a lease to say that it has stopped. */
export function leaving(lease: AgentLease, graceMs: number, nowMs: number): AgentLease {
  const leaveUntilMs = nowMs + graceMs + JOB_LIMITS.agentLeaseMs;
  return { ...lease, command: 'leave', leaveUntilMs, leaseUntilMs: Math.min(lease.leaseUntilMs, leaveUntilMs) };
}

/** Hands an attempt to an agent, which asks for work until then; as long as it goes on to do so, the attempt waits for it. [P121] */
export const assign = (grant: Grant, agentId: AgentId, leaseUntilMs: number): AgentLease => ({
  grant,
  agentId,
  leaseUntilMs,
  progress: null,
  command: 'continue',
  lost: false,
  waits: true,
});

/**
 * The lease of an attempt that its agent is answered now. That it was to ask for it by a later time counts no more: it has the length of a lease
 * to give a first sign of life, and as long as the answer may take, since it counts from when that arrives. [P3]
 */
export const answered = ({ waits: _, ...lease }: AgentLease, nowMs: number): AgentLease => ({
  ...lease,
  leaseUntilMs: Math.min(nowMs + JOB_LIMITS.agentHeartbeatMs + JOB_LIMITS.agentLeaseMs, lease.leaveUntilMs ?? Infinity),
});

/** Whether `fence` holds this lease. */
export const holds = (lease: AgentLease | undefined, fence: number): lease is AgentLease =>
  lease !== undefined && !lease.lost && lease.grant.fence === fence;

/** The lease after a sign of life: its agent has been answered it, whatever is on record. */
export const extended = ({ waits: _, ...lease }: AgentLease, progress: Progress | null, nowMs: number): AgentLease => ({
  ...lease,
  progress,
  // A clock that was set back must not shorten a lease.
  leaseUntilMs: Math.min(Math.max(lease.leaseUntilMs, nowMs + JOB_LIMITS.agentLeaseMs), lease.leaveUntilMs ?? Infinity),
});

/**
 * The lease after a heartbeat; undefined where it is of another process than the one that runs the attempt (P60). `progress` is null while
 * the attempt waits in the queue of a cluster.
 */
export function renewed(lease: AgentLease, progress: Progress | null, run: string | undefined, nowMs: number): AgentLease | undefined {
  if (run !== undefined && lease.run !== undefined && lease.run !== run) return undefined;
  // What keeps a waiting attempt does not know whether a running one is alive (P61).
  if (progress === null) return lease.progress === null ? extended(lease, null, nowMs) : lease;
  return { ...extended(lease, progress, nowMs), ...(run === undefined ? {} : { run }) };
}

/** The lease with one more measurement. */
export function measured(lease: AgentLease, throughput: Throughput): AgentLease {
  const { workMilli, overMs } = lease.throughput ?? NOTHING_DONE;
  return { ...lease, throughput: { workMilli: workMilli + throughput.workMilli, overMs: overMs + throughput.overMs } };
}

/** The lease after the scheduler has taken a report in, which may be older than what the lease says by now. */
export function reported(lease: AgentLease, { progress, throughput = NOTHING_DONE, serving }: ProgressReport, nowMs: number): AgentLease {
  const known = { progress, atMs: nowMs, ...(serving === undefined ? {} : { serving }) };
  if (lease.throughput === undefined) return { ...lease, known };
  const left = { workMilli: lease.throughput.workMilli - throughput.workMilli, overMs: lease.throughput.overMs - throughput.overMs };
  return { ...lease, known, throughput: left.overMs > 0 ? left : undefined };
}

type ProgressReport = Extract<AttemptReport, { readonly kind: 'progress' }>;

/**
 * When the scheduler is next to learn of the lease; Infinity while no agent has confirmed it. Its end and its first sign of life are due at
 * once, progress that has moved no sooner than `poolSyncMs` after the last report, and without that the pool shows that it still has the
 * lease: of a gang at that pace, as its members learn of its end by the answers. [P30]
 */
export function reportDueMs({ lost, progress, known, grant, serving }: AgentLease): number {
  if (lost) return 0;
  if (progress === null) return Infinity;
  if (known === undefined || isNews(known.serving, serving)) return 0;
  // A group follows its load at the pace of its reports.
  const isLoaded = followsLoad(grant.work) && hasOtherLoad(known.serving, serving);
  const isPrompt = grant.worldSize !== undefined || isLoaded || hasMoved(known.progress, progress);
  return known.atMs + (isPrompt ? JOB_LIMITS.poolSyncMs : JOB_LIMITS.attemptReportMs);
}

/** Whether progress has moved by what a reader would notice: its total, its last item, or a share of the items. */
function hasMoved(before: Progress, { completed, failed, total }: Progress): boolean {
  if (before.total !== total) return true;
  const [was, done] = [before.completed + before.failed, completed + failed];
  return was !== done && (total === null || done === total || Math.abs(done - was) >= total * PROGRESS_SHARE);
}

/** Smaller steps of progress are not worth a message of their own. */
const PROGRESS_SHARE = 0.01;

const NOTHING_DONE: Throughput = { workMilli: 0, overMs: 0 };

/** The lease of an attempt that waits for its agent, which asks for work until then. */
export const waiting = (lease: AgentLease, askingUntilMs: number): AgentLease => ({
  ...lease,
  leaseUntilMs: Math.min(Math.max(lease.leaseUntilMs, askingUntilMs), lease.leaveUntilMs ?? Infinity),
});

/** Takes the attempt from an agent that let the lease run out. */
export const swept = (lease: AgentLease, nowMs: number): AgentLease => (nowMs >= lease.leaseUntilMs ? { ...lease, lost: true } : lease);

/** The attempt as it ended; all that is left to do is to report it to the scheduler. */
export const ended = (lease: AgentLease, ending: AttemptEnding): AgentLease => ({ ...lease, lost: true, ending });

/** The report on a lease for the scheduler, if any: an attempt that no agent has confirmed is not reported. */
export function reportOn({ grant, progress, throughput, serving, lost, ending }: AgentLease): AttemptReport | undefined {
  const { jobId, fence, attemptId } = grant;
  // Absent for the first member, as for an attempt on one node.
  const rank = rankOfAttempt(attemptId) || undefined;
  if (ending !== undefined) return { jobId, fence, rank, ...ending };
  if (lost) {
    return progress === null
      ? { jobId, fence, rank, kind: 'failed', reason: 'never_started', message: 'no agent confirmed the attempt' }
      : { jobId, fence, rank, kind: 'failed', reason: 'lease_expired', message: 'the agent fell silent' };
  }
  if (progress === null) return undefined;
  return {
    jobId,
    fence,
    rank,
    kind: 'progress',
    progress,
    ...(throughput === undefined ? {} : { throughput }),
    ...(serving === undefined ? {} : { serving }),
  };
}

/** What an agent says of an attempt, under its fence: to the gateway, and by it to the object of the pool that has the attempt. */
export interface AttemptCalls {
  heartbeat(
    attemptId: AttemptId,
    fence: number,
    progress: Progress | null,
    run?: string,
    throughput?: Throughput,
    serving?: Serving,
  ): Promise<Outcome<HeartbeatReply>>;
  held(attemptId: AttemptId, fence: number): Promise<Outcome<Grant>>;
  meet(attemptId: AttemptId, fence: number, address: string, version?: number): Promise<Outcome<readonly string[] | null>>;
  saved(attemptId: AttemptId, fence: number, checkpoint: Checkpoint): Promise<Outcome<null>>;
  end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>>;
}

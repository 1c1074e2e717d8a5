import type { Assignment } from '../../../src/contract/pools/agent-protocol.ts';
import type { FailureReason, Grant } from '../../../src/contract/jobs/attempt.ts';
import type { Progress } from '../../../src/contract/jobs/attempt-report.ts';
import { attemptIdOf, outputFileOf } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { AttemptId, JobId } from '../../../src/kernel/ids.ts';
import type { AgentId, AgentLease } from '../../../src/pools/agent-lease.ts';
import { assign, renewed, holds, swept } from '../../../src/pools/agent-lease.ts';
import { Refused } from '../../../workers/agent/pool-client.ts';
import type { DrivenPool } from '../../../workers/drivers/cluster-drive.ts';
import type { VirtualTime } from '../worlds/virtual-time.ts';

const NO_PROGRESS: Progress = { completed: 0, failed: 0, total: null };

interface PoolJob {
  readonly id: JobId;
  fence: number;
  lease: AgentLease | undefined;
  isDone: boolean;
  isCancelled: boolean;
  /** How its attempts ended. */
  readonly ended: (FailureReason | 'succeeded')[];
}

/** A pool with the leases of the real one, in virtual time: it tries each job until an attempt completes. */
export class PoolDouble implements DrivenPool {
  readonly jobs: PoolJob[] = [];
  readonly #time: VirtualTime;
  #agents = 0;
  /** Calls of the driver fail while it is set. */
  isAway = false;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  add(n: number): PoolJob {
    const id = `job_${String(n).padStart(26, '0')}` as JobId;
    const job: PoolJob = { id, fence: 0, lease: undefined, isDone: false, isCancelled: false, ended: [] };
    this.jobs.push(job);
    return job;
  }

  attemptOf(job: PoolJob): AttemptId {
    return attemptIdOf(job.id, job.fence);
  }

  cancel(job: PoolJob): void {
    job.isCancelled = true;
    if (job.lease === undefined) job.isDone = true;
    else job.lease = { ...job.lease, command: 'cancel' };
  }

  get isIdle(): boolean {
    return this.jobs.every(({ isDone }) => isDone);
  }

  async register(): Promise<string> {
    this.#reach();
    this.#agents += 1;
    return `agt_${this.#agents}`;
  }

  async lease(agent: string, waitMs: number, signal: AbortSignal): Promise<Assignment | null> {
    for (let waitedMs = 0; waitedMs < waitMs && !signal.aborted; waitedMs += 100) {
      this.#reach();
      this.sweep();
      const job = this.jobs.find(({ lease, isDone }) => lease === undefined && !isDone);
      if (job !== undefined) return this.#start(job, agent);
      await this.#time.sleep(100);
    }
    return null;
  }

  async wait(key: { readonly attempt: string; readonly fence: number }) {
    this.#reach();
    return { ...this.#heartbeat(key.attempt, key.fence, null, undefined), group: { version: 0, rank: 0, world_size: 1 } };
  }

  async fail(key: { readonly attempt: string; readonly fence: number }, reason: FailureReason): Promise<void> {
    this.#reach();
    this.#end(key.attempt, key.fence, reason);
  }

  /** What a process of the cluster says. Throws `Refused` when the attempt is not its own. */
  beat(attempt: string, fence: number, run: string) {
    return this.#heartbeat(attempt, fence, NO_PROGRESS, run);
  }

  complete(attempt: string, fence: number): void {
    this.#end(attempt, fence, 'succeeded');
  }

  giveUp(attempt: string, fence: number, reason: FailureReason): void {
    this.#end(attempt, fence, reason);
  }

  /** Takes attempts whose leases have run out. */
  sweep(): void {
    for (const job of this.jobs) {
      if (job.lease === undefined || !swept(job.lease, this.#time.nowMs()).lost) continue;
      this.#over(job, job.lease.progress === null ? 'never_started' : 'lease_expired');
    }
  }

  #start(job: PoolJob, agent: string): Assignment {
    job.fence += 1;
    const attemptId = this.attemptOf(job);
    const grant = { attemptId, jobId: job.id, fence: job.fence, outputFile: outputFileOf(job.id, job.fence) } as unknown as Grant;
    job.lease = assign(grant, agent as AgentId, this.#time.nowMs() + JOB_LIMITS.agentLeaseMs);
    return { attempt: attemptId, fence: job.fence } as unknown as Assignment;
  }

  #heartbeat(attempt: string, fence: number, progress: Progress | null, run: string | undefined) {
    const job = this.#holder(attempt, fence);
    const alive = renewed(job.lease, progress, run, this.#time.nowMs());
    if (alive === undefined) throw stale();
    job.lease = alive;
    return { command: alive.command, run: alive.run ?? null };
  }

  #end(attempt: string, fence: number, how: FailureReason | 'succeeded'): void {
    this.#over(this.#holder(attempt, fence), how);
  }

  #over(job: PoolJob, how: FailureReason | 'succeeded'): void {
    job.lease = undefined;
    job.ended.push(job.isCancelled ? 'cancelled' : how);
    job.isDone = how === 'succeeded' || job.isCancelled;
  }

  #holder(attempt: string, fence: number): PoolJob & { lease: AgentLease } {
    this.sweep();
    const job = this.jobs.find((other) => this.attemptOf(other) === attempt);
    if (job === undefined || !holds(job.lease, fence)) throw stale();
    return job as PoolJob & { lease: AgentLease };
  }

  #reach(): void {
    if (this.isAway) throw new TypeError('fetch failed');
  }
}

const stale = (): Refused => new Refused({ error: { message: 'stale', type: '', param: null, code: 'stale_fence' }, request_id: 'req' });

import type { Assignment } from '../../src/contract/pools/agent-protocol.ts';
import type { FailureReason } from '../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { AttemptId } from '../../src/kernel/ids.ts';
import { fenceOf } from '../../src/contract/jobs/attempt.ts';
import type { Cluster, ClusterJob, ClusterTask } from '../../src/pools/clusters/cluster.ts';
import type { DrivenAttempt, DriverAction } from '../../src/pools/clusters/driven-attempt.ts';
import { actionsFor, hasToHear, listed, newAttempt } from '../../src/pools/clusters/driven-attempt.ts';
import { Backoff } from '../agent/backoff.ts';
import type { AttemptKey, HeartbeatReply } from '../agent/pool-client.ts';
import { Refused } from '../agent/pool-client.ts';
import { AtOnce, eachAtOnce } from './each-at-once.ts';

/** What a driver needs of the agent protocol; errors are those of `PoolClient`. */
export interface DrivenPool {
  /** The id of a new agent. */
  register(name: string): Promise<string>;
  lease(agent: string, waitMs: number, signal: AbortSignal): Promise<Assignment | null>;
  /** Keeps an attempt that waits in the cluster. */
  wait(attempt: AttemptKey, signal: AbortSignal): Promise<HeartbeatReply>;
  fail(attempt: AttemptKey, reason: FailureReason, message: string): Promise<void>;
}

export interface DriveParts {
  readonly cluster: Cluster;
  readonly pool: DrivenPool;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Ends early, without an error, when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly log: (line: string) => void;
  /** What the runner needs to know besides the attempt. */
  readonly environmentOf: (assignment: Assignment) => Readonly<Record<string, string>>;
  /** Of this driver, among those of the pool. */
  readonly name: string;
  /** Attempts in the cluster at a time. */
  readonly slots: number;
  readonly pollMs: number;
}

function byAttempt(jobs: readonly ClusterJob[]): ReadonlyMap<AttemptId, readonly ClusterJob[]> {
  const groups = new Map<AttemptId, ClusterJob[]>();
  for (const job of jobs) groups.set(job.attemptId, [...(groups.get(job.attemptId) ?? []), job]);
  return groups;
}

const isStale = (error: unknown): boolean => error instanceof Refused && error.code === 'stale_fence';

/**
 * Brings the attempts of a pool to a cluster. Towards the pool it is one agent for each slot; in the cluster it has one job for each attempt,
 * named after it. All that it must know is in the cluster's listing and in the pool, so one that is restarted goes on where it was (P70).
 */
export class ClusterDrive {
  readonly #parts: DriveParts;
  readonly #attempts = new Map<AttemptId, DrivenAttempt>();
  /** Attempts that are over and whose jobs the cluster still lists. */
  #over = new Set<AttemptId>();
  /** Attempts that an action is under way for. */
  readonly #busy = new Set<AttemptId>();
  /** The slots that wait until an attempt is over. */
  readonly #waiting = new Map<AttemptId, (() => void)[]>();
  readonly #submissions = new AtOnce(POOL_LIMITS.clusterCallsMaxCount);
  #usableSlots = 0;
  /** Since when the cluster has not answered; undefined: it has, last time. */
  #awaySinceMs: number | undefined;

  constructor(parts: DriveParts) {
    this.#parts = parts;
  }

  /** Works until stopped. Throws only when the pool will not have this driver. */
  async run(stopped: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([stopped, failed.signal]);
    const slots = Array.from({ length: this.#parts.slots }, (_, slot) => this.#serve(slot, signal));
    signal.addEventListener('abort', () => [...this.#waiting.keys()].forEach((attemptId) => this.#wake(attemptId)), { once: true });
    const loops = [this.#keepListing(signal), this.#keepAlive(signal), ...slots];
    try {
      await Promise.all(loops);
    } finally {
      failed.abort();
      await Promise.allSettled(loops);
      this.#parts.cluster.close?.();
      await this.#giveBackUnsent();
    }
  }

  /** One slot: asks the pool for an attempt, and for the next once that one is over. */
  async #serve(slot: number, stopped: AbortSignal): Promise<void> {
    const { pool, name, random, sleep, pollMs, log } = this.#parts;
    const backoff = new Backoff(random);
    let agent: string | undefined;
    while (!stopped.aborted) {
      if (!this.#mayAsk(slot)) {
        await sleep(pollMs, stopped);
        continue;
      }
      try {
        agent ??= await pool.register(`${name}-${slot}`);
        const assignment = await pool.lease(agent, JOB_LIMITS.longPollMsMax, stopped);
        backoff.reset();
        if (assignment === null) continue;
        await this.#begin(assignment);
        // One that the cluster or its environment cannot take is not followed by the next at once.
        const attemptId = assignment.attempt as AttemptId;
        await (this.#attempts.has(attemptId) ? this.#untilOver(attemptId, stopped) : sleep(pollMs, stopped));
      } catch (error) {
        if (stopped.aborted) return;
        if (error instanceof Refused && error.code === 'state_conflict') agent = undefined;
        else if (error instanceof Refused) throw error;
        else log(`the gateway cannot be reached, trying on: ${String(error)}`);
        await sleep(backoff.nextMs(), stopped);
      }
    }
  }

  /** A cluster that is away gets no work (P69), nor does a slot on a node that is being drained (P71). */
  #mayAsk(slot: number): boolean {
    // What an earlier driver left in the cluster takes slots, too.
    const adopted = [...this.#attempts.values()].filter(({ task }) => task === undefined).length;
    return this.#awaySinceMs === undefined && slot < this.#usableSlots - adopted;
  }

  async #begin(assignment: Assignment): Promise<void> {
    const attemptId = assignment.attempt as AttemptId;
    const environment = this.#parts.environmentOf(assignment);
    const bytes = Buffer.byteLength(Object.values(environment).join(''));
    if (bytes > POOL_LIMITS.clusterTaskBytesMax) {
      const message = `the attempt takes ${bytes} bytes; clusterTaskBytesMax is ${POOL_LIMITS.clusterTaskBytesMax}`;
      return this.#parts.pool.fail(assignment, 'agent_error', message);
    }
    const task: ClusterTask = { attemptId, environment };
    const known = this.#attempts.get(attemptId);
    this.#attempts.set(attemptId, known === undefined ? newAttempt(attemptId, assignment.fence, task) : { ...known, task });
    await this.#actOn(attemptId);
  }

  async #keepListing(stopped: AbortSignal): Promise<void> {
    const { sleep, pollMs, random, log } = this.#parts;
    const backoff = new Backoff(random);
    while (!stopped.aborted) {
      try {
        await this.#look();
        if (this.#awaySinceMs !== undefined) log('the cluster answers again');
        this.#awaySinceMs = undefined;
        backoff.reset();
        await sleep(pollMs, stopped);
      } catch (error) {
        if (this.#awaySinceMs === undefined) log(`the cluster cannot be reached, trying on: ${String(error)}`);
        this.#awaySinceMs ??= this.#parts.nowMs();
        await sleep(backoff.nextMs(), stopped);
      }
    }
  }

  async #look(): Promise<void> {
    const { cluster, nowMs } = this.#parts;
    this.#usableSlots = await cluster.usableSlots();
    const listedAtMs = nowMs();
    const jobs = byAttempt(await cluster.list());
    const shownAtMs = nowMs();
    this.#over = new Set([...this.#over].filter((id) => jobs.has(id)));
    for (const [attemptId, found] of jobs) {
      if (!this.#attempts.has(attemptId) && !this.#isOver(attemptId, found)) {
        this.#attempts.set(attemptId, newAttempt(attemptId, fenceOf(attemptId)));
      }
    }
    for (const [attemptId, attempt] of this.#attempts) {
      this.#change(attempt, (now) => listed(now, jobs.get(attemptId) ?? [], listedAtMs, shownAtMs));
    }
    await eachAtOnce(POOL_LIMITS.clusterCallsMaxCount, this.#attempts.keys(), (attemptId) => this.#actOn(attemptId));
  }

  #isOver(attemptId: AttemptId, jobs: readonly ClusterJob[]): boolean {
    return this.#over.has(attemptId) && jobs.every(({ phase }) => phase.kind === 'ended');
  }

  /** Heartbeats go on while the cluster is slow to answer, and while it is away for as long as a restart takes (P69). */
  async #keepAlive(stopped: AbortSignal): Promise<void> {
    const { nowMs, sleep } = this.#parts;
    while (!stopped.aborted) {
      const isGone = this.#awaySinceMs !== undefined && nowMs() - this.#awaySinceMs > POOL_LIMITS.clusterAwayMsMax;
      const due = isGone ? [] : [...this.#attempts.values()].filter(({ isHeld }) => isHeld);
      await eachAtOnce(POOL_LIMITS.clusterCallsMaxCount, due, (attempt) => this.#hear(attempt));
      await sleep(JOB_LIMITS.agentHeartbeatMs, stopped);
    }
  }

  /** Keeps an attempt that waits, and learns what is wanted of it and which process has it. */
  async #hear(attempt: DrivenAttempt): Promise<void> {
    const { pool, nowMs } = this.#parts;
    const heardAtMs = nowMs();
    try {
      const key = { attempt: attempt.attemptId, fence: attempt.fence };
      const { command, run } = await pool.wait(key, AbortSignal.timeout(JOB_LIMITS.agentHeartbeatMs));
      this.#change(attempt, (now) => ({ ...now, command, run, heardAtMs }));
    } catch (error) {
      // Any other error says nothing: the next heartbeat may.
      if (isStale(error)) this.#change(attempt, (now) => ({ ...now, isHeld: false, heardAtMs }));
    }
  }

  async #actOn(attemptId: AttemptId): Promise<void> {
    if (this.#busy.has(attemptId)) return;
    this.#busy.add(attemptId);
    try {
      const before = this.#attempts.get(attemptId);
      if (before !== undefined && hasToHear(before)) await this.#hear(before);
      const attempt = this.#attempts.get(attemptId);
      if (attempt === undefined) return;
      for (const action of actionsFor(attempt, this.#parts.nowMs())) await this.#perform(action, attempt);
    } catch (error) {
      this.#parts.log(`${attemptId}: ${String(error)}`);
    } finally {
      this.#busy.delete(attemptId);
    }
  }

  async #perform(action: DriverAction, attempt: DrivenAttempt): Promise<void> {
    const { cluster, pool, log } = this.#parts;
    switch (action.kind) {
      case 'submit':
        return this.#submit(action.task, attempt);
      case 'cancel':
        return cluster.cancel(action.job);
      case 'end':
        await pool.fail({ attempt: attempt.attemptId, fence: attempt.fence }, action.reason, action.message).catch((error: unknown) => {
          // Another end is on record, or another attempt is under way: either way it is over.
          if (!isStale(error)) throw error;
        });
        log(`${attempt.attemptId}: ${action.reason}: ${action.message}`);
        return this.#change(attempt, (now) => ({ ...now, isHeld: false }));
      case 'forget':
        this.#attempts.delete(attempt.attemptId);
        this.#over.add(attempt.attemptId);
        this.#wake(attempt.attemptId);
    }
  }

  /** Resolves once nothing of an attempt is left, or the driver stops. */
  #untilOver(attemptId: AttemptId, stopped: AbortSignal): Promise<void> {
    if (stopped.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(attemptId, [...(this.#waiting.get(attemptId) ?? []), resolve]));
  }

  #wake(attemptId: AttemptId): void {
    for (const resolve of this.#waiting.get(attemptId) ?? []) resolve();
    this.#waiting.delete(attemptId);
  }

  /** Once its answer is lost, a job may be there: the next listing shows it (P63). */
  async #submit(task: ClusterTask, attempt: DrivenAttempt): Promise<void> {
    const { cluster, nowMs, pool } = this.#parts;
    const noted = (kind: 'asked' | 'accepted') =>
      this.#change(attempt, (now) => ({ ...now, submission: { kind, atMs: nowMs() }, submitCount: attempt.submitCount + 1 }));
    try {
      const submission = await this.#submissions.pass(async () => (this.#awaySinceMs === undefined ? cluster.submit(task) : undefined));
      // It waits for the cluster to answer again, with those behind it (P106).
      if (submission === undefined) return undefined;
      if (submission.kind === 'accepted') return noted('accepted');
      await pool.fail({ attempt: attempt.attemptId, fence: attempt.fence }, 'agent_error', submission.message);
      this.#change(attempt, (now) => ({ ...now, isHeld: false }));
    } catch (error) {
      noted('asked');
      throw error;
    }
  }

  /** Attempts that never reached the cluster need not wait for the end of their leases. */
  async #giveBackUnsent(): Promise<void> {
    const unsent = [...this.#attempts.values()].filter(({ submission, jobs }) => submission.kind === 'none' && jobs.length === 0);
    await eachAtOnce(POOL_LIMITS.clusterCallsMaxCount, unsent, async ({ attemptId, fence }) => {
      const key = { attempt: attemptId, fence };
      await this.#parts.pool.fail(key, 'released', 'the driver stops').catch(() => undefined);
    });
  }

  /** Changes what is known of an attempt by now: calls overlap. */
  #change({ attemptId }: DrivenAttempt, next: (now: DrivenAttempt) => DrivenAttempt): void {
    const now = this.#attempts.get(attemptId);
    if (now !== undefined) this.#attempts.set(attemptId, next(now));
  }
}

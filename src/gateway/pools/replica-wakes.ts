import { refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';

interface WakeParts {
  /** Has a job that has given all its replicas back get one. Refuses a job that is over, or another tenant's. */
  readonly wake: (tenantId: TenantId, jobId: JobId) => Promise<Outcome<unknown>>;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
}

/** How a call waits for a first replica. */
export interface FirstReplica<T> {
  /** What can be called by now; undefined: nothing yet. */
  readonly look: () => Promise<Outcome<T | undefined>>;
  /** Whether the caller has gone, or its right has ended. */
  readonly isOver: () => boolean;
  /** For how long the caller waits, in ms; absent: as long as `replicaWakeMs`. */
  readonly leftMs?: number | undefined;
}

/**
 * Calls to jobs that have given all their replicas back, whichever way they come: each has its job get a replica, and may wait for it. An
 * isolate has one of these, so that its bounds are those of all ways together. [J338] [J360]
 */
export class ReplicaWakes {
  readonly #parts: WakeParts;
  /** When jobs were last woken: those that wait for the same one do not all ask for it. */
  readonly #wokenAtMs = new Map<string, number>();
  #waiting = 0;

  constructor(parts: WakeParts) {
    this.#parts = parts;
  }

  /** Has these jobs get a replica each, without waiting for it. Refuses as the last of them if none can. */
  async wake(tenantId: TenantId, jobs: readonly JobId[]): Promise<Outcome<unknown>> {
    const woken = await Promise.all(jobs.map((job) => this.#woken(tenantId, job)));
    return woken.find(({ ok: isWoken }) => isWoken) ?? woken.at(-1) ?? ok(null);
  }

  /** Waits until one of these jobs can be called, at most `replicaWakeMs`. Refuses with `no_healthy_replica`, which says when to repeat the call. */
  async first<T>(tenantId: TenantId, jobs: readonly JobId[], { look, isOver, leftMs = Infinity }: FirstReplica<T>): Promise<Outcome<T>> {
    const { clock, sleep } = this.#parts;
    if (this.#waiting >= JOB_LIMITS.replicaWaitersMaxCount) return startsLater(`${this.#waiting} calls wait for replicas already`);
    this.#waiting += 1;
    try {
      const untilMs = clock.nowMs() + Math.min(JOB_LIMITS.replicaWakeMs, leftMs);
      while (!isOver()) {
        const woken = await this.wake(tenantId, jobs);
        if (!woken.ok) return woken;
        const leftNowMs = untilMs - clock.nowMs();
        if (leftNowMs <= 0) break;
        await sleep(Math.min(JOB_LIMITS.replicaViewMs, leftNowMs));
        if (isOver()) break;
        const seen = await look();
        if (!seen.ok) return seen;
        if (seen.value !== undefined) return ok(seen.value);
      }
      return startsLater('the job had no replica, and none has started yet');
    } finally {
      this.#waiting -= 1;
    }
  }

  async #woken(tenantId: TenantId, jobId: JobId): Promise<Outcome<unknown>> {
    const { clock, wake } = this.#parts;
    const key = `${tenantId}/${jobId}`;
    const nowMs = clock.nowMs();
    if (nowMs < (this.#wokenAtMs.get(key) ?? -Infinity) + JOB_LIMITS.replicaViewMs) return ok(null);
    if (this.#wokenAtMs.size >= JOBS_MAX) this.#wokenAtMs.clear();
    this.#wokenAtMs.set(key, nowMs);
    return wake(tenantId, jobId).catch(() => refuse('unavailable', 'the jobs of the deployment did not answer: repeat the call'));
  }
}

/** A repetition may find a replica. */
function startsLater(why: string): Outcome<never> {
  return err({ ...refusal('no_healthy_replica', why), retryAfterMs: RETRY_AFTER_MS });
}

const RETRY_AFTER_MS = 5_000;

/** Jobs that an isolate remembers having woken. */
const JOBS_MAX = 1_000;

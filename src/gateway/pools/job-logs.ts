import type { Grant } from '../../contract/jobs/attempt.ts';
import { rankOfAttempt } from '../../contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { unlessEnded } from '../../contract/tenancy/authority-end.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { chanceHash } from '../../kernel/fast-hash.ts';
import { ok } from '../../kernel/result.ts';
import type { LogPage, LogStream } from '../../pools/sqlite-log-store.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';
import { isFinished } from '../../scheduler/served/jobs/job.ts';
import type { AttemptHold } from './attempt-files.ts';
import type { Pools } from './pool-calls.ts';

/** Some of the logs of a tenant, as the gateway calls them. */
export interface LogShard {
  append(stream: LogStream, at: number, bytes: Uint8Array): Promise<Outcome<null>>;
  close(stream: LogStream): Promise<void>;
  read(stream: LogStream, from: number, bytesMax: number, waitMs: number): Promise<LogPage | null>;
  erase(): Promise<void>;
  streamCount(): Promise<number>;
}

export interface JobLogParts {
  readonly pools: Pools;
  /** One of the `jobLogShardsCount` shards of a tenant. */
  readonly shard: (tenantId: TenantId, number: number) => LogShard;
  readonly find: (tenantId: TenantId, jobId: JobId) => Promise<Outcome<Job>>;
}

/** Which log, and from where. */
export interface LogRequest {
  /** The fence of the attempt; the newest if absent. */
  readonly attempt?: number | undefined;
  readonly rank: number;
  readonly offset: number;
}

/** Where a reader goes on. */
export interface LogPosition {
  readonly fence: number;
  readonly offset: number;
}

/** The logs of jobs: agents add to them under the fence of their attempt, owners read them. */
export class JobLogs {
  readonly #parts: JobLogParts;

  constructor(parts: JobLogParts) {
    this.#parts = parts;
  }

  /** Refuses with `stale_fence`, or with `tenant_suspended` once the tenant is erased. Answered once the bytes are stored. */
  async append(hold: AttemptHold, at: number, bytes: Uint8Array): Promise<Outcome<null>> {
    if (bytes.length > JOB_LIMITS.jobLogChunkBytesMax)
      return refuseBeyond({ limit: 'jobLogChunkBytesMax', value: bytes.length, what: `the message has ${bytes.length} bytes` });
    const held = await this.#held(hold);
    if (!held.ok) return held;
    const { tenantId, jobId, fence, attemptId } = held.value;
    const rank = rankOfAttempt(attemptId);
    return this.#shardOf(tenantId, jobId).append({ jobId, fence, rank }, at, bytes);
  }

  /** The attempt writes nothing any more: its readers need not wait. Nothing happens where it is not held. */
  async close(hold: AttemptHold): Promise<void> {
    const held = await this.#held(hold);
    if (!held.ok) return;
    const { tenantId, jobId, fence, attemptId } = held.value;
    const rank = rankOfAttempt(attemptId);
    await this.#shardOf(tenantId, jobId).close({ jobId, fence, rank });
  }

  /** What is there now, at most `jobLogReadBytesMax`, and where to read on. Refuses with `job_not_found`. */
  async read(tenantId: TenantId, jobId: JobId, request: LogRequest): Promise<Outcome<LogPage>> {
    const job = await this.#parts.find(tenantId, jobId);
    if (!job.ok) return job;
    const fence = request.attempt ?? job.value.fence;
    const page = await this.#page(tenantId, jobId, request.rank, { fence, offset: request.offset }, 0);
    return ok(page);
  }

  /**
   * What is there and what comes, until the attempt is over; without an attempt, all attempts from the newest on until the job is over. Returns
   * where to go on after `jobLogTurnsMaxCount` turns, or why it goes no further: the reader's right has ended. [P92]
   */
  async *follow(
    tenantId: TenantId,
    jobId: JobId,
    { attempt, rank, offset }: LogRequest,
    authority: Authority,
  ): AsyncGenerator<LogPage, LogPosition | Refusal | undefined> {
    const unless = (page: Promise<LogPage | undefined>) => unlessEnded(authority.end, page, () => undefined);
    const first = await this.#parts.find(tenantId, jobId);
    if (!first.ok) return undefined;
    let position: LogPosition = { fence: attempt ?? Math.max(1, first.value.fence), offset };
    for (let turns = 0; turns < JOB_LIMITS.jobLogTurnsMaxCount; turns++) {
      const lease = await authority.lease();
      if (!lease.ok) return lease.error;
      // Asked first: what an attempt wrote is stored before its end is known.
      const job = await this.#parts.find(tenantId, jobId);
      if (!job.ok) return undefined;
      const { fence } = position;
      const isOver = !isLive(job.value, fence);
      const page = await unless(this.#page(tenantId, jobId, rank, position, isOver ? 0 : JOB_LIMITS.jobLogTurnMs));
      if (page === undefined) continue;
      if (page.parts.length > 0) {
        yield page;
        position = { fence, offset: page.next };
        continue;
      }
      if (isOver && (attempt !== undefined || isLast(job.value, fence))) return undefined;
      if (isOver && job.value.fence > fence) position = { fence: job.value.fence, offset: 0 };
      else await unless(this.#next(tenantId, jobId, rank, fence + 1, isOver ? JOB_LIMITS.jobLogTurnMs : closedMs(page)));
    }
    return position;
  }

  /** Waits for so long for the first of the next attempt; not at all for 0. */
  async #next(tenantId: TenantId, jobId: JobId, rank: number, fence: number, waitMs: number): Promise<LogPage | undefined> {
    return waitMs === 0 ? undefined : this.#page(tenantId, jobId, rank, { fence, offset: 0 }, waitMs);
  }

  /** Takes away all logs of a tenant, and takes no more of it. */
  async eraseTenant(tenantId: TenantId): Promise<void> {
    await Promise.all(this.#shards(tenantId).map((shard) => shard.erase()));
  }

  /** How many logs of the tenant there are. */
  async count(tenantId: TenantId): Promise<number> {
    const counts = await Promise.all(this.#shards(tenantId).map((shard) => shard.streamCount()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #page(tenantId: TenantId, jobId: JobId, rank: number, { fence, offset }: LogPosition, waitMs: number): Promise<LogPage> {
    const page = await this.#shardOf(tenantId, jobId).read({ jobId, fence, rank }, offset, JOB_LIMITS.jobLogReadBytesMax, waitMs);
    return page ?? { fence, parts: [], next: offset, hasMore: false, isClosed: false };
  }

  #held({ poolId, partition, attemptId, fence }: AttemptHold): Promise<Outcome<Grant>> {
    return this.#parts.pools(poolId, partition).held(attemptId, fence);
  }

  #shardOf(tenantId: TenantId, jobId: JobId): LogShard {
    return this.#parts.shard(tenantId, Number.parseInt(chanceHash(jobId, NO_NUMBERS).slice(0, 4), 16) % JOB_LIMITS.jobLogShardsCount);
  }

  #shards(tenantId: TenantId): readonly LogShard[] {
    return Array.from({ length: JOB_LIMITS.jobLogShardsCount }, (_, number) => this.#parts.shard(tenantId, number));
  }
}

const NO_NUMBERS = new Float32Array(0);

/** A log that is closed is read without a wait: asked again at once, it would keep everything else from its turn. */
const closedMs = ({ isClosed }: LogPage): number => (isClosed ? JOB_LIMITS.jobLogClosedMs : 0);

/** Whether no attempt follows this one. */
const isLast = (job: Job, fence: number): boolean => isFinished(job) && job.fence <= fence;

/** Whether an attempt may still write. */
const isLive = (job: Job, fence: number): boolean => job.attempt?.fence === fence || (job.fence < fence && !isFinished(job));

import { DurableObject } from 'cloudflare:workers';
import type { AttemptReport, Grant, ReportVerdict } from '../src/contract/attempt.ts';
import { jobOfOutput } from '../src/contract/attempt.ts';
import type { JobState } from '../src/contract/jobs.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuseResource } from '../src/contract/outcome.ts';
import type { PoolRecord } from '../src/contract/pools.ts';
import { must } from '../src/kernel/assert.ts';
import type { FileId, JobId, PoolId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { commit } from '../src/scheduler/first-form-queue/decision.ts';
import type { WakeUpHint } from '../src/scheduler/first-form-queue/decision.ts';
import type { Events, Replies } from '../src/scheduler/first-form-queue/event.ts';
import type { Job, JobRequest } from '../src/scheduler/first-form-queue/job.ts';
import { step } from '../src/scheduler/first-form-queue/step.ts';
import type { ObjectsEnv, SchedulerStub } from './env.ts';
import type { Served } from './object-namespace.ts';
import { migrate } from '../src/kernel/sql/migrate.ts';
import { JOB_MIGRATIONS, SqliteJobStore, SqliteOutbox } from '../src/scheduler/first-form-queue/sqlite-job-store.ts';
import { SqlitePoolRegistry } from '../src/scheduler/first-form-queue/sqlite-pool-registry.ts';
import { UsageDispatcher } from './ledger-dispatchers.ts';

/** An alarm that is this late has been lost. */
const ALARM_LATE_MS = 10_000;

/** One scheduler cell: every job, and which pool runs it. Decides by `step`; writes each step in one transaction. */
export class SchedulerObject extends DurableObject<ObjectsEnv> implements Served<SchedulerStub> {
  readonly #jobs = new SqliteJobStore(this.ctx.storage);
  readonly #outbox = new SqliteOutbox(this.ctx.storage);
  readonly #usageDispatcher = new UsageDispatcher(this.#outbox, this.env.BILLING);
  readonly #pools = new SqlitePoolRegistry(this.ctx.storage);
  /** Pools that asked for more work than there was. A hint: they ask again by themselves. */
  readonly #waiting = new Set<PoolId>();
  /** When the alarm is known to ring; long ago when that is not known. */
  #alarmAtMs = 0;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    migrate(ctx.storage, JOB_MIGRATIONS);
  }

  submit(request: JobRequest): Outcome<Job> {
    return this.#do({ kind: 'submit', request });
  }

  cancel(tenantId: TenantId, jobId: JobId): Outcome<Job> {
    return this.#do({ kind: 'cancel', tenantId, jobId });
  }

  /** Work for `count` idle agents of a pool. */
  claim(poolId: PoolId, count: number): readonly Grant[] {
    const grants = this.#do({ kind: 'claim', poolId, count });
    if (grants.length < count) this.#waiting.add(poolId);
    return grants;
  }

  /** What becomes of each of at most `schedulerBatchMaxCount` reports, in their order. */
  report(poolId: PoolId, reports: readonly AttemptReport[]): readonly ReportVerdict[] {
    return reports.map((report) => this.#do({ kind: 'report', poolId, report }));
  }

  job(tenantId: TenantId, jobId: JobId): Outcome<Job> {
    const job = this.#jobs.find(jobId);
    return job === undefined || job.tenantId !== tenantId
      ? refuseResource('job_not_found', { kind: 'job', name: jobId }, `no job ${jobId}`, 'job')
      : ok(job);
  }

  /** Jobs of the tenant, newest first, older than the job `after`, in `state` or all: one more than `limit` when there are more. */
  jobs(tenantId: TenantId, limit: number, after: JobId | undefined, state?: JobState): Outcome<readonly Job[]> {
    if (after === undefined) return ok(this.#jobs.newest(tenantId, Number.MAX_SAFE_INTEGER, limit + 1, state));
    const last = this.job(tenantId, after);
    return last.ok ? ok(this.#jobs.newest(tenantId, last.value.sequence, limit + 1, state)) : last;
  }

  /** Jobs of the tenant that are not finished. */
  openCount(tenantId: TenantId): number {
    return this.#jobs.openCount(tenantId);
  }

  /** The attempt outputs that the tenant's jobs have accepted. */
  acceptedOutputs(tenantId: TenantId, ids: readonly FileId[]): readonly FileId[] {
    return ids.filter((id) => {
      const job = this.#jobs.find(must(jobOfOutput(id), 'the id of an output'));
      return job?.tenantId === tenantId && job.outputFile === id;
    });
  }

  addPool(pool: PoolRecord): Outcome<PoolRecord> {
    return this.#pools.add(pool);
  }

  pool(id: PoolId): Outcome<PoolRecord> {
    const pool = this.#pools.find(id);
    return pool === undefined ? refuseResource('pool_not_found', { kind: 'pool', name: id }, `no pool ${id}`, 'pool') : ok(pool);
  }

  /** Pools by id, after `after`: one more than `limit` when there are more. */
  pools(limit: number, after = ''): readonly PoolRecord[] {
    return this.#pools.page(after, limit + 1);
  }

  override async alarm(): Promise<void> {
    this.#alarmAtMs = 0;
    const nudges = this.#apply({ kind: 'expire', count: LIMITS.schedulerBatchMaxCount }).nudges;
    for (const nudge of nudges) this.#nudge(nudge);
    await this.#usageDispatcher.deliver(LIMITS.schedulerBatchMaxCount);
    await this.#arm();
  }

  #do<Kind extends keyof Events>(event: Events[Kind] & { kind: Kind }): Replies[Kind] {
    const { reply, nudges } = this.#apply<Kind>(event);
    // In the same breath as the transaction: either both are stored or neither.
    this.ctx.waitUntil(this.#arm());
    for (const nudge of nudges) this.#nudge(nudge);
    return reply;
  }

  #apply<Kind extends keyof Events>(event: Events[Kind] & { kind: Kind }): { reply: Replies[Kind]; nudges: readonly WakeUpHint[] } {
    return this.ctx.storage.transactionSync(() => {
      const { decisions, reply } = step<Kind>(this.#jobs, event, Date.now());
      return { reply, nudges: commit(this.#jobs, decisions) };
    });
  }

  /** Sets the alarm for the next lease that ends or usage that is due. */
  async #arm(): Promise<void> {
    const dueMs = Math.min(this.#jobs.nextLeaseEndMs() ?? Infinity, this.#outbox.nextDueMs() ?? Infinity);
    const nowMs = Date.now();
    // Later than now, so that an alarm set while another rings is plainly another.
    const nextMs = Math.max(dueMs, nowMs + 1);
    const isSet = this.#alarmAtMs > nowMs - ALARM_LATE_MS && this.#alarmAtMs <= nextMs;
    if (isSet || dueMs === Infinity) return;
    this.#alarmAtMs = nextMs;
    await this.ctx.storage.setAlarm(nextMs);
  }

  #nudge({ poolId }: WakeUpHint): void {
    const target = poolId === 'waiting' ? this.#waiting.values().next().value : poolId;
    if (target === undefined) return;
    this.#waiting.delete(target);
    // A hint: a pool that does not receive it asks again within `poolSyncMs`.
    const heard = this.env.POOL.get(this.env.POOL.idFromName(target)).nudge(poolId === 'waiting' ? 'work' : 'attempts');
    this.ctx.waitUntil(heard.catch(() => undefined));
  }
}

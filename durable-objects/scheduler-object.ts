import { DurableObject } from 'cloudflare:workers';
import { jobOfOutput } from '../src/contract/attempt.ts';
import type { JobState } from '../src/contract/jobs.ts';
import { LIMITS } from '../src/contract/limits.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import { refuseResource } from '../src/contract/outcome.ts';
import type { PoolMessage, PoolOrders } from '../src/contract/pool-exchange.ts';
import type { PoolRecord } from '../src/contract/pools.ts';
import { must } from '../src/kernel/assert.ts';
import type { FileId, JobId, PoolId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import { migrate } from '../src/kernel/sql/migrate.ts';
import type { CellSettings } from '../src/scheduler/engine/machine/cell-settings.ts';
import { DurableCell } from '../src/scheduler/served/durable-cell.ts';
import type { JobExplanation } from '../src/scheduler/served/explain-job.ts';
import type { Job, JobRequest } from '../src/scheduler/served/job.ts';
import type { PoolOperation, PoolOperations } from '../src/scheduler/served/pool-operations.ts';
import { perform } from '../src/scheduler/served/pool-operations.ts';
import { JOB_MIGRATIONS } from '../src/scheduler/served/migrations.ts';
import type { ObjectsEnv, SchedulerStub } from './env.ts';
import { UsageDispatcher } from './ledger-dispatchers.ts';
import type { Served } from './object-namespace.ts';

/** An alarm that is this late has been lost. */
const ALARM_LATE_MS = 10_000;

/** One scheduler cell: every job, every pool, and who runs what. The engine decides; this object keeps time and carries messages. */
export class SchedulerObject extends DurableObject<ObjectsEnv> implements Served<SchedulerStub> {
  readonly #cell: DurableCell;
  readonly #usageDispatcher: UsageDispatcher;
  /** When the alarm is known to ring; long ago when that is not known. */
  #alarmAtMs = 0;

  /** `settings`: of a cell whose cohorts and queues are given; by default each tenant has a queue of its own. */
  constructor(ctx: DurableObjectState, env: ObjectsEnv, settings?: CellSettings) {
    super(ctx, env);
    migrate(ctx.storage, JOB_MIGRATIONS);
    this.#cell = new DurableCell(ctx.storage, { nowMs: () => Date.now() }, settings);
    this.#usageDispatcher = new UsageDispatcher(this.#cell.outbox, env.BILLING);
  }

  submit(request: JobRequest): Outcome<Job> {
    return this.#after(this.#cell.submit(request));
  }

  cancel(tenantId: TenantId, jobId: JobId): Outcome<Job> {
    return this.#after(this.#cell.cancel(tenantId, jobId));
  }

  /** Keeps the jobs of a suspended tenant from running, until its suspension ends. */
  suspendTenant(tenantId: TenantId, isSuspended: boolean): void {
    this.#after(this.#cell.suspendTenant(tenantId, isSuspended));
  }

  /** Takes away some of what a tenant has here, and takes no more jobs of it: how many jobs are left. */
  eraseTenant(tenantId: TenantId): number {
    return this.#after(this.#cell.eraseTenant(tenantId));
  }

  /** How many jobs of the tenant are on record. */
  jobCount(tenantId: TenantId): number {
    return this.#cell.jobs.count(tenantId);
  }

  /** Takes the news of a pool and answers what it has to do. */
  exchange(message: PoolMessage): PoolOrders {
    return this.#after(this.#cell.exchange(message));
  }

  job(tenantId: TenantId, jobId: JobId): Outcome<Job> {
    return this.#cell.find(tenantId, jobId);
  }

  explain(tenantId: TenantId, jobId: JobId): Outcome<{ readonly job: Job; readonly explanation: JobExplanation }> {
    return this.#cell.explain(tenantId, jobId);
  }

  /** Jobs of the tenant, newest first, older than the job `after`, in `state` or all: one more than `limit` when there are more. */
  jobs(tenantId: TenantId, limit: number, after: JobId | undefined, state?: JobState): Outcome<readonly Job[]> {
    const { jobs } = this.#cell;
    if (after === undefined) return ok(jobs.newest(tenantId, Number.MAX_SAFE_INTEGER, limit + 1, state));
    const last = this.job(tenantId, after);
    return last.ok ? ok(jobs.newest(tenantId, last.value.sequence, limit + 1, state)) : last;
  }

  /** Jobs of the tenant that are not finished. */
  openCount(tenantId: TenantId): number {
    return this.#cell.jobs.openCount(tenantId);
  }

  /** The attempt outputs that the tenant's jobs have accepted. */
  acceptedOutputs(tenantId: TenantId, ids: readonly FileId[]): readonly FileId[] {
    return ids.filter((id) => {
      const job = this.#cell.jobs.find(must(jobOfOutput(id), 'the id of an output'));
      return job?.tenantId === tenantId && (job.outputFile === id || (job.outputs ?? []).some(({ file }) => file === id));
    });
  }

  addPool(pool: PoolRecord): Outcome<PoolRecord> {
    return this.#after(this.#cell.addPool(pool));
  }

  pool(id: PoolId): Outcome<PoolRecord> {
    const pool = this.#cell.pools.find(id);
    return pool === undefined ? refuseResource('pool_not_found', { kind: 'pool', name: id }, `no pool ${id}`, 'pool') : ok(pool);
  }

  /** What operators do with a pool: see `PoolOperations`. */
  operate<Name extends PoolOperation>(name: Name, ...args: Parameters<PoolOperations[Name]>): ReturnType<PoolOperations[Name]> {
    return this.#after(perform(this.#cell.operations, name, args));
  }

  /** Pools by id, after `after`: one more than `limit` when there are more. */
  pools(limit: number, after = ''): readonly PoolRecord[] {
    return this.#cell.pools.page(after, limit + 1);
  }

  override async alarm(): Promise<void> {
    this.#alarmAtMs = 0;
    this.#cell.wake();
    this.#nudge();
    await this.#usageDispatcher.deliver(LIMITS.schedulerBatchMaxCount);
    await this.#arm();
  }

  #after<T>(reply: T): T {
    // In the same breath as the transaction: either both are stored or neither.
    this.ctx.waitUntil(this.#arm());
    this.#nudge();
    return reply;
  }

  /** Sets the alarm for what is next due: of the engine, of pools, or of the usage outbox. */
  async #arm(): Promise<void> {
    const dueMs = Math.min(this.#cell.nextDueMs(), this.#cell.outbox.nextDueMs() ?? Infinity);
    const nowMs = Date.now();
    // Later than now, so that an alarm set while another rings is plainly another.
    const nextMs = Math.max(dueMs, nowMs + 1);
    const isSet = this.#alarmAtMs > nowMs - ALARM_LATE_MS && this.#alarmAtMs <= nextMs;
    if (isSet || dueMs === Infinity) return;
    this.#alarmAtMs = nextMs;
    await this.ctx.storage.setAlarm(nextMs);
  }

  /** Wakes the pools that have something to do. A hint: a pool that does not receive it asks by itself within `poolSyncMs`. */
  #nudge(): void {
    for (const poolId of this.#cell.takeNews()) {
      const heard = this.env.POOL.get(this.env.POOL.idFromName(poolId)).nudge();
      this.ctx.waitUntil(heard.catch(() => undefined));
    }
  }
}

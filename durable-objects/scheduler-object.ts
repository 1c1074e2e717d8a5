import { DurableObject } from 'cloudflare:workers';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { PoolMessage, PoolOrders } from '../src/contract/pools/pool-exchange.ts';
import type { PoolRecord, StatedPrice } from '../src/contract/pools/pool-record.ts';
import type { FileId, JobId, OrganisationId, PoolId, TenantId } from '../src/kernel/ids.ts';
import { migrate } from '../src/kernel/sql/migrate.ts';
import { DurableCell } from '../src/scheduler/served/durable-cell.ts';
import { type CellOperation, type CellOperations, perform } from '../src/scheduler/served/cell-operations.ts';
import { costedJob, listJobs } from '../src/scheduler/served/job-queries.ts';
import type { JobVerb } from '../src/scheduler/served/job-verbs.ts';
import type { Job, JobRequest } from '../src/scheduler/served/jobs/job.ts';
import type { JobFilter, JobPage } from '../src/scheduler/served/jobs/sqlite-job-index.ts';
import { JOB_MIGRATIONS } from '../src/scheduler/served/migrations.ts';
import type { ObjectsEnv, SchedulerStub } from './env.ts';
import { AlarmClock } from './alarm-clock.ts';
import { CellNews } from './cell-news.ts';
import { GatheredSubmissions } from './gathered-submissions.ts';
import { FundsDispatcher } from './funds-dispatcher.ts';
import { UsageDispatcher } from './ledger-dispatchers.ts';
import { GroupCommit } from './group-commit.ts';
import type { Served } from './object-namespace.ts';

/** One scheduler cell: every job, every pool, and who runs what. The engine decides; this object keeps time and carries messages. */
export class SchedulerObject extends DurableObject<ObjectsEnv> implements Served<SchedulerStub> {
  readonly #cell: DurableCell;
  readonly #news: CellNews;
  readonly #usageDispatcher: UsageDispatcher;
  readonly #funds: FundsDispatcher;
  readonly #alarm = new AlarmClock(this.ctx.storage);
  readonly #commits = new GroupCommit();
  readonly #submissions = new GatheredSubmissions(this.#commits, (all) => this.#after(this.#cell.submissions.submitAll(all)));

  constructor(ctx: DurableObjectState, env: ObjectsEnv, settings?: ConstructorParameters<typeof DurableCell>[2]) {
    super(ctx, env);
    migrate(ctx.storage, JOB_MIGRATIONS);
    this.#cell = new DurableCell(ctx.storage, { nowMs: () => Date.now() }, settings);
    this.#news = new CellNews(this.#cell, env.POOL);
    this.#funds = new FundsDispatcher(this.#cell, env.QUOTA);
    this.#usageDispatcher = new UsageDispatcher(this.#cell.outbox, env.BILLING);
  }

  submit(request: JobRequest): Promise<Outcome<Job>> {
    return this.#alarm.gate.pass(() => this.#submissions.submit(request));
  }

  act(tenantId: TenantId, jobId: JobId, verb: JobVerb): Outcome<Job> {
    return this.#after(this.#cell.act(tenantId, jobId, verb));
  }

  /** Keeps the jobs of a suspended tenant from running, until its suspension ends. */
  suspendTenant(tenantId: TenantId, isSuspended: boolean): void {
    this.#after(this.#cell.suspendTenant(tenantId, isSuspended));
  }

  /** Takes away some of what a tenant has here, and takes no more jobs of it: how many jobs are left. */
  eraseTenant(tenantId: TenantId): number {
    return this.#after(this.#cell.eraseTenant(tenantId));
  }

  jobCount(tenantId: TenantId): number {
    return this.#cell.jobs.count(tenantId);
  }

  async exchange(message: PoolMessage): Promise<PoolOrders> {
    const orders = await this.#commits.turn(() => this.#after(this.#cell.exchange(message)));
    // Attempts that wait for their grants are mostly handed over with this answer.
    return (await this.#funds.runBriefly()) ? { ...orders, effects: this.#news.effectsFor(message) } : orders;
  }

  /** Quotas or budgets of the organisation were changed: its jobs that wait for them are tried again. */
  releasePayers(organisationId: OrganisationId): void {
    this.#after(this.#cell.releasePayers(organisationId));
  }

  job(tenantId: TenantId, jobId: JobId): Outcome<Job> {
    return this.#cell.find(tenantId, jobId);
  }

  explain(tenantId: TenantId, jobId: JobId): ReturnType<DurableCell['explain']> {
    return this.#cell.explain(tenantId, jobId);
  }

  plan(request: JobRequest): ReturnType<DurableCell['plan']> {
    return this.#cell.plan(request);
  }

  jobs(tenantId: TenantId, filter: JobFilter, limit: number, after: JobId | undefined): Outcome<JobPage> {
    return listJobs(this.#cell, tenantId, filter, limit, after);
  }

  segments(tenantId: TenantId, jobId: JobId): ReturnType<typeof costedJob> {
    return costedJob(this.#cell, tenantId, jobId);
  }

  events(tenantId: TenantId, jobId: JobId, after: number, waitMs: number): ReturnType<CellNews['follow']> {
    return this.#news.follow(tenantId, jobId, after, waitMs);
  }

  openCount(tenantId: TenantId): number {
    return this.#cell.jobs.openCount(tenantId);
  }

  acceptedOutputs(tenantId: TenantId, ids: readonly FileId[]): readonly FileId[] {
    return ids.filter((id) => this.#cell.jobs.isAccepted(tenantId, id));
  }

  addPool(pool: PoolRecord, prices?: readonly StatedPrice[]): Outcome<PoolRecord> {
    return this.#after(this.#cell.addPool(pool, prices));
  }

  pool(id: PoolId): Outcome<PoolRecord> {
    return this.#cell.pools.get(id);
  }

  operate<Name extends CellOperation>(name: Name, ...args: Parameters<CellOperations[Name]>): ReturnType<CellOperations[Name]> {
    return this.#after(perform(this.#cell, name, args));
  }

  pools(limit: number, after = ''): readonly PoolRecord[] {
    return this.#cell.pools.page(after, limit + 1);
  }

  override async alarm(): Promise<void> {
    await this.#alarm.rang();
    this.#cell.wake(this.#alarm.lag.judgedMs());
    this.ctx.waitUntil(this.#news.spread());
    await this.#sendFunds();
    await this.#usageDispatcher.deliver();
    await this.#arm();
  }

  #after<T>(reply: T): T {
    // In the same breath as the transaction: either both are stored or neither.
    this.ctx.waitUntil(Promise.all([this.#arm(), this.#news.spread()]));
    if (this.#cell.grants.nextDueMs() !== undefined) this.ctx.waitUntil(this.#sendFunds());
    return reply;
  }

  async #sendFunds(): Promise<void> {
    await this.#funds.run();
    this.ctx.waitUntil(this.#news.spread());
    await this.#arm();
  }

  /** Sets the alarm for what is next due: of the engine, of pools, or of what waits for ledgers and quotas. */
  #arm(): Promise<void> {
    const { outbox, grants } = this.#cell;
    return this.#alarm.ringBy(Math.min(this.#cell.nextDueMs(), outbox.nextDueMs() ?? Infinity, grants.nextDueMs() ?? Infinity));
  }
}

import type { Outcome } from '../../contract/api/outcome.ts';
import type { PoolRecord, StatedPrice } from '../../contract/pools/pool-record.ts';
import type { FileId, JobId, OrganisationId, PoolId, TenantId } from '../../kernel/ids.ts';
import type { JobExplanation } from '../../scheduler/served/explain-job.ts';
import type { CellOperation, CellOperations } from '../../scheduler/served/cell-operations.ts';
import type { JobPlan } from '../../scheduler/served/plan-job.ts';
import type { JobVerb } from '../../scheduler/served/job-verbs.ts';
import type { Job, JobRequest } from '../../scheduler/served/jobs/job.ts';
import type { CostedJob, EventPage } from '../../scheduler/served/job-queries.ts';
import type { JobFilter, JobPage } from '../../scheduler/served/jobs/sqlite-job-index.ts';

/** The scheduler, as the gateway calls it. */
export interface JobQueue {
  submit(request: JobRequest): Promise<Outcome<Job>>;
  act(tenantId: TenantId, jobId: JobId, verb: JobVerb): Promise<Outcome<Job>>;
  job(tenantId: TenantId, jobId: JobId): Promise<Outcome<Job>>;
  explain(tenantId: TenantId, jobId: JobId): Promise<Outcome<{ readonly job: Job; readonly explanation: JobExplanation }>>;
  /** What would become of a job if it were submitted. */
  plan(request: JobRequest): Promise<Outcome<JobPlan>>;
  /** Newest first, older than `after`. */
  jobs(tenantId: TenantId, filter: JobFilter, limit: number, after: JobId | undefined): Promise<Outcome<JobPage>>;
  /** A job, and the newest segments that it was charged for, oldest first. */
  segments(tenantId: TenantId, jobId: JobId): Promise<Outcome<CostedJob>>;
  /** What has happened to a job after its event `after`: waits up to `waitMs` for something, as long as the job is not over. */
  events(tenantId: TenantId, jobId: JobId, after: number, waitMs: number): Promise<Outcome<EventPage>>;
  /** Jobs of the tenant that are not finished. */
  openCount(tenantId: TenantId): Promise<number>;
  /** Keeps the jobs of a suspended tenant from running, until its suspension ends. */
  suspendTenant(tenantId: TenantId, isSuspended: boolean): Promise<void>;
  /** The quotas or budgets of an organisation were changed: its jobs that wait for them are tried again. */
  releasePayers(organisationId: OrganisationId): Promise<void>;
  /** Takes away some of what a tenant has, and takes no more jobs of it: how many jobs are left. */
  eraseTenant(tenantId: TenantId): Promise<number>;
  /** Jobs of the tenant that are on record. */
  jobCount(tenantId: TenantId): Promise<number>;
  acceptedOutputs(tenantId: TenantId, ids: readonly FileId[]): Promise<readonly FileId[]>;
  addPool(pool: PoolRecord, prices?: readonly StatedPrice[]): Promise<Outcome<PoolRecord>>;
  /** What operators do with pools and cohorts, and tenants with their queues. */
  operate<Name extends CellOperation>(name: Name, ...args: Parameters<CellOperations[Name]>): Promise<ReturnType<CellOperations[Name]>>;
  pool(id: PoolId): Promise<Outcome<PoolRecord>>;
  /** By id, after `after`: one more than `limit` when there are more. */
  pools(limit: number, after?: string): Promise<readonly PoolRecord[]>;
}

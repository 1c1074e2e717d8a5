import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { DurableCell } from './durable-cell.ts';
import type { JobEvent } from './jobs/sqlite-job-history.ts';
import type { JobSegment, Job } from './jobs/job.ts';
import { isFinished } from './jobs/job.ts';
import type { JobFilter, JobPage } from './jobs/sqlite-job-index.ts';

/** A job, and the newest segments that it was charged for, oldest first. */
export interface CostedJob {
  readonly job: Job;
  readonly segments: readonly JobSegment[];
}

/** Events of a job, and whether it will have no more. */
export interface EventPage {
  readonly events: readonly JobEvent[];
  readonly isOver: boolean;
}

/** Jobs of a tenant, newest first, older than the job `after`. Refuses with `job_not_found`. */
export function listJobs(
  cell: DurableCell,
  tenantId: TenantId,
  filter: JobFilter,
  limit: number,
  after: JobId | undefined,
): Outcome<JobPage> {
  const last = after === undefined ? undefined : cell.find(tenantId, after);
  if (last?.ok === false) return last;
  return ok(cell.index.page(tenantId, filter, last?.value.sequence ?? Infinity, limit));
}

/** Refuses with `job_not_found`. */
export function costedJob(cell: DurableCell, tenantId: TenantId, jobId: JobId): Outcome<CostedJob> {
  const job = cell.find(tenantId, jobId);
  return job.ok ? ok({ job: job.value, segments: cell.history.segments(jobId, JOB_LIMITS.jobSegmentsMaxCount) }) : job;
}

/** What has happened to a job after its event `after`. Refuses with `job_not_found`, or `invalid_value` for an event that it does not have. */
export function jobEvents(cell: DurableCell, tenantId: TenantId, jobId: JobId, after: number): Outcome<EventPage> {
  const job = cell.find(tenantId, jobId);
  if (!job.ok) return job;
  const count = job.value.eventCount;
  if (after > count) return refuse('invalid_value', `is ${after}, and the job has ${count} events`, 'after');
  return ok({ events: cell.history.events(jobId, after), isOver: isFinished(job.value) });
}

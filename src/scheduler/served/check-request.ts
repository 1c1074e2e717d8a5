import type { Outcome } from '../../contract/outcome.ts';
import { refuse, refuseResource } from '../../contract/outcome.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Job, JobRequest } from './job.ts';
import { isFinished } from './job.ts';

/** The jobs of all tenants. */
interface KnownJobs {
  find(id: JobId): Job | undefined;
}

/** What a cell knows besides its jobs. */
interface CellFacts {
  readonly nowMs: number;
  /** The accelerators that jobs may ask for, by name. */
  readonly accelerators: ReadonlyMap<string, unknown>;
}

/**
 * Whether a job can be queued as things are: which of the jobs it depends on have still to succeed. Refuses with `invalid_value`,
 * `job_not_found` or `state_conflict`, naming the field.
 */
export function checkRequest(request: JobRequest, jobs: KnownJobs, { nowMs, accelerators }: CellFacts): Outcome<readonly JobId[]> {
  const { tenantId, deadlineAtMs, dependsOn, options } = request;
  if (deadlineAtMs !== null && deadlineAtMs <= nowMs) return refuse('invalid_value', 'is in the past', 'deadline_at');
  const unknown = options.findIndex(({ accelerator }) => accelerator !== null && !accelerators.has(accelerator));
  if (unknown >= 0)
    return refuse('invalid_value', 'is no known type, and no agent has brought it yet', ['resources', unknown, 'accelerator']);
  return awaited(tenantId, dependsOn, jobs);
}

/** Those of the jobs that have not succeeded yet. */
function awaited(tenantId: TenantId, dependsOn: readonly JobId[], jobs: KnownJobs): Outcome<readonly JobId[]> {
  const open: JobId[] = [];
  for (const [at, id] of dependsOn.entries()) {
    const job = jobs.find(id);
    if (job === undefined || job.tenantId !== tenantId)
      return refuseResource('job_not_found', { kind: 'job', name: id }, `no job ${id}`, ['depends_on', at]);
    if (job.state === 'succeeded') continue;
    if (isFinished(job) || job.state === 'cancelling') return refuse('state_conflict', `job ${id} is ${job.state}`, ['depends_on', at]);
    open.push(id);
  }
  return ok([...new Set(open)]);
}

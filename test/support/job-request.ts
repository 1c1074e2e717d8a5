import type { FileId, JobId, OrganisationId, ProjectId, TenantId } from '../../src/kernel/ids.ts';
import type { JobRequest } from '../../src/scheduler/job.ts';

/** A valid request; `n` makes its id. */
export const jobRequest = (n: number, overrides: Partial<JobRequest> = {}): JobRequest => ({
  id: `job_${String(n).padStart(26, '0')}` as JobId,
  digest: `digest-${n}`,
  organisationId: 'org_0000000001' as OrganisationId,
  tenantId: 'tn_0000000001_00000001' as TenantId,
  projectId: 'prj_0000000001_00000001' as ProjectId,
  owner: 'search-team',
  work: { kind: 'batch_embedding', model: 'glove-sif-100', inputFile: 'file_00000000000000000000000001' as FileId },
  priority: 'normal',
  attemptsMax: 3,
  ...overrides,
});

import type { AttemptReport, Grant, ReportVerdict } from '../../contract/attempt.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { JobId, PoolId, TenantId } from '../../kernel/ids.ts';
import type { Job, JobRequest } from './job.ts';

/** Everything that can happen to the scheduler. */
export interface Events {
  submit: { readonly kind: 'submit'; readonly request: JobRequest };
  /** A tenant wants a job stopped. */
  cancel: { readonly kind: 'cancel'; readonly tenantId: TenantId; readonly jobId: JobId };
  /** A pool has room for `count` attempts. */
  claim: { readonly kind: 'claim'; readonly poolId: PoolId; readonly count: number };
  report: { readonly kind: 'report'; readonly poolId: PoolId; readonly report: AttemptReport };
  /** Time has passed: take up to `count` lost attempts from their pools. */
  expire: { readonly kind: 'expire'; readonly count: number };
}

/** What each event is answered with. */
export interface Replies {
  /** Refuses with `idempotency_mismatch` or `limit_exceeded`. */
  submit: Outcome<Job>;
  /** Refuses with `job_not_found`. A finished job is answered unchanged. */
  cancel: Outcome<Job>;
  claim: readonly Grant[];
  report: ReportVerdict;
  /** How many attempts were taken. */
  expire: number;
}

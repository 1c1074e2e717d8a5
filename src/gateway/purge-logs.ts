import type { LeaseGrant } from '../cache/purge-lease.ts';
import type { PurgeCommand, PurgeRecord } from '../cache/purge-record.ts';
import type { Outcome } from '../contract/outcome.ts';
import type { PurgeId, TenantId } from '../kernel/ids.ts';

/** The purge logs of all tenants. Each call refuses with `unavailable` when the log does not answer in time. */
export interface PurgeLogs {
  /** What a reader who knows the log up to `position` is missing. Answers or refuses within `purgeLeaseWaitMaxMs`. */
  lease(tenantId: TenantId, position: number): Promise<Outcome<LeaseGrant>>;
  /** Answers once the purge holds everywhere. Refuses with `idempotency_mismatch`. */
  purge(command: PurgeCommand): Promise<Outcome<PurgeRecord>>;
  /** Refuses with `purge_not_found`. */
  find(tenantId: TenantId, purgeId: PurgeId): Promise<Outcome<PurgeRecord>>;
}

import type { LeaseGrant } from '../../cache/purge-lease.ts';
import type { PurgeCommand, PurgeCount, PurgeRecord, PurgeSelection } from '../../cache/purge-predicate.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { WriteLease } from '../../contract/tenancy/write-lease.ts';
import type { CacheOwnerId, PurgeId, TenantId } from '../../kernel/ids.ts';

/** The purge logs of all caches. Each call refuses with `unavailable` when the log does not answer in time. */
export interface PurgeLogs {
  /** The purges after `position` that a reader lacks. Answers or refuses within `purgeLeaseWaitMaxMs`. */
  lease(owner: CacheOwnerId, position: number): Promise<Outcome<LeaseGrant>>;
  /** Answers once the purge holds everywhere, or at once when `fast`. Refuses with `idempotency_mismatch` or `lease_expired`. */
  purge(command: PurgeCommand, lease: WriteLease | undefined): Promise<Outcome<PurgeRecord>>;
  /** Refuses with `purge_not_found`. */
  find(owner: CacheOwnerId, purgeId: PurgeId): Promise<Outcome<PurgeRecord>>;
  /** What a purge would find in the second level. */
  count(owner: CacheOwnerId, selection: PurgeSelection): Promise<Outcome<PurgeCount>>;
  /** Removes what the tenant brought into the cache, and its texts from the log, permanently. Repeating it continues it. */
  eraseTenant(owner: CacheOwnerId, tenantId: TenantId): Promise<Outcome<null>>;
  /** How many entries the second level has of the tenant. */
  left(owner: CacheOwnerId, tenantId: TenantId): Promise<Outcome<number>>;
}

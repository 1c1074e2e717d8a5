import type { PurgeId, TenantId } from '../kernel/ids.ts';
import type { PurgePredicate } from './purge-predicate.ts';

/** A purge to be made. `bodyDigest` tells a repeat of the same request from another one under the same id. */
export interface PurgeCommand {
  readonly purgeId: PurgeId;
  readonly tenantId: TenantId;
  readonly bodyDigest: string;
  readonly predicate: PurgePredicate;
}

/** A purge that is in the log. */
export interface PurgeRecord {
  readonly purgeId: PurgeId;
  readonly position: number;
  readonly appendedAtMs: number;
  /** From then on no request is answered with what it took. */
  readonly effectiveAtMs: number;
  /** Whether what it took is gone from the second level's storage too. */
  readonly erased: boolean;
}

import type { CacheOwnerId, PurgeId, TenantId } from '../kernel/ids.ts';
import type { PurgeMode, PurgePredicate } from './purge-predicate.ts';

/** What a purge is to take, before a log has dated it. */
export type PurgeSelection = Omit<PurgePredicate, 'filledBeforeMs'> & {
  /** Only entries whose fill started this long before the purge. */
  readonly olderThanMs?: number;
};

/** `next-read` answers once the purge holds for every reader, `fast` once it is durable. */
export type PurgeConsistency = 'next-read' | 'fast';

/** A purge to be made. `bodyDigest` identifies a repetition of the request under the same id. */
export interface PurgeCommand {
  readonly purgeId: PurgeId;
  readonly owner: CacheOwnerId;
  /** The caller of the purge: a cache may be shared. */
  readonly tenantId: TenantId;
  readonly bodyDigest: string;
  readonly selection: PurgeSelection;
  readonly mode: PurgeMode;
  readonly consistency: PurgeConsistency;
}

/** A purge that is in the log. */
export interface PurgeRecord {
  readonly purgeId: PurgeId;
  readonly position: number;
  readonly mode: PurgeMode;
  readonly consistency: PurgeConsistency;
  readonly appendedAtMs: number;
  /** From then on no request is answered with an entry that it took. */
  readonly effectiveAtMs: number;
  /** Whether what it took is gone from the second level's storage too. A soft purge erases nothing. */
  readonly erased: boolean;
}

/** What a purge would find in the second level. */
export interface PurgeCount {
  readonly entries: number;
  /** The bytes of their vectors. */
  readonly bytes: number;
}

/** What a tenant brought into a cache: all that is in its own. */
export const broughtBy = (owner: CacheOwnerId, tenantId: TenantId): PurgePredicate => (owner === tenantId ? {} : { filledBy: tenantId });

/** The predicate of a selection that is made at `nowMs` on the log's clock. */
export function predicateAt({ olderThanMs, ...selectors }: PurgeSelection, nowMs: number): PurgePredicate {
  return olderThanMs === undefined ? selectors : { ...selectors, filledBeforeMs: nowMs - olderThanMs };
}

import type { CacheOwnerId, PurgeId, TenantId } from '../kernel/ids.ts';

/**
 * Which entries of one cache a purge takes: those that match every selector given. Without any selector it takes all. Lists match an entry
 * that has any of their members.
 */
export interface PurgePredicate {
  /** See `inputDigest`. */
  readonly digests?: readonly string[];
  readonly tags?: readonly string[];
  /** Matches an entry with a tag that begins so. */
  readonly tagPrefix?: string;
  /** Matches what answers to any of these names: of a model, of a version of it (`name@version`), or one of an entry's `otherModels`. */
  readonly models?: readonly string[];
  /** Only in logs from before names were resolved, as is `modelVersion`: the name that entries are stored under. */
  readonly model?: string;
  readonly modelVersion?: string;
  /** On the log's clock, exclusive: see `FillStamp`. */
  readonly filledBeforeMs?: number;
  /** Also matches an entry whose filler is not known. */
  readonly filledBy?: TenantId;
}

/** `soft` leaves the entries to requests that accept stale ones. */
export type PurgeMode = 'hard' | 'soft';

/** A predicate in its log. It takes the entries whose fill started at a lower position. */
export interface LoggedPredicate {
  /** 1 for the first purge of a log; rises by one with each. */
  readonly position: number;
  readonly predicate: PurgePredicate;
  readonly mode: PurgeMode;
  /** When it was appended, on the log's clock. */
  readonly atMs: number;
}

/** When a fill started, as far as its filler knew the log, and whose it is. The times are never ahead of the log: comparing them takes too much at most. */
export interface FillStamp {
  /** Position of the log. */
  readonly position: number;
  /** The latest time on the log's clock that the filler had received. */
  readonly knownMs: number;
  /** The tenant that a shared cache has the entry from. Absent from what was stored before that was kept. */
  readonly filledBy?: TenantId | undefined;
}

/** What of a cached entry decides whether a purge took it. */
export interface Purgeable extends FillStamp {
  readonly digest: string;
  /** The model, and its version, that the entry would answer for. */
  readonly model: string;
  readonly modelVersion: string;
  /** Further names that purges find it by, of what made it. */
  readonly otherModels?: readonly string[];
  readonly tags: readonly string[];
}

export const isEverything = (predicate: PurgePredicate): boolean => Object.values(predicate).every((selector) => selector === undefined);

/** Whether a predicate contains data of its caller: digests of texts, or tags. */
export const hasTerms = ({ digests, tags, tagPrefix }: PurgePredicate): boolean =>
  digests !== undefined || tags !== undefined || tagPrefix !== undefined;

/** What a predicate weighs: a log is bounded by the sum. */
export const termCount = ({ digests = [], tags = [] }: PurgePredicate): number => digests.length + tags.length;

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

/** Where the vector of an input came from. `joined`: another request of this isolate was computing it. */
export type VectorSource = 'memory' | 'shared' | 'joined' | 'duplicate' | 'computed';

/** Why a level of the cache passes a request on, as RFC 9211 names it. */
export type Forwarding = 'bypass' | 'request' | 'stale' | 'partial' | 'miss';

/** What the levels of the cache did for a batch. */
export interface CacheReport {
  /** One for each input, in order. */
  readonly sources: readonly VectorSource[];
  /** Ages of what the levels held and answered, each distinct input once. */
  readonly agesMs: readonly number[];
  /** For how long the first to run out is still good, below zero when it is stale; undefined when none ever runs out. */
  readonly ttlMs: number | undefined;
  /** Why the first level did not answer all of it; undefined when it did. */
  readonly forwarded: Forwarding | undefined;
  /** Distinct inputs that the second level was asked for, and how many it answered. */
  readonly shared: { readonly asked: number; readonly found: number };
  /** The levels that keep what this batch brought. */
  readonly stored: { readonly memory: boolean; readonly shared: boolean };
}

/** The value of `age`: that of the oldest; undefined when all was computed for this request. */
export const ageOf = ({ agesMs }: CacheReport): number | undefined =>
  agesMs.length === 0 ? undefined : agesMs.reduce((oldest, ageMs) => Math.max(oldest, ageMs), 0);

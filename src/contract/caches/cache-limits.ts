/** Limits of the embedding cache and of purges. See `LIMITS`. */
export const CACHE_LIMITS = {
  // L2 of a cache, unless the deployment says otherwise: a batch costs at most one call a shard, and eight hold some 2 million vectors of
  // 384 numbers. A purge calls every shard at once.
  cacheShardsCount: 8,
  // A batch and a purge call each of them.
  cacheShardsMaxCount: 64,
  // For this long after a lease was asked for, an isolate may answer from its caches without asking again.
  purgeLeaseMs: 900,
  // How much later than the isolate the purge log takes a lease to end: clocks that run at different speeds differ by far less.
  purgeLeaseGuardMs: 100,
  // A request waits no longer for a lease, and an isolate asks no more often once that failed: it computes instead.
  purgeLeaseWaitMaxMs: 250,
  // Purges a log keeps one by one; older ones become one purge of everything, as every isolate holds the whole log.
  purgePredicatesMaxCount: 256,
  // Keys and tags in all of them together.
  purgeTermsMaxCount: 8_192,
  // A count walks through a whole cache, slice by slice.
  purgeCountTimeoutMs: 20_000,
  // Tenants whose purge log an isolate holds.
  purgeViewsMaxCount: 1_000,
  // Of the 128 MB of an isolate, in addition to `cacheL1BytesMax`.
  purgeViewsBytesMax: 16 * 1024 * 1024,
} as const;

/** Limits of caches and purges: in the memory of an isolate, in objects, and of the calls that administer them. */
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
  // Owners and models whose share of L1 is counted apart, some 100 bytes each.
  cacheHoldingsMaxCount: 10_000,
  // L1: in addition to the model (about 25 MB) and the requests under way in an isolate of 128 MB.
  cacheL1BytesMax: 24 * 1024 * 1024,
  // Smaller vectors fill the bytes only by the ten thousand; each entry takes some 200 bytes besides its own.
  cacheL1EntriesMax: 50_000,
  // For so long after its end an entry in memory answers requests with `max-stale`.
  cacheStaleMaxMs: 3_600_000,
  // An entry that several requests tag carries the tags of all, up to this many; the oldest are dropped, and with them the entry for
  // requests with those tags.
  cacheEntryTagsMaxCount: 32,
  // Counting and sweeping walk through all of them, `cacheCountRowsMax` and `cacheSweepRowsMax` at a time.
  cacheShardEntriesMax: 250_000,
  // Of the 10 GB that an object stores: beyond, more shards serve better than larger ones.
  cacheShardBytesMax: 512 * 1024 * 1024,
  // Reads an L2 shard remembers before it writes down which entries were used.
  cacheTouchesMaxCount: 1_024,
  // Rows one slice of sweeping may delete: some 10 ms, so that reads in between do not wait.
  cacheSweepRowsMax: 1_000,
  // Rows one slice of a count may read: some 10 ms.
  cacheCountRowsMax: 20_000,
  // Texts or keys of one purge.
  purgeKeysMaxCount: 1_000,
  // Tags are names of documents and releases: longer lists are not written by hand, and programs can call again.
  purgeTagsMaxCount: 100,
  // Of a purge by age: less than a lease would take what its caller may have seen being stored.
  purgeAgeMinMs: 1_000,
  // Receipts of a cache that can still be looked up.
  purgeReceiptsMaxCount: 10_000,
  // Statistics are for operating a cache: some 13 numbers a model and hour.
  cacheStatsDaysMax: 31,
  // An isolate without a report for this long counts as gone, and what it held with it.
  cacheHeldMs: 300_000,
} as const;

/** Limits of the objects that keep caches and purges, and of the calls that administer them. See `LIMITS`. */
export const CACHE_STORE_LIMITS = {
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

/** Limits of indexes that have several shards. See `LIMITS`. */
export const RESHARDING_LIMITS = {
  // What a gateway isolate holds of the routes of all indexes, of its 128 MB: the regions of 4,096 shards of 384 dimensions are 13 MB.
  routeMemoryBytesMax: 24 * 1024 * 1024,
  // The most shards whose regions are sent together: 96 of the longest vectors are 6 MB, and while there are no more, all are ranked
  // exactly. A query looks into 16 shard groups: of twice as many shards each, into twice as many shards.
  groupShardsMaxCount: 96,
  // Fewer are not worth a call.
  groupShardsMinCount: 16,
  // Indexes whose highest LSN a gateway isolate remembers: some hundred bytes each.
  seenIndexesMaxCount: 1_024,
  // Some 13 MB of regions at 384 dimensions; a query ranks them in 2.4 ms.
  shardsPerIndexMaxCount: 4_096,
  // Regions of all its shards that the object of an index holds, of its 128 MB: those of 4,096 shards of 2,048 dimensions.
  routeTableBytesMax: 64 * 1024 * 1024,
  // A row that was moved stays this long, for queries under way that look for it where it was: longer than any may take.
  moveGraceMs: 2_000,
  // Fewer vectors are not worth an object.
  shardVectorsMinCount: 16,
  // What one shard holds in memory before its vectors are listed. About 344,000 vectors of 100 dimensions, 31,000 of 1,536.
  shardEngineBytesMax: 48 * 1024 * 1024,
} as const;

/** Limits of indexes that have several shards. See `LIMITS`. */
export const RESHARDING_LIMITS = {
  // Each knows where some of the ids of a large index live: about 100 bytes an id of the 10 GB that an object may store.
  locatorsCount: 8,
  // What a gateway isolate holds of the routes of all indexes, of its 128 MB: the regions of 4,096 shards of 384 dimensions are 13 MB.
  routeMemoryBytesMax: 24 * 1024 * 1024,
  // The same of a locator, many of which share an isolate: it needs routes only for writes that others routed by old ones.
  locatorRouteBytesMax: 4 * 1024 * 1024,
  // The most shards whose regions are sent together: 96 of the longest vectors are 6 MB, and while there are no more, all are ranked
  // exactly. A query looks into 16 shard groups: of twice as many shards each, into twice as many shards.
  districtShardsMaxCount: 96,
  // Fewer are not worth a call.
  districtShardsMinCount: 16,
  // Indexes whose highest LSN a gateway isolate remembers: some hundred bytes each.
  seenIndexesMaxCount: 1_024,
  // Receipts that one object hands another at once, some 400 bytes each.
  receiptPageMaxCount: 1_000,
  // How long a caller with outdated routes waits for the index to publish newer ones.
  routeWaitMs: 2_000,
  // How soon a locator takes up writes that were cut off.
  locatorRetryMs: 2_000,
  // Namespaces of one locator that statistics list separately.
  namespacesCountedMax: 10_000,
  // Some 13 MB of regions at 384 dimensions; a query ranks them in 2.4 ms.
  shardsPerIndexMaxCount: 4_096,
  // Regions of all its shards that the object of an index holds, of its 128 MB: those of 4,096 shards of 2,048 dimensions.
  routeTableBytesMax: 64 * 1024 * 1024,
  // A row that was moved stays this long, for queries under way that look for it where it was: longer than any may take.
  moveGraceMs: 2_000,
  // Rows that moved and are removed at once.
  moveLeaveMaxCount: 100,
  // Rows of ids that are being written at this moment are looked at again.
  moveBusyMs: 50,
  // How soon a step of growing that failed is tried again.
  routeRetryMs: 1_000,
  // How soon a shard that is too small asks again to be given up.
  mergeRetryMs: 20_000,
  // For so long the regions of an index stay what they are before its vectors are put in order: longer than from split to split of an import.
  tidyCalmMs: 60_000,
  // The same where few regions changed: what is out of order then is found late, at little cost.
  tidyLongCalmMs: 3_600_000,
  // How soon an index checks again whether a shard can be rebalanced that could not be, because others were being changed.
  tidyRetryMs: 5_000,
  // For so long a shard remembers what was removed, lest a late write bring it back: several times what a call may take.
  tombstoneTtlMs: 60_000,
} as const;

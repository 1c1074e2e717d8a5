/** Limits of indexes, their aliases, shards and replicas, whatever is stored in them. */
export const INDEX_LIMITS = {
  // Indexes of one tenant: listing reads them from one object, and each holds at least one shard.
  indexesPerTenantMaxCount: 1_000,
  // Aliases are looked up one by one and listed by pages; actions of one change are one transaction.
  aliasesPerTenantMaxCount: 1_000,
  // Actions of one change of aliases: a transaction of some milliseconds.
  aliasActionsMaxCount: 100,
  // Manifests that an isolate holds, about a kilobyte each: 10 MB of its 128.
  indexManifestsMaxCount: 10_000,
  // An index or shard that does not answer for this long counts as unreachable; the slowest call loads or erases a full shard.
  indexTimeoutMs: 15_000,
  // Deeper values are never legitimate and recursive walks over them overflow the stack.
  jsonDepthMax: 16,
  // One number has no direction. 8,192 covers the largest embedding models in use, and their codes fill the kernels' page.
  dimensionsMinCount: 2,
  // The largest embedding models in use have as many, and their codes fill the kernels' page.
  dimensionsMaxCount: 8_192,
  // A Durable Object row holds at most 2,000,000 bytes; the rest is room for the other columns.
  rowBytesMax: 1_900_000,
  // What the readiness check writes to see whether there is room: as much as a small write with its journal.
  storageProbeBytes: 65_536,
  // Production RPC refuses 32 MiB; the envelope needs room.
  rpcBytesMax: 30 * 1024 * 1024,
  // Engines and postings of all shards in one isolate of 128 MB; the rest is for batches, answers and the runtime.
  isolateEngineBytesMax: 80 * 1024 * 1024,
  // Postings of a shard's fields that stay in memory: questions about half a million passages use 6 MiB of lists, of which half of this may be taken; with
  // less they are read anew for each question. Rows that are not flushed come on top; both are part of what the engines of an isolate share.
  shardPostingsBytesMax: 24 * 1024 * 1024,
  // How soon after a write a shard looks after its lists, so that a burst of writes is looked after once.
  shardSweepDelayMs: 1_000,
  // An import whose next batch has not come for this long pauses: at 1,000 vectors a batch, it writes less than 4,000 a second.
  bulkPauseMs: 250,
  // What a search may have to read of vectors that an import leaves unlisted: some 2 ms, or 120,000 vectors of 100 dimensions.
  bulkUnlistedBytesMax: 16 * 1024 * 1024,
  // Slices of at most 8 ms that one alarm does: far from the CPU time that one invocation has. Where rows move, each may call all locators and a
  // shard: 1,000 calls are what plans of Cloudflare had until 2026.
  shardAlarmSlicesMaxCount: 100,
  // After a slice others are served for twice as long as it took, so long at least and at most, while there was a search so lately.
  pauseMinMs: 2,
  // A longer pause would put off maintenance for nothing: searches of that time have been served.
  pauseMaxMs: 50,
  // Without a search for this long, background work does not pause.
  paceQuietMs: 1_000,
  // How long an index remembers an Idempotency-Key, and how many changes of its receipts each of its objects at most: beyond either, the
  // oldest is forgotten. A locator changes every eighth receipt twice, so that 10,000 keys are remembered.
  upsertReceiptTtlMs: 86_400_000,
  // Some 400 bytes each, in each object of an index.
  upsertReceiptsMaxCount: 12_000,
  // Removals that a followed shard remembers, some 50 bytes each; a follower further behind copies the shard anew.
  shardLogRemovalsMaxCount: 100_000,
  // A shard without a follower for this long stops logging removals.
  shardLogIdleMs: 600_000,
  // At two bytes a UTF-16 unit; a page of removals has another 1,000 ids.
  changePageBytesMax: 8 * 1024 * 1024,
  // Pages a replica asks for before it sends a read on to its primary.
  replicaReadPullsMaxCount: 3,
  // How often a replica asks for what is new: what an `eventual` read may miss.
  replicaPullMs: 500,
  // The same of a replica without reads.
  replicaPullIdleMs: 5_000,
  // How soon a replica tries again whose primary cannot be reached.
  replicaRetryMs: 2_000,
  // Of one shard: each costs as much memory and storage as the shard itself.
  replicasMaxCount: 8,
  // Load is counted in objects kept wholly busy, by computing or by the 1,000 requests a second that one object takes.
  replicaAddLoad: 0.6,
  // What a replica must take off the busiest object, to be worth its cost.
  replicaReliefMin: 0.05,
  // A shard whose load would be less than this with one replica fewer, for so long, loses one: a copy costs more than a while of idling.
  replicaRetireLoad: 0.3,
  // Longer than a lull between two bursts: making the copy again costs more than keeping it.
  replicaRetireAfterMs: 60_000,
  // Load must be seen for so long before a replica is made, and again after one was.
  replicaAddAfterMs: 3_000,
  // How often an index looks at the load of a shard that was busy or has replicas.
  replicaTendMs: 2_000,
  // A retired replica stays this long for callers with an older manifest: longer than they use one and than a query takes.
  replicaGraceMs: 15_000,
  // How often a busy shard says so.
  busyReportMs: 5_000,
  // Load is halved in so much time.
  loadHalfLifeMs: 5_000,
  // The platform's own figure for one object.
  objectRequestsPerSecond: 1_000,
  // Pages of one alarm of a replica: a copy of 100,000 vectors is one alarm.
  replicaAlarmPagesMaxCount: 100,
  // So far a read may raise it at once, or else one that made up its LSN would make those of all later writes too high to ask for.
  lsnRaiseMax: 2 ** 20,
  // How soon an index object takes up a creation or deletion that was cut off.
  indexLifecycleRetryMs: 5_000,
  // What one filter reads at once, in units of an entry of the index: some 75 ms in which no other shard of the isolate serves. What reads more is
  // cut into steps, before the call that it is part of.
  filterUnitsAtOnceMax: 500_000,
  // One such step: some 15 ms.
  filterStepUnitsMax: 100_000,
  // All of them: some 3 s.
  filterUnitsMax: 20_000_000,
  // So often it begins anew if the shard was written meanwhile.
  filterAttemptsMaxCount: 4,
  // Index entries that one filter reads: some 300 ms. The few conditions of a sensible filter stay far below it.
  filterEntriesReadMaxCount: 2_000_000,
  // Vectors whose metadata one filter reads because the index alone cannot decide (`$elemMatch`): some 300 ms.
  filterJudgedMaxCount: 50_000,
  // So few vectors are judged by their metadata rather than by reading wide conditions from the index: about 1 ms.
  filterNarrowMaxCount: 256,
  // Selections that an isolate remembers, one bit a row: 100 or so of full shards.
  selectionCacheBytesMax: 4 * 1024 * 1024,
  // Entries that one vector has in the property index; the metadata of a vector with more is read by every filtered query.
  propertyEntriesMaxCount: 64,
  // Longer strings are texts rather than properties: they are compared in the metadata itself.
  propertyStringCharsMax: 256,
  // Vectors that one slice of a deletion by filter, or of indexing old metadata, takes: some 20 ms in which the shard serves no other call.
  propertySliceMaxCount: 1_000,
  // Ids that one slice of a filtered listing looks at: some 20 ms in which the shard serves no other call.
  listSliceMaxCount: 10_000,
  // So few accepted vectors are listed by sorting their ids rather than by looking for them among all: about 2 ms.
  listNarrowMaxCount: 1_000,
  // The most searches of a call that wait for a shard at a time: about as many as a shard does in one turn.
  batchSearchesQueuedCount: 16,
  // So many accepted vectors at most are read and scored one by one: some 3 ms, less than a scan of the others takes.
  filterExactMaxCount: 256,
  // One slice of a measurement ends once it has touched this much or read this many vectors: some 50 ms in which the shard serves no other
  // call.
  recallSliceBytesMax: 64 * 1024 * 1024,
  // Reading a row from storage takes some 20 us.
  recallSliceRowsMaxCount: 2_000,
  // Each knows where some of the ids of a large index live: about 100 bytes an id of the 10 GB that an object may store.
  locatorsCount: 8,
  // The same of a locator, many of which share an isolate: it needs routes only for writes that others routed by old ones.
  locatorRouteBytesMax: 4 * 1024 * 1024,
  // Receipts that one object hands another at once, some 400 bytes each.
  receiptPageMaxCount: 1_000,
  // How long a caller with outdated routes waits for the index to publish newer ones.
  routeWaitMs: 2_000,
  // How soon a locator takes up writes that were cut off.
  locatorRetryMs: 2_000,
  // Namespaces of one locator that statistics list separately.
  namespacesCountedMax: 10_000,
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
  // Reads that wait for a shard: of 100 dimensions, those of 4,096 hold 10 MB.
  readsWaitingMaxCount: 4_096,
  // What they hold, of the 128 MB of an isolate.
  readsWaitingBytesMax: 16 * 1024 * 1024,
  // Reads done together before others are served: several small ones, lest a pause cost more than they do.
  readTurnMs: 4,
  // What clients of Qdrant declare about a collection: kept in one value of an index's object, and shown whole.
  indexFieldsMaxCount: 256,
  // Of both together: far below what one value of storage takes (2 MB), as each description of the index reads it.
  indexAnnotationsBytesMax: 64 * 1024,
  // Vectors of a sample that one message brings.
  buildPartBytesMax: 4 * 1024 * 1024,
  // An index build that shows no sign of life for so long is given up: the shard trains its lists itself.
  buildHoldMs: 60_000,
  // Deletions of indexes that a tenant can still have verified, some 300 bytes each.
  erasuresMaxCount: 10_000,
  // Generations that one index remembers the keys of: all of them are one value, which each step of a generation rewrites.
  generationKeysMaxCount: 100,
  // How long an index remembers which parts of a request without a key are written: longer than its gateway goes on trying, which is some waits
  // of seconds and some calls of `indexTimeoutMs`.
  ownReceiptTtlMs: 300_000,
  // Of how many such requests each object of an index does, some 100 bytes each: more than it writes while a gateway tries.
  ownReceiptsMaxCount: 10_000,
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
  // Shards that a leg over fields asks: as many as the groups of one request hold. Of more, the answer is partial and names those left out.
  fieldShardsMaxCount: 3_000,
  // How old the statistics of a leg's scores may be: they change by as much as is written in that time.
  termStatisticsTtlMs: 5_000,
  // Legs whose statistics an isolate keeps: a few kilobytes each.
  termStatisticsMaxCount: 1_000,
  // Fewer vectors are not worth an object.
  shardVectorsMinCount: 16,
  // What one shard holds in memory before its vectors are listed. About 344,000 vectors of 100 dimensions, 31,000 of 1,536.
  shardEngineBytesMax: 48 * 1024 * 1024,
  // Rows of a shard whose index has no vector: split at half of that, when the postings of passages of a hundred words take some 80 MiB.
  vectorlessRowsMaxCount: 1_000_000,
} as const;

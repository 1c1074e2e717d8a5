/** Limits of vectors, of what is asked about them, of the answers, and of moving many: imports, exports, generations and erasures. */
export const VECTOR_LIMITS = {
  // Matches of one query, and how many closer ones it may skip: a shard reads and scores some 25,000 vectors for the two together, which
  // takes about 100 ms. The columns that are included are bounded separately by `retrievalReplyBytesMax`.
  topKMaxCount: 10_000,
  // As `topKMaxCount`: what is passed over is searched all the same.
  queryOffsetMaxCount: 10_000,
  // What Qdrant and most clients ask for: it fits a prompt or a page.
  topKDefaultCount: 10,
  // One slice of an upsert, which is one transaction: some 20 ms in the shard for vectors of usual size, during which it serves no other
  // call.
  upsertVectorsMaxCount: 1_000,
  // Its numbers, four bytes each, and its characters, two each: some 50 ms at most, and far from the 32 MiB that a message may have.
  upsertSliceBytesMax: 8 * 1024 * 1024,
  // Vectors of one call, in as many slices as they take.
  upsertCallVectorsMaxCount: 10_000,
  // Read vector by vector: what is made of it takes about as much memory, a quarter of an isolate.
  upsertBodyBytesMax: 32 * 1024 * 1024,
  // Ids of one call that reads, deletes or changes: as many as a query answers. What is read of them is bounded by `retrievalReplyBytesMax`.
  vectorIdsMaxCount: 10_000,
  // One slice of a deletion by ids, which is one transaction: some 20 ms in the shard, during which it serves no other call.
  vectorIdsSliceMaxCount: 1_000,
  // Longer than a URL or a path usually is; ids are read by the ten thousand.
  vectorIdBytesMax: 512,
  // Each is kept once, and written into every id that locators know.
  namespaceBytesMax: 64,
  // A passage with what is known of it. A page of 100 is 6 MB, and any vector fits a row of 2 MB many times over.
  vectorMetadataBytesMax: 64 * 1024,
  // A passage, not a document: texts are for embedding and for showing with a match.
  vectorTextBytesMax: 64 * 1024,
  // Ids a query may exclude, such as what a user has seen: looked up in some 40 ms.
  excludeIdsMaxCount: 10_000,
  // Examples of one query, positive ones and negative ones each.
  exampleIdsMaxCount: 100,
  // Candidates of one diversified query, and the multiplications that choosing among them takes: some 40 ms in the shard.
  mmrCandidatesMaxCount: 1_000,
  // Choosing takes `top_k` times the candidates times the dimensions.
  mmrProductsMaxCount: 40_000_000,
  // By default, a diversified query chooses among this many times its `top_k`.
  mmrCandidatesDefaultFactor: 5,
  // Filters are evaluated in the shard, which serves one call at a time: every 50,000 vectors that meet a condition are some 10 ms, up to
  // `filterEntriesReadMaxCount`. Deeper and wider filters are written by programs gone wrong.
  filterDepthMax: 8,
  // Each reads its own stretch of the index.
  filterConditionsMaxCount: 32,
  // Values and ids of one filter: 10,000 ids are looked up in 40 ms, as many values of metadata in 200 ms.
  filterValuesMaxCount: 10_000,
  // Longer strings are texts; as values of metadata they are not indexed either (`propertyStringCharsMax`).
  filterStringCharsMax: 1_024,
  // A path of eight names of 32 characters.
  filterPathCharsMax: 256,
  // Vertices of a polygon with its holes: each point is compared with every edge.
  filterPolygonPointsMaxCount: 256,
  // Vectors of one page of a listing; their ids and numbers alone are some 1 MB.
  listMaxCount: 10_000,
  // Vectors that one slice of a change rewrites, and their numbers: some 20 ms, as an upsert takes.
  patchSliceMaxCount: 1_000,
  // 4 MB that are read and written again.
  patchSliceFloatsMaxCount: 1_000_000,
  // Points of one call of Qdrant's API, which reads and writes them in slices. Its clients read pages of thousands.
  qdrantPointsMaxCount: 10_000,
  // Changes, and searches, of one call of Qdrant's API.
  qdrantOperationsMaxCount: 100,
  // Points whose payloads are read to count their values: 50 pages, some 100 ms.
  facetPointsMaxCount: 10_000,
  // Values of one answer, each perhaps a long text.
  facetHitsMaxCount: 1_000,
  // Matches that groups are made of, whose payloads are all read.
  qdrantGroupCandidatesMaxCount: 1_000,
  // What a batch has besides its points and vectors, such as payloads and ids: it is parsed as a whole, in four times its memory.
  qdrantOperationsBytesMax: 12 * 1024 * 1024,
  // Searches of one call: as many as the batches of other engines' clients have, and some 100 kB of vectors of usual size.
  batchSearchesMaxCount: 100,
  // What they may find together, `offset` included, as much as one search may: an isolate holds what all shards answer, of ids alone 10 MB.
  batchMatchesMaxCount: 20_000,
  // Paths in metadata that one change removes.
  metadataPathsMaxCount: 64,
  // Each search of a measurement is done twice, exactly too.
  recallTopKMaxCount: 1_000,
  // Vectors that one measurement of recall searches around: 100 distinguish 0.95 from 0.97, 500 take the largest shard some 20 s in all.
  recallSamplesDefaultCount: 100,
  // 500 take the largest shard some 20 s in all.
  recallSamplesMaxCount: 500,
  // The vectors that a measurement names because most was missed around them.
  recallWorstMaxCount: 10,
  // Vectors offered to a slice: more would only travel in vain.
  recallSliceSamplesMaxCount: 50,
  // Ids, metadata and texts of one answer, at two bytes a UTF-16 unit; the gateway holds it about three times while it writes JSON.
  retrievalReplyBytesMax: 16 * 1024 * 1024,
  // Components of all vectors in one answer: each becomes up to 22 characters of JSON.
  retrievalReplyFloatsMaxCount: 1_000_000,
  // Results of searches that an isolate keeps, and what the largest single one may take of them: one answer must not push out all others.
  queryCacheBytesMax: 8 * 1024 * 1024,
  // Small results fill the bytes only by the ten thousand.
  queryCacheEntriesMax: 10_000,
  // A thirty-second of the whole.
  queryCacheEntryBytesMax: 256 * 1024,
  // Shards that one fan-out asks at most: of more, groups of as many are asked by aggregators, so that no request makes 1,000 calls.
  fanOutShardsMaxCount: 100,
  // Aggregators that one request asks: the platform has 32 invocations of Workers take part in a request.
  fanOutGroupsMaxCount: 30,
  // What an aggregator answers at its deadline has to be back at that of the gateway.
  fanOutGroupMarginMs: 3,
  // CPU time that one more call in parallel costs its caller: 73 to 89 us, measured in fan-outs of 256 in workerd.
  leafCallCostMs: 0.09,
  // For this long a gateway isolate uses an index manifest without asking; a shard refuses what became wrong meanwhile.
  indexManifestTtlMs: 1_000,
  // How much longer than that a switched alias waits for it to be forgotten: clocks that run at different speeds differ by far less.
  indexManifestGuardMs: 100,
  // Vectors of one answer to a follower: some 30 ms in the shard, and as much in the follower.
  changePageMaxCount: 1_000,
  // Shards and replicas whose latency a gateway isolate remembers, some 100 bytes each.
  membersKnownMaxCount: 10_000,
  // A read that would have to wait longer for the reads before it is refused: half of what a caller waits who sets no deadline. Waiting costs
  // nothing; a refusal costs as much as a third of an answer, and its caller comes again.
  readWaitMaxMs: 5_000,
  // The least time that the answer of a shard takes to reach its caller.
  readReturnMs: 2,
  // Of the time that is left, it is given so much: a thread that is behind answers later.
  readReturnShare: 0.05,
  // How long an object counts as taking that refused a read, if it does not say when it could do it.
  refusedReadMs: 100,
  // What all shards of a fan-out may include together: of more they answer ids and scores, and the rest is fetched of the closest of all.
  fanOutReplyBytesMax: 8 * 1024 * 1024,
  // Matches that every shard of a fan-out is asked for at once, some 100 bytes each; of more only those shards that may have them.
  fanOutMatchesMaxCount: 1_000,
  // A call to a shard that takes longer than this share of them did within the window is made to a replica, too.
  hedgeQuantile: 0.95,
  // Long enough for the calls that a quantile needs, short enough to follow a change of load.
  latencyWindowMs: 10_000,
  // With fewer calls, the slow ones cannot be determined.
  latencySamplesMinCount: 20,
  // Calls made twice, of all calls, and how many of them at once: more would make an overload worse.
  hedgeShareMax: 0.05,
  // As many as one slow shard may cause at once.
  hedgeBurstMaxCount: 8,
  // A vector of 4,096 numbers written out, its metadata, and its text with every character escaped.
  importLineBytesMax: 1024 * 1024,
  // One batch of an import: as an upsert, but for its texts, of which so many make no more tokens than `embeddingTokensMaxCount`.
  importBatchVectorsMaxCount: 1_000,
  // A frame of an import, which is one batch: 1,000 vectors of 512 numbers, or fewer of more.
  importFrameBytesMax: 2 * 1024 * 1024,
  // An import reads one batch while it writes another.
  importBatchBytesMax: 4 * 1024 * 1024,
  // Memory that an import holds for both: a vector takes a third of its text.
  importHeldBytesMax: 4 * 1024 * 1024,
  // No more characters than `embeddingTokensMaxCount` tokens: any text has fewer tokens than characters.
  importBatchTextCharsMax: 262_144,
  // How often an import or export reports its progress, at most: a token a second costs next to nothing.
  bulkProgressMs: 1_000,
  // Lines that wait for a slow reader: beyond, an import reports less, and an export waits.
  bulkLinesHeldMaxCount: 64,
  // A batch that was refused for a while is tried again so often, and waited for so long altogether.
  importRetriesMaxCount: 5,
  // Longer than a limit of a minute delays any caller.
  importWaitMaxMs: 65_000,
  // The longest id and namespace, escaped, and what else a token says.
  bulkTokenCharsMax: 8_192,
  // Vectors of one page of an export, and their numbers: some 10 ms in the shard, some 4 MB of text in the gateway.
  exportVectorsMaxCount: 1_000,
  // A megabyte of numbers.
  exportFloatsMaxCount: 262_144,
  // Vectors that two generations are compared around: some 4 s of searches, once a copy is whole.
  generationSamplesCount: 100,
  // Slices of copying that one alarm does, and for how long: far from what one invocation may take.
  generationSlicesMaxCount: 50,
  // An alarm may compute for 30 s; what it does is calls, most of which it waits for.
  generationRunMs: 10_000,
  // How long an idle generation waits before it looks for changes again: what it lags behind is caught up when it changes over.
  generationIdleMs: 2_000,
  // A shard that is busy or splits is ready again within a second or so.
  generationRetryMs: 1_000,
  // `GenerationObject` looks for work this long after a generation was requested, since the request may not be recorded yet.
  generationWatchMs: 60_000,
  // Refusals after which a change of generations is given up, as writes wait meanwhile.
  generationExchangeTriesMax: 4,
  // For this long a call waits for the change of generations that it asked for.
  generationWaitMs: 20_000,
} as const;

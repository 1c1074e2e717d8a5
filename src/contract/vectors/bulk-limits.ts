/** Limits of moving many vectors: imports, exports, generations and erasures. See `LIMITS`. */
export const BULK_LIMITS = {
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

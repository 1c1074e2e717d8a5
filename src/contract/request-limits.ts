/** Limits of request bodies: their size, their pace, and the memory they take together. See `LIMITS`. */
export const BODY_LIMITS = {
  // An isolate has 128 MB; a parsed body costs about `jsonBodyMemoryFactor` times its bytes.
  jsonBodyBytesMax: 8 * 1024 * 1024,
  // Bytes of memory for one byte of a JSON body that is parsed as a whole: its text, decoded, and the values made of it.
  jsonBodyMemoryFactor: 4,
  // Memory for all bodies larger than `bodySmallBytesMax` in one isolate of 128 MB, in addition to the model (25 MB) and the caches. The
  // largest of the bodies may exceed it, so that one is always read to its end.
  bodiesBytesMax: 32 * 1024 * 1024,
  // Of one key: others keep as much.
  bodiesOfKeyBytesMax: 16 * 1024 * 1024,
  // The gateway asks the platform for pieces of this size, which by itself delivers 4 KiB: each piece costs a promise and a timer.
  bodyReadBytesMax: 64 * 1024,
  // Up to this size a body, with what is made of it, counts against a reserve of its own: queries are answered while uploads wait.
  bodySmallBytesMax: 64 * 1024,
  // 128 bodies of that size: more than are read at once.
  bodiesSmallBytesMax: 8 * 1024 * 1024,
  // Of a body that is read element by element: one element (a vector of 8,192 numbers, its text and metadata, every character escaped), and
  // everything that is in none, such as ids in a column of their own. Both are parsed whole.
  bodyItemBytesMax: 1024 * 1024,
  // As an element: parsed as a whole at the end.
  bodyRestBytesMax: 1024 * 1024,
  // A body waits so long for memory that others hold, and looks so often whether there is some.
  bodyWaitMaxMs: 10_000,
  // Memory is given back within tens of milliseconds, and a look costs microseconds.
  bodyRetryMs: 20,
  // A sender that is silent for so long has gone, or keeps memory from others on purpose.
  bodyIdleMs: 10_000,
  // Time in which a whole body has to arrive: 32 MB at some 3 Mbit/s.
  bodyTotalMs: 90_000,
  // What a request holds for a body counts no longer than this after its last byte: the platform may end a request without a word.
  bodyForgottenMs: 180_000,
  // A refused upload is read this far, so that its sender receives the refusal: twice what any route takes; more is not worth the
  // bandwidth.
  drainBytesMax: 64 * 1024 * 1024,
  // For this long, too: a sender that waits for the answer would never send the rest.
  drainMs: 1_000,
  // Of a compressed body: vectors as JSON shrink to a half, texts to a tenth; what shrinks to less than a hundredth is a bomb.
  inflatedRatioMax: 100,
  // Below this a body may shrink to anything, such as one of a thousand equal texts.
  inflatedFreeBytesMax: 1024 * 1024,
} as const;

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
  // Deletions of indexes that a tenant can still have verified, some 300 bytes each.
  erasuresMaxCount: 10_000,
} as const;

/** Limits of what is remembered of idempotency keys whose work is over. See `LIMITS`. */
export const IDEMPOTENCY_LIMITS = {
  // How long a key stays spent after what it made is gone. Queues keep a message that cannot be delivered for up to 14 days.
  spentKeyTtlMs: 30 * 86_400_000,
  // Of one tenant, or of one kind of an organisation's records, some 250 bytes each; beyond, the oldest is forgotten.
  spentKeysMaxCount: 10_000,
  // Generations that one index remembers the keys of: all of them are one value, which each step of a generation rewrites.
  generationKeysMaxCount: 100,
  // How long an index remembers which parts of a request without a key are written: longer than its gateway goes on trying, which is some waits
  // of seconds and some calls of `indexTimeoutMs`.
  ownReceiptTtlMs: 300_000,
  // Of how many such requests each object of an index does, some 100 bytes each: more than it writes while a gateway tries.
  ownReceiptsMaxCount: 10_000,
} as const;

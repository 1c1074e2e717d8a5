/** Limits of what several subjects have: names, origins, pages, deadlines, cache headers, waits, and the bodies of requests. */
export const API_LIMITS = {
  // Names become parts of object ids and of paths.
  nameCharsMax: 64,
  // A scheme, a host name of 253 characters and a port.
  originCharsMax: 280,
  // Chromium remembers no preflight for longer.
  preflightMaxAgeS: 7_200,
  // As many as Qdrant takes, whose collections are indexes.
  indexNameCharsMax: 255,
  // Long enough for a UUID or a digest, short enough to index.
  idempotencyKeyCharsMax: 128,
  // A caller that met a full storage tries again so late: room is made by people or by erasures, and asking sooner keeps the disk busy.
  storageRetryMs: 5_000,
  // A timer of a thread that keeps up is later than asked for by a few calls, of 0.7 ms each; a thread that has less to do may idle.
  threadLagMaxMs: 20,
  // Of one tenant: more than a client sends at once that is no crowd.
  callBurstMaxCount: 64,
  // Fewer calls an isolate admits at once however late its timers are: another process may keep its core.
  callsUnderWayMinCount: 32,
  // Of these, those that take longer wait for something else.
  callUnderWayMaxMs: 2_000,
  // For the same reason the rate is never lower.
  callsPerSMinCount: 100,
  // What any isolate can, until it has measured what it can.
  callsPerSFirstCount: 1_000,
  // Half of what a caller waits who sets no deadline.
  callWaitMaxMs: 5_000,
  // Tenants whose calls an isolate paces at the same time, some 100 bytes each.
  callOwnersMaxCount: 1_024,
  // Calls that are served for each refusal of a queue or limiter: a refusal takes half of a search, and all of them a twentieth of the searches.
  servedPerRefusalCount: 16,
  // Where nothing is served, refusals take a fiftieth of the time of an isolate.
  refusalsPerSMinCount: 60,
  // Of one tenant, so many are answered at once: a client that tries a few times is told at once.
  refusalBurstMaxCount: 64,
  // A refusal beyond those is held no longer: 1,500 callers that come again at once are refused 100 times a second, which takes a twentieth of it.
  refusalHoldMaxMs: 20_000,
  // Refusals held by an isolate, some 3 kB each; more are answered at once.
  refusalsHeldMaxCount: 4_096,
  // The longest pause that the excess of callers alone asks for.
  refusalReturnMaxMs: 30_000,
  // Tenants whose refusals an isolate paces at the same time, some 100 bytes each.
  refusalOwnersMaxCount: 1_024,
  // The page size users get when they name none, and the most one page may hold.
  pageDefaultCount: 100,
  // Of the records that are listed here, some 500 bytes each: half a megabyte.
  pageMaxCount: 1000,
  // A control object that says nothing for this long counts as unreachable.
  controlTimeoutMs: 2_000,
  // The longest TTL of an entry of the embedding cache; without a TTL it lives until it is evicted.
  cacheTtlMaxMs: 30 * 86_400_000,
  // The shortest: below, an entry would run out before the answer that made it has arrived.
  cacheTtlMinMs: 1,
  // Tags of one request. A tag is a name such as a document or a release, not a text.
  cacheTagsMaxCount: 16,
  // Names of documents and releases fit; each entry keeps its tags.
  cacheTagCharsMax: 64,
  // Search results are kept for bursts of the same query; a longer life would only hold memory, as any write makes them miss.
  queryCacheTtlMaxMs: 3_600_000,
  // A read may ask for no higher LSN: so an index's clock, which such a read raises, never runs out of exact integers.
  lsnMax: 2 ** 48,
  // How long a query may take, unless it says otherwise: a shard that was never loaded in this process takes seconds.
  queryDeadlineDefaultMs: 10_000,
  // A search that takes longer is of no use to its caller, and holds its shards meanwhile.
  queryDeadlineMaxMs: 10_000,
  // Less than a call to an object takes even when it is near and idle.
  queryDeadlineMinMs: 1,
  // Names of an upstream and a model; those of hubs have an owner, a name and a revision.
  completionModelCharsMax: 256,
  // As long as servers take one.
  upstreamUrlCharsMax: 2_048,
  // Aggregators name models by their maker, their name and their settings.
  upstreamModelNameCharsMax: 128,
  // Names of tensors, and the id of a call of `/v2`: exporters make paths of modules, some 100 characters.
  tensorNameCharsMax: 256,
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
  // A body that has waited for long looks no more often: a thousand of them take a tenth of the time of an isolate at most.
  bodyRetryMaxMs: 200,
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
  // How long a key stays spent after what it made is gone. Queues keep a message that cannot be delivered for up to 14 days.
  spentKeyTtlMs: 30 * 86_400_000,
  // Of one tenant, or of one kind of an organisation's records, some 250 bytes each; beyond, the oldest is forgotten.
  spentKeysMaxCount: 10_000,
} as const;

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

/** Limits of what is remembered of idempotency keys whose work is over. See `LIMITS`. */
export const IDEMPOTENCY_LIMITS = {
  // How long a key stays spent after what it made is gone. Queues keep a message that cannot be delivered for up to 14 days.
  spentKeyTtlMs: 30 * 86_400_000,
  // Of one tenant, or of one kind of an organisation's records, some 250 bytes each; beyond, the oldest is forgotten.
  spentKeysMaxCount: 10_000,
} as const;

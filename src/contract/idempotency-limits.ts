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

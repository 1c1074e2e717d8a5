/** Limits of indexes and their aliases, whatever is stored in them. See `LIMITS`. */
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
} as const;

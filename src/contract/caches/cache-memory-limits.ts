/** Limits of the caches in the memory of an isolate, which forecasts compare with what is held. See `LIMITS`. */
export const CACHE_MEMORY_LIMITS = {
  // L1: in addition to the model (about 25 MB) and the requests under way in an isolate of 128 MB.
  cacheL1BytesMax: 24 * 1024 * 1024,
  // Smaller vectors fill the bytes only by the ten thousand; each entry takes some 200 bytes besides its own.
  cacheL1EntriesMax: 50_000,
  // For so long after its end an entry in memory answers requests with `max-stale`.
  cacheStaleMaxMs: 3_600_000,
  // An entry that several requests tag carries the tags of all, up to this many; the oldest are dropped, and with them the entry for
  // requests with those tags.
  cacheEntryTagsMaxCount: 32,
} as const;

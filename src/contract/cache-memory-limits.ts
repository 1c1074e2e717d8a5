/** Limits of the caches in the memory of an isolate, which forecasts compare with what is held. See `LIMITS`. */
export const CACHE_MEMORY_LIMITS = {
  // L1: in addition to the model (about 25 MB) and the requests under way in an isolate of 128 MB.
  cacheL1BytesMax: 24 * 1024 * 1024,
} as const;

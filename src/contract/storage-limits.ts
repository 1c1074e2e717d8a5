/** Limits of a storage that is full or cannot be read. See `LIMITS`. */
export const STORAGE_LIMITS = {
  // Room is made by people or by erasures: asking more often would only keep the disk busy.
  storageRetryMs: 5_000,
  // What the readiness check writes to see whether there is room: as much as a small write with its journal.
  storageProbeBytes: 65_536,
} as const;

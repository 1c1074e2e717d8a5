/** Limits of files of tenants, wherever they come from. See `LIMITS`. */
export const FILE_LIMITS = {
  // Files that an upload looks at for expired ones: one listing, and at most so many deletions.
  filesSweptMaxCount: 100,
  // Characters of a file's name: about what file systems accept.
  fileNameCharsMax: 256,
  // A job's output of `jobOutputBytesMax` takes as long at 5 Mbit/s. The erasure of a tenant waits so long for a write whose gateway died.
  fileWriteMaxMs: 900_000,
  // The most that one request carries on Cloudflare's largest plan; the smaller ones refuse from 100 MB on, and take larger files in parts.
  fileBytesMax: 480 * 1024 * 1024,
  // Content is stored in pieces of this size, of which one is held: the least that R2 takes for a part of an object.
  storedPartBytes: 5 * 1024 * 1024,
} as const;

/** Limits of files, wherever they come from: of forms, uploads in parts, and transfers of attempts. */
export const FILE_LIMITS = {
  // Files of a tenant that a list sorts by their time: ten listings of the store.
  filesSortedMaxCount: 10_000,
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
  // An hour: as OpenAI's API bounds it.
  fileLifeSMin: 3_600,
  // 30 days: as OpenAI's API bounds it.
  fileLifeSMax: 2_592_000,
  // All fields of a form but its file: those of ours have some hundred bytes.
  formFieldsBytesMax: 64 * 1024,
  // Parts of a form: no call takes half as many.
  formPartsMaxCount: 32,
  // The header lines of a part: a name of `fileNameCharsMax` characters, percent-encoded, and a media type.
  formHeadBytesMax: 8 * 1024,
  // Twenty minutes at 14 Mbit/s, and 410 pieces to store: with its parts, below the 1,000 calls that one request may make.
  uploadBytesMax: 2 * 1024 * 1024 * 1024,
  // As OpenAI's API bounds it.
  uploadPartBytesMax: 64 * 1024 * 1024,
  // Each is read, and deleted, by calls of the request that completes the upload. At their largest they make twice `uploadBytesMax`.
  uploadPartsMaxCount: 64,
  // An hour: as OpenAI's API bounds it.
  uploadLifeMs: 3_600_000,
  // A file of `jobOutputBytesMax` takes as long at 5 Mbit/s; a transfer that has begun is not cut off.
  transferUrlLifeMs: 900_000,
  // What is signed of a transfer has some 300 characters.
  transferTokenCharsMax: 1_024,
  // Memory that the content of a form takes while it is stored: the piece, and what arrives meanwhile.
  formHeldBytesMax: 6 * 1024 * 1024,
} as const;

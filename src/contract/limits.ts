/**
 * Every limit of the API, by name. A name ends in its unit; the comment gives the reason for the value.
 * Reaching a limit is a typed refusal that names it (`limit_exceeded`, `payload_too_large`), never a crash.
 */
export const LIMITS = {
  // An isolate has 128 MB; a parsed body costs about four times its bytes.
  jsonBodyBytesMax: 8 * 1024 * 1024,
  // Deeper values are never legitimate and recursive walks over them overflow the stack.
  jsonDepthMax: 16,
  // Names become parts of object ids and of paths.
  nameCharsMax: 64,
  // Long enough for a UUID or a digest, short enough to index.
  idempotencyKeyCharsMax: 128,
  // A Durable Object row holds at most 2,000,000 bytes; the rest is room for the other columns.
  rowBytesMax: 1_900_000,
  // Production RPC refuses 32 MiB; the envelope needs room.
  rpcBytesMax: 30 * 1024 * 1024,
  // The page size users get when they name none, and the most one page may hold.
  pageDefaultCount: 100,
  pageMaxCount: 1000,
} as const;

export type LimitName = keyof typeof LIMITS;

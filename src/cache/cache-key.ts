import type { CacheOwnerId } from '../kernel/ids.ts';

/** SHA-256 of a text's UTF-8 or of bytes, as 64 lower-case hex digits. Synchronous: a batch takes thousands of them. */
export type Sha256 = (data: string | Uint8Array) => string;

/** What was embedded: a text, or token ids of the model's own vocabulary. */
export type CachedInput =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly ids: Int32Array<ArrayBuffer> };

/**
 * Names an input without holding it: the SHA-256 of a text's UTF-8, or `ids:` and that of the token ids as little-endian 32-bit
 * integers. The two kinds never share a digest, though they may mean the same.
 */
export function inputDigest(sha256: Sha256, input: CachedInput): string {
  if (input.kind === 'text') return sha256(input.text);
  const bytes = new DataView(new ArrayBuffer(input.ids.length * 4));
  input.ids.forEach((id, i) => bytes.setInt32(i * 4, id, true));
  return `ids:${sha256(new Uint8Array(bytes.buffer))}`;
}

/** What `inputDigest` makes, and so what callers may purge by. */
export const INPUT_DIGEST = /^(ids:)?[0-9a-f]{64}$/;

/**
 * Where the full vector of an input is kept. Never part of it: `encoding_format` and `dimensions`, which are made from the full
 * vector on the way out.
 */
export const cacheKey = (owner: CacheOwnerId, contractHash: string, digest: string): string => `${owner}:${contractHash}:${digest}`;

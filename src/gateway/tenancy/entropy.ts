import type { Hmac } from '../../kernel/hmac.ts';
import type { Rng } from '../../kernel/rng.ts';

/** Bytes of one HMAC-SHA-256. */
const BLOCK_BYTES = 32;

/** Where the bytes of new ids and secrets come from. */
export interface Entropy {
  /** `purpose` separates uses within one request. */
  bytes(purpose: string, count: number): Promise<Uint8Array>;
}

/**
 * Fresh bytes for a request; with an idempotency key, the same bytes again for the same scope and key.
 * They are derived with the pepper, which makes them as hard to guess as random ones.
 */
export function entropyFor(rng: Rng, hmac: Hmac, scope: string, idempotencyKey: string | undefined): Entropy {
  if (idempotencyKey === undefined) return { bytes: async (_, count) => rng.bytes(count) };
  return {
    bytes: async (purpose, count) => {
      const bytes = new Uint8Array(Math.ceil(count / BLOCK_BYTES) * BLOCK_BYTES);
      for (let start = 0; start < count; start += BLOCK_BYTES) {
        bytes.set(await hmac.bytes(JSON.stringify(['derive', scope, idempotencyKey, purpose, start])), start);
      }
      return bytes.slice(0, count);
    },
  };
}

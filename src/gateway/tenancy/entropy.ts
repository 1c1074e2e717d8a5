import { must } from '../../kernel/assert.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import type { Rng } from '../../kernel/rng.ts';

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
      const blocks: Uint8Array[] = [];
      for (let length = 0; length < count; length += must(blocks.at(-1), 'a block was added').length) {
        blocks.push(await hmac.bytes(JSON.stringify(['derive', scope, idempotencyKey, purpose, blocks.length])));
      }
      return Uint8Array.from(blocks.flatMap((block) => [...block])).subarray(0, count);
    },
  };
}

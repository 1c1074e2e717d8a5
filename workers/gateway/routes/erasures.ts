import type { Handlers } from '../serve.ts';
import { seconds } from './wire.ts';

/** The index's own object, in addition to those that held its vectors or located them. */
const ITSELF = 1;

export const erasureHandlers = {
  verifyIndexErasure: async ({ gateway, principal, params }) => {
    const verified = await gateway.retrieval.erasures.verify(principal.tenantId, params.erasure);
    if (!verified.ok) return verified;
    const { erasure, remaining } = verified.value;
    const { id, name, erasedAtMs, vectors, shards, locators = [], replicas = [], lost = [], bytes } = erasure;
    const reply = {
      object: 'index.erasure' as const,
      id,
      name,
      erased_at: seconds(erasedAtMs),
      vectors,
      objects: shards.length + locators.length + replicas.length + ITSELF,
      objects_lost: lost.length,
      bytes,
      remaining,
      verified: remaining === 0,
    };
    return { ok: true, reply, used: {} };
  },
} satisfies Partial<Handlers>;

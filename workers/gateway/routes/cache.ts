import type { PurgeRecord } from '../../../src/cache/purge-record.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { PurgeId } from '../../../src/kernel/ids.ts';
import type { Handlers } from '../serve.ts';

export const cacheHandlers = {
  purgeCache: async ({ gateway, principal, authority, body, idempotencyKey }) => {
    const { purger } = gateway.embeddings;
    if (body.dry_run) {
      const counted = await purger.count(principal, body);
      if (!counted.ok) return counted;
      return { ok: true, reply: { object: 'cache.purge_estimate' as const, dry_run: true as const, ...counted.value }, used: {} };
    }
    const purged = await purger.purge({ principal, authority }, body, idempotencyKey);
    return purged.ok ? { ok: true, reply: purgeReply(purged.value, gateway.clock.nowMs()), used: {} } : purged;
  },
  getPurge: async ({ gateway, principal, params, query }) => {
    const found = await gateway.embeddings.purger.find(principal, query.tenant, params.purge as PurgeId);
    return found.ok ? { ok: true, reply: purgeReply(found.value, gateway.clock.nowMs()), used: {} } : found;
  },
} satisfies Partial<Handlers>;

const purgeReply = ({ purgeId, position, mode, consistency, effectiveAtMs, erased }: PurgeRecord, nowMs: number) => ({
  object: 'cache.purge' as const,
  purge_id: purgeId,
  position,
  status: nowMs < effectiveAtMs ? ('pending' as const) : ('effective' as const),
  effective_at: new Date(effectiveAtMs).toISOString(),
  mode,
  consistency,
  bound_ms: LIMITS.purgeLeaseMs + LIMITS.purgeLeaseGuardMs,
  erased,
});

import type { PurgeRecord } from '../../../src/cache/purge-record.ts';
import { cacheEndpoints } from '../../../src/contract/cache.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { PurgeId } from '../../../src/kernel/ids.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';

export const cacheRoutes: readonly Route[] = [
  route(cacheEndpoints.purgeCache, async ({ gateway, principal, body, idempotencyKey }) => {
    const purged = await gateway.embeddings.purger.purge(principal, body, idempotencyKey);
    return purged.ok ? { ok: true, reply: purgeReply(purged.value, gateway.clock.nowMs()), used: {} } : purged;
  }),
  route(cacheEndpoints.getPurge, async ({ gateway, principal, params }) => {
    const found = await gateway.embeddings.purger.find(principal, params.purge as PurgeId);
    return found.ok ? { ok: true, reply: purgeReply(found.value, gateway.clock.nowMs()), used: {} } : found;
  }),
];

const purgeReply = (record: PurgeRecord, nowMs: number) => ({
  object: 'cache.purge' as const,
  purge_id: record.purgeId,
  position: record.position,
  status: nowMs < record.effectiveAtMs ? ('pending' as const) : ('effective' as const),
  effective_at: new Date(record.effectiveAtMs).toISOString(),
  consistency: 'next-read' as const,
  bound_ms: LIMITS.purgeLeaseMs + LIMITS.purgeLeaseGuardMs,
  erased: record.erased,
});

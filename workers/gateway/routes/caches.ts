import type { PurgeRecord } from '../../../src/cache/purge-predicate.ts';
import { CACHE_LIMITS } from '../../../src/contract/caches/cache-limits.ts';
import type { CacheLine } from '../../../src/gateway/caches/cache-stats.ts';
import { agesOf, hitsOf } from '../../../src/gateway/caches/cache-stats.ts';
import type { PurgeId } from '../../../src/kernel/ids.ts';
import type { Handlers } from '../pipeline/serve.ts';
import { replied, seconds } from './wire.ts';

export const cacheHandlers = {
  purgeCache: async ({ gateway, principal, authority, body, idempotencyKey }) => {
    const { purger } = gateway;
    if (body.dry_run) {
      const counted = await purger.count(principal, body);
      if (!counted.ok) return counted;
      return { ok: true, reply: { object: 'cache.purge_estimate' as const, dry_run: true as const, ...counted.value }, used: {} };
    }
    return replied(purger.purge({ principal, authority }, body, idempotencyKey), (purged) => purgeReply(purged, gateway.clock.nowMs()));
  },
  getPurge: ({ gateway, principal, params, query }) =>
    replied(gateway.purger.find(principal, query.tenant, params.purge as PurgeId), (found) => purgeReply(found, gateway.clock.nowMs())),

  cacheStats: async ({ gateway, principal, query }) => {
    const report = await gateway.cacheStats.read(principal, query);
    if (!report.ok) return report;
    const { tenantId, fromMs, toMs, lines } = report.value;
    const period = { from: seconds(fromMs), to: seconds(toMs) };
    return { ok: true, reply: { object: 'cache.stats' as const, tenant: tenantId, ...period, data: lines.map(lineReply) }, used: {} };
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
  bound_ms: CACHE_LIMITS.purgeLeaseMs + CACHE_LIMITS.purgeLeaseGuardMs,
  erased,
});

function lineReply({ cache, model, counts, held }: CacheLine) {
  const { hits, asked } = hitsOf(counts);
  const { memory = 0, shared = 0, joined: collapsed = 0, duplicate = 0, computed = 0, evicted: evictions = 0 } = counts;
  return {
    cache,
    model,
    hit_ratio: asked === 0 ? null : hits / asked,
    hits: { memory, shared, collapsed, duplicate },
    computed,
    evictions,
    age_seconds: agesOf(counts),
    held,
  };
}

import type { CacheLine } from '../../../src/gateway/cache-stats.ts';
import { agesOf, hitsOf } from '../../../src/gateway/cache-stats.ts';
import type { Handlers } from '../serve.ts';
import { seconds } from './wire.ts';

export const cacheStatsHandlers = {
  cacheStats: async ({ gateway, principal, query }) => {
    const report = await gateway.tenancy.cacheStats.read(principal, query);
    if (!report.ok) return report;
    const { tenantId, fromMs, toMs, lines } = report.value;
    const period = { from: seconds(fromMs), to: seconds(toMs) };
    return { ok: true, reply: { object: 'cache.stats' as const, tenant: tenantId, ...period, data: lines.map(lineReply) }, used: {} };
  },
} satisfies Partial<Handlers>;

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

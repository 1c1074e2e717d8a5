import { assumed } from '../../capacity/assumptions.ts';
import { CACHE_LIMITS } from '../../contract/caches/cache-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { CacheLine, CacheLines } from '../caches/cache-stats.ts';
import { hitsOf } from '../caches/cache-stats.ts';
import type { CeilingSource } from './capacity-forecaster.ts';
import type { Ceiling } from './forecast-ceilings.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

const DAYS = 7;
/** So few evictions are those of a single busy isolate, not of a cache that is full. */
const EVICTED_SHARE_MIN = 0.01;

/**
 * The memory of the isolates that cache for a tenant. It grows by what had to be computed; a cache that evicts is full, whatever it holds: others
 * share its memory. [K17]
 */
export const cacheCeilings =
  (lines: CacheLines, clock: Clock): CeilingSource =>
  async (_, { organisationId, tenantId }) => {
    if (tenantId === undefined) return ok({ ceilings: [] });
    const nowMs = clock.nowMs();
    const fromMs = Math.floor(nowMs / DAY_MS) * DAY_MS - DAYS * DAY_MS;
    const found = await lines(organisationId, tenantId, fromMs, nowMs);
    return ok({ ceilings: found.filter(({ held }) => held.entries > 0).map((line) => cacheCeiling(line, fromMs)) });
  };

function cacheCeiling({ cache, model, counts, held }: CacheLine, fromMs: number): Ceiling {
  const { evicted = 0, computed = 0 } = counts;
  const evictedShare = computed === 0 ? 0 : evicted / computed;
  const { hits, asked } = hitsOf(counts);
  return {
    kind: 'cache',
    subject: model ?? cache,
    resource: 'cache_bytes',
    limit: evictedShare > EVICTED_SHARE_MIN ? held.bytes : held.isolates * CACHE_LIMITS.cacheL1BytesMax,
    held: { units: held.bytes, share: 0 },
    growsWith: {
      key: cache === 'queries' ? 'vector_queries' : 'embedding_tokens',
      units: Math.max(0, computed - evicted) * (held.bytes / held.entries),
      fromMs,
    },
    basis: `${held.entries} entries in ${held.isolates} isolates; of the last ${DAYS} days ${percent(hits, asked)} hits, ${percent(evicted, computed)} of what was stored evicted something`,
    usdPerUnitMonth: assumed().storageUsdPerGbMonth / 1e9,
  };
}

const percent = (part: number, whole: number): string => `${whole === 0 ? 0 : Math.round((100 * part) / whole)} %`;

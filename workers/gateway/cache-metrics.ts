import { AGE_BOUNDS_S } from '../../src/contract/cache-tally.ts';
import type { CacheEvent } from '../../src/gateway/count-cache.ts';
import type { Metrics } from './metrics.ts';

/** What a cache did for one request, for metrics of this isolate. Models are a closed set; tenants are none, and are not distinguished. */
export function countInMetrics(metrics: Metrics, { cache, model, sources, agesMs, holding }: CacheEvent): void {
  const labels = { cache, model: model ?? '' };
  for (const source of new Set(sources)) {
    metrics.count('sluice_cache_answers_total', { ...labels, source }, sources.filter((other) => other === source).length);
  }
  if (holding.evicted > 0) metrics.count('sluice_cache_evictions_total', labels, holding.evicted);
  for (const ageMs of agesMs) metrics.observe('sluice_cache_hit_age_seconds', labels, ageMs / 1000, AGE_BOUNDS_S);
}

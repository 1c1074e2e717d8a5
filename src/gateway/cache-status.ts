import type { CacheDirectives } from '../cache/cache-directives.ts';
import type { VectorSource } from './embedding-cache.ts';

/**
 * The `cache-status` of a batch (RFC 9211). A hit when nothing had to be computed for it; `fwd=partial` when some inputs were cached and
 * others not. The detail counts the inputs by where their vectors came from.
 */
export function cacheStatus(sources: readonly VectorSource[], directives: CacheDirectives): string {
  const count = (source: VectorSource): number => sources.filter((other) => other === source).length;
  const [memory, shared, joined, duplicate, computed] = [
    count('memory'),
    count('shared'),
    count('joined'),
    count('duplicate'),
    count('computed'),
  ];
  const counts = Object.entries({ memory, shared, joined, duplicate, computed }).filter(([, inputs]) => inputs > 0);
  const detail = `detail="${counts.map(([source, inputs]) => `${source}=${inputs}`).join(' ')}"`;
  if (computed + joined === 0) return `sluice; hit; ${detail}`;
  const reason = directives.bypass ? 'request' : memory + shared > 0 ? 'partial' : 'miss';
  const stored = computed > 0 && directives.store ? '; stored' : '';
  return `sluice; fwd=${reason}${stored}${joined > 0 ? '; collapsed' : ''}; ${detail}`;
}

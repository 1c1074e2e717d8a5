import { ageCounter } from '../contract/cache-tally.ts';
import type { CacheCounter, CacheCounts, CacheSubject, CacheTally } from '../contract/cache-tally.ts';
import type { TenantPrincipal } from '../contract/principal.ts';
import type { Clock } from '../kernel/clock.ts';
import type { VectorSource } from './cache-report.ts';
import type { Holding } from './cache-holdings.ts';

/** What a cache did for one request. */
export interface CacheEvent {
  readonly cache: CacheSubject['cache'];
  readonly model: string | null;
  /** One for each input. */
  readonly sources: readonly VectorSource[];
  /** The ages of hits in memory or in the shared level, each distinct input once. */
  readonly agesMs: readonly number[];
  readonly holding: Holding;
}

/** Receives what the caches of an isolate do, by owner. */
export type CountCache = (principal: TenantPrincipal, event: CacheEvent) => void;

interface CountCacheParts {
  readonly clock: Clock;
  readonly tally: (tally: Omit<CacheTally, 'id' | 'isolateId'>) => void;
}

/** Turns events into tallies, which travel with the usage of the same requests. */
export const tallying =
  ({ clock, tally }: CountCacheParts): CountCache =>
  ({ organisationId, tenantId }, event) => {
    const { cache, model, holding } = event;
    const { entries, bytes } = holding;
    tally({ organisationId, tenantId, cache, model, atMs: clock.nowMs(), counts: countsOf(event), held: { entries, bytes } });
  };

export function countsOf({ sources, agesMs, holding }: CacheEvent): CacheCounts {
  const counts: Partial<Record<CacheCounter, number>> = holding.evicted > 0 ? { evicted: holding.evicted } : {};
  for (const counter of [...sources, ...agesMs.map(ageCounter)]) counts[counter] = (counts[counter] ?? 0) + 1;
  return counts;
}

import type { OrganisationId, TenantId } from '../../kernel/ids.ts';

/** Upper ends of the classes in which ages of cache hits are counted, in seconds; older ones are in the last. */
export const AGE_BOUNDS_S = [1, 10, 60, 600, 3_600, 86_400] as const;

/**
 * What is counted of a cache: inputs by what answered them, what L1 evicted, and hits by age (`age_0` is up to the first of
 * `AGE_BOUNDS_S`, `age_6` beyond the last).
 */
export const CACHE_COUNTERS = [
  'memory',
  'shared',
  'joined',
  'duplicate',
  'computed',
  'evicted',
  'age_0',
  'age_1',
  'age_2',
  'age_3',
  'age_4',
  'age_5',
  'age_6',
] as const;

export type CacheCounter = (typeof CACHE_COUNTERS)[number];

export type CacheCounts = Readonly<Partial<Record<CacheCounter, number>>>;

/** What may be asked about apart: embeddings by their model, search results of all indexes together. */
export interface CacheSubject {
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  readonly cache: 'embeddings' | 'queries';
  /** Null for search results. */
  readonly model: string | null;
}

/** What an isolate counted for one subject since its last report, and what it holds now. */
export interface CacheTally extends CacheSubject {
  /** Deterministic: a tally that is delivered twice counts once. */
  readonly id: string;
  readonly isolateId: string;
  readonly atMs: number;
  readonly counts: CacheCounts;
  readonly held: { readonly entries: number; readonly bytes: number };
}

type Counts<Counter extends string> = Readonly<Partial<Record<Counter, number>>>;

export const addCounts = <Counter extends string>(a: Counts<Counter>, b: Counts<Counter>): Counts<Counter> => {
  const sum: Partial<Record<Counter, number>> = { ...a };
  for (const counter of Object.keys(b) as Counter[]) sum[counter] = (sum[counter] ?? 0) + (b[counter] ?? 0);
  return sum;
};

/** The counter of a hit of that age. */
export function ageCounter(ageMs: number): CacheCounter {
  const at = AGE_BOUNDS_S.findIndex((boundS) => ageMs <= boundS * 1000);
  return `age_${at === -1 ? AGE_BOUNDS_S.length : at}` as CacheCounter;
}

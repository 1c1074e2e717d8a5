import type { Assumed } from './assumptions.ts';

/** What an index of several shards takes of each gateway isolate that asks it. */
export interface RoutingPlan {
  /** CPU of ranking the shards, for each query and each vector that is written. */
  readonly rankingMs: number;
  /** What is said of all regions: an isolate holds as much of it as it needs, up to `routeMemoryBytesMax`. */
  readonly regionBytes: number;
}

/** By `SummaryRouter`: centroids of a shard, its shard groups' coarse ones for each shard, and how many shards are compared roughly and exactly. */
const CENTROIDS = 8;
const COARSE_SHARE = 1 / 4;
const ROUGHLY_MAX = 1_024;
const EXACTLY_MAX = 256;

export function planRouting(shards: number, dimensions: number, a: Assumed): RoutingPlan {
  if (shards === 1) return { rankingMs: 0, regionBytes: 0 };
  const compared = shards * COARSE_SHARE + Math.min(shards, ROUGHLY_MAX) + CENTROIDS * Math.min(shards, EXACTLY_MAX);
  return {
    rankingMs: (compared * dimensions * a.rankedNumberNs) / 1e6,
    // A centroid's mean goes with it.
    regionBytes: shards * dimensions * (CENTROIDS + 1 + COARSE_SHARE),
  };
}

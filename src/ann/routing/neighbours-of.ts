import { decodeCentroids } from './centroid-rows.ts';
import { isInvolved, shardAt } from './route-changes.ts';
import type { RouteTable } from './route-table.ts';
import { Router } from './router.ts';

/** Shards that take the vectors of one that is given up. */
const NEIGHBOURS_MAX = 4;

/** The shards nearest to a shard's centroids, of those that nothing is being moved from or to. */
export function neighboursOf(table: RouteTable, ordinal: number): number[] {
  const { metric, dimensions, shards } = table;
  const own = shardAt(table, ordinal);
  const candidates = shards.filter((shard) => shard !== own && !isInvolved(table, shard.ordinal));
  if (own === undefined || candidates.length === 0) return [];
  const centroids = new Float32Array(own.centroids.codes.length);
  decodeCentroids(own.centroids, dimensions, centroids, 0);
  const router = new Router({ metric, dimensions, shards: candidates });
  const nearest = new Map<number, number>();
  for (let at = 0; at < centroids.length; at += dimensions) {
    for (const { ordinal: other, distance } of router.rankForPlacing(centroids.subarray(at, at + dimensions))) {
      nearest.set(other, Math.min(distance, nearest.get(other) ?? Infinity));
    }
  }
  return [...nearest]
    .sort(([, a], [, b]) => a - b)
    .slice(0, NEIGHBOURS_MAX)
    .map(([other]) => other);
}

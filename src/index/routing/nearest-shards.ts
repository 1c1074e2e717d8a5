import { decodeCentroids } from './centroid-rows.ts';
import type { RoutedShard, RouteTable } from './route-table.ts';
import { Router } from './router.ts';
import { ALL_SLOTS } from './slot-range.ts';

/** The ordinals of shards by how near their regions are to that of another: the nearest first. Those that own none are left out. */
export function nearestShards(
  own: RoutedShard,
  shards: readonly RoutedShard[],
  space: Pick<RouteTable, 'metric' | 'dimensions'>,
): number[] {
  const { dimensions } = space;
  const centroids = new Float32Array(own.centroids.codes.length);
  decodeCentroids(own.centroids, dimensions, centroids, 0);
  const router = new Router({ ...space, shards: shards.map((shard) => ({ ...shard, slots: ALL_SLOTS })) });
  const nearest = new Map<number, number>();
  for (let at = 0; at < centroids.length; at += dimensions) {
    for (const { ordinal, distance } of router.rankForPlacing(centroids.subarray(at, at + dimensions), ALL_SLOTS.from)) {
      nearest.set(ordinal, Math.min(distance, nearest.get(ordinal) ?? Infinity));
    }
  }
  return [...nearest].sort(([, a], [, b]) => a - b).map(([ordinal]) => ordinal);
}

import { decodeCentroids } from './centroid-rows.ts';
import { meansOf, regionRowsOf } from './region-rows.ts';
import type { RoutedShard } from './route-table.ts';

/** Where each of some shards is that own a region, roughly. [n x dimensions] */
export function shardMeans(shards: readonly RoutedShard[], dimensions: number): Float32Array<ArrayBuffer> {
  const means = new Float32Array(shards.length * dimensions);
  decodeCentroids(meansOf(regionRowsOf(shards), dimensions), dimensions, means, 0);
  return means;
}

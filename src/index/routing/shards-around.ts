import { regionRowsOf } from './region-rows.ts';
import { Regions } from './regions.ts';
import type { RoutedShard, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { byNearness, placingPoint } from './router.ts';
import { shardMeans } from './shard-means.ts';
import { meets } from './slot-range.ts';

/** The shards around one that owns a region, of those that hold any of its ids: by where they are, roughly, the nearest first. */
export function shardsAround(own: RoutedShard, table: RouteTable, countMax: number): RoutedShard[] {
  const isAround = (shard: RoutedShard) => shard !== own && shard.centroids.scales.length > 0 && meets(slotsOf(shard), slotsOf(own));
  return nearestRoughly(shardMeans([own], table.dimensions), table.shards.filter(isAround), table).slice(0, countMax);
}

/** Shards that own regions by how far the means of their centroids are from a point: the nearest first. */
export function nearestRoughly(
  values: Float32Array,
  shards: readonly RoutedShard[],
  { metric, dimensions }: Pick<RouteTable, 'metric' | 'dimensions'>,
): RoutedShard[] {
  const regions = new Regions(regionRowsOf(shards), { dimensions });
  const point = placingPoint(metric, values);
  const ranked = shards.map((shard, place) => ({ shard, ordinal: shard.ordinal, distance: regions.roughDistance(point, place) }));
  return ranked.sort(byNearness).map(({ shard }) => shard);
}

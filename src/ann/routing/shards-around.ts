import { regionRowsOf } from './region-rows.ts';
import { Regions } from './regions.ts';
import type { RoutedShard, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { byNearness, placingPoint } from './router.ts';
import { shardMeans } from './shard-means.ts';
import { meets } from './slot-range.ts';

/** The shards around one that owns a region, of those that hold any of its ids: by where they are, roughly, the nearest first. */
export function shardsAround(own: RoutedShard, { metric, dimensions, shards }: RouteTable, countMax: number): RoutedShard[] {
  const isAround = (shard: RoutedShard) => shard !== own && shard.centroids.scales.length > 0 && meets(slotsOf(shard), slotsOf(own));
  const others = shards.filter(isAround);
  const regions = new Regions(regionRowsOf(others), { dimensions });
  const point = placingPoint(metric, shardMeans([own], dimensions));
  const ranked = others.map((shard, place) => ({ shard, ordinal: shard.ordinal, distance: regions.roughDistance(point, place) }));
  return ranked
    .sort(byNearness)
    .slice(0, countMax)
    .map(({ shard }) => shard);
}

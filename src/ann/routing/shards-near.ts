import { membersOf } from './districts.ts';
import { OutlineRouter } from './outline-router.ts';
import { regionRowsOf } from './region-rows.ts';
import { Regions } from './regions.ts';
import { outlineOf } from './route-outline.ts';
import type { RoutedShard, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { byNearness, placingPoint } from './router.ts';
import { shardMeans } from './shard-means.ts';
import { holdsSlot } from './slot-range.ts';

/** Vectors on a shard may have a place at so many around it: between regions of a hundred dimensions, a quarter of them lie beyond the nearest 24. */
const NEAR = 96;

/** Shards around one that owns a region, of those that hold a slot, in the districts around it: by where they are, roughly, the nearest first. */
export function shardsNear(table: RouteTable, own: RoutedShard, slot: number): RoutedShard[] {
  const { metric, dimensions } = table;
  const mean = shardMeans([own], dimensions);
  const members = membersOf(table);
  const districts = new OutlineRouter(outlineOf(table)).districtsForPlacing(mean, slot);
  const others = districts
    .flatMap((district) => members.get(district) ?? [])
    .filter((shard) => shard !== own && holdsSlot(slotsOf(shard), slot));
  const regions = new Regions(regionRowsOf(others), { dimensions });
  const point = placingPoint(metric, mean);
  const ranked = others.map((shard, place) => ({ shard, ordinal: shard.ordinal, distance: regions.roughDistance(point, place) }));
  return ranked
    .sort(byNearness)
    .slice(0, NEAR)
    .map(({ shard }) => shard);
}

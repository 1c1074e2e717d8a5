import { membersOf } from './districts.ts';
import { SummaryRouter } from './summary-router.ts';
import { outlineOf } from './routing-summary.ts';
import type { RoutedShard, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { shardMeans } from './shard-means.ts';
import { nearestRoughly } from './shards-around.ts';
import { holdsSlot } from './slot-range.ts';

/**
 * The number of neighbouring shards to which vectors of a shard may be assigned: between regions of a hundred dimensions, a quarter of them
 * lie beyond the nearest 24.
 */
const NEAR = 96;

/** Neighbours of a shard that owns a region: those that hold a slot, in the shard groups around it, ranked roughly, the nearest first. */
export function shardsNear(table: RouteTable, own: RoutedShard, slot: number): RoutedShard[] {
  const mean = shardMeans([own], table.dimensions);
  const members = membersOf(table);
  const others = new SummaryRouter(outlineOf(table))
    .districtsForPlacing(mean, slot)
    .flatMap((district) => members.get(district) ?? [])
    .filter((shard) => shard !== own && holdsSlot(slotsOf(shard), slot));
  return nearestRoughly(mean, others, table).slice(0, NEAR);
}

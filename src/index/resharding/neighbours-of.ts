import { isSameRegion } from '../routing/is-same-region.ts';
import { nearestShards } from '../routing/nearest-shards.ts';
import { isInvolved, shardAt } from '../routing/route-changes.ts';
import type { RoutedShard, RouteTable } from '../routing/route-table.ts';
import { slotsOf } from '../routing/route-table.ts';
import { shardsNear } from '../routing/shards-near.ts';
import { holdsSlots, meets } from '../routing/slot-range.ts';

/** Shards that take the vectors of one that is given up. */
const NEIGHBOURS_MAX = 4;

/**
 * The shard that takes the vectors of one that is given up, among those that no move concerns: the nearest of the shards that hold its ids.
 * A shard with the same region comes first, even if it has to be waited for, and takes the ids back; where no other shard holds them, the
 * nearest one that can takes them over.
 */
export function neighboursOf(table: RouteTable, ordinal: number): number[] {
  const own = shardAt(table, ordinal);
  if (own === undefined) return [];
  const slots = slotsOf(own);
  const isFree = (shard: RoutedShard): boolean => !isInvolved(table, shard.ordinal);
  const near = new Set(shardsNear(table, own, slots.from));
  const others = table.shards.filter((shard) => shard !== own && meets(slotsOf(shard), slots));
  const sharing = others.filter((shard) => !holdsSlots(slotsOf(shard), slots) && isSameRegion(shard, own));
  if (sharing.length > 0) return ordinalsOf(sharing.filter(isFree).slice(0, 1));
  const holding = others.filter((shard) => holdsSlots(slotsOf(shard), slots));
  const holdingNear = holding.filter((shard) => near.has(shard) && isFree(shard));
  if (holdingNear.length > 0) return nearestShards(own, holdingNear, table).slice(0, NEIGHBOURS_MAX);
  if (holding.length > 0) return nearestShards(own, holding.filter(isFree), table).slice(0, NEIGHBOURS_MAX);
  return nearestShards(own, others.filter(isFree), table).slice(0, 1);
}

const ordinalsOf = (shards: readonly RoutedShard[]): number[] => shards.map(({ ordinal }) => ordinal);

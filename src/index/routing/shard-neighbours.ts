import { regionRowsOf, Regions, shardMeans, isSameRegion } from './regions.ts';
import type { RoutedShard, RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import { byNearness, placingPoint, Router } from './router.ts';
import { meets, holdsSlot, holdsSlots, ALL_SLOTS } from './slot-range.ts';
import { membersOf } from './shard-groups.ts';
import { SummaryRouter } from './summary-router.ts';
import { summaryOf } from './routing-summary.ts';
import { shardAt, isInvolved } from './route-changes.ts';
import { decodeCentroids } from './centroids.ts';

/** The shards around one that owns a region, of those that hold any of its ids: by where they are, roughly, the nearest first. */
export function shardsAround(own: RoutedShard, table: RouteTable, countMax: number): RoutedShard[] {
  const isAround = (shard: RoutedShard) => shard !== own && shard.centroids.scales.length > 0 && meets(slotsOf(shard), slotsOf(own));
  return nearestRoughly(shardMeans([own], table.dimensions), table.shards.filter(isAround), table).slice(0, countMax);
}

/** Shards that own regions by how far the means of their centroids are from a point: the nearest first. */
function nearestRoughly(
  values: Float32Array,
  shards: readonly RoutedShard[],
  { metric, dimensions }: Pick<RouteTable, 'metric' | 'dimensions'>,
): RoutedShard[] {
  const regions = new Regions(regionRowsOf(shards), { dimensions });
  const point = placingPoint(metric, values);
  const ranked = shards.map((shard, place) => ({ shard, ordinal: shard.ordinal, distance: regions.roughDistance(point, place) }));
  return ranked.sort(byNearness).map(({ shard }) => shard);
}

/**
 * The number of neighbouring shards to which vectors of a shard may be assigned: between regions of a hundred dimensions, a quarter of them
 * lie beyond the nearest 24.
 */
const NEAR = 96;

/** Neighbours of a shard that owns a region: those that hold a slot, in the shard groups around it, ranked roughly, the nearest first. */
function shardsNear(table: RouteTable, own: RoutedShard, slot: number): RoutedShard[] {
  const mean = shardMeans([own], table.dimensions);
  const members = membersOf(table);
  const others = new SummaryRouter(summaryOf(table))
    .groupsForPlacing(mean, slot)
    .flatMap((group) => members.get(group) ?? [])
    .filter((shard) => shard !== own && holdsSlot(slotsOf(shard), slot));
  return nearestRoughly(mean, others, table).slice(0, NEAR);
}

/** A table of one shard and the neighbours that hold the first of its ids: what splitting it requires. */
export function tableAround(table: RouteTable, ordinal: number): RouteTable {
  const own = shardAt(table, ordinal);
  if (own === undefined) return { ...table, shards: [], groups: [] };
  const near = new Set(shardsNear(table, own, slotsOf(own).from));
  return { ...table, shards: table.shards.filter((shard) => shard === own || near.has(shard)), groups: [] };
}

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

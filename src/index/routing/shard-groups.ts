import type { RouteTable, CentroidRows, ShardGroup, RoutedShard } from './route-table.ts';
import type { Cell } from './shard-route.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import { squaredDistance } from '../../ann/maintenance/split-in-two.ts';
import { encodeCentroids } from './centroids.ts';
import { isSameRegion, shardMeans } from './regions.ts';
import { kMeansAtOnce } from './k-means.ts';
import { groupOf } from './route-table.ts';

/** A routing table whose shards are in shard groups: every change of routes is stored together with its effect on the groups. */
export class GroupedRoutes implements Cell<RouteTable> {
  readonly #cell: Cell<RouteTable>;
  readonly #sizes: GroupSizes;

  constructor(cell: Cell<RouteTable>, sizes: GroupSizes) {
    this.#cell = cell;
    this.#sizes = sizes;
  }

  get(): RouteTable | undefined {
    return this.#cell.get();
  }

  put(table: RouteTable): void {
    this.#cell.put(withGroups(this.#cell.get(), table, this.#sizes));
  }
}

/** How many shards with a region a shard group may have. */
export interface GroupSizes {
  /** One that has more is divided in two. */
  readonly shardsMax: number;
  /** One that has fewer joins its nearest. Less than half of the most. */
  readonly shardsMin: number;
}

export const GROUP_SIZES: GroupSizes = { shardsMax: INDEX_LIMITS.groupShardsMaxCount, shardsMin: INDEX_LIMITS.groupShardsMinCount };

/** Coarse centroids of a shard group. */
const COARSE_CENTROIDS = 16;

/**
 * A table with its shard groups brought up to date, given the table before its last change. A new shard starts in the group of the shard it
 * was split from. A group that the change did not touch keeps its contents and the version since which they hold.
 */
export function withGroups(before: RouteTable | undefined, table: RouteTable, sizes: GroupSizes): RouteTable {
  if (table.version === 0) return table;
  const members = regrouped(table, sizes);
  const known = new Map(before?.groups?.map((group) => [group.number, group]));
  const knownMembers = before === undefined ? new Map<number, RoutedShard[]>() : membersOf(before);
  const isAlone = members.size === 1;
  const groups = [...members]
    .sort(([a], [b]) => a - b)
    .map(([number, shards]): ShardGroup => {
      const same = known.get(number);
      if (same !== undefined && isSame(shards, knownMembers.get(number) ?? [])) return same;
      return { number, since: table.version, coarse: isAlone ? NONE : coarseOf(shards, table) };
    });
  const numbers = new Map([...members].flatMap(([number, shards]) => shards.map(({ ordinal }) => [ordinal, number] as const)));
  const shards = table.shards.map((shard) => {
    const number = numbers.get(shard.ordinal) ?? groupOf(shard);
    return number === groupOf(shard) ? shard : { ...shard, group: number };
  });
  return { ...table, shards, groups };
}

/** The shards of each group that own a region, by the number of the group. */
export function membersOf({ shards }: Pick<RouteTable, 'shards'>): Map<number, RoutedShard[]> {
  const owners = shards.filter(({ centroids }) => centroids.scales.length > 0);
  return new Map([...grouped(owners.map(groupOf))].map(([number, places]) => [number, places.map((place) => owners[place]!)]));
}

/** Neither too large nor, if there are several, too small. */
function regrouped(table: RouteTable, { shardsMax, shardsMin }: GroupSizes): Map<number, readonly RoutedShard[]> {
  const groups = new Map<number, readonly RoutedShard[]>(membersOf(table));
  for (;;) {
    const large = [...groups].find(([, shards]) => shards.length > shardsMax);
    const small = [...groups].find(([, shards]) => shards.length < shardsMin);
    if (large !== undefined) {
      const [number, shards] = large;
      const [kept, given] = groupHalves(shards, table.dimensions, table.version);
      groups.set(number, kept);
      groups.set(Math.max(...groups.keys()) + 1, given);
    } else if (small !== undefined && groups.size > 1) {
      const [number, shards] = small;
      groups.delete(number);
      const nearest = nearestGroup(shards, groups, table.dimensions);
      // One that becomes too large by that is divided into two that are not too small.
      groups.set(nearest, [...must(groups.get(nearest), 'the nearest shard group exists'), ...shards]);
    } else return groups;
  }
}

function nearestGroup(own: readonly RoutedShard[], groups: ReadonlyMap<number, readonly RoutedShard[]>, dimensions: number): number {
  const middleOf = (shards: readonly RoutedShard[]) => kMeansAtOnce(shardMeans(shards, dimensions), dimensions, 1, 0).centroids;
  const middle = middleOf(own);
  const ranked = [...groups].map(([number, shards]) => ({ number, distance: squaredDistance(middle, middleOf(shards)) }));
  return ranked.reduce((nearest, other) => (other.distance < nearest.distance ? other : nearest)).number;
}

function coarseOf(shards: readonly RoutedShard[], { dimensions, version }: RouteTable): CentroidRows {
  const { centroids } = kMeansAtOnce(shardMeans(shards, dimensions), dimensions, COARSE_CENTROIDS, version);
  return encodeCentroids(centroids, dimensions);
}

const NONE: CentroidRows = { codes: new Int8Array(0), scales: new Float32Array(0) };

/** The same shards with the same regions: those of most are not even looked at. */
const isSame = (shards: readonly RoutedShard[], others: readonly RoutedShard[]): boolean =>
  shards.length === others.length &&
  shards.every((shard, at) => {
    const other = others[at];
    return other?.ordinal === shard.ordinal && (other.since === shard.since || isSameRegion(other, shard));
  });

type Halves = readonly [readonly RoutedShard[], readonly RoutedShard[]];

/** Divides a shard group into two of equally many shards: ordered along the line between two means of all. */
function groupHalves(shards: readonly RoutedShard[], dimensions: number, seed: number): Halves {
  const means = shardMeans(shards, dimensions);
  const { centroids: poles } = kMeansAtOnce(means, dimensions, 2, seed);
  const along = (place: number): number => {
    let product = 0;
    // Where all are equal there is one pole, and the order stays.
    for (let d = 0; d < dimensions; d += 1) product += means[place * dimensions + d]! * ((poles[dimensions + d] ?? poles[d]!) - poles[d]!);
    return product;
  };
  const order = [...shards.entries()].map(([place, shard]) => ({ shard, at: along(place) })).sort((a, b) => a.at - b.at);
  const ordered = order.map(({ shard }) => shard);
  const middle = Math.ceil(ordered.length / 2);
  return [ordered.slice(0, middle), ordered.slice(middle)];
}

import type { RouteTable, CentroidRows, District, RoutedShard } from './route-table.ts';
import type { Cell } from './shard-route.ts';
import { LIMITS } from '../../contract/limits.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import { squaredDistance } from '../../ann/maintenance/split-in-two.ts';
import { encodeCentroids } from './centroids.ts';
import { isSameRegion, shardMeans } from './regions.ts';
import { kMeansAtOnce } from './k-means.ts';
import { districtOf } from './route-table.ts';

/** A routing table whose shards are in shard groups: every change of routes is stored together with its effect on the groups. */
export class DistrictedRoutes implements Cell<RouteTable> {
  readonly #cell: Cell<RouteTable>;
  readonly #sizes: DistrictSizes;

  constructor(cell: Cell<RouteTable>, sizes: DistrictSizes) {
    this.#cell = cell;
    this.#sizes = sizes;
  }

  get(): RouteTable | undefined {
    return this.#cell.get();
  }

  put(table: RouteTable): void {
    this.#cell.put(withDistricts(this.#cell.get(), table, this.#sizes));
  }
}

/** How many shards with a region a shard group may have. */
export interface DistrictSizes {
  /** One that has more is divided in two. */
  readonly shardsMax: number;
  /** One that has fewer joins its nearest. Less than half of the most. */
  readonly shardsMin: number;
}

export const DISTRICT_SIZES: DistrictSizes = { shardsMax: LIMITS.districtShardsMaxCount, shardsMin: LIMITS.districtShardsMinCount };

/** Coarse centroids of a shard group. */
const COARSE_CENTROIDS = 16;

/**
 * A table with its shard groups brought up to date, given the table before its last change. A new shard starts in the group of the shard it
 * was split from. A group that the change did not touch keeps its contents and the version since which they hold.
 */
export function withDistricts(before: RouteTable | undefined, table: RouteTable, sizes: DistrictSizes): RouteTable {
  if (table.version === 0) return table;
  const members = regrouped(table, sizes);
  const known = new Map(before?.districts?.map((district) => [district.number, district]));
  const knownMembers = before === undefined ? new Map<number, RoutedShard[]>() : membersOf(before);
  const isAlone = members.size === 1;
  const districts = [...members]
    .sort(([a], [b]) => a - b)
    .map(([number, shards]): District => {
      const same = known.get(number);
      if (same !== undefined && isSame(shards, knownMembers.get(number) ?? [])) return same;
      return { number, since: table.version, coarse: isAlone ? NONE : coarseOf(shards, table) };
    });
  const numbers = new Map([...members].flatMap(([number, shards]) => shards.map(({ ordinal }) => [ordinal, number] as const)));
  const shards = table.shards.map((shard) => {
    const number = numbers.get(shard.ordinal) ?? districtOf(shard);
    return number === districtOf(shard) ? shard : { ...shard, district: number };
  });
  return { ...table, shards, districts };
}

/** The shards of each group that own a region, by the number of the group. */
export function membersOf({ shards }: Pick<RouteTable, 'shards'>): Map<number, RoutedShard[]> {
  const owners = shards.filter(({ centroids }) => centroids.scales.length > 0);
  return new Map([...grouped(owners.map(districtOf))].map(([number, places]) => [number, places.map((place) => owners[place]!)]));
}

/** Neither too large nor, if there are several, too small. */
function regrouped(table: RouteTable, { shardsMax, shardsMin }: DistrictSizes): Map<number, readonly RoutedShard[]> {
  const districts = new Map<number, readonly RoutedShard[]>(membersOf(table));
  for (;;) {
    const large = [...districts].find(([, shards]) => shards.length > shardsMax);
    const small = [...districts].find(([, shards]) => shards.length < shardsMin);
    if (large !== undefined) {
      const [number, shards] = large;
      const [kept, given] = districtHalves(shards, table.dimensions, table.version);
      districts.set(number, kept);
      districts.set(Math.max(...districts.keys()) + 1, given);
    } else if (small !== undefined && districts.size > 1) {
      const [number, shards] = small;
      districts.delete(number);
      const nearest = nearestDistrict(shards, districts, table.dimensions);
      // One that becomes too large by that is divided into two that are not too small.
      districts.set(nearest, [...must(districts.get(nearest), 'the nearest shard group exists'), ...shards]);
    } else return districts;
  }
}

function nearestDistrict(own: readonly RoutedShard[], districts: ReadonlyMap<number, readonly RoutedShard[]>, dimensions: number): number {
  const middleOf = (shards: readonly RoutedShard[]) => kMeansAtOnce(shardMeans(shards, dimensions), dimensions, 1, 0).centroids;
  const middle = middleOf(own);
  const ranked = [...districts].map(([number, shards]) => ({ number, distance: squaredDistance(middle, middleOf(shards)) }));
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
function districtHalves(shards: readonly RoutedShard[], dimensions: number, seed: number): Halves {
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

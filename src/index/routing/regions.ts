import { must } from '../../kernel/assert.ts';
import type { RankingPoint } from './centroids.ts';
import { CentroidDistances, decodeCentroids, encodeCentroids } from './centroids.ts';
import type { CentroidRows, RouteTable, RoutedShard } from './route-table.ts';

/** Of an ordinal, an end, and what goes with a mean. */
const PLACE_BYTES = 28;

/** The regions of some shards, ready for computing how far a point is from each. */
export class Regions {
  readonly ordinals: readonly number[];
  readonly #centroids: CentroidDistances;
  readonly #rows: RegionRows;
  readonly #space: Pick<RouteTable, 'dimensions'>;
  #means: CentroidDistances | undefined;
  /** Where the centroids of each shard end, in order. */
  readonly #ends: readonly number[];

  constructor(rows: RegionRows, space: Pick<RouteTable, 'dimensions'>) {
    let end = 0;
    this.ordinals = rows.ordinals;
    this.#centroids = new CentroidDistances(rows.centroids, space);
    this.#rows = rows;
    this.#space = space;
    this.#ends = rows.counts.map((count) => (end += count));
  }

  /** In memory. */
  get bytes(): number {
    return this.#centroids.bytes + this.ordinals.length * (PLACE_BYTES + this.#space.dimensions);
  }

  /** How far a point is from the nearest centroid of the shard at an index. */
  distance(point: RankingPoint, place: number): number {
    return this.#nearest(point, place).distance;
  }

  /** That centroid: one row. */
  nearestCentroid(point: RankingPoint, place: number): CentroidRows {
    return this.#centroids.centroid(this.#nearest(point, place).row);
  }

  /** How far it is from the mean of the shard's centroids: cheaper, and nearly as good a predictor of which are near. */
  roughDistance(point: RankingPoint, place: number): number {
    // A router that ranks all regions exactly does not need them.
    this.#means ??= new CentroidDistances(meansOf(this.#rows, this.#space.dimensions), this.#space);
    return this.#means.distance(point, place);
  }

  #nearest(point: RankingPoint, place: number): { readonly row: number; readonly distance: number } {
    let [nearest, distance] = [-1, Infinity];
    const end = must(this.#ends[place], 'every shard has an end');
    for (let row = this.#ends[place - 1] ?? 0; row < end; row += 1) {
      const other = this.#centroids.distance(point, row);
      if (other < distance) [nearest, distance] = [row, other];
    }
    return { row: nearest, distance };
  }
}

/** The regions of some shards, column by column: the form in which they are sent and stored. */
export interface RegionRows {
  readonly ordinals: readonly number[];
  /** How many of the centroids belong to each shard, in order. */
  readonly counts: readonly number[];
  readonly centroids: CentroidRows;
}

/** Of those among the shards that own a region. */
export function regionRowsOf(shards: readonly Pick<RoutedShard, 'ordinal' | 'centroids'>[]): RegionRows {
  const owners = shards.filter(({ centroids }) => centroids.scales.length > 0);
  const counts = owners.map(({ centroids }) => centroids.scales.length);
  return { ordinals: owners.map(({ ordinal }) => ordinal), counts, centroids: joinedRows(owners.map(({ centroids }) => centroids)) };
}

/** Where each of the shards is, roughly: the mean of its centroids. */
function meansOf({ counts, centroids }: RegionRows, dimensions: number): CentroidRows {
  const rows = new Float32Array(centroids.codes.length);
  decodeCentroids(centroids, dimensions, rows, 0);
  const means = new Float32Array(counts.length * dimensions);
  let at = 0;
  for (const [place, count] of counts.entries()) {
    for (const end = at + count * dimensions; at < end; at += dimensions) {
      for (let d = 0; d < dimensions; d += 1) means[place * dimensions + d]! += rows[at + d]! / count;
    }
  }
  return encodeCentroids(means, dimensions);
}

function joinedRows(parts: readonly CentroidRows[]): CentroidRows {
  const codes = new Int8Array(parts.reduce((sum, part) => sum + part.codes.length, 0));
  const scales = new Float32Array(parts.reduce((sum, part) => sum + part.scales.length, 0));
  let [codesEnd, scalesEnd] = [0, 0];
  for (const part of parts) {
    codes.set(part.codes, codesEnd);
    scales.set(part.scales, scalesEnd);
    codesEnd += part.codes.length;
    scalesEnd += part.scales.length;
  }
  return { codes, scales };
}

/** Where each of some shards is that own a region, roughly. [n x dimensions] */
export function shardMeans(shards: readonly RoutedShard[], dimensions: number): Float32Array<ArrayBuffer> {
  const means = new Float32Array(shards.length * dimensions);
  decodeCentroids(meansOf(regionRowsOf(shards), dimensions), dimensions, means, 0);
  return means;
}

type Owner = Pick<RoutedShard, 'centroids'>;

export function isSameRegion({ centroids }: Owner, { centroids: other }: Owner): boolean {
  const { codes, scales } = centroids;
  if (centroids === other) return true;
  if (codes.length !== other.codes.length) return false;
  return codes.every((code, i) => code === other.codes[i]) && scales.every((scale, i) => scale === other.scales[i]);
}

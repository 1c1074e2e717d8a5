import { must } from '../../kernel/assert.ts';
import type { RankingPoint } from './centroid-distances.ts';
import { CentroidDistances } from './centroid-distances.ts';
import type { RegionRows } from './region-rows.ts';
import { meansOf } from './region-rows.ts';
import type { CentroidRows, RouteTable } from './route-table.ts';

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

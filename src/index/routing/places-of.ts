import { squaredDistance } from '../../ann/maintenance/split-in-two.ts';
import { decodeCentroids } from './centroids.ts';
import type { CentroidRows } from './route-table.ts';

/** A shard near a vector. */
export interface NearShard {
  readonly ordinal: number;
  /** Of the vector from the nearest of the shard's centroids, squared. */
  readonly distance: number;
  /** That centroid: one row. */
  readonly centroid: CentroidRows;
}

/** A shard that may keep a vector. Distances are squared. */
export interface Placing extends Pick<NearShard, 'ordinal' | 'distance'> {
  /** Of its nearest centroid from that of the nearest shard. */
  readonly apart: number;
}

/** Shards considered for a spilled copy. With 3, 0.004 less of the true nearest is found in as many shards. */
export const PLACINGS = 6;

/** Where a row that has no vector is: so the shards that share the region of the origin divide such rows by their slots. [TX207] */
const isOrigin = (values: Float32Array): boolean => values.every((x) => x === 0);

/** How many of the nearest shards are considered for a vector: a copy at the origin would be found by no search. */
export const placingsFor = (values: Float32Array): number => (isOrigin(values) ? 1 : PLACINGS);

/** The dimensions of the space that the shards of an index divide: rows of an index without vectors all lie at the origin of a line. */
export const routedDimensions = (dimensions: number): number => Math.max(1, dimensions);

const ORIGIN_OF_A_LINE = new Float32Array(1);

/** Where the row at a position is in that space. `values`: [n x dimensions] */
export const routedPoint = (values: Float32Array, at: number, dimensions: number): Float32Array =>
  dimensions === 0 ? ORIGIN_OF_A_LINE : values.subarray(at * dimensions, (at + 1) * dimensions);

/** `near`: the nearest first. */
export function placingsOf(near: readonly NearShard[], dimensions: number): Placing[] {
  const rows = near.map(({ centroid }) => {
    const row = new Float32Array(dimensions);
    decodeCentroids(centroid, dimensions, row, 0);
    return row;
  });
  return near.map(({ ordinal, distance }, place) => ({ ordinal, distance, apart: squaredDistance(rows[0]!, rows[place]!) }));
}

/**
 * The shards that keep a vector, given the nearest that hold its id: the nearest, to which it belongs, and the one where a spilled copy is
 * worth most, if that is worth enough. `margin`: see `spillExcess`.
 */
export function placesOf(placings: readonly Placing[], margin: number): number[] {
  const own = placings[0];
  if (own === undefined) return [];
  const { ordinal, excess } = bestSpill(placings);
  return ordinal !== undefined && excess <= margin ? [own.ordinal, ordinal] : [own.ordinal];
}

/** By how much the loss of a vector's spilled copy exceeds that of its first row; infinite without a second shard. */
export const spillExcess = (placings: readonly Placing[]): number => bestSpill(placings).excess;

function bestSpill([own, ...others]: readonly Placing[]): { readonly ordinal: number | undefined; readonly excess: number } {
  let best: ReturnType<typeof bestSpill> = { ordinal: undefined, excess: Infinity };
  if (own === undefined) return best;
  for (const other of others) {
    const excess = spillLoss(own, other) - own.distance;
    if (excess < best.excess) best = { ordinal: other.ordinal, excess };
  }
  return best;
}

/**
 * SOAR (Sun et al., NeurIPS 2023), lambda = 1: a query that ranks a vector's own shard too low lies along the vector's residual there, so a second
 * shard helps least where its residual points the same way. The product of the residuals follows from the three distances.
 */
function spillLoss(own: Placing, { distance, apart }: Placing): number {
  const product = Math.max(0, own.distance + distance - apart) / 2;
  return own.distance === 0 ? distance : distance + product ** 2 / own.distance;
}

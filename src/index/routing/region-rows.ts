import { decodeCentroids, encodeCentroids } from './centroid-rows.ts';
import type { CentroidRows, RoutedShard } from './route-table.ts';

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
export function meansOf({ counts, centroids }: RegionRows, dimensions: number): CentroidRows {
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

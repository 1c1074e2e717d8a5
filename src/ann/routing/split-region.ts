import { assert } from '../../kernel/assert.ts';
import type { Metric } from '../../contract/metric.ts';
import { encodeCentroids } from './centroid-rows.ts';
import type { Means } from './k-means.ts';
import { kMeans } from './k-means.ts';
import { preparedPoint } from './router.ts';
import type { CentroidRows } from './route-table.ts';

/** Centroids of one shard after a split. */
export const SHARD_CENTROIDS = 8;

/**
 * Cuts the region of a shard in two that hold about as many of the sampled vectors: many means of them, ordered along the line
 * between two means of all, and cut in the middle. Undefined when the vectors are too much alike to be told apart.
 *
 * `values`: as stored, [n x dimensions].
 */
export function* splitRegion(
  metric: Metric,
  dimensions: number,
  values: Float32Array,
  seed: number,
): Generator<undefined, [CentroidRows, CentroidRows] | undefined> {
  const points = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += dimensions) points.set(preparedPoint(metric, values.subarray(at, at + dimensions)), at);
  const poles = yield* kMeans(points, dimensions, 2, seed);
  const means = yield* kMeans(points, dimensions, 2 * SHARD_CENTROIDS, seed);
  if (poles.counts.length < 2 || means.counts.length < 2) return undefined;
  return halves(means, poles, dimensions);
}

function halves({ centroids, counts }: Means, poles: Means, dimensions: number): [CentroidRows, CentroidRows] {
  const along = (place: number): number => {
    let product = 0;
    for (let d = 0; d < dimensions; d += 1) {
      product += centroids[place * dimensions + d]! * (poles.centroids[dimensions + d]! - poles.centroids[d]!);
    }
    return product;
  };
  const order = [...counts.keys()].sort((a, b) => along(a) - along(b));
  const total = counts.reduce((sum, count) => sum + count, 0);
  // The cut after which the halves differ least; each has a centroid.
  let [best, cut, before] = [Infinity, 1, 0];
  for (let at = 1; at < order.length; at += 1) {
    before += counts[order[at - 1]!]!;
    if (Math.abs(total - 2 * before) < best) [best, cut] = [Math.abs(total - 2 * before), at];
  }
  const rowsOf = (places: readonly number[]): CentroidRows => {
    assert(places.length > 0, 'each half has a centroid');
    const rows = new Float32Array(places.length * dimensions);
    places.forEach((place, to) => rows.set(centroids.subarray(place * dimensions, (place + 1) * dimensions), to * dimensions));
    return encodeCentroids(rows, dimensions);
  };
  return [rowsOf(order.slice(0, cut)), rowsOf(order.slice(cut))];
}

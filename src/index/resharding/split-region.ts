import { assert } from '../../kernel/assert.ts';
import { encodeCentroids } from '../routing/centroid-rows.ts';
import type { Means } from '../routing/k-means.ts';
import { kMeans } from '../routing/k-means.ts';
import { preparedPoint, Router } from '../routing/router.ts';
import type { CentroidRows, RouteTable } from '../routing/route-table.ts';

/** Centroids of one shard after a split. */
export const SHARD_CENTROIDS = 8;

/** Each half gets at least this share of the vectors: well above what a shard is merged away with. */
const SHARE_MIN = 1 / 6;

/** Vectors placed in one step: about a millisecond. */
const STEP_VECTORS = 64;

type Space = Pick<RouteTable, 'metric' | 'dimensions'>;
type Halves = readonly [CentroidRows, CentroidRows];

/**
 * Divides the region of a shard into two that hold about equally many of the sampled vectors: many means of them, ordered along the line
 * between two means of all, divided in the middle; or the largest of the means against the others, as where half of the vectors are equal.
 * Undefined when the centroids of a routing table cannot separate the vectors.
 *
 * `own`: vectors assigned to the region, as stored; `all`: with the spilled copies kept there. [n x dimensions]
 */
export function* splitRegion(
  { metric, dimensions }: Space,
  own: Float32Array,
  all: Float32Array,
  seed: number,
): Generator<undefined, Halves | undefined> {
  if (own.length === 0) return undefined;
  const points = new Float32Array(own.length);
  for (let at = 0; at < own.length; at += dimensions) points.set(preparedPoint(metric, own.subarray(at, at + dimensions)), at);
  const poles = yield* kMeans(points, dimensions, 2, seed);
  const means = yield* kMeans(points, dimensions, 2 * SHARD_CENTROIDS, seed);
  if (poles.counts.length < 2 || means.counts.length < 2) return undefined;
  const halves = halvesOf(means, poles, dimensions);
  const given = yield* shareOf(halves, { metric, dimensions }, all);
  return Math.min(given, 1 - given) < SHARE_MIN ? undefined : halves;
}

function halvesOf({ centroids, counts }: Means, poles: Means, dimensions: number): Halves {
  const along = (place: number): number => {
    let product = 0;
    for (let d = 0; d < dimensions; d += 1) {
      product += centroids[place * dimensions + d]! * (poles.centroids[dimensions + d]! - poles.centroids[d]!);
    }
    return product;
  };
  const order = [...counts.keys()].sort((a, b) => along(a) - along(b));
  const largest = counts.indexOf(Math.max(...counts));
  const cuts = order.slice(1).map((_, at) => [order.slice(0, at + 1), order.slice(at + 1)] as const);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const unevenness = (part: readonly number[]): number => Math.abs(total - 2 * part.reduce((sum, place) => sum + counts[place]!, 0));
  const [kept, given] = [...cuts, [[largest], order.filter((place) => place !== largest)] as const].reduce((best, cut) =>
    unevenness(cut[0]) < unevenness(best[0]) ? cut : best,
  );
  const rowsOf = (places: readonly number[]): CentroidRows => {
    assert(places.length > 0, 'each half has a centroid');
    const rows = new Float32Array(places.length * dimensions);
    places.forEach((place, to) => rows.set(centroids.subarray(place * dimensions, (place + 1) * dimensions), to * dimensions));
    return encodeCentroids(rows, dimensions);
  };
  return [rowsOf(kept), rowsOf(given)];
}

/** The share of the vectors that the second half takes. */
function* shareOf(halves: Halves, { metric, dimensions }: Space, values: Float32Array): Generator<undefined, number> {
  const shards = halves.map((centroids, ordinal) => ({ ordinal, centroids, since: 0, state: { kind: 'serving' }, replicas: [] }) as const);
  const router = new Router({ metric, dimensions, shards });
  const count = values.length / dimensions;
  let given = 0;
  for (let i = 0; i < count; i += 1) {
    given += router.rankForPlacing(values.subarray(i * dimensions, (i + 1) * dimensions), 0)[0]?.ordinal ?? 0;
    if (i % STEP_VECTORS === STEP_VECTORS - 1) yield;
  }
  return given / count;
}

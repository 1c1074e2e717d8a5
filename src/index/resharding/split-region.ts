import { assert, must } from '../../kernel/assert.ts';
import { encodeCentroids } from '../routing/centroids.ts';
import type { Means } from '../routing/k-means.ts';
import { kMeans } from '../routing/k-means.ts';
import { preparedPoint, Router } from '../routing/router.ts';
import type { CentroidRows, RouteTable } from '../routing/route-table.ts';
import { shardAt } from '../routing/route-changes.ts';
import { slotsOf } from '../routing/route-table.ts';
import { placingsFor, spillExcess } from '../routing/places-of.ts';
import { PROBES_MAX } from '../routing/probe-plan.ts';

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

/**
 * The sampled vectors on a shard that belong to its region: the others are spilled copies. [n x dimensions]
 *
 * `table`: at least of the shard and those around it.
 */
export function* ownVectors(table: RouteTable, ordinal: number, values: Float32Array): Generator<undefined, Float32Array> {
  const { metric, dimensions, shards } = table;
  const own = must(shardAt(table, ordinal), 'a shard that is split is in the table');
  const router = new Router({ metric, dimensions, shards });
  const kept = new Float32Array(values.length);
  const stepVectors = vectorsOfStep(shards.length, dimensions);
  let end = 0;
  for (let at = 0; at < values.length; at += dimensions) {
    const vector = values.subarray(at, at + dimensions);
    if (router.rankForPlacing(vector, slotsOf(own).from)[0]?.ordinal === ordinal) {
      kept.set(vector, end);
      end += dimensions;
    }
    if ((at / dimensions) % stepVectors === stepVectors - 1) yield;
  }
  return kept.subarray(0, end);
}

/**
 * The share of a region's vectors that get a spilled copy, and the number of shards from which on they do; 0.57 of all have one then. With
 * few shards a query asks most of them anyway.
 */
const SPILLED_SHARE = 0.52;
const SPILLED_FROM = 8 * PROBES_MAX;

/** Vectors sampled: their ranks estimate the share to a few percent. */
const LOOKED_AT = 256;

/**
 * The spill threshold at which the wanted share of a shard's vectors get a spilled copy, once it is split into these halves; undefined
 * while no copies are wanted.
 */
export function* measuredMargin(
  table: RouteTable,
  ordinal: number,
  [kept, given]: readonly [CentroidRows, CentroidRows],
  values: Float32Array,
): Generator<undefined, number | undefined> {
  const { metric, dimensions } = table;
  const own = shardAt(table, ordinal);
  // The table may be of the shards around alone; few ordinals are of shards that are no more.
  const share = spilledShare(table.highest + 1);
  if (own === undefined || share === 0) return undefined;
  const others = table.shards.filter((shard) => shard !== own);
  const halves = [
    { ...own, centroids: kept },
    { ...own, ordinal: table.highest + 1, centroids: given },
  ];
  const router = new Router({ metric, dimensions, shards: [...others, ...halves] });
  const { from: slot } = slotsOf(own);
  const stride = Math.max(1, Math.floor(values.length / dimensions / LOOKED_AT)) * dimensions;
  const stepVectors = vectorsOfStep(table.shards.length + 1, dimensions);
  const excesses: number[] = [];
  for (let at = 0; at < values.length; at += stride) {
    const vector = values.subarray(at, at + dimensions);
    // One that is never copied says nothing of copies.
    if (placingsFor(vector) > 1) excesses.push(spillExcess(router.placings(vector, slot)));
    if ((at / stride) % stepVectors === stepVectors - 1) yield;
  }
  excesses.sort((a, b) => a - b);
  return excesses[Math.floor(excesses.length * share)];
}

/** None as long as a query asks all shards, then more with each doubling. */
function spilledShare(shards: number): number {
  const doublings = Math.log2(shards / PROBES_MAX) / Math.log2(SPILLED_FROM / PROBES_MAX);
  return SPILLED_SHARE * Math.max(0, Math.min(1, doublings));
}

/** Multiplications of one step: about a millisecond. */
const STEP_PRODUCTS = 1_000_000;

/** So many vectors are ranked by so many shards in one step. */
export const vectorsOfStep = (shards: number, dimensions: number): number =>
  Math.max(1, Math.floor(STEP_PRODUCTS / (shards * SHARD_CENTROIDS * dimensions)));

import { chance } from '../training/chance.ts';

/** Multiplications of one step: about a millisecond. */
const STEP_PRODUCTS = 1_000_000;
const ROUNDS = 8;

export interface Means {
  /** [counts.length x dimensions] */
  readonly centroids: Float32Array;
  /** How many of the vectors are nearest to each. */
  readonly counts: readonly number[];
}

/**
 * Lloyd's k-means from random vectors, step by step. Every centroid is the nearest of at least one vector; so there may be fewer
 * than `count` of them. `values`: [n x dimensions], n at least 1.
 */
export function* kMeans(values: Float32Array, dimensions: number, count: number, seed: number): Generator<undefined, Means> {
  const vectors = values.length / dimensions;
  const begun = Math.min(count, vectors);
  let centroids = new Float32Array(dimensions * begun);
  for (let place = 0; place < begun; place += 1) {
    // One of each of equally many vectors: none is taken twice.
    const from = Math.floor(((place + chance(seed, 0, place)) * vectors) / begun) * dimensions;
    centroids.set(values.subarray(from, from + dimensions), place * dimensions);
  }
  for (let round = 0; ; round += 1) {
    const places = yield* nearestOf(values, centroids, dimensions);
    const { means, counts } = meansOf(values, places, centroids.length / dimensions, dimensions);
    if (round === ROUNDS) return { centroids: means, counts };
    centroids = means;
  }
}

/** The place of the nearest centroid of each vector. */
export function* nearestOf(values: Float32Array, centroids: Float32Array, dimensions: number): Generator<undefined, Uint32Array> {
  const places = new Uint32Array(values.length / dimensions);
  const perStep = Math.max(1, Math.floor(STEP_PRODUCTS / centroids.length));
  for (let i = 0; i < places.length; i += 1) {
    let nearest = Infinity;
    for (let at = 0; at < centroids.length; at += dimensions) {
      let distance = 0;
      for (let d = 0; d < dimensions; d += 1) {
        const difference = values[i * dimensions + d]! - centroids[at + d]!;
        distance += difference * difference;
      }
      if (distance < nearest) [nearest, places[i]] = [distance, at / dimensions];
    }
    if (i % perStep === perStep - 1) yield;
  }
  return places;
}

function meansOf(
  values: Float32Array,
  places: Uint32Array,
  count: number,
  dimensions: number,
): { means: Float32Array<ArrayBuffer>; counts: number[] } {
  const sums = new Float64Array(count * dimensions);
  const counts = Array.from({ length: count }, () => 0);
  for (const [i, place] of places.entries()) {
    counts[place]! += 1;
    for (let d = 0; d < dimensions; d += 1) sums[place * dimensions + d]! += values[i * dimensions + d]!;
  }
  const kept = [...counts.keys()].filter((place) => counts[place]! > 0);
  const means = new Float32Array(kept.length * dimensions);
  kept.forEach((place, to) => {
    for (let d = 0; d < dimensions; d += 1) means[to * dimensions + d] = sums[place * dimensions + d]! / counts[place]!;
  });
  return { means, counts: kept.map((place) => counts[place]!) };
}

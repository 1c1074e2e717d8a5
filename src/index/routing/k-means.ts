import { chance } from '../../kernel/seeded.ts';
import { squaredDistance } from '../../ann/maintenance/split-in-two.ts';

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
 * Lloyd's k-means, step by step, from vectors that are far from each other (k-means++): many equal ones count as one. Every centroid is
 * the nearest of at least one vector; so there may be fewer than `count` of them. `values`: [n x dimensions], n at least 1.
 */
export function* kMeans(values: Float32Array, dimensions: number, count: number, seed: number): Generator<undefined, Means> {
  let centroids = yield* begin(values, dimensions, count, seed);
  for (let round = 0; ; round += 1) {
    const places = yield* nearestOf(values, centroids, dimensions);
    const { means, counts } = meansOf(values, places, centroids.length / dimensions, dimensions);
    if (round === ROUNDS) return { centroids: means, counts };
    centroids = means;
  }
}

/** Vectors of which each was drawn by its squared distance from those before: at most `count`, fewer where no others are left. */
function* begin(values: Float32Array, dimensions: number, count: number, seed: number): Generator<undefined, Float32Array<ArrayBuffer>> {
  const distances = new Float64Array(values.length / dimensions).fill(Infinity);
  const centroids = new Float32Array(dimensions * Math.min(count, distances.length));
  let drawn = Math.floor(chance(seed, 0, 0) * distances.length);
  for (let place = 0; ; place += 1) {
    const centroid = values.subarray(drawn * dimensions, (drawn + 1) * dimensions);
    centroids.set(centroid, place * dimensions);
    if ((place + 1) * dimensions === centroids.length) return centroids;
    let total = 0;
    for (let i = 0; i < distances.length; i += 1) {
      distances[i] = Math.min(distances[i]!, squaredDistance(values.subarray(i * dimensions, (i + 1) * dimensions), centroid));
      total += distances[i]!;
    }
    if (total === 0) return centroids.slice(0, (place + 1) * dimensions);
    drawn = drawnBy(distances, chance(seed, 0, place + 1) * total);
    yield;
  }
}

/** The first with which the sum of weights exceeds what is left. */
function drawnBy(weights: Float64Array, left: number): number {
  let [sum, last] = [0, 0];
  for (const [i, weight] of weights.entries()) {
    if (weight === 0) continue;
    [sum, last] = [sum + weight, i];
    if (sum > left) break;
  }
  return last;
}

/** The index of the nearest centroid of each vector. */
function* nearestOf(values: Float32Array, centroids: Float32Array, dimensions: number): Generator<undefined, Uint32Array> {
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

/** The same without a pause: for some hundred vectors. */
export function kMeansAtOnce(values: Float32Array, dimensions: number, count: number, seed: number): Means {
  const steps = kMeans(values, dimensions, count, seed);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

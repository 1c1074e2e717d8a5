import { finite } from '../float32.ts';
import type { CentroidSet } from './centroid-set.ts';
import { STEP_COMPONENTS } from './centroid-set.ts';
import type { NearestCentroids } from './nearest-centroids.ts';
import type { Sample } from './sample.ts';

// A list with less than the mean divided by this takes half of the largest, if that has more than this multiple of the mean.
const SMALL_PART = 16;
const LARGE_TIMES = 2;

/** The vectors that lists got in a round of k-means: how many, and their sums. */
class ListSums {
  readonly #dimensions: number;
  readonly #sizes: Float64Array;
  readonly #sums: Float64Array;
  /** A vector of each list: the last. */
  readonly #members: Float32Array;

  constructor(count: number, dimensions: number) {
    this.#dimensions = dimensions;
    this.#sizes = new Float64Array(count);
    this.#sums = new Float64Array(count * dimensions);
    this.#members = new Float32Array(count * dimensions);
  }

  /** Adds the vector that starts at `from` to a list. */
  add(list: number, vectors: Float32Array, from: number): void {
    const start = list * this.#dimensions;
    for (let j = 0; j < this.#dimensions; j += 1) this.#sums[start + j]! += vectors[from + j]!;
    this.#members.set(vectors.subarray(from, from + this.#dimensions), start);
    this.#sizes[list]! += 1;
  }

  /** Writes the mean of a list's vectors, if it has any. */
  meanOf(list: number, mean: Float32Array): boolean {
    const size = this.#sizes[list]!;
    if (size === 0) return false;
    const start = list * this.#dimensions;
    for (let j = 0; j < this.#dimensions; j += 1) mean[j] = finite(this.#sums[start + j]! / size);
    return true;
  }

  /** Lists that got next to nothing take over half of the largest. */
  *evenOut(): Generator<undefined> {
    const count = this.#sizes.length;
    const mean = this.#sizes.reduce((sum, size) => sum + size, 0) / count;
    let work = 0;
    for (let list = 0; list < count; list += 1) {
      if (this.#sizes[list]! * SMALL_PART >= mean) continue;
      const largest = this.#largest();
      if (this.#sizes[largest]! <= LARGE_TIMES * mean) return;
      this.#split(largest, list);
      work += count + this.#dimensions;
      if (work < STEP_COMPONENTS) continue;
      work = 0;
      yield;
    }
  }

  #largest(): number {
    let largest = 0;
    for (let list = 1; list < this.#sizes.length; list += 1) if (this.#sizes[list]! > this.#sizes[largest]!) largest = list;
    return largest;
  }

  /** Both get half of the vectors: one a mean half way towards some vector, the other as far the other way. */
  #split(list: number, other: number): void {
    const half = this.#sizes[list]! / 2;
    const [start, otherStart] = [list * this.#dimensions, other * this.#dimensions];
    for (let j = 0; j < this.#dimensions; j += 1) {
      const mean = this.#sums[start + j]! / (2 * half);
      const step = (this.#members[start + j]! - mean) / 2;
      this.#sums[start + j] = (mean - step) * half;
      this.#sums[otherStart + j] = (mean + step) * half;
      this.#members[otherStart + j] = this.#members[start + j]!;
    }
    this.#sizes[list] = half;
    this.#sizes[other] = half;
  }
}

// Products of components that a step takes at most: about a millisecond.
const STEP_PRODUCTS = 16_777_216;

/** Vectors that one step assigns to the nearest of `centroidCount` centroids. */
export const assignedPerStep = (dimensions: number, centroidCount: number): number =>
  Math.max(4, Math.floor(Math.min(STEP_COMPONENTS, STEP_PRODUCTS / centroidCount) / dimensions));

/**
 * One round of k-means over `of` vectors of the sample: each centroid moves to the mean of the vectors nearest to it. Answers how much
 * less than their squared lengths the squared distances from the centroids before are, halved, in sum: the more the better.
 */
export function* lloydRound(sample: Sample, of: number, centroids: CentroidSet, nearest: NearestCentroids): Generator<undefined, number> {
  const { count, dimensions } = centroids;
  yield* centroids.loadInto(nearest);
  const sums = new ListSums(count, dimensions);
  const perStep = assignedPerStep(dimensions, count);
  const [places, gains] = [new Uint32Array(perStep), new Float64Array(perStep)];
  let gain = 0;
  for (let from = 0; from < of; from += perStep) {
    const to = Math.min(of, from + perStep);
    const vectors = sample.read(of, from, to);
    nearest.nearest(vectors, to - from, places, gains);
    for (let i = 0; i < to - from; i += 1) {
      sums.add(places[i]!, vectors, i * dimensions);
      gain += gains[i]!;
    }
    yield;
  }
  yield* sums.evenOut();
  const mean = new Float32Array(dimensions);
  const movedPerStep = Math.ceil(STEP_COMPONENTS / dimensions);
  for (let place = 0; place < count; place += 1) {
    if (sums.meanOf(place, mean)) centroids.set(place, mean);
    if (place % movedPerStep === movedPerStep - 1) yield;
  }
  return gain;
}

import { STEP_COMPONENTS } from './centroid-set.ts';
import { finite } from './float-unit.ts';

// A list with less than the mean divided by this takes half of the largest, if that has more than this multiple of the mean.
const SMALL_PART = 16;
const LARGE_TIMES = 2;

/** The vectors that lists got in a round of k-means: how many, and their sums. */
export class ListSums {
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

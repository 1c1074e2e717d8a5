import type { Centroid } from '../lists/list-model.ts';
import { quantiseTo } from '../lists/list-model.ts';
import type { NearestCentroids } from './nearest-centroids.ts';

/** Components that a step handles one by one: half a millisecond. */
export const STEP_COMPONENTS = 65_536;

/** Centroids side by side. */
export class CentroidSet {
  readonly count: number;
  readonly dimensions: number;
  /** [count x dimensions] */
  readonly codes: Int8Array;
  readonly scales: Float32Array;

  constructor(count: number, dimensions: number) {
    this.count = count;
    this.dimensions = dimensions;
    this.codes = new Int8Array(count * dimensions);
    this.scales = new Float32Array(count);
  }

  /** Not to be stored by callers: it changes with the set. */
  at(place: number): Centroid {
    return { codes: this.#codesAt(place), scale: this.scales[place]! };
  }

  set(place: number, values: Float32Array): void {
    this.scales[place] = quantiseTo(values, this.#codesAt(place));
  }

  copyFrom({ codes, scales }: CentroidSet): void {
    this.codes.set(codes);
    this.scales.set(scales);
  }

  *loadInto(nearest: NearestCentroids): Generator<undefined> {
    nearest.reset(
      this.count,
      this.scales.reduce((largest, scale) => Math.max(largest, scale), 0),
    );
    const perStep = Math.ceil(STEP_COMPONENTS / this.dimensions);
    for (let place = 0; place < this.count; place += 1) {
      nearest.put(place, this.at(place));
      if (place % perStep === perStep - 1) yield;
    }
  }

  #codesAt(place: number): Int8Array {
    return this.codes.subarray(place * this.dimensions, (place + 1) * this.dimensions);
  }
}

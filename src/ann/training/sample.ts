import type { ListModel } from '../lists/list-model.ts';
import { prepare } from '../lists/list-model.ts';

/** Training vectors, prepared as they are read: the whole sample, or evenly spaced ones of it. */
export class Sample {
  readonly count: number;
  readonly #values: Float32Array;
  readonly #space: Pick<ListModel, 'metric' | 'mean' | 'dimensions'>;

  /** `values`: as stored. [count x dimensions] */
  constructor(values: Float32Array, space: Pick<ListModel, 'metric' | 'mean' | 'dimensions'>) {
    this.count = values.length / space.dimensions;
    this.#values = values;
    this.#space = space;
  }

  /** Vectors `from` to `to` of `of` evenly spaced ones. */
  read(of: number, from: number, to: number): Float32Array {
    const { dimensions } = this.#space;
    const out = new Float32Array((to - from) * dimensions);
    if (of === this.count) {
      prepare(this.#space, this.#values.subarray(from * dimensions, to * dimensions), out);
      return out;
    }
    for (let i = from; i < to; i += 1) {
      const at = Math.floor((i * this.count) / of) * dimensions;
      prepare(this.#space, this.#values.subarray(at, at + dimensions), out.subarray((i - from) * dimensions, (i - from + 1) * dimensions));
    }
    return out;
  }
}

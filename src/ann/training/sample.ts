import type { ListModel } from '../lists/list-model.ts';
import { prepare } from '../lists/list-model.ts';
import { STEP_COMPONENTS } from './centroid-set.ts';

type Space = Pick<ListModel, 'metric' | 'mean' | 'dimensions'>;

/** Training vectors: the whole sample, or evenly spaced ones of it. Every round reads them, so they are prepared once, in place. */
export class Sample {
  readonly count: number;
  readonly #values: Float32Array;
  readonly #space: Space;

  /** `values`: as stored. [count x dimensions] They are the sample's from now on. */
  constructor(values: Float32Array, space: Space) {
    this.count = values.length / space.dimensions;
    this.#values = values;
    this.#space = space;
  }

  /** Brings all vectors into the space of the model, once its mean is known: before anything is read. */
  *prepare(): Generator<undefined> {
    const { dimensions } = this.#space;
    const perStep = Math.ceil(STEP_COMPONENTS / dimensions) * dimensions;
    for (let from = 0; from < this.#values.length; from += perStep) {
      const part = this.#values.subarray(from, from + perStep);
      prepare(this.#space, part, part);
      yield;
    }
  }

  /** Vectors `from` to `to` of `of` evenly spaced ones: not to be changed. */
  read(of: number, from: number, to: number): Float32Array {
    const { dimensions } = this.#space;
    if (of === this.count) return this.#values.subarray(from * dimensions, to * dimensions);
    const out = new Float32Array((to - from) * dimensions);
    for (let i = from; i < to; i += 1) {
      const at = Math.floor((i * this.count) / of) * dimensions;
      out.set(this.#values.subarray(at, at + dimensions), (i - from) * dimensions);
    }
    return out;
  }
}

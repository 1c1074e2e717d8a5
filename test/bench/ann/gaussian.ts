import { Seeded } from '../../../src/kernel/seeded.ts';

/** Random numbers of the standard normal distribution, the same for the same seed. */
export class Gaussian {
  readonly #random: Seeded;

  constructor(seed: number) {
    this.#random = new Seeded(seed);
  }

  /** A uniform number in [0, 1). */
  uniform(): number {
    return this.#random.next();
  }

  next(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random.next())) * Math.cos(2 * Math.PI * this.#random.next());
  }

  vector(dimensions: number, scale: number): Float32Array<ArrayBuffer> {
    return Float32Array.from({ length: dimensions }, () => scale * this.next());
  }
}

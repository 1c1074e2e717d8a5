import { Seeded } from '../../src/kernel/seeded.ts';

/** Vectors around a few centres, as those of real data lie: the spread is relative to the distances between centres. */
export class Clusters {
  readonly random: Seeded;
  readonly #centres: Float32Array[];
  readonly #spread: number;

  constructor({ dimensions, count, spread, seed, offset = 0 }: ClusterOptions) {
    this.random = new Seeded(seed);
    this.#spread = spread;
    this.#centres = Array.from({ length: count }, () => Float32Array.from({ length: dimensions }, () => offset + this.#normal()));
  }

  next(): Float32Array {
    const centre = this.#centres[Math.floor(this.random.next() * this.#centres.length)]!;
    return centre.map((component) => component + this.#spread * this.#normal());
  }

  /** Of mean 0 and variance 1. */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random.next())) * Math.cos(2 * Math.PI * this.random.next());
  }
}

interface ClusterOptions {
  readonly dimensions: number;
  readonly count: number;
  readonly spread: number;
  readonly seed: number;
  readonly offset?: number;
}

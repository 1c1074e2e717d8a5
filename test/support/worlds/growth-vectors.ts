import type { Vectors } from '../../../src/ann/stored-vector.ts';
import { Clusters } from '../fixtures/clusters.ts';
import type { ClientOptions } from './growth-states.ts';
import type { GrowthWorld } from './growth-world.ts';

/** What clients of a growing index write into its rows, and search around. */
export class GrowthVectors {
  readonly #world: GrowthWorld;
  readonly #options: ClientOptions;
  readonly #clusters: Clusters;
  readonly #equal: Float32Array;

  constructor(world: GrowthWorld, options: ClientOptions, seed: number) {
    this.#world = world;
    this.#options = options;
    this.#clusters = new Clusters({ dimensions: world.manifest.dimensions, count: 12, spread: 0.35, seed });
    this.#equal = this.#clusters.next();
  }

  /** A vector like those of rows. */
  next(): Float32Array {
    return this.#clusters.next();
  }

  /** The vectors of some rows: of some the one that many have, of others none. */
  of(count: number): Vectors {
    const { dimensions } = this.#world.manifest;
    const { vectorlessChance = 0 } = this.#options;
    const values = new Float32Array(count * dimensions);
    const vectorless = Array.from({ length: count }, () => dimensions === 0 || this.#hits(vectorlessChance));
    for (const [i, isNone] of vectorless.entries()) if (!isNone) values.set(this.#written(), i * dimensions);
    return vectorless.includes(true) ? { values, vectorless } : { values };
  }

  #written(): Float32Array {
    return this.#hits(this.#options.equalChance ?? 0) ? this.#equal : this.next();
  }

  #hits(chance: number): boolean {
    return chance > 0 && this.#world.random.next() < chance;
  }
}

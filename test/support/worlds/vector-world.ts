import { compareScores, score } from '../../../src/ann/metric.ts';
import type { MeasuredSearch } from '../../../src/ann/shard/recall-slice.ts';
import { NO_COST } from '../../../src/ann/search-cost.ts';
import type { StoredVector, VectorMatch } from '../../../src/ann/stored-vector.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

/** Random vectors with brute-force searches, exact or deliberately lossy. */
export class VectorWorld {
  readonly vectors: readonly StoredVector[];
  readonly #metric: Metric;

  /** Each component takes one of `levels` values: with few of them, many vectors are equal. */
  constructor(metric: Metric, count: number, dimensions: number, seed: number, levels: number) {
    const random = new Seeded(seed);
    this.#metric = metric;
    this.vectors = Array.from({ length: count }, (_, i) => ({
      row: i + 1,
      id: `v${i}`,
      values: Float32Array.from({ length: dimensions }, () => Math.floor(random.next() * levels) / levels + 0.1),
    }));
  }

  /** All vectors, closest first. */
  ranked(values: Float32Array): VectorMatch[] {
    return this.vectors
      .map((stored) => ({ row: stored.row, id: stored.id, score: score(this.#metric, values, stored.values) }))
      .sort((a, b) => compareScores(this.#metric, a.score, b.score) || (a.id < b.id ? -1 : 1));
  }

  /** A search that drops every `dropEvery`-th match, except from exact answers. */
  searchDropping(dropEvery: number): MeasuredSearch {
    return ({ values, topK, exact }) => {
      const right = this.ranked(values).slice(0, topK);
      return { matches: exact ? right : right.filter((_, i) => (i + 1) % dropEvery !== 0), explanation: NO_COST };
    };
  }
}

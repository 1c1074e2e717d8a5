import { FlatEngine } from '../../../src/ann/flat/flat-engine.ts';
import { Scanner } from '../../../src/ann/flat/scanner.ts';
import type { PageMemory } from '../../../src/ann/page-memory.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import type { Vectors } from './vectors.ts';
import { vectorAt } from './vectors.ts';

/** The exact engine of a small shard, with vectors in memory instead of its store. */
export class FlatTrial {
  readonly #base: Vectors;
  readonly #engine: FlatEngine;

  constructor(scanModule: WebAssembly.Module, memory: PageMemory, metric: Metric, base: Vectors) {
    this.#base = base;
    this.#engine = new FlatEngine(new Scanner(scanModule, memory), metric, base.dimensions);
    for (let row = 0; row < base.count; row += 1) this.#engine.put(row, 0, vectorAt(base, row));
  }

  get bytes(): number {
    return this.#engine.bytes;
  }

  /** The numbers of the closest vectors, closest first. */
  search(values: Float32Array, topK: number): number[] {
    const matches = this.#engine.search({ values, namespace: 0, topK }, (rows) =>
      rows.map((row) => ({ row, id: String(row), values: vectorAt(this.#base, row) })),
    );
    return matches.map(({ row }) => row);
  }
}

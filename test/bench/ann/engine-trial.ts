import { FlatEngine } from '../../../src/ann/flat-engine.ts';
import { PageMemory } from '../../../src/ann/page-memory.ts';
import { Scanner } from '../../../src/ann/scanner.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Metric } from '../../../src/contract/metric.ts';

/** Vectors as rows of `dimensions` floats, then the queries, which are held out of every engine. */
export interface TrialVectors {
  readonly dimensions: number;
  readonly queryCount: number;
  readonly values: Float32Array;
}

export interface Answers {
  /** The places of the closest vectors, closest first, of each query. */
  readonly places: number[][];
  /** Rows read for rescoring, by all queries. */
  readonly rowsRead: number;
}

export const TOP_K = 10;

/** The engine as a shard uses it, with the vectors in memory in place of a store: the same code in Node and inside workerd. */
export class EngineTrial {
  readonly #scanner: Scanner;
  readonly #vectors: TrialVectors;
  #engine: FlatEngine | undefined;

  constructor(scanModule: WebAssembly.Module, vectors: TrialVectors) {
    this.#scanner = new Scanner(scanModule, new PageMemory(LIMITS.isolateEngineBytesMax));
    this.#vectors = vectors;
  }

  /** Builds an engine of the first `count` vectors; answers the bytes it holds. */
  build(metric: Metric, count: number): number {
    this.#engine?.free();
    const engine = new FlatEngine(this.#scanner, metric, this.#vectors.dimensions);
    for (let place = 0; place < count; place += 1) engine.put(place, 0, vectorAt(this.#vectors, place));
    this.#engine = engine;
    return engine.bytes;
  }

  /** Searches for `count` queries, one a call, from the query numbered `from`. */
  search(from: number, count: number): Answers {
    const places: number[][] = [];
    let rowsRead = 0;
    for (let query = from; query < from + count; query += 1) {
      const values = queryAt(this.#vectors, query);
      const matches = this.#engine?.search({ values, namespace: 0, topK: TOP_K }, (rows) => {
        rowsRead += rows.length;
        return rows.map((row) => ({ row, id: String(row), values: vectorAt(this.#vectors, row) }));
      });
      places.push((matches ?? []).map(({ row }) => row));
    }
    return { places, rowsRead };
  }
}

export const vectorAt = ({ dimensions, values }: TrialVectors, place: number): Float32Array =>
  values.subarray(place * dimensions, (place + 1) * dimensions);

export const queryAt = (vectors: TrialVectors, query: number): Float32Array =>
  vectorAt(vectors, vectors.values.length / vectors.dimensions - vectors.queryCount + query);

/** The row number under which a shard stores a vector: a positive safe integer. */
export type Row = number;

/** A stored vector, as the shard keeps it. */
export interface StoredVector {
  readonly row: Row;
  readonly id: string;
  readonly values: Float32Array;
}

/** Reads stored vectors for rescoring; in any order, each of `rows` exactly once. */
export type ReadVectors = (rows: readonly Row[]) => Iterable<StoredVector>;

/** Rows that may be found, such as a bitmap or a `Set`. */
export interface Rows {
  has(row: Row): boolean;
}

export interface VectorQuery {
  readonly values: Float32Array;
  readonly namespace: number;
  /** At least 1. */
  readonly topK: number;
  /** Only these rows of the namespace may be found; absent: all. */
  readonly among?: Rows | undefined;
  /** Exhaustive, whatever the engine is tuned to. */
  readonly exact?: boolean;
}

export interface VectorMatch {
  readonly row: Row;
  readonly id: string;
  /** See `score` in metric.ts. */
  readonly score: number;
}

/**
 * What a shard holds in memory to search its vectors. It can always be rebuilt from the rows, which stay in storage: the engine
 * keeps codes, reads the few rows that matter and scores them exactly.
 */
export interface VectorEngine {
  readonly count: number;
  /** Bytes resident. */
  readonly bytes: number;
  /** Adds a vector or replaces the one at `row`. Values are finite. */
  put(row: Row, namespace: number, values: Float32Array): void;
  /** Forgets the vector at `row`, which must be there. */
  remove(row: Row): void;
  /** The `topK` closest vectors of the namespace that the query allows, closest first, equal scores in code unit order of their ids. */
  search(query: VectorQuery, readVectors: ReadVectors): VectorMatch[];
  /** Gives its memory back: it holds nothing from now on. */
  free(): void;
}

/** The row number under which a shard stores a vector: a positive safe integer. */
export type Row = number;

/** Where a vector is stored: the row of its data and the ordinal of its namespace. */
export interface VectorPlace {
  readonly row: Row;
  readonly namespace: number;
}

/** A row and the id of its vector. */
export type PlacedId = { readonly row: Row; readonly id: string };

export interface PlacedVector extends VectorPlace {
  readonly values: Float32Array;
}

/** Vectors with their rows; `values`: [places.length x dimensions]. */
export function* placed(places: readonly VectorPlace[], values: Float32Array, dimensions: number): Generator<PlacedVector> {
  for (const [i, place] of places.entries()) yield { ...place, values: values.subarray(i * dimensions, (i + 1) * dimensions) };
}

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

import { decodeFloats } from './float32.ts';

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

/** The vectors of some rows. */
export interface Vectors {
  /** [rows x dimensions] */
  readonly values: Float32Array<ArrayBuffer>;
  /** Which rows have no vector: zeros stand in its place. Absent: each has one. */
  readonly vectorless?: readonly boolean[];
}

/** The vectors of the rows at the positions, in their order. */
export function vectorsAt({ values, vectorless }: Vectors, positions: readonly number[], dimensions: number): Vectors {
  const chosen = new Float32Array(positions.length * dimensions);
  positions.forEach((at, i) => chosen.set(values.subarray(at * dimensions, (at + 1) * dimensions), i * dimensions));
  const without = positions.map((at) => vectorless?.[at] === true);
  return without.includes(true) ? { values: chosen, vectorless: without } : { values: chosen };
}

/** The vectors of stored rows. One that has none is stored as a blob of no bytes. */
export function decodedVectors(rows: readonly { readonly floats: ArrayBuffer }[], dimensions: number): Vectors {
  const values = new Float32Array(rows.length * dimensions);
  const vectorless = rows.map(({ floats }) => floats.byteLength === 0);
  for (const [i, { floats }] of rows.entries()) {
    if (vectorless[i] === false) values.set(decodeFloats(floats, dimensions), i * dimensions);
  }
  return vectorless.includes(true) ? { values, vectorless } : { values };
}

/** Vectors with their rows, without the rows that have none. */
export function* placed(places: readonly VectorPlace[], { values, vectorless }: Vectors, dimensions: number): Generator<PlacedVector> {
  for (const [i, place] of places.entries()) {
    if (vectorless?.[i] !== true) yield { ...place, values: values.subarray(i * dimensions, (i + 1) * dimensions) };
  }
}

/** A stored vector, as the shard keeps it. */
export interface StoredVector {
  readonly row: Row;
  readonly id: string;
  readonly values: Float32Array;
}

/** Reads stored vectors for rescoring; in any order, that of each of `rows` exactly once, if it has one. */
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

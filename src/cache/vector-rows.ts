import { must } from '../kernel/assert.ts';

/** What a batch of vectors has for each of them. `numbers`: how many its vector has; absent: all vectors of the batch have as many. */
export interface OfBatch {
  readonly numbers?: number | undefined;
}

/** The vectors of a batch as views, each behind the one before it. */
export function batchRows(entries: readonly OfBatch[], vectors: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer>[] {
  const each = vectors.length / Math.max(1, entries.length);
  let end = 0;
  return entries.map(({ numbers = each }) => vectors.subarray(end, (end += numbers)));
}

/** Vectors one behind the other; `lengths` where they are not all of one. */
export function joinRows(rows: readonly Float32Array[]): { vectors: Float32Array<ArrayBuffer>; lengths?: Int32Array<ArrayBuffer> } {
  const lengths = Int32Array.from(rows, ({ length }) => length);
  const vectors = new Float32Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    vectors.set(row, at);
    at += row.length;
  }
  return lengths.every((length) => length === lengths[0]) ? { vectors } : { vectors, lengths };
}

/** `entries`, each saying how many numbers its vector has, where these are not all as many. */
export const withNumbers = <T extends object>(entries: readonly T[], lengths: Int32Array | undefined): readonly (T & OfBatch)[] =>
  lengths === undefined ? entries : entries.map((entry, i) => ({ ...entry, numbers: must(lengths[i], 'a length for each') }));

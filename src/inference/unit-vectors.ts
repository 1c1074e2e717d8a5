import { assert } from '../kernel/assert.ts';

/**
 * The first `to` numbers of each row of `from` numbers, scaled back to unit length (zero rows stay zero).
 * The axes of a model are its principal axes in falling order, so a prefix keeps as much meaning as that many numbers can.
 */
export function truncate(vectors: Float32Array, from: number, to: number): Float32Array<ArrayBuffer> {
  assert(to > 0 && to <= from && vectors.length % from === 0, 'a prefix of whole rows');
  const rows = vectors.length / from;
  const prefixes = new Float32Array(rows * to);
  for (let row = 0; row < rows; row++) {
    const prefix = vectors.subarray(row * from, row * from + to);
    prefixes.set(prefix, row * to);
    normalise(prefixes.subarray(row * to, row * to + to));
  }
  return prefixes;
}

/** Scales `vector` to unit length in place; a zero vector stays zero. */
export function normalise(vector: Float32Array | Float64Array): void {
  let square = 0;
  for (const x of vector) square += x * x;
  if (square === 0) return;
  const scale = 1 / Math.sqrt(square);
  for (let d = 0; d < vector.length; d++) vector[d] = vector[d]! * scale;
}

import type { Activation, Pooling } from '../served-manifest.ts';
import type { EmbeddedTexts } from './model-calls.ts';

/** Logits as a graph answers them for one text: row-major, a row of `columns` for each of its tokens. */
interface TokenLogits {
  readonly data: Float32Array;
  readonly tokens: number;
  readonly columns: number;
}

const ACTIVATE: Partial<Record<Activation, (logit: number) => number>> = {
  // What is no number stays none, and is refused.
  'log1p-relu': (x) => (x <= 0 ? 0 : Math.log1p(x)),
  'log1p-log1p-relu': (x) => (x <= 0 ? 0 : Math.log1p(Math.log1p(x))),
};

/**
 * The weight of each token of the vocabulary, as SPLADE makes it of a text's token logits (Formal et al. 2021, `max`; the first version has the `sum`).
 * Activations rise with what they take, so of the largest logit alone the activation is needed.
 */
export function poolLogits({ data, tokens, columns }: TokenLogits, pooling: Pooling, activation: Activation): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(columns);
  const activate = ACTIVATE[activation] ?? ((x: number) => x);
  if (pooling === 'sum') {
    for (let token = 0; token < tokens; token += 1)
      for (let at = 0; at < columns; at += 1) weights[at]! += activate(data[token * columns + at]!);
    return weights;
  }
  weights.set(data.subarray(0, columns));
  for (let token = 1; token < tokens; token += 1)
    for (let at = 0; at < columns; at += 1) weights[at] = Math.max(weights[at]!, data[token * columns + at]!);
  return weights.map(activate);
}

/** The numbers of a vector that are not zero: their places in rising order, and behind these the numbers themselves. Places are exact up to 2^24. */
export function sparseRow(weights: Float32Array): Float32Array<ArrayBuffer> {
  const indices: number[] = [];
  for (const [at, weight] of weights.entries()) if (weight !== 0) indices.push(at);
  const row = new Float32Array(2 * indices.length);
  row.set(indices);
  for (const [i, at] of indices.entries()) row[indices.length + i] = weights[at]!;
  return row;
}

/** A sparse vector as vector databases take it: indices in rising order, and the number at each. */
export interface SparseVector {
  readonly indices: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** Reads what `sparseRow` wrote. */
export function sparseVector(row: Float32Array<ArrayBuffer>): SparseVector {
  const count = row.length / 2;
  return { indices: [...row.subarray(0, count)], values: row.subarray(count) };
}

/** Row-major vectors of `dimensions` numbers, of rows that `sparseRow` wrote where `lengths` says so. */
export function denseRows({ vectors, lengths }: Pick<EmbeddedTexts, 'vectors' | 'lengths'>, dimensions: number): Float32Array {
  if (lengths === undefined) return vectors;
  const dense = new Float32Array(lengths.length * dimensions);
  let end = 0;
  for (const [row, length] of lengths.entries()) {
    const { indices, values } = sparseVector(vectors.subarray(end, (end += length)));
    for (const [i, at] of indices.entries()) dense[row * dimensions + at] = values[i]!;
  }
  return dense;
}

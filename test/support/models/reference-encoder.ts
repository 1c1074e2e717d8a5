import type { NormSource } from '../../../src/inference/encoder/encoder-source.ts';
import type { RandomEncoder, RandomLinear } from './random-encoder.ts';

type Rows = number[][];

/** The hidden states of a text's tokens, by loops over float64 that say what BERT computes (Devlin et al. 2019). */
export function referenceStates(encoder: RandomEncoder, ids: readonly number[], types: readonly number[] = []): Rows {
  const { shape, words, positionsTable, typesTable } = encoder;
  const columns = Array.from({ length: shape.hidden }, (_, column) => column);
  let next = shape.firstPosition;
  let rows = ids.map((id, i) => {
    const position = id === shape.paddingId ? shape.firstPosition - 1 : next++;
    return columns.map((d) => words.value(id, d) + positionsTable.value(position, d) + typesTable.value(types[i] ?? 0, d));
  });
  rows = normalised(rows, encoder.embeddingNorm, shape.normEpsilon);
  for (const layer of encoder.layers) {
    const attended = times(
      attention(times(rows, layer.query), times(rows, layer.key), times(rows, layer.value), shape.heads),
      layer.attended,
    );
    rows = normalised(sums(rows, attended), layer.attentionNorm, shape.normEpsilon);
    const inner = times(rows, layer.inner).map((row) => row.map((x) => ACTIVATIONS[shape.activation](x)));
    rows = normalised(sums(rows, times(inner, layer.outer)), layer.outputNorm, shape.normEpsilon);
  }
  return rows;
}

export const ACTIVATIONS = {
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  'gelu-tanh': (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x: number) => Math.max(0, x),
};

/** By its series, which converges everywhere; beyond 4 it is 1 within 2e-8, and there its terms become too large. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n += 1) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const times = (rows: Rows, { outputs, bias, weight }: RandomLinear): Rows =>
  rows.map((row) => Array.from({ length: outputs }, (_, o) => row.reduce((sum, x, i) => sum + x * weight(i, o), bias[o]!)));

const sums = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((x, d) => x + b[i]![d]!));

function normalised(rows: Rows, { gain, bias }: NormSource, epsilon: number): Rows {
  return rows.map((row) => {
    const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
    const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length;
    return row.map((x, d) => ((x - mean) / Math.sqrt(variance + epsilon)) * gain[d]! + bias[d]!);
  });
}

export function attention(queries: Rows, keys: Rows, values: Rows, heads: number): Rows {
  const size = queries[0]!.length / heads;
  return queries.map((query) =>
    query.map((_, column) => {
      const from = Math.floor(column / size) * size;
      const scores = keys.map((key) => {
        let product = 0;
        for (let d = from; d < from + size; d += 1) product += query[d]! * key[d]!;
        return product / Math.sqrt(size);
      });
      const most = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - most));
      const total = powers.reduce((sum, power) => sum + power, 0);
      return powers.reduce((sum, power, i) => sum + (power / total) * values[i]![column]!, 0);
    }),
  );
}

import type { EmbeddingOutput } from '../embedding-output.ts';
import type { ServedManifest } from '../served-manifest.ts';
import type { NamedTensor } from '../tensor.ts';
import { normalise } from '../unit-vectors.ts';
import { poolVectors } from './pool-vectors.ts';
import { poolLogits, sparseRow } from './sparse-rows.ts';

/** Texts that ran together, each padded to `tokens`. */
interface PaddedTexts {
  /** Tokens of each text, without padding. */
  readonly lengths: readonly number[];
  readonly tokens: number;
}

/**
 * One row a text of what a graph answers: its vector, what `sparseRow` makes of that, the vectors of its tokens one after the other, or its logits. Padding has no
 * part in them. Undefined: the graph answers something else than its manifest says. [M56]
 */
export function answerRows(
  { data, shape }: NamedTensor,
  batch: PaddedTexts,
  manifest: ServedManifest,
  output: EmbeddingOutput,
): Float32Array<ArrayBuffer>[] | undefined {
  const { lengths, tokens } = batch;
  if (shape[0] !== lengths.length || !(data instanceof Float32Array)) return undefined;
  const { task, dimensions, labels, pooling, isNormalised } = manifest;
  const isVector = task === 'embedding' || task === 'sparse-embedding';
  const columns = isVector ? dimensions : task === 'cross-encoder' ? 1 : labels.length;
  const perToken = isVector && pooling !== 'none';
  const isFitting = perToken
    ? shape.length === 3 && shape[1] === tokens && shape[2] === columns
    : shape.length <= 2 && data.length === lengths.length * columns;
  if (!isFitting) return undefined;
  const partOf = (row: number, count: number) => data.subarray(row * count * columns, (row + 1) * count * columns);
  const ownTokens = (row: number, length: number) => partOf(row, tokens).subarray(0, length * columns);
  if (task === 'sparse-embedding')
    return lengths.map((length, row) => {
      const weights = perToken
        ? poolLogits({ data: ownTokens(row, length), tokens: length, columns }, pooling, manifest.activation)
        : partOf(row, 1).slice();
      if (isNormalised) normalise(weights);
      return sparseRow(weights);
    });
  if (output === 'tokens') return lengths.map((length, row) => tokenRows(ownTokens(row, length), columns, isNormalised));
  const rows = perToken ? poolVectors({ data, tokens, dimensions, lengths }, pooling, isNormalised) : data;
  return lengths.map((_, row) => rows.slice(row * columns, (row + 1) * columns));
}

/** A copy of the vectors of a text's tokens, of unit length where the model's vectors are. [M183] */
export function tokenRows(states: Float32Array, dimensions: number, isNormalised: boolean): Float32Array<ArrayBuffer> {
  const rows = Float32Array.from(states);
  if (!isNormalised) return rows;
  for (let at = 0; at < rows.length; at += dimensions) normalise(rows.subarray(at, at + dimensions));
  return rows;
}

import type { EncoderShape, EncoderSource, NormSource, TableSource } from './encoder-source.ts';
import type { MatchedEncoder, MatchedNorm } from './graph/matched-encoder.ts';
import { readLinear } from './linear-columns.ts';
import { tableSource, zeroTable } from './table-rows.ts';
import type { WeightFiles } from './weight-files.ts';
import { vectorOf } from './weight-files.ts';

/** The sizes of an encoder that a graph was found to be. */
export function shapeOf({ embeddings, layers, heads, hidden, inner, epsilon, activation }: MatchedEncoder): EncoderShape {
  const { words, positions, types, firstPosition, paddingId } = embeddings;
  return {
    layers: layers.length,
    heads,
    hidden,
    inner,
    vocabulary: words.rows,
    positions: positions.rows,
    types: types?.rows ?? 1,
    normEpsilon: epsilon,
    activation,
    firstPosition,
    paddingId,
  };
}

/** The table of words as it is kept. */
export const wordsOf = ({ embeddings }: MatchedEncoder): TableSource => tableSource(embeddings.words, NO_FILES, false);

/** For what is only looked at. */
const NO_FILES: WeightFiles = { read: () => Promise.reject(new Error('no weights are read here')) };

/** Reads the weights of an encoder where its graph has them. */
export async function graphEncoderSource(match: MatchedEncoder, files: WeightFiles): Promise<EncoderSource> {
  const { words, positions, types } = match.embeddings;
  return {
    shape: shapeOf(match),
    words: tableSource(words, files, false),
    positionsTable: tableSource(positions, files, true),
    typesTable: types === undefined ? zeroTable(match.hidden) : tableSource(types, files, true),
    embeddingNorm: await readNorm(match.embeddingNorm, files),
    async layer(n) {
      const layer = match.layers[n]!;
      return {
        query: await readLinear(layer.query, files),
        key: await readLinear(layer.key, files),
        value: await readLinear(layer.value, files),
        attended: await readLinear(layer.attended, files),
        attentionNorm: await readNorm(layer.attentionNorm, files),
        inner: await readLinear(layer.inner, files),
        outer: await readLinear(layer.outer, files),
        outputNorm: await readNorm(layer.outputNorm, files),
      };
    },
  };
}

const readNorm = async ({ gain, bias }: MatchedNorm, files: WeightFiles): Promise<NormSource> => ({
  gain: await vectorOf(gain, files),
  bias: await vectorOf(bias, files),
});

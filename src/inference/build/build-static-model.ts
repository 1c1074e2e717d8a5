import { utf8 } from '../../kernel/bytes.ts';
import { tokenBatch } from '../token-batch.ts';
import { Vocabulary } from '../vocabulary.ts';
import { WordTokeniser } from '../word-tokeniser.ts';
import type { Matrix } from './matrix.ts';
import { multiply, rowCount, rowOf, secondMoment } from './matrix.ts';
import { principalAxes } from './principal-axes.ts';
import { sumRows } from './sum-rows.ts';
import { partialWhitening } from './whitening.ts';
import type { WordVectors } from './word-vectors.ts';
import { zipfProbabilities } from './zipf.ts';

export interface StaticModelSource {
  readonly wordVectors: WordVectors;
  /** Texts that show what all sentences have in common. No text a quality figure is measured on may be among them. */
  readonly texts: readonly string[];
  /** The `a` of the word weights a / (a + p): the smaller, the less frequent words count. */
  readonly sifA: number;
}

export interface BuiltStaticModel {
  /** Words of ids 1, 2, ..., newline-separated. */
  readonly vocabulary: Uint8Array;
  /** One row a token id; row 0, the unknown token, is zero. */
  readonly table: Matrix;
  /** The map from weighted word vectors to the model's axes. */
  readonly axes: Matrix;
}

/**
 * Smooth inverse frequency (Arora, Liang and Ma, 2017) with its last step softened: instead of deleting the leading common components,
 * partial whitening shrinks them, which costs no dimension and retrieves better (figures in the model card).
 */
export function buildStaticModel({ wordVectors, texts, sifA }: StaticModelSource): BuiltStaticModel {
  const vocabulary = utf8(wordVectors.words.join('\n'));
  const weighted = weightRows(wordVectors, sifA);
  const tokeniser = new WordTokeniser(new Vocabulary(vocabulary));
  const sentences = sumRows(weighted, tokenBatch(texts.map((text) => tokeniser.tokenise(text))));
  const axes = partialWhitening(principalAxes(secondMoment(sentences)));
  return { vocabulary, table: multiply(weighted, axes), axes };
}

/** Word vectors times a / (a + p), behind a zero row for the unknown token. */
function weightRows({ vectors, ranks, wordsInSource }: WordVectors, sifA: number): Matrix {
  const probabilities = zipfProbabilities(ranks, wordsInSource);
  const weighted = { columns: vectors.columns, values: new Float64Array((rowCount(vectors) + 1) * vectors.columns) };
  probabilities.forEach((probability, word) => {
    const row = rowOf(weighted, word + 1);
    row.set(rowOf(vectors, word));
    for (let d = 0; d < row.length; d++) row[d] = (row[d]! * sifA) / (sifA + probability);
  });
  return weighted;
}

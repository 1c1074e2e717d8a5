import { utf8 } from '../../kernel/bytes.ts';
import type { TokenBatch } from '../token-batch.ts';
import { tokenBatch } from '../token-batch.ts';
import { normalise } from '../unit-vectors.ts';
import { Vocabulary } from '../static/vocabulary.ts';
import { WordTokeniser } from '../static/word-tokeniser.ts';
import type { Matrix } from './matrix.ts';
import { multiply, rowCount, rowOf, secondMoment } from './matrix.ts';
import { principalAxes, partialWhitening } from './principal-axes.ts';

interface StaticModelSource {
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
  const sentences = sumRows(weighted, tokenBatch(texts.map((text) => tokeniser.tokenise(text).ids)));
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

/** Words in order of falling frequency, each with its vector. */
export interface WordVectors {
  readonly words: readonly string[];
  /** Rank of each word (1 = most frequent) among all the words of the source, those left out included. */
  readonly ranks: readonly number[];
  /** Number of words of the source. */
  readonly wordsInSource: number;
  /** One row a word. */
  readonly vectors: Matrix;
}

/** Whether `WordTokeniser` can produce `word` as one token: letters and digits with inner hyphens. */
export const isTokenisable = (word: string): boolean => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(word);

/** What `StaticEncoder` computes, in double precision over an unquantised table whose row 0 is the unknown token. */
export function sumRows(table: Matrix, { ids, offsets }: TokenBatch): Matrix {
  const { columns } = table;
  const sums = { columns, values: new Float64Array((offsets.length - 1) * columns) };
  for (let row = 0; row < offsets.length - 1; row++) {
    const sum = rowOf(sums, row);
    for (const id of ids.subarray(offsets[row], offsets[row + 1])) {
      const from = id * columns;
      for (let d = 0; d < columns; d++) sum[d] = sum[d]! + table.values[from + d]!;
    }
    normalise(sum);
  }
  return sums;
}

/** Probability of the word of each rank (1 = most frequent) in a language of `words` words under Zipf's law: 1 / (rank x H). */
export function zipfProbabilities(ranks: readonly number[], words: number): Float64Array {
  let harmonic = 0;
  for (let rank = words; rank >= 1; rank--) harmonic += 1 / rank;
  return Float64Array.from(ranks, (rank) => 1 / (rank * harmonic));
}

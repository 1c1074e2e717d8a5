import { assert } from '../../kernel/assert.ts';
import { Seeded } from '../../kernel/seeded.ts';
import { HASHED_BUCKETS, LETTER_BUCKETS, PieceList, SubwordPieces } from '../static/subword-pieces.ts';
import { normalise } from '../unit-vectors.ts';
import type { BuiltStaticModel, WordVectors } from './build-static-model.ts';
import type { Matrix } from './matrix.ts';
import { multiply, rowCount, rowOf } from './matrix.ts';
import type { Bags } from './sparse-ridge.ts';
import { ridgeRows } from './sparse-ridge.ts';

/** The second version of a static model: the table of the first, and behind it the rows of what the vocabulary lacks. */
export function withSubwords(
  { vocabulary, table, axes }: BuiltStaticModel,
  words: readonly string[],
  rarer: WordVectors,
  parameters: SubwordParameters,
): BuiltStaticModel {
  // Only directions count, so the weights of rarer words, which are about 1, do not.
  const rarerRows = multiply(rarer.vectors, axes);
  const rows = [
    ...words.map((word, at) => ({ word, row: rowOf(table, at + 1) })),
    ...rarer.words.map((word, at) => ({ word, row: rowOf(rarerRows, at) })),
  ];
  const spelt = rows.filter(({ word }) => /^[a-z]+$/.test(word));
  const targets = { columns: table.columns, values: new Float64Array(spelt.length * table.columns) };
  spelt.forEach(({ row }, at) => {
    const target = rowOf(targets, at);
    target.set(row);
    normalise(target);
  });
  const subwords = subwordRows({ words: spelt.map(({ word }) => word), targets, parameters });
  const values = new Float64Array(table.values.length + subwords.values.length);
  values.set(table.values);
  values.set(subwords.values, table.values.length);
  return { vocabulary, table: { columns: table.columns, values }, axes };
}

interface SubwordTraining {
  /** Lower-case ASCII letters only. */
  readonly words: readonly string[];
  /** The unit vector that the n-grams of each word are to sum to. */
  readonly targets: Matrix;
  readonly parameters: SubwordParameters;
}

export interface SubwordParameters {
  /** Weight of the penalty on the rows' squares: what it costs a rare n-gram to say much. */
  readonly ridge: number;
  /** Steps of conjugate gradients. Few: the later ones fit the noise of the rare n-grams. */
  readonly iterations: number;
  /** Length of the random row added to that of each n-gram, by which unlike words differ that training makes alike. */
  readonly identityNorm: number;
  /** Length of a trained unit vector in the table: words that are known have lengths about 40. */
  readonly gain: number;
  /** Length of the rows of what is hashed only. */
  readonly hashedNorm: number;
  readonly seed: number;
}

/**
 * Rows of the table behind its words: those of n-grams of letters, fitted so that the n-grams of a word sum to its vector (a bag of subwords,
 * Zhao, Mudgal and Liang, 2018) by ridge regression, and random ones for what is only hashed.
 */
export function subwordRows({ words, targets, parameters }: SubwordTraining): Matrix {
  const { columns } = targets;
  const { ridge, iterations, identityNorm, gain, hashedNorm, seed } = parameters;
  const fitted = ridgeRows(bagsOfGrams(words), targets, { rows: LETTER_BUCKETS, ridge, iterations });
  const rows = { columns, values: new Float64Array((LETTER_BUCKETS + HASHED_BUCKETS) * columns) };
  const rng = new Seeded(seed);
  for (let bucket = 0; bucket < rowCount(rows); bucket++) {
    const row = rowOf(rows, bucket);
    const isFitted = bucket < LETTER_BUCKETS;
    addRandom(row, isFitted ? identityNorm : hashedNorm / gain, rng);
    if (isFitted) rowOf(fitted, bucket).forEach((value, d) => (row[d] = row[d]! + value));
    for (let d = 0; d < columns; d++) row[d] = row[d]! * gain;
  }
  return rows;
}

/** Adds a vector of about this length in a random direction: sums of twelve uniform numbers, which need no function that engines round differently. */
export function addRandom(row: Float64Array, norm: number, rng: Seeded): void {
  const scale = norm / Math.sqrt(row.length);
  for (let d = 0; d < row.length; d++) {
    let normal = -6;
    for (let i = 0; i < 12; i++) normal += rng.next();
    row[d] = row[d]! + scale * normal;
  }
}

/** The n-grams of words. */
function bagsOfGrams(words: readonly string[]): Bags {
  const list = new PieceList();
  const pieces = new SubwordPieces(list, 0);
  const offsets = new Int32Array(words.length + 1);
  words.forEach((word, i) => {
    assert(/^[a-z]+$/.test(word), 'a word of letters');
    pieces.ofLetters(
      Uint8Array.from(word, (char) => char.charCodeAt(0)),
      word.length,
    );
    offsets[i + 1] = list.count;
  });
  // The hashed whole of a very long word has no row to fit.
  return { ids: list.copy().map((bucket) => (bucket < LETTER_BUCKETS ? bucket : -1)), offsets };
}

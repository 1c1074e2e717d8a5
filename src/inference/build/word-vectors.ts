import type { Matrix } from './matrix.ts';

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

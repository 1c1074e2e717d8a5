import type { ModelManifest } from './model-manifest.ts';
import type { TokenBatch } from './token-batch.ts';

/** A text as a model takes it. */
export interface TokenisedText {
  /** A fresh array; an unknown word may have several ids. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** What the text is metered and limited by: its words, at most one a UTF-16 unit, and so at most one a byte of its UTF-8. */
  readonly words: number;
  /** Of these words: those that the vocabulary lacks. [M97] */
  readonly unknown: number;
  /** Words that were cut off, behind those. [M155] */
  readonly cutWords: number;
}

/** Splits a text into the token ids of one model. */
export interface Tokeniser {
  /** Ids run from 0 to `vocabularySize - 1`; id 0 is the unknown token. */
  readonly vocabularySize: number;
  /** Takes time linear in the length of `text`. `wordsMax`: where a text of more words is cut; what is written as one name is kept whole or left out. */
  tokenise(text: string, wordsMax?: number): TokenisedText;
}

/** Turns token ids into vectors. */
export interface EmbeddingModel {
  readonly manifest: ModelManifest;
  /**
   * One row of `manifest.dimensions` numbers a text, row-major, each a unit vector, or all zeros when no token is known.
   * Every id must lie in `[0, manifest.vocabularySize)`: callers check what users sent with `firstUnknownId`.
   */
  embed(batch: TokenBatch): Promise<Float32Array<ArrayBuffer>> | Float32Array<ArrayBuffer>;
}

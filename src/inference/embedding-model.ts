import type { ModelManifest } from './model-manifest.ts';
import type { TokenBatch } from './token-batch.ts';

/** Splits a text into the token ids of one model. */
export interface Tokeniser {
  /** Ids run from 0 to `vocabularySize - 1`; id 0 is the unknown token. */
  readonly vocabularySize: number;
  /** A fresh array; takes time linear in the length of `text`. */
  tokenise(text: string): Int32Array<ArrayBuffer>;
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

/** Splits a text into the token ids of one model. */
export interface Tokeniser {
  /** Ids run from 0 to `vocabularySize - 1`; id 0 is the unknown token. */
  readonly vocabularySize: number;
  /** A fresh array; takes time linear in the length of `text`. */
  tokenise(text: string): Int32Array<ArrayBuffer>;
}

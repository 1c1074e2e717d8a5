/**
 * What a term of a text is for; bits. A word may become several terms: an identifier itself and its parts, a run of Chinese its words and its
 * pairs of characters, a word with synonyms itself and the term of its group.
 */
export const TERM_USE = {
  /** It counts towards the length of the text: once a word. */
  counts: 1,
  /** A text query looks for it. */
  bag: 2,
  /** A phrase consists of such terms: at most one a position. */
  chain: 4,
  /** A plain word. */
  word: 7,
} as const;

/**
 * Takes one term of a text.
 * @param position Of the word among those of the text, stop words included.
 * @param start Where the word begins in the text, in UTF-16 units.
 * @param end Behind its last unit.
 * @param use Bits of `TERM_USE`; none: only prefixes and fuzzy terms find it.
 */
export type EmitTerm = (term: string, position: number, start: number, end: number, use: number) => void;

/** How long a text is. */
export interface Extent {
  /** Terms that count towards the length of the text, as BM25 understands it. */
  readonly words: number;
  /** Positions taken, those of stop words included. */
  readonly positions: number;
}

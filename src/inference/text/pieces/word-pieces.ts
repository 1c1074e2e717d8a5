import type { DoubleArray } from './double-array.ts';
import { ROOT } from './double-array.ts';
import type { PieceModel } from './piece-model.ts';
import { pieceBytes, WordBytes } from './piece-model.ts';

interface WordPieceParts {
  readonly trie: DoubleArray;
  readonly unknownId: number;
  /** What pieces within a word begin with: `##`. */
  readonly prefix: string;
  /** A longer word is unknown. */
  readonly wordCharsMax: number;
}

/** The longest piece from the beginning of a word, then the longest of what is left (WordPiece, as BERT has it); a word with a rest is unknown. */
export class WordPieces implements PieceModel {
  readonly #parts: WordPieceParts;
  readonly #word = new WordBytes();
  /** Where pieces within a word begin; -1: there are none. */
  readonly #within: number;

  constructor(parts: WordPieceParts) {
    this.#parts = parts;
    this.#within = parts.trie.walk(pieceBytes(parts.prefix));
  }

  encode(word: string, ids: number[]): boolean {
    const { trie, unknownId, wordCharsMax } = this.#parts;
    const first = ids.length;
    if (word.length > wordCharsMax && codePoints(word) > wordCharsMax) return ids.push(unknownId) > 0;
    this.#word.set(word);
    const { bytes, length } = this.#word;
    for (let start = 0; start < length;) {
      let [node, id, end] = [start === 0 ? ROOT : this.#within, -1, start];
      for (let at = start; at < length && node >= 0; at += 1) {
        node = trie.child(node, bytes[at] ?? 0);
        const found = node < 0 ? -1 : trie.valueAt(node);
        if (found >= 0) [id, end] = [found, at + 1];
      }
      if (id < 0) {
        ids.length = first;
        return ids.push(unknownId) > 0;
      }
      ids.push(id);
      start = end;
    }
    return true;
  }
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

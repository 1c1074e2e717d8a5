import { utf8 } from '../../../kernel/bytes.ts';
import type { DoubleArray } from './double-array.ts';
import { ROOT } from './double-array.ts';
import type { PieceModel } from './piece-model.ts';
import { byteToken, charBytes, WordBytes, ZERO } from './piece-model.ts';

interface UnigramParts {
  readonly trie: DoubleArray;
  /** Of each piece by its id. */
  readonly scores: ArrayLike<number>;
  readonly unknownScore: number;
  readonly unknownId: number;
  /** Whether an unknown character becomes its bytes, where all of them have tokens. */
  readonly hasByteFallback: boolean;
}

/**
 * The most likely pieces of a word (Kudo, 2018, arXiv 1804.10959), found as SentencePiece's `EncodeOptimized` finds them: the best way to the end of
 * each character, from left to right. Takes time linear in the word, times the longest piece. Unknown characters in a row are one unknown piece.
 */
export class UnigramPieces implements PieceModel {
  readonly #parts: UnigramParts;
  readonly #word = new WordBytes();
  /** The best way to each byte: its score, where its last piece begins, and that piece. */
  #best = new Float64Array(0);
  #starts = new Int32Array(0);
  #ids = new Int32Array(0);

  constructor(parts: UnigramParts) {
    this.#parts = parts;
  }

  encode(word: string, ids: number[]): boolean {
    this.#word.set(word);
    this.#findWays();
    const { unknownId } = this.#parts;
    const found: number[] = [];
    for (let end = this.#word.length; end > 0;) {
      let start = this.#starts[end] ?? 0;
      if (this.#ids[end] === unknownId) {
        while (start > 0 && this.#ids[start] === unknownId) start = this.#starts[start] ?? 0;
        this.#addUnknown(start, end, found);
      } else found.push(this.#ids[end] ?? 0);
      end = start;
    }
    for (const id of found.toReversed()) ids.push(id);
    return true;
  }

  #findWays(): void {
    const { trie, scores, unknownScore, unknownId } = this.#parts;
    const { bytes, length } = this.#word;
    this.#makeRoom(length);
    const [starts, best] = [this.#starts, this.#best];
    starts.fill(-1, 0, length + 1);
    best[0] = 0;
    for (let start = 0; start < length;) {
      const before = best[start] ?? 0;
      const charEnd = start + charBytes(bytes[start] ?? 0);
      let hasChar = false;
      let node = ROOT;
      for (let end = start + 1; end <= length; end += 1) {
        node = trie.child(node, bytes[end - 1] ?? 0);
        if (node < 0) break;
        const id = trie.valueAt(node);
        if (id < 0) continue;
        this.#offer(start, end, before + (scores[id] ?? 0), id);
        if (end === charEnd) hasChar = true;
      }
      if (!hasChar) this.#offer(start, charEnd, before + unknownScore, unknownId);
      start = charEnd;
    }
  }

  #makeRoom(length: number): void {
    if (this.#best.length > length) return;
    this.#best = new Float64Array(2 * length + 1);
    this.#starts = new Int32Array(2 * length + 1);
    this.#ids = new Int32Array(2 * length + 1);
  }

  /** A way to `end` by a piece from `start` on, kept if there is none better. */
  #offer(start: number, end: number, score: number, id: number): void {
    if (this.#starts[end] !== -1 && score <= (this.#best[end] ?? 0)) return;
    this.#best[end] = score;
    this.#starts[end] = start;
    this.#ids[end] = id;
  }

  /** The pieces of unknown characters, the last one first. */
  #addUnknown(from: number, to: number, found: number[]): void {
    const { trie, unknownId, hasByteFallback } = this.#parts;
    const { bytes } = this.#word;
    const whole = trie.get(bytes, from, to);
    const tokens =
      whole < 0 && hasByteFallback
        ? Array.from(bytes.subarray(from, to), (byte) => trie.get(utf8(byteToken(byte === ZERO ? 0 : byte))))
        : [];
    if (tokens.length > 0 && tokens.every((id) => id >= 0)) found.push(...tokens.toReversed());
    else found.push(whole < 0 ? unknownId : whole);
  }
}

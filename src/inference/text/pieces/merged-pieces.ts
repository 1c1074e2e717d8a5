import { utf8 } from '../../../kernel/bytes.ts';
import { Heap } from '../../../kernel/heap.ts';
import type { DoubleArray } from './double-array.ts';
import type { PieceModel } from './piece-model.ts';
import { byteToken, pieceBytes } from './piece-model.ts';
import type { Merges } from './read-merges.ts';

interface MergedPieceParts {
  readonly trie: DoubleArray;
  readonly merges: Merges;
  /** -1: unknown characters are refused. */
  readonly unknownId: number;
  /** Unknown characters in a row are one unknown token. */
  readonly fusesUnknown: boolean;
  readonly hasByteFallback: boolean;
  /** A word that is a token is not split. */
  readonly ignoresMerges: boolean;
  /** Of characters within a word, and of the last one. */
  readonly prefix: string;
  readonly suffix: string;
}

/** A pair of neighbouring tokens that can be merged. */
interface Pair {
  readonly rank: number;
  /** The position of its first token. */
  readonly at: number;
  readonly merged: number;
}

const soonest = (a: Pair, b: Pair): number => a.rank - b.rank || a.at - b.at;

const END = -1;

/** Byte-pair encoding (Sennrich et al., 2016, arXiv 1508.07909): the pair of the lowest rank is merged until none is left. n log n for n characters. */
export class MergedPieces implements PieceModel {
  readonly #parts: MergedPieceParts;

  constructor(parts: MergedPieceParts) {
    this.#parts = parts;
  }

  encode(word: string, ids: number[]): boolean {
    const { trie, ignoresMerges } = this.#parts;
    const whole = ignoresMerges ? trie.get(pieceBytes(word)) : -1;
    if (whole >= 0) return ids.push(whole) > 0;
    const tokens = this.#charsOf(word);
    if (tokens === undefined) return false;
    this.#merge(tokens, ids);
    return true;
  }

  /** The token of each character; undefined: one has none. */
  #charsOf(word: string): number[] | undefined {
    const { unknownId, fusesUnknown, prefix, suffix } = this.#parts;
    const tokens: number[] = [];
    // An unknown token that waits for others that it is one with.
    let hasUnknown = false;
    let at = 0;
    for (const char of word) {
      const [isFirst, isLast] = [at === 0, at + char.length === word.length];
      at += char.length;
      const text = `${isFirst ? '' : prefix}${char}${isLast ? suffix : ''}`;
      const { known, endsUnknown } = this.#knownTokens(text);
      const isUnknown = known === undefined;
      if (isUnknown && unknownId < 0) return undefined;
      if (hasUnknown && (isUnknown ? !fusesUnknown : endsUnknown)) tokens.push(unknownId);
      hasUnknown = isUnknown || (hasUnknown && !endsUnknown);
      if (known !== undefined) tokens.push(...known);
    }
    if (hasUnknown) tokens.push(unknownId);
    return tokens;
  }

  /** A character's token, or those of its bytes; an unknown token before the latter comes behind them, as the reference has it. */
  #knownTokens(text: string): { readonly known: readonly number[] | undefined; readonly endsUnknown: boolean } {
    const { trie, hasByteFallback } = this.#parts;
    const id = trie.get(pieceBytes(text));
    if (id >= 0) return { known: [id], endsUnknown: true };
    const bytes = hasByteFallback ? Array.from(utf8(text), (byte) => trie.get(utf8(byteToken(byte)))) : [-1];
    return { known: bytes.every((token) => token >= 0) ? bytes : undefined, endsUnknown: false };
  }

  #merge(tokens: number[], ids: number[]): void {
    const next = Int32Array.from(tokens, (_, at) => (at + 1 < tokens.length ? at + 1 : END));
    const previous = Int32Array.from(tokens, (_, at) => at - 1);
    const isGone = new Uint8Array(tokens.length);
    const pairs = new Heap<Pair>(soonest);
    const offer = (at: number): void => {
      const pair = this.#pairOf(tokens, at, next[at] ?? END);
      if (pair !== undefined) pairs.push(pair);
    };
    for (let at = 0; at + 1 < tokens.length; at += 1) offer(at);
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const { at, merged } = pair;
      if (isGone[at] === 1) continue;
      const right = next[at] ?? END;
      // One of its tokens has been merged with another since.
      if (this.#pairOf(tokens, at, right)?.merged !== merged) continue;
      tokens[at] = merged;
      isGone[right] = 1;
      const behind = next[right] ?? END;
      next[at] = behind;
      if (behind !== END) previous[behind] = at;
      const before = previous[at] ?? END;
      if (before !== END) offer(before);
      offer(at);
    }
    for (const [at, token] of tokens.entries()) if (isGone[at] === 0) ids.push(token);
  }

  #pairOf(tokens: readonly number[], at: number, right: number): Pair | undefined {
    const [first, second] = [tokens[at], tokens[right]];
    if (first === undefined || second === undefined) return undefined;
    const { starts, seconds, merged, ranks } = this.#parts.merges;
    let [low, high] = [starts[first] ?? 0, starts[first + 1] ?? 0];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (seconds[middle]! < second) low = middle + 1;
      else high = middle;
    }
    if (low >= (starts[first + 1] ?? 0) || seconds[low] !== second) return undefined;
    return { rank: ranks[low]!, at, merged: merged[low]! };
  }
}

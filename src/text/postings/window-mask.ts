import { unreachable } from '../../kernel/assert.ts';
import { ClauseCursor, WINDOW_ORDINALS } from './clause-cursor.ts';
import type { PostingBlocks, TermScorer } from './posting-blocks.ts';
import { firstAtLeast } from './posting-part.ts';
import type { Condition } from './sparse-query.ts';

const WORDS = WINDOW_ORDINALS / 32;

/** The mask of a window in which no ordinal may match. */
export const NO_ORDINAL = new Uint32Array(0);

/** Which ordinals of a window may match. */
export interface WindowMask {
  /** A bit each, or `NO_ORDINAL`. Valid until the next call; `start` ascends from call to call. */
  of(start: number, end: number): Uint32Array;
}

/** Marks nothing but what it finds: weights do not matter. */
const UNSCORED: TermScorer = { isText: false, weight: 0, c0: 0, c1: 0 };
const NO_LENGTHS = new Uint32Array(0);

/** The mask of a condition over clauses with these lists; undefined is a clause that no row of the part has. */
export function conditionMask(condition: Condition, lists: readonly (PostingBlocks | undefined)[]): WindowMask {
  switch (condition.kind) {
    case 'clause': {
      const list = lists[condition.clause];
      return list === undefined ? { of: () => NO_ORDINAL } : new ListMask(list);
    }
    case 'atLeast': {
      const masks = condition.of.map((part) => conditionMask(part, lists));
      return condition.count === 0 || condition.count === masks.length
        ? new AllMask(condition.count === 0 ? [] : masks)
        : new CountMask(masks, condition.count);
    }
    case 'allBut':
      return new ButMask(conditionMask(condition.of, lists), conditionMask(condition.not, lists));
    default:
      return unreachable(condition);
  }
}

/** The ordinals of a list. */
class ListMask implements WindowMask {
  readonly #cursor = new ClauseCursor();
  readonly #marked = new Uint32Array(WORDS);

  constructor(list: PostingBlocks) {
    this.#cursor.open(list, UNSCORED, NO_LENGTHS);
  }

  of(start: number, end: number): Uint32Array {
    this.#marked.fill(0);
    this.#cursor.mark(start, end, this.#marked);
    return unlessEmpty(this.#marked);
  }
}

/** Ordinals that are given, ascending. */
export class GivenMask implements WindowMask {
  readonly #ordinals: Uint32Array;
  readonly #marked = new Uint32Array(WORDS);
  #at = 0;

  constructor(ordinals: Uint32Array) {
    this.#ordinals = ordinals;
  }

  of(start: number, end: number): Uint32Array {
    const [ordinals, marked] = [this.#ordinals, this.#marked];
    let at = firstAtLeast(ordinals, start, this.#at, ordinals.length);
    if (at === ordinals.length || ordinals[at]! >= end) return NO_ORDINAL;
    marked.fill(0);
    for (; at < ordinals.length && ordinals[at]! < end; at += 1) marked[(ordinals[at]! - start) >>> 5]! |= 1 << (ordinals[at]! & 31);
    this.#at = at;
    return marked;
  }
}

/** What all masks have; those behind one that has nothing are not looked at. */
export class AllMask implements WindowMask {
  readonly #masks: readonly WindowMask[];
  readonly #all = new Uint32Array(WORDS);

  constructor(masks: readonly WindowMask[]) {
    this.#masks = masks;
  }

  of(start: number, end: number): Uint32Array {
    // Nothing behind the window, which has it in its own turn.
    const words = Math.ceil((end - start) / 32);
    const all = this.#all.fill(0xffff_ffff, 0, words).fill(0, words);
    for (const mask of this.#masks) {
      const marked = mask.of(start, end);
      if (marked === NO_ORDINAL) return NO_ORDINAL;
      for (let word = 0; word < words; word += 1) all[word]! &= marked[word]!;
    }
    return unlessEmpty(all);
  }
}

/** What so many masks have at least. */
class CountMask implements WindowMask {
  readonly #masks: readonly WindowMask[];
  readonly #count: number;
  readonly #reached = new Uint32Array(WORDS);
  readonly #counts = new Uint16Array(WINDOW_ORDINALS);

  constructor(masks: readonly WindowMask[], count: number) {
    this.#masks = masks;
    this.#count = count;
  }

  of(start: number, end: number): Uint32Array {
    const reached = this.#reached.fill(0);
    this.#counts.fill(0);
    for (const mask of this.#masks) {
      const words = mask.of(start, end);
      if (words === NO_ORDINAL) continue;
      for (let word = 0; word < WORDS; word += 1) {
        if (this.#count === 1) reached[word]! |= words[word]!;
        else reached[word]! |= this.#countWord(word, words[word]!);
      }
    }
    return unlessEmpty(reached);
  }

  /** Counts the bits of a word; returns those whose count is reached by it. */
  #countWord(word: number, marked: number): number {
    let reached = 0;
    for (let bits = marked; bits !== 0; bits &= bits - 1) {
      const bit = 31 - Math.clz32(bits & -bits);
      const count = (this.#counts[(word << 5) | bit]! += 1);
      if (count === this.#count) reached |= 1 << bit;
    }
    return reached;
  }
}

/** What one mask has and another has not. */
class ButMask implements WindowMask {
  readonly #of: WindowMask;
  readonly #not: WindowMask;
  readonly #left = new Uint32Array(WORDS);

  constructor(of: WindowMask, not: WindowMask) {
    this.#of = of;
    this.#not = not;
  }

  of(start: number, end: number): Uint32Array {
    const of = this.#of.of(start, end);
    if (of === NO_ORDINAL) return NO_ORDINAL;
    const not = this.#not.of(start, end);
    if (not === NO_ORDINAL) return of;
    for (let word = 0; word < WORDS; word += 1) this.#left[word] = of[word]! & ~not[word]!;
    return unlessEmpty(this.#left);
  }
}

const unlessEmpty = (words: Uint32Array): Uint32Array => (words.some((word) => word !== 0) ? words : NO_ORDINAL);

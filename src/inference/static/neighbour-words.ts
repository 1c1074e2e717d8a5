import type { Vocabulary } from './vocabulary.ts';

/** Shorter words have too many neighbours: one edit makes most words of four letters another word. */
const NEIGHBOUR_LETTERS_MIN = 5;
/** The longest word of English prose has about this many; beyond, a run of letters is no misspelling. */
const LETTERS_MAX = 20;

const LETTER_A = 97;
const LETTER_Z = 122;

/** Odd, so that multiplying loses nothing. */
const BASE = 0x01000193;
const FILTER_BITS = 20;

/**
 * Finds the most frequent word of a vocabulary within one edit of a misspelt one: a letter left out, added, replaced, or two exchanged.
 *
 * All edits of the word are tried, some 54 a letter. The hash of each follows from those of the word's beginning and end in constant time, and a
 * filter of 128 KiB, which the processor's cache holds, rules out all but a few: about 1 us a word, where a table of the vocabulary's own edits
 * would take 4 MB and 50 ms to build.
 */
export class NeighbourWords {
  readonly #vocabulary: Vocabulary;
  readonly #filter = new Int32Array(2 ** (FILTER_BITS - 5));
  readonly #powers = new Int32Array(LETTERS_MAX + 2);
  readonly #prefix = new Int32Array(LETTERS_MAX + 1);
  readonly #suffix = new Int32Array(LETTERS_MAX + 1);
  readonly #candidate = new Uint8Array(LETTERS_MAX + 1);
  #best = 0;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#powers[0] = 1;
    for (let i = 1; i < this.#powers.length; i++) this.#powers[i] = Math.imul(this.#powers[i - 1]!, BASE);
    for (let id = 1; id < vocabulary.size; id++) this.#add(vocabulary.word(id));
  }

  /** Id of the neighbour of `letters[0 .. length)`, lower-case ASCII, or 0. Ids rise as frequency falls. */
  find(letters: Uint8Array, length: number): number {
    if (length < NEIGHBOUR_LETTERS_MIN - 1 || length > LETTERS_MAX) return 0;
    this.#best = 0;
    this.#hashEnds(letters, length);
    for (let at = 0; at <= length; at++) {
      this.#spliced(letters, length, at, 0);
      if (at < length) this.#spliced(letters, length, at, 1);
      if (at + 1 < length) this.#exchanged(letters, length, at);
    }
    return this.#best;
  }

  /** `prefix[i]` and `suffix[i]`: hashes of `letters[0 .. i)` and `letters[i .. length)`, where hash(xy) = hash(x) BASE^|y| + hash(y). */
  #hashEnds(letters: Uint8Array, length: number): void {
    this.#prefix[0] = 0;
    for (let i = 0; i < length; i++) this.#prefix[i + 1] = Math.imul(this.#prefix[i]!, BASE) + letters[i]!;
    this.#suffix[length] = 0;
    for (let i = length - 1; i >= 0; i--) this.#suffix[i] = Math.imul(letters[i]!, this.#powers[length - 1 - i]!) + this.#suffix[i + 1]!;
  }

  #exchanged(letters: Uint8Array, length: number, at: number): void {
    const rest = length - at - 2;
    const hash =
      Math.imul(this.#prefix[at]!, this.#powers[rest + 2]!) +
      Math.imul(letters[at + 1]!, this.#powers[rest + 1]!) +
      Math.imul(letters[at]!, this.#powers[rest]!) +
      this.#suffix[at + 2]!;
    if (!this.#mayHave(hash)) return;
    this.#candidate.set(letters.subarray(0, length));
    this.#candidate[at] = letters[at + 1]!;
    this.#candidate[at + 1] = letters[at]!;
    this.#consider(length);
  }

  /** Any letter, or none, at `at` in place of `dropped` letters. */
  #spliced(letters: Uint8Array, length: number, at: number, dropped: number): void {
    const rest = length - at - dropped;
    const end = this.#suffix[at + dropped]!;
    const power = this.#powers[rest]!;
    if (this.#mayHave(Math.imul(this.#prefix[at]!, power) + end)) this.#try(letters, length, at, -1, dropped);
    const ends = Math.imul(this.#prefix[at]!, this.#powers[rest + 1]!) + end;
    for (let letter = LETTER_A; letter <= LETTER_Z; letter++) {
      if (this.#mayHave(ends + Math.imul(letter, power))) this.#try(letters, length, at, letter, dropped);
    }
  }

  /** The word with `letter` (-1: none) at `at` in place of `dropped` letters. */
  #try(letters: Uint8Array, length: number, at: number, letter: number, dropped: number): void {
    const candidate = this.#candidate;
    let to = 0;
    for (let i = 0; i < at; i++) candidate[to++] = letters[i]!;
    if (letter !== -1) candidate[to++] = letter;
    for (let i = at + dropped; i < length; i++) candidate[to++] = letters[i]!;
    this.#consider(to);
  }

  #consider(length: number): void {
    if (length < NEIGHBOUR_LETTERS_MIN) return;
    const id = this.#vocabulary.findBytes(this.#candidate, length);
    if (id !== 0 && (this.#best === 0 || id < this.#best)) this.#best = id;
  }

  #add(word: Uint8Array): void {
    if (word.length < NEIGHBOUR_LETTERS_MIN || word.length > LETTERS_MAX + 1) return;
    let hash = 0;
    for (const byte of word) hash = Math.imul(hash, BASE) + byte;
    const bit = filterBit(hash);
    this.#filter[bit >>> 5] = this.#filter[bit >>> 5]! | (1 << (bit & 31));
  }

  #mayHave(hash: number): boolean {
    const bit = filterBit(hash);
    return (this.#filter[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }
}

const filterBit = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> (32 - FILTER_BITS);

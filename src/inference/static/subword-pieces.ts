import type { TokenisedText } from '../embedding-model.ts';
import { HASH_EMPTY, hashByte } from './vocabulary.ts';

/** Rows of the table behind its words, in this order. Part of the tokeniser's version: other sizes need another. */
export const LETTER_BUCKETS = 65_536;
export const HASHED_BUCKETS = 16_384;
export const SUBWORD_BUCKETS = LETTER_BUCKETS + HASHED_BUCKETS;

const WORD_BEGINS = 0x3c;
const WORD_ENDS = 0x3e;

/** Beyond so many letters only n-grams that begin in the first or end in the last eight count: 32, and one for the whole. */
const WHOLE_LETTERS_MAX = 17;
const END_LETTERS = 8;

/** How many characters of a text without any letter, digit or pictograph count one by one. */
const SYMBOLS_MAX = 32;
const BLANK = 32;

/** Hashes of unlike things start differently, so that `4` as a number and as a letter of a code are not the same row. */
const SALT = { whole: 1, second: 2, gram: 3, single: 4, pair: 5 } as const;

/** Collects the ids of a text and counts its words; kept between texts, so that a short text allocates only its result. */
export class PieceList {
  /** Words of the text so far, and those of them that the vocabulary lacks. */
  words = 0;
  lacking = 0;
  #ids = new Int32Array(1024);
  #count = 0;
  #wordsMax = Infinity;
  /** What there was at the last mark that the text may have. */
  #keptCount = 0;
  #keptWords = 0;
  #keptLacking = 0;

  get count(): number {
    return this.#count;
  }

  /** Ids of the text as it is cut. */
  get keptCount(): number {
    return this.#keptCount;
  }

  /** Begins a text, which is cut behind its first `wordsMax` words. */
  begin(wordsMax: number): void {
    if (this.#ids.length > SCRATCH_IDS_KEPT) this.#ids = new Int32Array(1024);
    this.#count = 0;
    this.#wordsMax = wordsMax;
    [this.words, this.lacking] = [0, 0];
    [this.#keptCount, this.#keptWords, this.#keptLacking] = [0, 0, 0];
  }

  copy(): Int32Array<ArrayBuffer> {
    return this.#ids.slice(0, this.#count);
  }

  /** What is there has all the ids that its words have: the text may be cut here. */
  mark(): void {
    if (this.words > this.#wordsMax) return;
    this.#keptCount = this.#count;
    this.#keptWords = this.words;
    this.#keptLacking = this.lacking;
  }

  /** The text, of so many characters, as it is cut. A name of more words than the text may have is cut in its midst. [M155] */
  taken(chars: number): TokenisedText {
    if (this.#keptCount === 0 && this.#count > 0)
      [this.#keptCount, this.#keptWords, this.#keptLacking] = [this.#wordsMax, this.#wordsMax, this.lacking];
    // Compatibility forms are one character that stands for several words.
    const all = Math.min(this.words, chars);
    const words = Math.min(this.#keptWords, all);
    return {
      ids: this.#ids.slice(0, Math.min(this.#keptCount, this.#count)),
      words,
      unknown: Math.min(this.#keptLacking, words),
      cutWords: all - words,
    };
  }

  /** Forgets all but the first `count`. */
  cutTo(count: number): void {
    this.#count = count;
  }

  add(id: number): void {
    if (this.#count === this.#ids.length) {
      const grown = new Int32Array(2 * this.#ids.length);
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids[this.#count++] = id;
  }
}

/** A scratch array that one huge text grew is dropped again: 64 Ki ids are 256 KiB. */
const SCRATCH_IDS_KEPT = 1 << 16;

/** Emits the ids of what is no word of the vocabulary: n-grams of letters, whose rows were trained, and hashed rows for all else. */
export class SubwordPieces {
  readonly #list: PieceList;
  readonly #letters: number;
  readonly #hashed: number;
  readonly #hashedBits: number;

  /** `wordRows`: rows of the table before the buckets. A tokeniser without n-grams of letters has no `letterBuckets`. */
  constructor(list: PieceList, wordRows: number, { letterBuckets = LETTER_BUCKETS, hashedBuckets = HASHED_BUCKETS } = {}) {
    this.#list = list;
    this.#letters = wordRows;
    this.#hashed = wordRows + letterBuckets;
    this.#hashedBits = Math.log2(hashedBuckets);
  }

  /** The 3- and 4-grams of `<letters>`; `letters` holds lower-case ASCII in `[0 .. length)`. */
  ofLetters(letters: Uint8Array, length: number): void {
    const isWhole = length <= WHOLE_LETTERS_MAX;
    for (let from = -1; from + 1 < length; from++) {
      if (!isWhole && from + 1 === END_LETTERS) from = length - END_LETTERS - 1;
      let hash = hashByte(HASH_EMPTY, letterAt(letters, length, from));
      hash = hashByte(hash, letterAt(letters, length, from + 1));
      hash = hashByte(hash, letterAt(letters, length, from + 2));
      this.#list.add(this.#letters + fold16(hash));
      if (from + 3 <= length) this.#list.add(this.#letters + fold16(hashByte(hash, letterAt(letters, length, from + 3))));
    }
    if (!isWhole) this.#addHashed(hashOf(SALT.whole, letters, 0, length));
  }

  /** The whole of `units[from .. to)` as two hashed rows: two tokens share both only if they are equal. */
  identity(units: ArrayLike<number>, from: number, to: number): void {
    this.#addHashed(hashOf(SALT.whole, units, from, to));
    this.#addHashed(hashOf(SALT.second, units, from, to));
  }

  /** The whole of `units[from .. to)` as one hashed row. */
  whole(units: ArrayLike<number>, from: number, to: number): void {
    this.#addHashed(hashOf(SALT.whole, units, from, to));
  }

  /** The whole and its 3-grams between marks of its ends: numbers, and words of scripts beyond ASCII. */
  hashed(units: ArrayLike<number>, from: number, to: number): void {
    this.whole(units, from, to);
    const length = to - from;
    if (length < 2) return;
    const isWhole = length <= 2 * END_LETTERS;
    for (let at = -1; at + 1 < length; at++) {
      if (!isWhole && at + 1 === END_LETTERS) at = length - END_LETTERS - 1;
      let hash = hashUnit(hashByte(HASH_EMPTY, SALT.gram), at < 0 ? WORD_BEGINS : units[from + at]!);
      hash = hashUnit(hash, units[from + at + 1]!);
      hash = hashUnit(hash, at + 2 < length ? units[from + at + 2]! : WORD_ENDS);
      this.#addHashed(hash);
    }
  }

  /** One character of a script without blanks, and the pair it makes with the one before it (0: none). */
  dense(codePoint: number, before: number): void {
    this.#addHashed(hashUnit(hashUnit(hashByte(HASH_EMPTY, SALT.single), codePoint >>> 16), codePoint & 0xffff));
    if (before === 0) return;
    const pair = hashUnit(hashUnit(hashUnit(hashByte(HASH_EMPTY, SALT.pair), before >>> 16), before & 0xffff), codePoint >>> 16);
    this.#addHashed(hashUnit(pair, codePoint & 0xffff));
  }

  /** A text of punctuation, other symbols or blanks alone. */
  symbols(text: string): void {
    let before = 0;
    let symbols = 0;
    for (const char of text) {
      const codePoint = char.codePointAt(0)!;
      if (/\s/.test(char)) continue;
      if (++symbols > SYMBOLS_MAX) break;
      this.dense(codePoint, before);
      before = codePoint;
    }
    if (symbols === 0) this.dense(BLANK, 0);
    if (symbols > SYMBOLS_MAX) {
      const units = Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
      this.identity(units, 0, units.length);
    }
  }

  #addHashed(hash: number): void {
    this.#list.add(this.#hashed + foldTo(hash, this.#hashedBits));
  }
}

const letterAt = (letters: Uint8Array, length: number, at: number): number =>
  at < 0 ? WORD_BEGINS : at < length ? letters[at]! : WORD_ENDS;

const hashUnit = (hash: number, unit: number): number => hashByte(hashByte(hash, unit & 0xff), unit >>> 8);

function hashOf(salt: number, units: ArrayLike<number>, from: number, to: number): number {
  let hash = hashByte(HASH_EMPTY, salt);
  for (let at = from; at < to; at++) hash = hashUnit(hash, units[at]!);
  return hash;
}

// FNV's low bits are its weakest: the high ones are folded in.
const fold16 = (hash: number): number => (hash ^ (hash >>> 16)) & (LETTER_BUCKETS - 1);
const foldTo = (hash: number, bits: number): number => (hash ^ (hash >>> bits) ^ (hash >>> (2 * bits))) & ((1 << bits) - 1);

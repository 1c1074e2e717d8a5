import { NeighbourWords } from './neighbour-words.ts';
import { SUBWORD_BUCKETS, SubwordPieces } from './subword-pieces.ts';
import type { Vocabulary } from './vocabulary.ts';
import { endOfClitic, isNegation } from './english-clitics.ts';
import { beginsPart, FOLD, isDigit, isWordAt } from './name-parts.ts';
import { TableTokeniser } from './table-tokeniser.ts';
import { HASH_EMPTY, hashByte } from './vocabulary.ts';

/** Names these rules (SPEC M60 to M64) in the embedding contract. A change to them that moves any id needs a new version. */
export const SUBWORD_TOKENISER_VERSION = 'word-2';

/**
 * `a` and `i`: words of nearly every English sentence, which say nothing and which the source of the vocabulary lacks, as it lacks all single letters.
 * A row of their own would make all texts alike.
 */
const SILENT_LETTERS = new Set(Array.from('ai', (char) => char.charCodeAt(0)));

/** Longer joined names are hashed whole. */
const JOINED_LETTERS_MAX = 40;

const HYPHEN = 45;
const FULL_STOP = 46;
const UNDERSCORE = 95;

/** What may stand inside a word of the vocabulary: its letters and digits, and the hyphen. */
const FOLD_COMPOUND = FOLD.with(HYPHEN, HYPHEN);
/** What joins words to a name, an address, a path or a version. */
const GLUE = new Set(Array.from('._:/@&+#~', (char) => char.charCodeAt(0)));
/** What ends the names of some programming languages. */
const SUFFIXES = new Set(Array.from('+#', (char) => char.charCodeAt(0)));

/**
 * Words as `WordTokeniser` has them, and something for every other text: an unknown word is its neighbour in the vocabulary and its n-grams, a
 * name made of several words is these and itself, a number or a word beyond ASCII is hashed, and so are the characters of scripts without blanks.
 */
export class SubwordTokeniser extends TableTokeniser {
  readonly vocabularySize: number;
  readonly #vocabulary: Vocabulary;
  readonly #neighbours: NeighbourWords;
  protected readonly pieces: SubwordPieces;
  /** Lower-case letters and digits of the part at hand. */
  #part = new Uint8Array(64);
  /** Whether the joined words at hand have a digit among them. */
  #hasDigit = false;

  constructor(vocabulary: Vocabulary) {
    super();
    this.#vocabulary = vocabulary;
    this.#neighbours = new NeighbourWords(vocabulary);
    this.pieces = new SubwordPieces(this.list, vocabulary.size);
    this.vocabularySize = vocabulary.size + SUBWORD_BUCKETS;
  }

  /** Emits the words glued together at `start`, and what they make as one name; returns where they end. */
  protected addWords(start: number): number {
    const text = this.text;
    const firstWord = this.list.words;
    this.#hasDigit = false;
    let isName = false;
    let at = this.#compound(start);
    while (GLUE.has(text.charCodeAt(at)) && isWordAt(text, at + 1)) {
      isName ||= text.charCodeAt(at) === UNDERSCORE;
      at = this.#compound(at + 1);
    }
    const end = endOfSuffix(text, at);
    isName ||= end > at;
    if (isName || (this.#hasDigit && this.list.words > firstWord + 1)) this.#name(start, end);
    return end;
  }

  /** Emits the words joined by hyphens at `start`; returns where they and a clitic behind them end. */
  #compound(start: number): number {
    const text = this.text;
    const firstId = this.list.count;
    const firstWord = this.list.words;
    const lackingBefore = this.list.lacking;
    let compoundHash = HASH_EMPTY;
    for (let at = start; ;) {
      const from = at;
      let hash = HASH_EMPTY;
      let hashBeforeLast = HASH_EMPTY;
      for (; isWordAt(text, at); at++) {
        const byte = FOLD[text.charCodeAt(at)]!;
        hashBeforeLast = hash;
        hash = hashByte(hash, byte);
        compoundHash = hashByte(compoundHash, byte);
      }
      const isJoined = text.charCodeAt(at) === HYPHEN && isWordAt(text, at + 1);
      const cliticEnd = isJoined ? at : endOfClitic(text, at, isWordAt);
      const splitsN = cliticEnd > at && isNegation(text, from, at, cliticEnd);
      this.#word(from, splitsN ? at - 1 : at, splitsN ? hashBeforeLast : hash);
      if (isJoined) {
        compoundHash = hashByte(compoundHash, HYPHEN);
        at++;
        continue;
      }
      const id = from > start ? this.#vocabulary.find(text, start, at, compoundHash, FOLD_COMPOUND) : 0;
      if (id !== 0) {
        this.list.cutTo(firstId);
        this.list.add(id);
        this.list.words = firstWord + 1;
        this.list.lacking = lackingBefore;
      }
      return cliticEnd;
    }
  }

  #word(from: number, to: number, hash: number): void {
    const id = this.#vocabulary.find(this.text, from, to, hash, FOLD);
    if (id === 0) return this.#unknown(from, to);
    this.list.add(id);
    this.list.words++;
  }

  /** A run of letters and digits that is no word: cut where digits begin or end and where capitals begin words, if it is cut at all. */
  #unknown(from: number, to: number): void {
    const text = this.text;
    const length = to - from;
    if (this.#part.length < length) this.#part = new Uint8Array(2 * length);
    const part = this.#part;
    let digits = 0;
    for (let i = 0; i < length; i++) {
      part[i] = FOLD[text.charCodeAt(from + i)]!;
      if (isDigit(part[i]!)) digits++;
    }
    this.#hasDigit ||= digits > 0;
    if (digits === length) return this.addHashed(part, 0, length);
    let cut = from;
    for (let at = from + 1; at < to; at++) {
      if (!beginsPart(text, at, to)) continue;
      this.#subpart(cut, at);
      cut = at;
    }
    if (cut === from) {
      this.#letters(part, length);
      this.list.words++;
      return;
    }
    this.#subpart(cut, to);
    if (this.isBrief) this.pieces.whole(part, 0, length);
    else if (digits > 0) this.pieces.identity(part, 0, length);
    else this.pieces.ofLetters(part, length);
  }

  /** A piece of a run that was cut: letters only, or digits only. */
  #subpart(from: number, to: number): void {
    const text = this.text;
    const letters = new Uint8Array(to - from);
    let hash = HASH_EMPTY;
    for (let i = 0; i < letters.length; i++) {
      letters[i] = FOLD[text.charCodeAt(from + i)]!;
      hash = hashByte(hash, letters[i]!);
    }
    if (isDigit(letters[0]!)) return this.addHashed(letters);
    const id = this.#vocabulary.find(text, from, to, hash, FOLD);
    if (id === 0) this.#letters(letters, letters.length);
    else this.list.add(id);
    this.list.words++;
  }

  #letters(letters: Uint8Array, length: number): void {
    if (length === 1 && SILENT_LETTERS.has(letters[0]!)) return;
    this.list.lacking++;
    if (this.isBrief || length === 1) return this.pieces.whole(letters, 0, length);
    const neighbour = this.#neighbours.find(letters, length);
    if (neighbour !== 0) this.list.add(neighbour);
    this.pieces.ofLetters(letters, length);
  }

  /** The whole of a name that is written with joints, without them: `user_id` and `userId` are one. Joints between digits stay. */
  #name(start: number, end: number): void {
    const text = this.text;
    const units = new Uint8Array(end - start);
    let length = 0;
    for (let at = start; at < end; at++) {
      const unit = FOLD[text.charCodeAt(at)]!;
      if (unit !== 0) units[length++] = unit;
      else if (SUFFIXES.has(text.charCodeAt(at))) units[length++] = text.charCodeAt(at);
      else if (isDigit(text.charCodeAt(at - 1)) && isDigit(text.charCodeAt(at + 1))) units[length++] = FULL_STOP;
    }
    const isLetters = !this.#hasDigit && length <= JOINED_LETTERS_MAX && isWordAt(text, end - 1);
    if (this.isBrief) this.pieces.whole(units, 0, length);
    else if (isLetters) this.pieces.ofLetters(units, length);
    else this.pieces.identity(units, 0, length);
  }
}

/** End of the `++` or `#` behind a name such as `C++` or `F#`, or `at`. */
function endOfSuffix(text: string, at: number): number {
  let end = at;
  while (end < at + 2 && SUFFIXES.has(text.charCodeAt(end))) end++;
  return isWordAt(text, end) || SUFFIXES.has(text.charCodeAt(end)) ? at : end;
}

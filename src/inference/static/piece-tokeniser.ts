import type { TokenisedText, Tokeniser } from '../embedding-model.ts';
import { CharClass, charClassOf } from './char-class.ts';
import { endOfClitic, isNegation } from './english-clitics.ts';
import { foldText } from './fold-text.ts';
import { beginsPart, endOfForeignWord, FOLD, isWordAt } from './name-parts.ts';
import { PieceList, SubwordPieces } from './subword-pieces.ts';
import { HASH_EMPTY, hashByte, Vocabulary } from './vocabulary.ts';

/** Names these rules (SPEC M190 to M193) in the embedding contract. A change to them that moves any id needs a new version. */
export const PIECE_TOKENISER_VERSION = 'piece-1';

/** Rows behind those of the vocabulary, for what has no pieces. Part of the tokeniser's version. */
export const PIECE_BUCKETS = 2048;

/** One run of the ONNX runtime takes as many ids. Of a text that would have more, a word that is not whole in the vocabulary has one id. */
const TEXT_IDS_MAX = 16_384;
/** Pieces of one word; the rest of a longer one is hashed as one. */
const WORD_PIECES_MAX = 32;
/** No piece of the vocabularies in use is longer. It bounds the look-ups a letter. */
const PIECE_LETTERS_MAX = 20;
const NEWLINE = 10;

/**
 * WordPiece (Schuster and Nakajima, 2012) over the pieces of a teacher: the longest piece that a word begins with, then the longest that goes on
 * from there. Names are cut into their parts first; words beyond ASCII are hashed. Punctuation is no token where a text has anything else.
 *
 * The vocabulary has the pieces that begin a word, an empty line, and the pieces that go on, without the marks that some files put before them.
 */
export class PieceTokeniser implements Tokeniser {
  readonly vocabularySize: number;
  /** Its words collide so that look-ups would take long: a file that was made for that. */
  readonly isCrowded: boolean;
  readonly #beginnings: Vocabulary;
  readonly #continuations: Vocabulary;
  /** Id of the first continuation, less one: that of the empty line. */
  readonly #separator: number;
  readonly #list = new PieceList();
  readonly #hashed: SubwordPieces;
  /** Hashes of the letters from the beginning of a piece, by their number. */
  readonly #hashes = new Int32Array(PIECE_LETTERS_MAX + 1);
  #text = '';
  #isBrief = false;
  /** The character before, where it is one of a script without blanks. */
  #before = 0;

  constructor(bytes: Uint8Array) {
    const end = emptyLine(bytes);
    this.#beginnings = new Vocabulary(bytes.subarray(0, end));
    this.#continuations = new Vocabulary(bytes.subarray(Math.min(end + 2, bytes.length)));
    this.isCrowded = this.#beginnings.isCrowded || this.#continuations.isCrowded;
    this.#separator = this.#beginnings.size;
    const rows = this.#separator + this.#continuations.size;
    this.#hashed = new SubwordPieces(this.#list, rows, { letterBuckets: 0, hashedBuckets: PIECE_BUCKETS });
    this.vocabularySize = rows + PIECE_BUCKETS;
  }

  tokenise(raw: string, wordsMax = Infinity): TokenisedText {
    this.#text = foldText(raw);
    this.#scan(wordsMax, false);
    if (this.#list.keptCount > TEXT_IDS_MAX) this.#scan(wordsMax, true);
    if (this.#list.count === 0 && raw !== '') this.#symbols();
    this.#text = '';
    return this.#list.taken(raw.length);
  }

  #scan(wordsMax: number, isBrief: boolean): void {
    this.#isBrief = isBrief;
    this.#before = 0;
    this.#list.begin(wordsMax);
    const text = this.#text;
    for (let at = 0; at < text.length;) at = text.charCodeAt(at) < FOLD.length ? this.#ascii(at) : this.#beyondAscii(at);
  }

  #endWord(isLacking: boolean): void {
    this.#list.words++;
    if (isLacking) this.#list.lacking++;
    this.#list.mark();
  }

  /** Returns where what begins at `at` ends. */
  #ascii(at: number): number {
    this.#before = 0;
    return isWordAt(this.#text, at) ? this.#run(at) : at + 1;
  }

  #beyondAscii(at: number): number {
    const codePoint = this.#text.codePointAt(at)!;
    const kind = charClassOf(codePoint);
    const before = this.#before;
    this.#before = 0;
    if (kind === CharClass.word) return this.#foreignWord(at);
    if (kind === CharClass.dense) {
      this.#hashed.dense(codePoint, this.#isBrief ? 0 : before);
      this.#endWord(true);
      this.#before = codePoint;
    }
    return at + (codePoint > 0xffff ? 2 : 1);
  }

  /** A run of ASCII letters and digits: itself, or its parts. Returns where it and a clitic behind it end. */
  #run(start: number): number {
    const text = this.#text;
    let at = start;
    let hash = HASH_EMPTY;
    let isName = false;
    for (; isWordAt(text, at); at++) {
      hash = hashByte(hash, FOLD[text.charCodeAt(at)]!);
      isName ||= at > start && beginsPart(text, at, start + PARTED_LETTERS_MAX);
    }
    const cliticEnd = endOfClitic(text, at, isWordAt);
    const end = cliticEnd > at && isNegation(text, start, at, cliticEnd) ? at - 1 : at;
    const id = end === at ? this.#beginnings.find(text, start, end, hash, FOLD) : 0;
    if (id !== 0) this.#whole(id);
    else if (isName && end - start <= PARTED_LETTERS_MAX) this.#parts(start, end);
    else this.#word(start, end);
    return cliticEnd;
  }

  #whole(id: number): void {
    this.#list.add(id);
    this.#endWord(false);
  }

  #parts(start: number, end: number): void {
    let from = start;
    for (let at = start + 1; at < end; at++) {
      if (!beginsPart(this.#text, at, end)) continue;
      this.#word(from, at);
      from = at;
    }
    this.#word(from, end);
  }

  /** Letters and digits that are one word. */
  #word(from: number, end: number): void {
    const first = this.#list.count;
    let at = from;
    for (let pieces = 0; at < end && pieces < WORD_PIECES_MAX; pieces++) {
      const letters = this.#longest(at, end, pieces === 0 ? this.#beginnings : this.#continuations, pieces === 0 ? 0 : this.#separator);
      if (letters === 0) break;
      at += letters;
    }
    const isOnePiece = at === end && this.#list.count === first + 1;
    if (!isOnePiece && (at < end || this.#isBrief)) {
      if (this.#isBrief) this.#list.cutTo(first);
      const rest = this.#isBrief ? from : at;
      const letters = Uint8Array.from({ length: end - rest }, (_, i) => FOLD[this.#text.charCodeAt(rest + i)]!);
      this.#hashed.whole(letters, 0, letters.length);
    }
    this.#endWord(!isOnePiece);
  }

  /** Emits the longest piece of `vocabulary` that `text[from .. end)` begins with; returns its length, or 0. */
  #longest(from: number, end: number, vocabulary: Vocabulary, idsBefore: number): number {
    const text = this.#text;
    const most = Math.min(end - from, PIECE_LETTERS_MAX);
    const hashes = this.#hashes;
    hashes[0] = HASH_EMPTY;
    for (let i = 0; i < most; i++) hashes[i + 1] = hashByte(hashes[i]!, FOLD[text.charCodeAt(from + i)]!);
    for (let length = most; length > 0; length--) {
      const id = vocabulary.find(text, from, from + length, hashes[length]!, FOLD);
      if (id === 0) continue;
      this.#list.add(idsBefore + id);
      return length;
    }
    return 0;
  }

  /** A run of letters of scripts with blanks between words. */
  #foreignWord(start: number): number {
    const text = this.#text;
    const at = endOfForeignWord(text, start);
    const units = Uint16Array.from({ length: at - start }, (_, i) => text.charCodeAt(start + i));
    if (this.#isBrief) this.#hashed.whole(units, 0, units.length);
    else this.#hashed.hashed(units, 0, units.length);
    this.#endWord(true);
    return at;
  }

  /** A text of punctuation, other symbols or blanks alone. */
  #symbols(): void {
    this.#hashed.symbols(this.#text);
    this.#endWord(true);
  }
}

/** Longer runs of letters and digits are no names. */
const PARTED_LETTERS_MAX = 128;

/** Where the first of two newlines in a row is, or the end. */
function emptyLine(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) if (bytes[at + 1] === NEWLINE) return at;
  return bytes.length;
}

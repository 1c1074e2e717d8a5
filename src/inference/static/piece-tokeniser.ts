import { endOfClitic, isNegation } from './english-clitics.ts';
import { beginsPart, FOLD, isWordAt } from './name-parts.ts';
import { SubwordPieces } from './subword-pieces.ts';
import { TableTokeniser } from './table-tokeniser.ts';
import { HASH_EMPTY, hashByte, Vocabulary } from './vocabulary.ts';

/** Names these rules (SPEC M190 to M193) in the embedding contract. A change to them that moves any id needs a new version. */
export const PIECE_TOKENISER_VERSION = 'piece-1';

/** Rows behind those of the vocabulary, for what has no pieces. Part of the tokeniser's version. */
export const PIECE_BUCKETS = 2048;

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
export class PieceTokeniser extends TableTokeniser {
  readonly vocabularySize: number;
  /** Its words collide so that look-ups would take long: a file that was made for that. */
  readonly isCrowded: boolean;
  readonly #beginnings: Vocabulary;
  readonly #continuations: Vocabulary;
  /** Id of the first continuation, less one: that of the empty line. */
  readonly #separator: number;
  protected readonly pieces: SubwordPieces;
  /** Hashes of the letters from the beginning of a piece, by their number. */
  readonly #hashes = new Int32Array(PIECE_LETTERS_MAX + 1);

  constructor(bytes: Uint8Array) {
    super();
    const end = emptyLine(bytes);
    this.#beginnings = new Vocabulary(bytes.subarray(0, end));
    this.#continuations = new Vocabulary(bytes.subarray(Math.min(end + 2, bytes.length)));
    this.isCrowded = this.#beginnings.isCrowded || this.#continuations.isCrowded;
    this.#separator = this.#beginnings.size;
    const rows = this.#separator + this.#continuations.size;
    this.pieces = new SubwordPieces(this.list, rows, { letterBuckets: 0, hashedBuckets: PIECE_BUCKETS });
    this.vocabularySize = rows + PIECE_BUCKETS;
  }

  #endWord(isLacking: boolean): void {
    this.list.words++;
    if (isLacking) this.list.lacking++;
    this.list.mark();
  }

  /** A run of ASCII letters and digits: itself, or its parts. Returns where it and a clitic behind it end. */
  protected addWords(start: number): number {
    const text = this.text;
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
    this.list.add(id);
    this.#endWord(false);
  }

  #parts(start: number, end: number): void {
    let from = start;
    for (let at = start + 1; at < end; at++) {
      if (!beginsPart(this.text, at, end)) continue;
      this.#word(from, at);
      from = at;
    }
    this.#word(from, end);
  }

  /** Letters and digits that are one word. */
  #word(from: number, end: number): void {
    const first = this.list.count;
    let at = from;
    for (let pieces = 0; at < end && pieces < WORD_PIECES_MAX; pieces++) {
      const letters = this.#longest(at, end, pieces === 0 ? this.#beginnings : this.#continuations, pieces === 0 ? 0 : this.#separator);
      if (letters === 0) break;
      at += letters;
    }
    const isOnePiece = at === end && this.list.count === first + 1;
    if (!isOnePiece && this.isBrief) {
      this.list.cutTo(first);
      this.#addRest(from, end);
    } else if (at < end) this.#addRest(at, end);
    this.#endWord(!isOnePiece);
  }

  /** Letters that are one hashed piece. */
  #addRest(from: number, end: number): void {
    const letters = Uint8Array.from({ length: end - from }, (_, i) => FOLD[this.text.charCodeAt(from + i)]!);
    this.pieces.whole(letters, 0, letters.length);
  }

  /** Emits the longest piece of `vocabulary` that `text[from .. end)` begins with; returns its length, or 0. */
  #longest(from: number, end: number, vocabulary: Vocabulary, idsBefore: number): number {
    const text = this.text;
    const most = Math.min(end - from, PIECE_LETTERS_MAX);
    const hashes = this.#hashes;
    hashes[0] = HASH_EMPTY;
    for (let i = 0; i < most; i++) hashes[i + 1] = hashByte(hashes[i]!, FOLD[text.charCodeAt(from + i)]!);
    for (let length = most; length > 0; length--) {
      const id = vocabulary.find(text, from, from + length, hashes[length]!, FOLD);
      if (id === 0) continue;
      this.list.add(idsBefore + id);
      return length;
    }
    return 0;
  }
}

/** Longer runs of letters and digits are no names. */
const PARTED_LETTERS_MAX = 128;

/** Where the first of two newlines in a row is, or the end. */
function emptyLine(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) if (bytes[at + 1] === NEWLINE) return at;
  return bytes.length;
}

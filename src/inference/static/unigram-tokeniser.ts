import type { TokenisedText, Tokeniser } from '../embedding-model.ts';
import type { ByteStrings } from '../text/pieces/build-double-array.ts';
import { buildDoubleArray } from '../text/pieces/build-double-array.ts';
import { DoubleArray } from '../text/pieces/double-array.ts';
import { pieceBytes } from '../text/pieces/piece-model.ts';
import { UnigramPieces } from '../text/pieces/unigram-pieces.ts';
import { PIECE_BUCKETS } from './piece-tokeniser.ts';
import { PieceList, SubwordPieces } from './subword-pieces.ts';

/** Names these rules (SPEC M207 to M210) in the embedding contract. A change to them that moves any id needs a new version. */
export const UNIGRAM_TOKENISER_VERSION = 'unigram-1';

/** What stands for a blank before a word, as in SentencePiece. */
export const WORD_MARK = '\u2581';

/** An empty line of the vocabulary says that what follows is less likely by so much, in natural logarithms. */
export const SCORE_STEP = 1 / 64;

const NEWLINE = 10;
/** As SentencePiece has it. Characters that are no pieces are hashed before: it is never offered. */
const UNKNOWN_PENALTY = 10;
/** Runs without a blank are read in parts, so that what is kept from text to text stays some kilobytes. */
const RUN_CHARS_MAX = 512;
/** No word has so many marks on one letter, and sorting a long run of them is what makes normalisation quadratic. */
const RUN_OF_MARKS = /(\p{M}{4})\p{M}+/gu;
/** Characters that nothing is drawn for: controls but blanks, joiners, selectors, marks of direction. */
const UNSEEN = /[\p{Cf}\p{Co}\p{Cn}\ufe00-\ufe0f]|(?!\s)\p{Cc}/gu;
const PLAIN = /^[\t\n\r -~]*$/;
/** Code points of which is remembered whether they are pieces: the planes that texts are in. */
const KNOWN_CHARS = 0x20000;

/** The pieces of a vocabulary, one behind the other, and their scores by id; id 0 is the unknown token. */
interface ScoredPieces extends ByteStrings {
  readonly scores: Float32Array;
}

/**
 * The most likely pieces of each word of a text (Kudo, 2018, arXiv 1804.10959), by a part of a teacher's vocabulary; characters that are no piece are
 * hashed, one by one. Texts are in NFKC first, and keep their case.
 *
 * The vocabulary has the pieces in falling order of their scores; `SCORE_STEP` says what an empty line between them means.
 */
export class UnigramTokeniser implements Tokeniser {
  readonly vocabularySize: number;
  readonly #trie: DoubleArray;
  readonly #pieces: UnigramPieces;
  readonly #list = new PieceList();
  readonly #hashed: SubwordPieces;
  /** By code point: 1, it is a piece; 2, it is none; 0, it was not met. */
  readonly #known = new Uint8Array(KNOWN_CHARS);

  private constructor(units: Uint32Array, scores: Float32Array) {
    const rows = scores.length;
    this.#trie = new DoubleArray(units);
    this.#pieces = new UnigramPieces({
      trie: this.#trie,
      scores,
      unknownScore: (scores.at(-1) ?? 0) - UNKNOWN_PENALTY,
      unknownId: 0,
      hasByteFallback: false,
    });
    this.#hashed = new SubwordPieces(this.#list, rows, { letterBuckets: 0, hashedBuckets: PIECE_BUCKETS });
    this.vocabularySize = rows + PIECE_BUCKETS;
  }

  /** Yields after some milliseconds of work each, so that a caller can let others run. Undefined: the pieces are too many for their table. */
  static *open(vocabulary: Uint8Array): Generator<void, UnigramTokeniser | undefined> {
    const { bytes, starts, scores } = scoredPieces(vocabulary);
    yield;
    const values = Uint32Array.from({ length: starts.length - 1 }, (_, at) => at + 1);
    const units = yield* buildDoubleArray({ bytes, starts }, values);
    return units && new UnigramTokeniser(units, scores);
  }

  tokenise(raw: string, wordsMax = Infinity): TokenisedText {
    this.#list.begin(wordsMax);
    const text = PLAIN.test(raw) ? raw : raw.replace(RUN_OF_MARKS, '$1').normalize('NFKC').replaceAll(UNSEEN, '');
    for (const [word] of text.matchAll(/\S+/g)) this.#addWord(WORD_MARK + word);
    if (this.#list.count === 0 && raw !== '') {
      this.#hashed.symbols(raw);
      this.#count(0, true);
    }
    return this.#list.taken(raw.length);
  }

  #addWord(word: string): void {
    let from = 0;
    for (let at = 0; at < word.length;) {
      const codePoint = word.codePointAt(at) ?? 0;
      const next = at + (codePoint > 0xffff ? 2 : 1);
      const isPiece = this.#isPiece(codePoint);
      if (!isPiece || next - from >= RUN_CHARS_MAX) {
        this.#addRun(word.slice(from, isPiece ? next : at));
        from = next;
      }
      if (!isPiece) this.#addHashed(codePoint);
      at = next;
    }
    this.#addRun(word.slice(from));
  }

  #isPiece(codePoint: number): boolean {
    const known = this.#known[codePoint];
    if (known === 1 || known === 2) return known === 1;
    const isPiece = this.#trie.get(pieceBytes(String.fromCodePoint(codePoint))) >= 0;
    if (codePoint < KNOWN_CHARS) this.#known[codePoint] = isPiece ? 1 : 2;
    return isPiece;
  }

  #addHashed(codePoint: number): void {
    const from = this.#list.count;
    this.#hashed.dense(codePoint, 0);
    this.#count(from, true);
  }

  #addRun(run: string): void {
    if (run === '') return;
    const ids: number[] = [];
    this.#pieces.encode(run, ids);
    for (const id of ids) {
      this.#list.add(id);
      this.#count(this.#list.count - 1, false);
    }
  }

  /** A piece, whose ids begin at `from`, counts as a word; a text may be cut behind each. */
  #count(from: number, isLacking: boolean): void {
    if (this.#list.count === from) return;
    this.#list.words++;
    if (isLacking) this.#list.lacking++;
    this.#list.mark();
  }
}

function scoredPieces(vocabulary: Uint8Array): ScoredPieces {
  const bytes = new Uint8Array(vocabulary.length);
  const starts: number[] = [];
  const scores = [0];
  let [length, score, from] = [0, 0, 0];
  while (from < vocabulary.length) {
    const newline = vocabulary.indexOf(NEWLINE, from);
    const to = newline < 0 ? vocabulary.length : newline;
    if (to === from) score -= SCORE_STEP;
    else {
      starts.push(length);
      scores.push(score);
      bytes.set(vocabulary.subarray(from, to), length);
      length += to - from;
    }
    from = to + 1;
  }
  return { bytes, starts: Uint32Array.from([...starts, length]), scores: Float32Array.from(scores) };
}

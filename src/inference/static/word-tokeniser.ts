import type { TokenisedText, Tokeniser } from '../embedding-model.ts';
import { endOfClitic, isNegation } from './english-clitics.ts';
import type { Vocabulary } from './vocabulary.ts';
import { asciiFold, HASH_EMPTY, hashByte } from './vocabulary.ts';

const UNKNOWN = 0;
const HYPHEN = 45;

/** Stands for a letter or digit outside ASCII, which no word of the vocabulary has. DEL is never part of real text. */
const FOREIGN = '\x7f';

const FOLD = asciiFold(FOREIGN);
/** What may stand inside a word of the vocabulary: its letters and digits, and the hyphen. */
const FOLD_COMPOUND = FOLD.with(HYPHEN, HYPHEN);

/** A scratch array that one huge text grew is dropped again: 64 Ki ids are 256 KiB. */
const SCRATCH_IDS_KEPT = 1 << 16;

/**
 * Names the tokenising rules (SPEC M2) in the embedding contract. A change to them that moves any token needs a new version.
 */
export const WORD_TOKENISER_VERSION = 'word-1';

/** Words as the GloVe vocabulary has them: lower case, no accents, hyphenated compounds whole where the vocabulary knows them. */
export class WordTokeniser implements Tokeniser {
  readonly vocabularySize: number;
  readonly #vocabulary: Vocabulary;
  /** Ids of the text at hand; kept, so that a short text allocates only its result. */
  #ids = new Int32Array(256);
  #count = 0;
  #clitics = 0;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.vocabularySize = vocabulary.size;
  }

  tokenise(raw: string, wordsMax = Infinity): TokenisedText {
    const text = toAscii(raw);
    // Two tokens are at least one character apart, except a clitic, which has its apostrophe.
    const countMax = (text.length >> 1) + 2;
    if (this.#ids.length < countMax) this.#ids = new Int32Array(countMax);
    this.#count = 0;
    this.#clitics = 0;
    for (let at = 0; at < text.length;) at = isWordAt(text, at) ? this.#compound(text, at) : at + 1;
    const words = Math.min(this.#count, wordsMax);
    const ids = this.#ids.slice(0, words);
    if (this.#ids.length > SCRATCH_IDS_KEPT) this.#ids = new Int32Array(256);
    const unknown = ids.reduce((count, id) => count + (id === UNKNOWN ? 1 : 0), 0) - this.#clitics;
    // Clitics that were cut off are taken off, too.
    return { ids, words, unknown: Math.max(0, unknown), cutWords: this.#count - words };
  }

  /** Emits the words joined by hyphens at `start`, and the clitic behind them; answers where they end. */
  #compound(text: string, start: number): number {
    const firstToken = this.#count;
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
      if (text.charCodeAt(at) === HYPHEN && isWordAt(text, at + 1)) {
        this.#emit(this.#vocabulary.find(text, from, at, hash, FOLD));
        compoundHash = hashByte(compoundHash, HYPHEN);
        at++;
        continue;
      }
      const cliticEnd = endOfClitic(text, at, isWordAt);
      const splitsN = cliticEnd > at && isNegation(text, from, at, cliticEnd);
      this.#emit(this.#vocabulary.find(text, from, splitsN ? at - 1 : at, splitsN ? hashBeforeLast : hash, FOLD));
      if (from > start) this.#joinIfKnown(text, start, at, compoundHash, firstToken);
      if (cliticEnd > at) {
        this.#emit(UNKNOWN);
        this.#clitics++;
      }
      return cliticEnd;
    }
  }

  /** Replaces the tokens of a compound's parts by the compound's own, if it has one. */
  #joinIfKnown(text: string, from: number, to: number, hash: number, firstToken: number): void {
    const id = this.#vocabulary.find(text, from, to, hash, FOLD_COMPOUND);
    if (id === UNKNOWN) return;
    this.#count = firstToken;
    this.#emit(id);
  }

  #emit(id: number): void {
    this.#ids[this.#count++] = id;
  }
}

/** Past the end of the text `charCodeAt` is NaN, which indexes nothing. */
function isWordAt(text: string, at: number): boolean {
  return (FOLD[text.charCodeAt(at)] ?? 0) !== 0;
}

// oxlint-disable-next-line no-control-regex -- the ASCII range is what is meant
const BEYOND_ASCII = /[^\x00-\x7f]/;
// oxlint-disable-next-line no-control-regex -- the ASCII range is what is meant
const EACH_BEYOND_ASCII = /[^\x00-\x7f]/gu;
const MARKS = /\p{M}+/gu;
const WORD_CHARACTER = /[\p{L}\p{N}]/u;
const APOSTROPHES = new Set(['\u2018', '\u2019', '\u02bc']);
const HYPHENS = new Set(['\u2010', '\u2011']);

/**
 * The text in ASCII: compatibility forms and accents resolved (`\ufb01` -> `fi`, `\u00e9` -> `e`), typographic apostrophes and hyphens
 * made plain, every other letter or digit FOREIGN, the rest blank.
 */
function toAscii(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text;
  // Marks go first: sorting a long run of them is what makes normalisation quadratic.
  return text
    .replace(MARKS, '')
    .normalize('NFKD')
    .replace(MARKS, '')
    .replace(EACH_BEYOND_ASCII, (char) => {
      if (APOSTROPHES.has(char)) return "'";
      if (HYPHENS.has(char)) return '-';
      return WORD_CHARACTER.test(char) ? FOREIGN : ' ';
    });
}

import type { Tokeniser } from './embedding-model.ts';

const UNKNOWN = 0;
const HYPHEN = 45;
const APOSTROPHE = 39;
const LOWER_N = 110;
const LOWER_T = 116;

/** Stands for a letter or digit outside ASCII, which no word of the vocabulary has. DEL is never part of real text. */
const FOREIGN = '\x7f';

/** ASCII code -> lower-case letter, digit or FOREIGN; 0 where a word ends. */
const FOLD = new Uint8Array(128);
for (const char of `abcdefghijklmnopqrstuvwxyz0123456789${FOREIGN}`) {
  FOLD[char.charCodeAt(0)] = char.charCodeAt(0);
  FOLD[char.toUpperCase().charCodeAt(0)] = char.charCodeAt(0);
}
/** What may stand inside a word of the vocabulary: its letters and digits, and the hyphen. */
const FOLD_COMPOUND = FOLD.with(HYPHEN, HYPHEN);

/** English clitics: GloVe's corpus was split before them, so `dog's` is `dog` + `'s` and `don't` is `do` + `n't`. */
const CLITIC_LETTERS_MAX = 2;
const CLITICS = new Set(['s', 't', 'm', 'd', 're', 've', 'll']);

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

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.vocabularySize = vocabulary.size;
  }

  tokenise(raw: string): Int32Array<ArrayBuffer> {
    const text = toAscii(raw);
    // Two tokens are at least one character apart, except a clitic, which has its apostrophe.
    const countMax = (text.length >> 1) + 2;
    if (this.#ids.length < countMax) this.#ids = new Int32Array(countMax);
    this.#count = 0;
    for (let at = 0; at < text.length;) at = isWordAt(text, at) ? this.#compound(text, at) : at + 1;
    const ids = this.#ids.slice(0, this.#count);
    if (this.#ids.length > SCRATCH_IDS_KEPT) this.#ids = new Int32Array(256);
    return ids;
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
      const cliticEnd = endOfClitic(text, at);
      const splitsN = cliticEnd > at && isNegation(text, from, at, cliticEnd);
      this.#emit(this.#vocabulary.find(text, from, splitsN ? at - 1 : at, splitsN ? hashBeforeLast : hash, FOLD));
      if (from > start) this.#joinIfKnown(text, start, at, compoundHash, firstToken);
      if (cliticEnd > at) this.#emit(UNKNOWN);
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

/** End of the clitic whose apostrophe is at `at`, or `at` when there is none. */
function endOfClitic(text: string, at: number): number {
  if (text.charCodeAt(at) !== APOSTROPHE) return at;
  let end = at + 1;
  while (end - at <= CLITIC_LETTERS_MAX && isWordAt(text, end)) end++;
  if (isWordAt(text, end)) return at;
  return CLITICS.has(text.slice(at + 1, end).toLowerCase()) ? end : at;
}

/** Whether `text[from .. at)` and the clitic behind it are a negation such as `don't`, whose `n` belongs to the clitic. */
function isNegation(text: string, from: number, at: number, cliticEnd: number): boolean {
  return cliticEnd === at + 2 && FOLD[text.charCodeAt(at + 1)] === LOWER_T && FOLD[text.charCodeAt(at - 1)] === LOWER_N && at - from > 1;
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

const NEWLINE = 10;

/** Hash of the empty word; extend it one byte at a time with `hashByte`. */
const HASH_EMPTY = 0x811c9dc5 | 0;

/** FNV-1a, 32 bits. */
const hashByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193);

/**
 * The words of a model over the bytes of its file: newline-separated ASCII in id order, starting at id 1.
 * Id 0 is the unknown token and has no word.
 *
 * An open-addressed table of ids at most half full: a look-up makes no string and compares bytes in place.
 * The table is fixed by the file, so no text can make a probe longer than the file's longest cluster.
 */
export class Vocabulary {
  /** Number of ids, the unknown token included. */
  readonly size: number;
  readonly #bytes: Uint8Array;
  /** Word `id` is `bytes[starts[id] .. starts[id + 1] - 1)`; the last byte of the range is its newline. */
  readonly #starts: Int32Array;
  readonly #slots: Int32Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#starts = wordStarts(bytes);
    this.size = this.#starts.length - 1;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.size)));
    for (let id = 1; id < this.size; id++) this.#insert(id);
  }

  /** Id of the word whose bytes are `text[from .. to)` through `fold`, or 0. `hash` is the FNV-1a hash of those bytes. */
  find(text: string, from: number, to: number, hash: number, fold: Uint8Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]!;
      if (id === 0 || this.#equals(id, text, from, to, fold)) return id;
    }
  }

  #equals(id: number, text: string, from: number, to: number, fold: Uint8Array): boolean {
    const start = this.#starts[id]!;
    if (this.#starts[id + 1]! - 1 - start !== to - from) return false;
    for (let i = from; i < to; i++) {
      if (this.#bytes[start + i - from] !== fold[text.charCodeAt(i)]) return false;
    }
    return true;
  }

  #insert(id: number): void {
    let hash = HASH_EMPTY;
    for (let at = this.#starts[id]!; at < this.#starts[id + 1]! - 1; at++) hash = hashByte(hash, this.#bytes[at]!);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = id;
  }
}

/** Start of each word by id, and one past the last newline. `starts[0]` is unused. */
function wordStarts(bytes: Uint8Array): Int32Array {
  let count = bytes.length === 0 ? 0 : 1;
  for (const byte of bytes) if (byte === NEWLINE) count++;
  const starts = new Int32Array(count + 2);
  let id = 1;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === NEWLINE) starts[++id] = at + 1;
  starts[count + 1] = bytes.length === 0 ? 0 : bytes.length + 1;
  return starts;
}

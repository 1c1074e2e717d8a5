import { assert, must } from '../../kernel/assert.ts';
import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import { Heap } from '../../kernel/heap.ts';

/** The encodings of OpenAI's models, by which tokens of texts are counted. */
export type EncodingName = 'cl100k_base' | 'o200k_base';

/** The encoding that a model of this name has: `o200k_base` for gpt-4o and later and the o-series, else `cl100k_base`. */
export const encodingOf = (modelName: string): EncodingName => (O200K_MODELS.test(modelName) ? 'o200k_base' : 'cl100k_base');

/** At the beginning of a name or of a part of it, as in `openai/gpt-4o-mini` and `ft:gpt-4.1:team`. */
const O200K_MODELS = /(?:^|[/:_@ -])(?:(?:chat)?gpt-(?:4o|4\.[1-9]|[5-9]|\d\d|oss|audio|realtime|image)|o[1-9]\d*(?![\w.]))/i;

const CONTRACTION = "'(?:[sdmtSDMT]|[lL][lL]|[vV][eE]|[rR][eE])";
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const BEFORE = String.raw`[^\r\n\p{L}\p{N}]?`;

/** How a text is split before bytes are merged, as OpenAI's tiktoken has it (tiktoken_ext/openai_public.py). */
const SPLITS: Readonly<Record<EncodingName, string>> = {
  cl100k_base: [
    CONTRACTION,
    String.raw`${BEFORE}\p{L}+`,
    String.raw`\p{N}{1,3}`,
    String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`,
    String.raw`\s+$`,
    String.raw`\s*[\r\n]`,
    String.raw`\s+(?!\S)`,
    String.raw`\s`,
  ].join('|'),
  o200k_base: [
    `${BEFORE}${UPPER}*${LOWER}+(?:${CONTRACTION})?`,
    `${BEFORE}${UPPER}+${LOWER}*(?:${CONTRACTION})?`,
    String.raw`\p{N}{1,3}`,
    String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
    String.raw`\s*[\r\n]+`,
    String.raw`\s+(?!\S)`,
    String.raw`\s+`,
  ].join('|'),
};

/** Tokens that texts are not split into, by their ids, which are above those of the file. */
const SPECIAL_TOKENS: Readonly<Record<EncodingName, Readonly<Record<number, string>>>> = {
  cl100k_base: {
    100257: '<|endoftext|>',
    100258: '<|fim_prefix|>',
    100259: '<|fim_middle|>',
    100260: '<|fim_suffix|>',
    100276: '<|endofprompt|>',
  },
  o200k_base: { 199999: '<|endoftext|>', 200018: '<|endofprompt|>' },
};

/** A pair of neighbouring tokens of a piece that make a token: the lower its rank, the sooner it is merged. */
interface Pair {
  readonly rank: number;
  /** Where its first token begins. */
  readonly at: number;
  readonly end: number;
}

const soonest = (a: Pair, b: Pair): number => a.rank - b.rank || a.at - b.at;

/**
 * A byte-pair encoding of texts (Sennrich et al., 2016, arXiv 1508.07909) with the tables of OpenAI. What it holds are its file (1.6 MB for
 * o200k_base, 0.8 for cl100k_base) and typed arrays (2.8 and 1.4 MB). Special tokens are counted as the text that they are.
 */
export class TokenEncoding {
  readonly name: EncodingName;
  /** No token has a larger id; some smaller ones have none either. */
  readonly idMax: number;
  readonly #special: ReadonlyMap<number, Uint8Array>;
  readonly #split: RegExp;
  /** The bytes of all tokens, each behind its length. */
  readonly #file: Uint8Array;
  /** Where the bytes of a token begin, by its id, which is its rank. */
  readonly #starts: Uint32Array;
  /** Ids of tokens, from 1, by the hash of their bytes; 0: free. Of twice as many places, so that few are looked at. */
  readonly #table: Int32Array;

  /** `file`: the tokens by their ids, each as its length in one byte and its bytes. */
  constructor(name: EncodingName, file: Uint8Array) {
    this.name = name;
    this.#special = new Map(Object.entries(SPECIAL_TOKENS[name]).map(([id, text]) => [Number(id), utf8(text)]));
    this.idMax = Math.max(...this.#special.keys());
    this.#split = new RegExp(SPLITS[name], 'gu');
    this.#file = file;
    this.#starts = startsOf(file);
    let places = 1;
    while (places < 2 * this.#starts.length) places *= 2;
    this.#table = new Int32Array(places);
    for (let id = 0; id < this.#starts.length; id += 1) this.#enter(id);
  }

  /** The UTF-8 of a token, perhaps a part of a character; undefined: no token has this id. */
  bytesOf(id: number): Uint8Array | undefined {
    const start = this.#starts[id];
    return start === undefined ? this.#special.get(id) : this.#file.subarray(start, start + (this.#file[start - 1] ?? 0));
  }

  /** The text of tokens: their bytes joined, and read as UTF-8. What is none, as where a character is cut, becomes U+FFFD, as tiktoken has it. */
  decode(ids: readonly number[]): string {
    return decoder.decode(joinedBytes(ids.map((id) => must(this.bytesOf(id), 'each id is that of a token'))));
  }

  /** How many tokens a text has. Takes n log n for the n bytes of a word. */
  count(text: string): number {
    let tokens = 0;
    for (const [piece] of text.matchAll(this.#split)) tokens += this.#countOf(utf8(piece));
    return tokens;
  }

  #countOf(piece: Uint8Array): number {
    if (piece.length === 1 || this.#rankOf(piece, 0, piece.length) !== undefined) return 1;
    // Where the token that begins here ends, and where the one before begins.
    const ends = Uint32Array.from(piece, (_, at) => at + 1);
    const before = Int32Array.from(piece, (_, at) => at - 1);
    const pairs = new Heap<Pair>(soonest);
    const offer = (at: number): void => {
      const middle = ends[at] ?? 0;
      const end = ends[middle];
      const rank = end === undefined ? undefined : this.#rankOf(piece, at, end);
      if (end !== undefined && rank !== undefined) pairs.push({ rank, at, end });
    };
    for (let at = 0; at < piece.length - 1; at += 1) offer(at);
    let tokens = piece.length;
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const { at, end } = pair;
      const middle = ends[at] ?? 0;
      // One of its tokens has been merged with another since.
      if (middle === GONE || middle >= end || ends[middle] !== end) continue;
      ends[at] = end;
      ends[middle] = GONE;
      if (end < piece.length) before[end] = at;
      tokens -= 1;
      offer(at);
      const earlier = before[at] ?? -1;
      if (earlier >= 0) offer(earlier);
    }
    return tokens;
  }

  /** The id of the token with these bytes; undefined: there is none. */
  #rankOf(bytes: Uint8Array, from: number, to: number): number | undefined {
    const mask = this.#table.length - 1;
    for (let place = hashOf(bytes, from, to) & mask; ; place = (place + 1) & mask) {
      const id = (this.#table[place] ?? 0) - 1;
      if (id < 0) return undefined;
      if (this.#isToken(id, bytes, from, to)) return id;
    }
  }

  #isToken(id: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.#starts[id] ?? 0;
    if (this.#file[start - 1] !== to - from) return false;
    for (let at = from; at < to; at += 1) if (bytes[at] !== this.#file[start + at - from]) return false;
    return true;
  }

  #enter(id: number): void {
    const mask = this.#table.length - 1;
    const start = this.#starts[id] ?? 0;
    let place = hashOf(this.#file, start, start + (this.#file[start - 1] ?? 0)) & mask;
    while (this.#table[place] !== 0) place = (place + 1) & mask;
    this.#table[place] = id + 1;
  }
}

/** A mark of byte order is a character like any other. */
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** Of a token that was merged into the one before it. */
const GONE = 0;

function startsOf(file: Uint8Array): Uint32Array {
  let tokens = 0;
  for (let at = 0; at < file.length; at += 1 + (file[at] ?? 0)) tokens += 1;
  const starts = new Uint32Array(tokens);
  let id = 0;
  let at = 0;
  for (; at < file.length; at += 1 + (file[at] ?? 0)) {
    starts[id] = at + 1;
    id += 1;
  }
  assert(at === file.length, 'the file of an encoding ends with a token');
  return starts;
}

/** FNV-1a of 32 bits, its high bits folded into the low ones. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash ^ (hash >>> 15);
}

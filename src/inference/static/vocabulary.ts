const NEWLINE = 10;

/** Steps a word, on average, that the table may take to build: words as they are take two, chosen ones that collide any number. */
const STEPS_PER_WORD_MAX = 64;

/** Hash of the empty word; extend it one byte at a time with `hashByte`. */
export const HASH_EMPTY = 0x811c9dc5 | 0;

/** FNV-1a, 32 bits. */
export const hashByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193);

/** By ASCII code: the letter or digit in lower case that it stands for, or one of `others`; 0 for what ends a word. */
export function asciiFold(others = ''): Uint8Array<ArrayBuffer> {
  const fold = new Uint8Array(128);
  for (const char of `abcdefghijklmnopqrstuvwxyz0123456789${others}`) {
    fold[char.charCodeAt(0)] = char.charCodeAt(0);
    fold[char.toUpperCase().charCodeAt(0)] = char.charCodeAt(0);
  }
  return fold;
}

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
  #stepsLeft: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#starts = wordStarts(bytes);
    this.size = this.#starts.length - 1;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.size)));
    this.#stepsLeft = STEPS_PER_WORD_MAX * this.size;
    for (let id = 1; id < this.size && !this.isCrowded; id++) this.#insert(id);
  }

  /** Its words collide so that look-ups would take long: a file that was made for that. It must not be used. */
  get isCrowded(): boolean {
    return this.#stepsLeft < 0;
  }

  /** Id of the word whose bytes are `text[from .. to)` through `fold`, or 0. `hash` is the FNV-1a hash of those bytes. */
  find(text: string, from: number, to: number, hash: number, fold: Uint8Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]!;
      if (id === 0 || this.#equals(id, text, from, to, fold)) return id;
    }
  }

  /** The bytes of word `id`, a view. */
  word(id: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[id], this.#starts[id + 1]! - 1);
  }

  /** Id of the word that is `bytes[0 .. length)`, or 0. */
  findBytes(bytes: Uint8Array, length: number): number {
    let hash = HASH_EMPTY;
    for (let i = 0; i < length; i++) hash = hashByte(hash, bytes[i]!);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]!;
      if (id === 0 || this.#isWord(id, bytes, length)) return id;
    }
  }

  #isWord(id: number, bytes: Uint8Array, length: number): boolean {
    const start = this.#starts[id]!;
    if (this.#starts[id + 1]! - 1 - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== bytes[i]) return false;
    return true;
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
    for (; this.#slots[slot] !== 0 && !this.isCrowded; this.#stepsLeft--) slot = (slot + 1) & mask;
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

import { joinedBytes } from './bytes.ts';

/** One element of an array that is read element by element. */
export interface JsonItem {
  /** Which of the arrays, by its index in `paths`. */
  readonly array: number;
  /** Which element it is of each list on the way to that array. */
  readonly lists: readonly number[];
  /** The element as it was written: JSON that has not been parsed yet. */
  readonly bytes: Uint8Array;
}

/** Where an array is, as keys from the outermost object; null: in each element of a list. */
export type ArrayPath = readonly (string | null)[];

export interface SplitterLimits {
  readonly itemBytesMax: number;
  /** Of everything that is in none of the arrays. */
  readonly restBytesMax: number;
}

const [TAB, NEWLINE, RETURN, SPACE] = [0x09, 0x0a, 0x0d, 0x20];
const [QUOTE, COMMA, ZERO, COLON, BACKSLASH] = [0x22, 0x2c, 0x30, 0x3a, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Splits a JSON text, which arrives in chunks, into the elements of some of its arrays and the rest, so that the text is never held whole.
 *
 * It finds where elements begin and end and checks nothing else: the caller parses each element, and at the end the rest, in which every
 * element stands as a zero. So the rest is JSON exactly if the whole is, given that each element is.
 */
export class JsonSplitter {
  readonly #paths: readonly ArrayPath[];
  readonly #limits: SplitterLimits;
  readonly #depthMax: number;
  // Of the open objects and lists down to `#depthMax`, the key under which the next value stands; undefined in a list.
  readonly #keys: (string | undefined)[] = [];
  // How many members each of them has had before the next value.
  readonly #places: number[] = [];
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** What the last string outside of elements was, as written. */
  #string: number[] = [];
  /** The array whose elements are being read, and at which depth it lies; -1 for none. */
  #array = -1;
  #arrayDepth = 0;
  #item: Uint8Array[] = [];
  #itemBytes = 0;
  #rest = new Uint8Array(1_024);
  #restBytes = 0;
  /** Which limit was exceeded; nothing is read from then on. */
  exceeded: keyof SplitterLimits | undefined;

  constructor(paths: readonly ArrayPath[], limits: SplitterLimits) {
    this.#paths = paths;
    this.#limits = limits;
    this.#depthMax = Math.max(...paths.map(({ length }) => length));
  }

  /** Bytes held of the text: of an element that has not ended, and of the rest. */
  get heldBytes(): number {
    return this.#itemBytes + this.#restBytes;
  }

  get restBytes(): number {
    return this.#restBytes;
  }

  /** The elements that end in this chunk. They share its buffer. */
  *push(chunk: Uint8Array): Generator<JsonItem, void> {
    for (let at = 0; at < chunk.length && this.exceeded === undefined;) {
      if (this.#array < 0) {
        at = this.#passRest(chunk, at);
      } else {
        const start = at;
        at = this.#passItem(chunk, at);
        this.#hold(chunk.subarray(start, at));
        if (at === chunk.length) return;
        yield* this.#endItem(chunk[at] ?? COMMA);
        at += 1;
      }
    }
  }

  /** The text without the elements of the arrays: each is a zero. */
  end(): Uint8Array {
    return this.#rest.slice(0, this.#restBytes);
  }

  #hold(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#item.push(piece);
    this.#itemBytes += piece.length;
    if (this.#itemBytes > this.#limits.itemBytesMax) this.exceeded = 'itemBytesMax';
  }

  /** To the comma or bracket behind the element, or the end of the chunk. */
  #passItem(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#isInString) {
        at = this.#passItemString(chunk, at);
        continue;
      }
      const byte = chunk[at];
      if (byte === QUOTE) this.#isInString = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#depth += 1;
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        if (this.#depth === this.#arrayDepth) return at;
        this.#depth -= 1;
      } else if (byte === COMMA && this.#depth === this.#arrayDepth) return at;
      at += 1;
    }
    return at;
  }

  /** To behind the end of the string, or the end of the chunk. */
  #passItemString(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (chunk[at] === BACKSLASH) this.#isEscaped = true;
      else if (chunk[at] === QUOTE) {
        this.#isInString = false;
        return at + 1;
      }
    }
    return chunk.length;
  }

  *#endItem(end: number): Generator<JsonItem, void> {
    const [bytes, array] = [joinedBytes(this.#item), this.#array];
    this.#item = [];
    this.#itemBytes = 0;
    if (!isBlank(bytes)) {
      this.#keep(ZERO);
      yield { array, lists: this.#listsTo(array), bytes };
    }
    this.#keep(end);
    if (end === COMMA) return;
    this.#array = -1;
    this.#depth -= 1;
  }

  /** Takes one byte, or a run of those of a string. */
  #passRest(chunk: Uint8Array, from: number): number {
    const byte = chunk[from] ?? SPACE;
    this.#keep(byte);
    if (this.#isInString) this.#passString(byte);
    else if (byte === QUOTE) {
      this.#isInString = true;
      this.#string = [];
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#open(byte);
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.#depth -= 1;
    else if (byte === COLON) this.#key();
    else if (byte === COMMA && this.#depth <= this.#depthMax) this.#places[this.#depth - 1] = (this.#places[this.#depth - 1] ?? 0) + 1;
    return from + 1;
  }

  #passString(byte: number): void {
    if (!this.#isEscaped && byte === QUOTE) {
      this.#isInString = false;
      return;
    }
    this.#isEscaped = !this.#isEscaped && byte === BACKSLASH;
    if (this.#depth <= this.#depthMax) this.#string.push(byte);
  }

  #open(byte: number): void {
    if (byte === OPEN_LIST) this.#array = this.#paths.findIndex((path) => this.#isAt(path));
    this.#depth += 1;
    this.#arrayDepth = this.#depth;
    if (this.#depth > this.#depthMax) return;
    this.#keys[this.#depth - 1] = undefined;
    this.#places[this.#depth - 1] = 0;
  }

  #listsTo(array: number): number[] {
    return (this.#paths[array] ?? []).flatMap((key, level) => (key === null ? (this.#places[level] ?? 0) : []));
  }

  #isAt(path: ArrayPath): boolean {
    return this.#depth === path.length && path.every((key, level) => this.#keys[level] === (key ?? undefined));
  }

  #key(): void {
    if (this.#depth > 0 && this.#depth <= this.#depthMax) this.#keys[this.#depth - 1] = stringOf(this.#string);
  }

  #keep(byte: number): void {
    // One space for many: without any, two tokens could become one.
    const isSpacing = !this.#isInString && isSpace(byte);
    if (isSpacing && this.#rest[this.#restBytes - 1] === SPACE) return;
    if (this.#restBytes === this.#rest.length) {
      const grown = new Uint8Array(2 * this.#restBytes);
      grown.set(this.#rest);
      this.#rest = grown;
    }
    this.#rest[this.#restBytes] = isSpacing ? SPACE : byte;
    this.#restBytes += 1;
    if (this.#restBytes > this.#limits.restBytesMax) this.exceeded = 'restBytesMax';
  }
}

/** A string as JSON has it, without its quotes; undefined when it is none. */
function stringOf(bytes: readonly number[]): string | undefined {
  try {
    return JSON.parse(`"${new TextDecoder().decode(Uint8Array.from(bytes))}"`) as string;
  } catch {
    return undefined;
  }
}

const isSpace = (byte: number): boolean => byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;

const isBlank = (bytes: Uint8Array): boolean => bytes.every(isSpace);

import { joinedBytes, utf8 } from './bytes.ts';

/** What a form is made of, in the order in which it arrives. */
export type MultipartPiece =
  /** A part begins: its header lines, without the empty line that ends them. */
  | { readonly kind: 'part'; readonly head: Uint8Array }
  /** The next bytes of the part that began last. */
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** The part that began last is over. */
  | { readonly kind: 'partEnd' };

/** Why nothing more of a body can be read. */
export type MultipartFault = 'malformed' | 'headBytesMax';

const [TAB, NEWLINE, RETURN, SPACE, HYPHEN] = [0x09, 0x0a, 0x0d, 0x20, 0x2d];
const NOTHING = new Uint8Array(0);
/** Blanks that may follow a delimiter: RFC 2046 allows some, and none are usual. */
const PADDING_BYTES_MAX = 64;

/**
 * Cuts a body of `multipart/form-data` (RFC 7578), which arrives in pieces, into its parts. Of a part it holds the head, and of its content
 * only what may turn out to be the beginning of a delimiter.
 *
 * A line that begins with the delimiter and goes on otherwise is a fault: senders choose a boundary that their content does not contain.
 */
export class MultipartSplitter {
  readonly #delimiter: Uint8Array;
  readonly #headBytesMax: number;
  #state: 'preamble' | 'delimiter' | 'head' | 'content' | 'epilogue' = 'preamble';
  // A body begins as if a line had ended before it.
  #held: Uint8Array = Uint8Array.of(RETURN, NEWLINE);
  fault: MultipartFault | undefined;

  constructor(boundary: string, headBytesMax: number) {
    this.#delimiter = utf8(`\r\n--${boundary}`);
    this.#headBytesMax = headBytesMax;
  }

  /** Whether the closing delimiter was read. What comes behind it means nothing. */
  get isComplete(): boolean {
    return this.#state === 'epilogue';
  }

  *push(piece: Uint8Array): Generator<MultipartPiece, void> {
    let rest: Uint8Array | undefined = this.#held.length === 0 ? piece : joinedBytes([this.#held, piece]);
    this.#held = NOTHING;
    while (rest !== undefined && rest.length > 0 && this.fault === undefined && this.#state !== 'epilogue') {
      if (this.#state === 'delimiter') rest = this.#afterDelimiter(rest);
      else if (this.#state === 'head') rest = yield* this.#head(rest);
      else rest = yield* this.#content(rest);
    }
  }

  /** What is left behind the content, or undefined once all was used. */
  *#content(bytes: Uint8Array): Generator<MultipartPiece, Uint8Array | undefined> {
    const at = this.#find(bytes);
    const end = at === -1 ? bytes.length : at;
    const isPart = this.#state === 'content';
    if (isPart && end > 0) yield { kind: 'content', bytes: bytes.subarray(0, end) };
    if (at === -1) return undefined;
    if (bytes.length - at < this.#delimiter.length) {
      // A copy: the piece that it is of may be large.
      this.#held = bytes.slice(at);
      return undefined;
    }
    if (isPart) yield { kind: 'partEnd' };
    this.#state = 'delimiter';
    return bytes.subarray(at + this.#delimiter.length);
  }

  /** Behind a delimiter comes the end of its line, or two hyphens that end the body. */
  #afterDelimiter(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes[0] === HYPHEN) {
      if (bytes.length < 2) return this.#hold(bytes);
      if (bytes[1] !== HYPHEN) return this.#fails('malformed');
      this.#state = 'epilogue';
      return undefined;
    }
    let at = 0;
    while (bytes[at] === SPACE || bytes[at] === TAB) at += 1;
    if (at > PADDING_BYTES_MAX) return this.#fails('malformed');
    if (bytes.length < at + 2) return bytes[at] === undefined || bytes[at] === RETURN ? this.#hold(bytes) : this.#fails('malformed');
    if (bytes[at] !== RETURN || bytes[at + 1] !== NEWLINE) return this.#fails('malformed');
    this.#state = 'head';
    return bytes.subarray(at + 2);
  }

  *#head(bytes: Uint8Array): Generator<MultipartPiece, Uint8Array | undefined> {
    // A part without a header begins with the empty line.
    const isBare = bytes[0] === RETURN && bytes[1] === NEWLINE;
    const end = isBare ? 0 : endOfHead(bytes);
    if ((end === -1 ? bytes.length : end) > this.#headBytesMax) return this.#fails('headBytesMax');
    if (end === -1) return this.#hold(bytes);
    yield { kind: 'part', head: bytes.subarray(0, end) };
    this.#state = 'content';
    return bytes.subarray(end + (isBare ? 2 : 4));
  }

  /** Where the delimiter begins, whole or as far as the bytes go; -1: nowhere. */
  #find(bytes: Uint8Array): number {
    for (let at = bytes.indexOf(RETURN); at !== -1; at = bytes.indexOf(RETURN, at + 1)) if (this.#isAt(bytes, at)) return at;
    return -1;
  }

  #isAt(bytes: Uint8Array, at: number): boolean {
    const count = Math.min(this.#delimiter.length, bytes.length - at);
    for (let i = 1; i < count; i += 1) if (bytes[at + i] !== this.#delimiter[i]) return false;
    return true;
  }

  #hold(bytes: Uint8Array): undefined {
    this.#held = bytes.slice();
    return undefined;
  }

  #fails(fault: MultipartFault): undefined {
    this.fault = fault;
    return undefined;
  }
}

/** Where the empty line begins that ends the header lines; -1: not in these bytes. */
function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(RETURN); at !== -1; at = bytes.indexOf(RETURN, at + 1)) {
    if (bytes[at + 1] === NEWLINE && bytes[at + 2] === RETURN && bytes[at + 3] === NEWLINE) return at;
  }
  return -1;
}

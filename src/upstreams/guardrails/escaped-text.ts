import type { Span } from './find-pii.ts';

/** A place in a text with what it says there: where the text is JSON, its escapes are read. */
export interface SaidSpan extends Span {
  readonly said: string;
}

/** Undefined: it has no time to look. */
type Find = (text: string) => Promise<readonly Span[] | undefined>;

/**
 * What is found in a text as its readers understand it: `\u0040` in JSON is `@`, and the n of `\n` begins no word. In a text that may or may not have JSON in
 * it, such as what a tool has answered, what is found either way counts. In the order of the text; spans do not overlap. [U202]
 */
export async function spansIn(text: string, find: Find, isJson: boolean): Promise<SaidSpan[] | undefined> {
  const read = unescaped(text);
  const found = await find(read?.text ?? text);
  if (read === undefined || found === undefined) return found?.map((span) => ({ ...span, said: text.slice(span.start, span.end) }));
  const { text: said, starts } = read;
  const spans = found.map(({ start, end, kind }) => ({
    start: starts[start] ?? text.length,
    end: starts[end] ?? text.length,
    kind,
    said: said.slice(start, end),
  }));
  const others = isJson ? [] : await find(text);
  return others && withFree(spans, others, text);
}

/** Both are in the order of the text. */
function withFree(spans: readonly SaidSpan[], others: readonly Span[], text: string): SaidSpan[] {
  const all: SaidSpan[] = [];
  let at = 0;
  for (const other of others) {
    for (let span = spans[at]; span !== undefined && span.start < other.end; at += 1, span = spans[at]) all.push(span);
    if ((all.at(-1)?.end ?? 0) <= other.start) all.push({ ...other, said: text.slice(other.start, other.end) });
  }
  return [...all, ...spans.slice(at)];
}

const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
/** What the character behind a backslash stands for, by their codes (RFC 8259, section 7). */
const ESCAPED: ReadonlyMap<number, number> = new Map(
  Array.from('"\\/bfnrt', (char, at) => [char.charCodeAt(0), '"\\/\b\f\n\r\t'.charCodeAt(at)]),
);

/** A text with its escapes read, and where each of its characters, and its end, begins in what was written. Undefined: it has none. */
function unescaped(text: string): { readonly text: string; readonly starts: Uint32Array } | undefined {
  if (!text.includes('\\')) return undefined;
  const codes = new Uint16Array(text.length);
  const starts = new Uint32Array(text.length + 1);
  let length = 0;
  for (let at = 0; at < text.length; length += 1) {
    starts[length] = at;
    const escape = text.charCodeAt(at) === BACKSLASH ? escapeAt(text, at + 1) : undefined;
    codes[length] = escape?.code ?? text.charCodeAt(at);
    at += escape?.length ?? 1;
  }
  starts[length] = text.length;
  return { text: textOf(codes.subarray(0, length)), starts };
}

/** `at`: behind the backslash. */
function escapeAt(text: string, at: number): { readonly code: number; readonly length: number } | undefined {
  const first = text.charCodeAt(at);
  const code = ESCAPED.get(first);
  if (code !== undefined) return { code, length: 2 };
  const digits = first === LETTER_U ? text.slice(at + 1, at + 5) : '';
  return /^[0-9A-Fa-f]{4}$/.test(digits) ? { code: parseInt(digits, 16), length: 6 } : undefined;
}

/** Codes that are passed as arguments: a stack has room for no more than some ten thousand. */
const CODES_AT_ONCE = 8_192;

function textOf(codes: Uint16Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < codes.length; at += CODES_AT_ONCE) pieces.push(String.fromCharCode(...codes.subarray(at, at + CODES_AT_ONCE)));
  return pieces.join('');
}

/** A text as its readers understand it, however often JSON was written into JSON. */
export function readDeeply(text: string): string {
  let read = text;
  for (let depth = 0; depth < DEPTH_MAX; depth += 1) read = unescaped(read)?.text ?? read;
  return read;
}

/** A body is JSON, in which what tools are called with is JSON, in which a text may be. */
const DEPTH_MAX = 3;

/** Whether a place in a JSON text that comes piece by piece is inside of a string: what is written elsewhere has to be a string of its own. */
export class JsonCursor {
  /** Undefined: nothing has come that would say so. */
  #isJson: boolean | undefined;
  #isInString = false;
  #isEscaped = false;

  get isOutsideString(): boolean {
    return this.#isJson === true && !this.#isInString;
  }

  pass(text: string): void {
    const first = this.#isJson === undefined ? text.trimStart()[0] : undefined;
    if (first !== undefined) this.#isJson = '{["'.includes(first);
    if (this.#isJson !== true) return;
    for (const char of text) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (char === '"') this.#isInString = !this.#isInString;
      else if (char === '\\') this.#isEscaped = this.#isInString;
    }
  }
}

import { utf8Text } from '../../../contract/api/json-text.ts';

/** Where a value of a JSON text stands: from its first byte to behind its last. */
export interface JsonSpan {
  readonly from: number;
  readonly to: number;
}

/**
 * The members of an object, or the elements of a list, as spans, without parsing them; undefined between two of them that are far apart, so that a
 * caller can let others run. Ends with whether the text is well-formed as far as brackets, quotes and commas go: what lies in a span is checked when it
 * is parsed.
 */
export function* spansIn(bytes: Uint8Array, { from, to }: JsonSpan): Generator<JsonSpan | undefined, boolean> {
  const [open, close] = [bytes[from], bytes[to - 1]];
  if (!(open === OPEN_OBJECT && close === CLOSE_OBJECT) && !(open === OPEN_LIST && close === CLOSE_LIST)) return false;
  let start = skipSpace(bytes, from + 1);
  if (start === to - 1) return true;
  for (;;) {
    const entry: EntryScan = { at: start, depth: 0 };
    while (!scanEntry(bytes, entry, to - 1)) yield undefined;
    const end = entry.at;
    if (entry.depth !== 0 || end === start) return false;
    yield { from: start, to: end };
    if (end === to - 1) return true;
    start = skipSpace(bytes, end + 1);
  }
}

/** The members of an object by their names; undefined: it is malformed, or has a name twice. Yields as `spansIn` does. */
export function* membersIn(bytes: Uint8Array, span: JsonSpan): Generator<void, ReadonlyMap<string, JsonSpan> | undefined> {
  const members = new Map<string, JsonSpan>();
  const entries = spansIn(bytes, span);
  for (let entry = entries.next(); ; entry = entries.next()) {
    if (entry.done === true) return entry.value && bytes[span.from] === OPEN_OBJECT ? members : undefined;
    if (entry.value === undefined) {
      yield;
      continue;
    }
    const member = memberIn(bytes, entry.value);
    if (member === undefined || members.has(member.name)) return undefined;
    members.set(member.name, member.value);
  }
}

function memberIn(bytes: Uint8Array, { from, to }: JsonSpan): { readonly name: string; readonly value: JsonSpan } | undefined {
  const colon = bytes[from] === QUOTE ? skipSpace(bytes, stringEnd(bytes, from)) : to;
  if (colon >= to || bytes[colon] !== COLON) return undefined;
  const name = parsed(bytes, { from, to: colon });
  return typeof name === 'string' ? { name, value: { from: skipSpace(bytes, colon + 1), to: trimmed(bytes, to) } } : undefined;
}

/** The whole text, without the white space around it. */
export const rootSpan = (bytes: Uint8Array): JsonSpan => ({ from: skipSpace(bytes, 0), to: trimmed(bytes, bytes.length) });

/** The value in a span; undefined: it is no JSON in UTF-8. */
export const parsed = (bytes: Uint8Array, { from, to }: JsonSpan): unknown => parseText(utf8Text(bytes.subarray(from, to)));

export function parseText(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

const [QUOTE, ESCAPE, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

function trimmed(bytes: Uint8Array, to: number): number {
  let end = to;
  while (end > 0 && isSpace(bytes[end - 1])) end -= 1;
  return end;
}

/** Behind the quote that closes the string at `from`; behind all bytes where none does. */
function stringEnd(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === ESCAPE ? 2 : 1;
  return at + 1;
}

/** How far an entry has been read, and how many brackets are open there. */
interface EntryScan {
  at: number;
  depth: number;
}

const SCAN_BYTES = 512 * 1024;

/** Reads on to the comma behind an entry, or to `to`; false: not yet. A depth that is not 0 then says that brackets do not match. */
function scanEntry(bytes: Uint8Array, entry: EntryScan, to: number): boolean {
  let { at, depth } = entry;
  const pause = Math.min(to, at + SCAN_BYTES);
  while (at < pause) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = stringEnd(bytes, at);
      continue;
    }
    if (byte === COMMA && depth === 0) break;
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth += 1;
    else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && (depth -= 1) < 0) break;
    at += 1;
  }
  // A string without an end goes beyond all others.
  entry.at = Math.min(at, to);
  entry.depth = at > to ? -1 : depth;
  return at < pause || at >= to;
}

import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import type { Span } from './block.ts';

const { blockCharsMax } = DOCUMENT_LIMITS;

/**
 * Where the first part of a stretch ends: at its end if it has at most `blockCharsMax` units, else behind the last line end within them, else behind the last
 * space, and never within a character. [DC3]
 */
export function partEnd(text: string, begin: number, end: number): number {
  if (end - begin <= blockCharsMax) return end;
  const window = text.slice(begin, begin + blockCharsMax);
  const line = window.lastIndexOf('\n');
  if (line > 0) return begin + line + 1;
  const space = window.search(LAST_SPACE);
  if (space > 0) return begin + space + 1;
  return begin + blockCharsMax - (isHighHalf(text, begin + blockCharsMax - 1) ? 1 : 0);
}

/** A stretch in parts of at most `blockCharsMax` units, without white space at their ends. */
export function* partsOf(text: string, { begin, end }: Span): Generator<Span> {
  for (let at = begin; at < end;) {
    const next = partEnd(text, at, end);
    const part = trimmed(text, at, next);
    if (part.begin < part.end) yield part;
    at = next;
  }
}

/** A stretch without the white space at its ends; empty where it has nothing else. */
export function trimmed(text: string, from: number, to: number): Span {
  let [begin, end] = [from, to];
  while (begin < end && isSpace(text.charCodeAt(begin))) begin += 1;
  while (end > begin && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return { begin, end };
}

/** The last space of a text: whatever follows it has none. */
const LAST_SPACE = /[ \t](?=[^ \t]*$)/;

const isHighHalf = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xd800;

/** White space of JavaScript, and the byte order mark. */
const isSpace = (unit: number): boolean =>
  unit <= 0x20
    ? unit === 0x20 || (unit >= 0x09 && unit <= 0x0d)
    : unit >= 0xa0 &&
      (unit === 0xa0 ||
        unit === 0x1680 ||
        (unit >= 0x2000 && unit <= 0x200a) ||
        unit === 0x2028 ||
        unit === 0x2029 ||
        unit === 0x202f ||
        unit === 0x205f ||
        unit === 0x3000 ||
        unit === 0xfeff);

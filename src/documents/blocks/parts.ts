import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import type { Span } from './block.ts';

const { blockCharsMax } = DOCUMENT_LIMITS;

/**
 * Where the first part of a text ends: at its end if it has at most `blockCharsMax` units, else behind the last line end within them, else behind the last
 * space, and never within a character. [DC3]
 */
export function partEnd(text: string): number {
  if (text.length <= blockCharsMax) return text.length;
  const line = text.lastIndexOf('\n', blockCharsMax - 1);
  if (line > 0) return line + 1;
  const space = Math.max(text.lastIndexOf(' ', blockCharsMax - 1), text.lastIndexOf('\t', blockCharsMax - 1));
  if (space > 0) return space + 1;
  return blockCharsMax - (isHighHalf(text, blockCharsMax - 1) ? 1 : 0);
}

/** A text that begins at a place of a document, in parts of at most `blockCharsMax` units, without white space at their ends. */
export function* partsOf(text: string, at: number): Generator<Span> {
  for (let from = 0; from < text.length;) {
    const length = partEnd(text.slice(from, from + blockCharsMax + 1));
    const part = trimmed(text.slice(from, from + length), at + from);
    if (part.begin < part.end) yield part;
    from += length;
  }
}

/** Where a text that begins at a place of a document is, without the white space at its ends; empty where it has nothing else. */
export function trimmed(text: string, at: number): Span {
  const begin = at + text.length - text.trimStart().length;
  return { begin, end: Math.max(begin, at + text.trimEnd().length) };
}

/** The beginning of a text, never half of a character. */
export const beginningOf = (text: string, charsMax: number): string =>
  text.slice(0, charsMax - (text.length > charsMax && isHighHalf(text, charsMax - 1) ? 1 : 0));

const isHighHalf = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xd800;

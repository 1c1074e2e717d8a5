import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { Span } from './find-pii.ts';
import { findPii } from './find-pii.ts';

/** Characters that are searched between two turns of others. */
const WINDOW_CHARS = 4_096;
/** No personal data is as long: so much is seen before a window, where it may rule out what begins in it, and behind it. */
const OVERLAP_CHARS = 1_024;
/** What a character takes at most for each kind: where candidates overlap it is part of many. */
const UNITS_PER_CHAR = 4;

/** `findPii` window by window. Yields where others are due. */
export function* piiInWindows(text: string, kinds: Parameters<typeof findPii>[1], work: SteppedWork): Generator<undefined, Span[]> {
  const found: Span[] = [];
  for (let at = 0; at < text.length;) {
    const from = Math.max(0, at - OVERLAP_CHARS);
    const end = Math.min(text.length, at + WINDOW_CHARS);
    if (work.spend((end - at) * UNITS_PER_CHAR * kinds.length)) yield;
    let next = end;
    for (const { start, end: last, kind } of findPii(text.slice(from, end + OVERLAP_CHARS), kinds)) {
      if (from + last <= at || from + start >= end) continue;
      found.push({ start: Math.max(at, from + start), end: from + last, kind });
      next = Math.max(next, from + last);
    }
    at = next;
  }
  return found;
}

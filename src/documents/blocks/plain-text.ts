import type { Block } from './block.ts';
import type { PageReading } from './pages.ts';
import { partEnd, trimmed } from './parts.ts';

/** A blank line, and with it the end of a paragraph. White space within it cannot begin another match, so that long runs are read once. */
const PARAGRAPH_END = /\n[^\S\n]*\n/g;

/** Paragraphs are what blank lines divide. [DC5] */
export function* readPlainText({ text, span, page, headings }: PageReading, blocks: Block[]): Generator<undefined, void> {
  for (let at = span.begin; at < span.end;) {
    const limit = partEnd(text, at, span.end);
    let from = at;
    for (const { index, 0: gap } of text.slice(at, limit).matchAll(PARAGRAPH_END)) {
      add(from, at + index);
      from = at + index + gap.length;
    }
    // What is behind the last blank line is read anew with what follows it; a paragraph that fills a step is divided.
    const isUnended = limit < span.end && from > at;
    if (!isUnended) add(from, limit);
    at = isUnended ? from : limit;
    yield;
  }

  function add(from: number, to: number): void {
    const { begin, end } = trimmed(text, from, to);
    if (begin < end) blocks.push({ kind: 'paragraph', begin, end, headings, page, header: null, line: null });
  }
}

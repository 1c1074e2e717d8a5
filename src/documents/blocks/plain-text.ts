import type { Block } from './block.ts';
import type { Piece } from './pages.ts';
import { trimmed } from './parts.ts';

/** A blank line, and with it the end of a paragraph. White space within it cannot begin another match, so that long runs are read once. */
const PARAGRAPH_END = /\n[^\S\n]*\n/g;

/** Paragraphs are what blank lines divide. What is behind the last of them is read with what follows; a paragraph that fills a piece is divided. [DC5] */
export function readPlainText({ text, at, page, isLast }: Piece, blocks: Block[]): number {
  let from = 0;
  for (const { index, 0: gap } of text.matchAll(PARAGRAPH_END)) {
    add(index);
    from = index + gap.length;
  }
  if (!isLast && from > 0) return from;
  add(text.length);
  return text.length;

  function add(to: number): void {
    const { begin, end } = trimmed(text.slice(from, to), at + from);
    if (begin < end) blocks.push({ kind: 'paragraph', begin, end, headings: [], page, header: null, line: null });
  }
}

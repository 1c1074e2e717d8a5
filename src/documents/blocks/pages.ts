import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import type { Block } from './block.ts';
import { partEnd } from './parts.ts';
import type { Paused, TextWindow } from './text-window.ts';

/** A stretch of one page, as long as a step reads: it ends at a line end, or else a space, if that was possible. */
export interface Piece {
  readonly text: string;
  /** Where it begins in the document. */
  readonly at: number;
  /** From 1. */
  readonly page: number;
  /** Nothing of its page is behind it. */
  readonly isLast: boolean;
}

/** Takes blocks out of a piece. Returns how much of it was read, and that is more than nothing; the rest is given again, with what follows it. */
export type ReadPiece = (piece: Piece, blocks: Block[]) => number;

/** A form feed, which programs that take the text out of pages put between them. */
const PAGE_BREAK = '\f';

const BYTE_ORDER_MARK = '\uFEFF';

const { blockCharsMax } = DOCUMENT_LIMITS;

/** Reads a text in pieces of `blockCharsMax` units, none of which is on two pages. Pieces depend on the text alone, not on how it comes. [DC1] [DC4] */
export function* readPages(source: TextWindow, blocks: Block[], readPiece: ReadPiece): Paused {
  yield* source.fill(1);
  let at = source.slice({ begin: 0, end: 1 }) === BYTE_ORDER_MARK ? 1 : 0;
  for (let page = 1; ;) {
    // One unit more tells whether a piece is the last.
    yield* source.fill(at + blockCharsMax + 1);
    const ahead = source.slice({ begin: at, end: at + blockCharsMax + 1 });
    if (ahead === '') return;
    const pageEnd = ahead.indexOf(PAGE_BREAK);
    const text = ahead.slice(0, partEnd(pageEnd < 0 ? ahead : ahead.slice(0, pageEnd)));
    const isLast = text.length === pageEnd || source.isEnd(at + text.length);
    if (text !== '') at += readPiece({ text, at, page, isLast }, blocks);
    if (source.slice({ begin: at, end: at + 1 }) === PAGE_BREAK) [at, page] = [at + 1, page + 1];
    source.pass(at);
    yield 'turn';
  }
}

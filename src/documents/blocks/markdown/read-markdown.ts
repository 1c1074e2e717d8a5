import type { SyntaxNode } from '@lezer/common';

import type { Block, HeaderRows, Heading } from '../block.ts';
import type { Piece, ReadPiece } from '../pages.ts';
import { trimmed } from '../parts.ts';
import { childrenOf, isList, parseBlocks } from './block-parser.ts';
import { headerOf, NodeBlocks } from './node-blocks.ts';

/** A block that fills its piece and goes on behind it. */
type LongBlock = { readonly kind: 'code'; readonly fence: string } | { readonly kind: 'table'; readonly header: HeaderRows | null };

/**
 * Markdown is parsed piece by piece. The last block of a piece may go on behind it, and is read again with what follows it; a list goes on with its last item.
 * A block that fills a piece alone is divided: code goes on to its fence, a table to the next blank line, and of anything else the rest is parsed anew. [DC9]
 */
export function markdownReader(): ReadPiece {
  let headings: readonly Heading[] = [];
  let long: LongBlock | undefined;

  return (piece, blocks) => {
    const read = long === undefined ? readPiece(piece, blocks) : readOn(piece, blocks, long);
    if (piece.isLast && read === piece.text.length) long = undefined;
    return read;
  };

  function readPiece(piece: Piece, blocks: Block[]): number {
    const { text, isLast } = piece;
    const nodes = new NodeBlocks(piece, headings, blocks);
    const units = unitsOf(parseBlocks(text));
    const last = units.at(-1);
    const isAgain = !isLast && units.length > 1;
    for (const unit of isAgain ? units.slice(0, -1) : units) nodes.add(unit);
    ({ headings } = nodes);
    if (last === undefined || isLast) return text.length;
    if (isAgain) return lineStart(text, last.from);
    long = longBlock(last, piece);
    return text.length;
  }

  function readOn({ text, at, page }: Piece, blocks: Block[], block: LongBlock): number {
    const end = endOf(text, block);
    const { begin, end: to } = trimmed(text.slice(0, end ?? text.length), at);
    const header = block.kind === 'table' ? block.header : null;
    if (begin < to) blocks.push({ kind: block.kind, begin, end: to, headings, page, header, line: null });
    if (end !== undefined) long = undefined;
    return end ?? text.length;
  }
}

/** Blocks outside of all others, and the items of lists. */
const unitsOf = (top: SyntaxNode): SyntaxNode[] => childrenOf(top).flatMap((node) => (isList(node) ? childrenOf(node) : [node]));

/** Where the line begins that has a place: its indentation belongs to the block. */
function lineStart(text: string, place: number): number {
  let start = place;
  while (start > 0 && /[ \t]/.test(text.charAt(start - 1))) start -= 1;
  return start > 0 && text.charAt(start - 1) !== '\n' ? place : start;
}

/** What a block is that goes on behind its piece; undefined: it has ended, or the rest of it is parsed anew. */
function longBlock(node: SyntaxNode, piece: Piece): LongBlock | undefined {
  const { text } = piece;
  const fence =
    node.name === 'FencedCode' && node.getChildren('CodeMark').length === 1 ? FENCE.exec(text.slice(node.from))?.[0] : undefined;
  if (fence !== undefined) return { kind: 'code', fence };
  const isOpen = node.name === 'Table' && !BLANK_LINE.test(text.slice(node.to));
  return isOpen ? { kind: 'table', header: headerOf(node, piece) } : undefined;
}

const FENCE = /^(?:`{3,}|~{3,})/;
const BLANK_LINE = /\n[ \t]*\r?\n/;

/** Behind the line with the closing fence, or before a blank line; undefined: not in this text. */
function endOf(text: string, block: LongBlock): number | undefined {
  const { kind } = block;
  const pattern = kind === 'code' ? `^ {0,3}${block.fence}${block.fence.charAt(0)}*[ \\t]*\\r?$` : '^[ \\t]*\\r?$';
  const found = new RegExp(pattern, 'm').exec(text);
  // At the end of a piece an empty line is only what follows the last line end.
  if (found === null || (kind === 'table' && found.index === text.length)) return undefined;
  return kind === 'code' ? found.index + found[0].length : found.index;
}

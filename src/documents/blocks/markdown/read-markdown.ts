import type { SyntaxNode } from '@lezer/common';

import type { Block } from '../block.ts';
import type { PageReading } from '../pages.ts';
import { partEnd, partsOf } from '../parts.ts';
import { childrenOf, isList, parseBlocks } from './block-parser.ts';
import { headerOf, NodeBlocks } from './node-blocks.ts';

/**
 * Markdown is parsed in pieces of `blockCharsMax` units. The last block of a piece may go on behind it, and begins the next piece; a list goes on with its last
 * item. A block that fills a piece alone is divided: code goes on to its fence, a table to the next blank line, and of anything else the rest is parsed anew. [DC9]
 */
export function* readMarkdown(reading: PageReading, blocks: Block[]): Generator<undefined, void> {
  const { text, span } = reading;
  for (let at = span.begin; at < span.end;) {
    const to = partEnd(text, at, span.end);
    const nodes = new NodeBlocks(reading, at, blocks);
    const units = unitsOf(parseBlocks(text.slice(at, to)));
    const last = units.at(-1);
    if (to === span.end || last === undefined) {
      for (const unit of units) nodes.add(unit);
      at = to;
    } else if (units.length > 1) {
      for (const unit of units.slice(0, -1)) nodes.add(unit);
      at += lineStart(text, at, last.from);
    } else {
      at = yield* readLong(reading, blocks, { node: last, at, to });
    }
    yield;
  }
}

/** Blocks outside of all others, and the items of lists. */
const unitsOf = (top: SyntaxNode): SyntaxNode[] => childrenOf(top).flatMap((node) => (isList(node) ? childrenOf(node) : [node]));

/** Where the line begins that has a place of the piece at `at`, counted from there: its indentation belongs to the block. */
function lineStart(text: string, at: number, offset: number): number {
  let start = offset;
  while (start > 0 && /[ \t]/.test(text.charAt(at + start - 1))) start -= 1;
  return start > 0 && text.charAt(at + start - 1) !== '\n' ? offset : start;
}

interface Long {
  readonly node: SyntaxNode;
  /** Where the piece is that it fills. */
  readonly at: number;
  readonly to: number;
}

/** A block that may be longer than a piece; returns where it ends, or where the rest of it is to be parsed anew. */
function* readLong(reading: PageReading, blocks: Block[], { node, at, to }: Long): Generator<undefined, number> {
  const { text, span, page, headings } = reading;
  const begin = at + node.from;
  const fence = node.name === 'FencedCode' ? /^(?:`{3,}|~{3,})/.exec(text.slice(begin, to))?.[0] : undefined;
  const isTable = node.name === 'Table';
  if (fence === undefined && !isTable) {
    new NodeBlocks(reading, at, blocks).add(node);
    return to;
  }
  const end = Math.min(span.end, endFrom(text, to, fence));
  const header = isTable ? headerOf(node, at) : null;
  for (const part of partsOf(text, { begin, end })) {
    blocks.push({ ...part, kind: isTable ? 'table' : 'code', headings, page, header, line: null });
    yield;
  }
  return end;
}

/** The end of the line with the closing fence, or of the last line before a blank one. */
function endFrom(text: string, from: number, fence: string | undefined): number {
  const pattern = new RegExp(fence === undefined ? '^[ \\t]*\\r?$' : `^ {0,3}${fence}${fence.charAt(0)}*[ \\t]*\\r?$`, 'gm');
  pattern.lastIndex = from;
  const found = pattern.exec(text);
  return found === null ? text.length : found.index + (fence === undefined ? 0 : found[0].length);
}

import type { SyntaxNode } from '@lezer/common';
import { parser, Table } from '@lezer/markdown';

import { DOCUMENT_LIMITS } from '../../../contract/documents/document-limits.ts';

/**
 * CommonMark's blocks and GFM's tables. What is within a line is not parsed: chunks are cut out of the text as it is, and inline syntax is what hostile texts
 * make slow.
 */
const BLOCKS = parser.configure([
  Table,
  {
    remove: ['Escape', 'Entity', 'InlineCode', 'HTMLTag', 'Emphasis', 'HardBreak', 'Link', 'Image', 'LinkEnd', 'LinkReference'],
  },
]);

/** More marks of quotes and list items at the beginning of a line than people write: each is a level to the parser, which takes seconds for thousands. */
const DEEP_LINE = new RegExp(
  String.raw`^(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))){${DOCUMENT_LIMITS.markdownMarksMaxCount + 1},}`,
  'gm',
);

/** The row below the names of columns with white space at its end, by which the parser does not know it. */
const SPACED_ROW = /^([-:|> \t]*-:?[ \t]*)\|([ \t]+)$/gm;

/** The blocks of a piece of Markdown, of `blockCharsMax` units at most; a line that nests deeper than `markdownMarksMaxCount` is plain text. [DC8] */
export function parseBlocks(piece: string): SyntaxNode {
  // Offsets stay what they are; to the parser a carriage return would be a cell.
  const readable = piece
    .replaceAll('\r\n', ' \n')
    .replaceAll(DEEP_LINE, (marks) => 'x'.repeat(marks.length))
    .replaceAll(SPACED_ROW, (_, row: string, space: string) => `${row}${' '.repeat(space.length)}|`);
  return BLOCKS.parse(readable).topNode;
}

/** The blocks within one. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

export const isList = ({ name }: SyntaxNode): boolean => name === 'BulletList' || name === 'OrderedList';

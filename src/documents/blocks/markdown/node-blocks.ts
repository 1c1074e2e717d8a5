import type { SyntaxNode } from '@lezer/common';

import { DOCUMENT_LIMITS } from '../../../contract/documents/document-limits.ts';
import type { Block, BlockKind, HeaderRows, Heading, Span } from '../block.ts';
import { headerRows } from '../header-rows.ts';
import type { Piece } from '../pages.ts';
import { beginningOf, trimmed } from '../parts.ts';
import { childrenOf, isList } from './block-parser.ts';

/** Nodes of a piece as blocks, and the path of headings that they leave open. */
export class NodeBlocks {
  readonly #piece: Piece;
  readonly #blocks: Block[];
  #headings: readonly Heading[];

  constructor(piece: Piece, headings: readonly Heading[], blocks: Block[]) {
    this.#piece = piece;
    this.#headings = headings;
    this.#blocks = blocks;
  }

  get headings(): readonly Heading[] {
    return this.#headings;
  }

  add(node: SyntaxNode): void {
    if (node.name === 'ListItem') this.#addItem(node);
    else if (isList(node)) for (const item of childrenOf(node)) this.#addItem(item);
    else if (/^(?:ATX|Setext)Heading/.test(node.name)) this.#addHeading(node);
    else {
      const kind = KINDS[node.name];
      if (kind !== undefined) this.#push(kind, this.#spanOf(node), kind === 'table' ? headerOf(node, this.#piece) : null);
    }
  }

  #spanOf({ from, to }: SyntaxNode): Span {
    return { begin: this.#piece.at + from, end: this.#piece.at + to };
  }

  #push(kind: BlockKind, span: Span, header: HeaderRows | null = null): void {
    const { text, at, page } = this.#piece;
    const { begin, end } = trimmed(text.slice(span.begin - at, span.end - at), span.begin);
    if (begin < end) this.#blocks.push({ kind, begin, end, headings: this.#headings, page, header, line: null });
  }

  #addHeading(node: SyntaxNode): void {
    const level = Number(node.name.at(-1));
    const outer = this.#headings.filter((heading) => heading.level < level);
    this.#headings = [...outer, { ...this.#spanOf(node), level, title: this.#titleOf(node) }];
    this.#push('heading', this.#spanOf(node));
  }

  /** What is between the marks of a heading, or above its underline, on one line. */
  #titleOf(node: SyntaxNode): string {
    const marks = node.getChildren('HeaderMark');
    const opening = marks.find(({ from }) => from === node.from);
    const closing = marks.find((mark) => mark !== opening);
    const title = this.#piece.text.slice(opening?.to ?? node.from, closing?.from ?? node.to);
    return beginningOf(title.trim().replaceAll(/\s+/g, ' '), DOCUMENT_LIMITS.headingCharsMax);
  }

  /** Its own text with its mark is one block; lists, code and tables within it are others. */
  #addItem(item: SyntaxNode): void {
    let own: Span | undefined;
    const flush = (): void => {
      if (own !== undefined) this.#push('list_item', own);
      own = undefined;
    };
    for (const child of childrenOf(item)) {
      const isOwn = !isList(child) && KINDS[child.name] !== 'code' && KINDS[child.name] !== 'table';
      if (isOwn) own = { begin: own?.begin ?? this.#spanOf(child).begin, end: this.#spanOf(child).end };
      else {
        flush();
        this.add(child);
      }
    }
    flush();
  }
}

const KINDS: Readonly<Record<string, BlockKind>> = {
  Paragraph: 'paragraph',
  HTMLBlock: 'paragraph',
  CommentBlock: 'paragraph',
  ProcessingInstructionBlock: 'paragraph',
  Blockquote: 'quote',
  FencedCode: 'code',
  CodeBlock: 'code',
  Table: 'table',
};

/** The rows that name the columns: the first, and the one with dashes below it. */
export function headerOf(table: SyntaxNode, { text, at }: Piece): HeaderRows | null {
  return headerRows(text, { begin: table.from, end: (table.getChild('TableDelimiter') ?? table).to }, at);
}

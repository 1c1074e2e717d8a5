import type { SyntaxNode } from '@lezer/common';

import { DOCUMENT_LIMITS } from '../../../contract/documents/document-limits.ts';
import type { Block, BlockKind, Heading, Span } from '../block.ts';
import type { PageReading } from '../pages.ts';
import { childrenOf, isList } from './block-parser.ts';

/** Nodes of the parser as blocks, and the path of headings that they leave open. */
export class NodeBlocks {
  readonly #reading: PageReading;
  readonly #at: number;
  readonly #blocks: Block[];

  /** Offsets of nodes count from `at`. */
  constructor(reading: PageReading, at: number, blocks: Block[]) {
    this.#reading = reading;
    this.#at = at;
    this.#blocks = blocks;
  }

  add(node: SyntaxNode): void {
    if (node.name === 'ListItem') this.#addItem(node);
    else if (isList(node)) for (const item of childrenOf(node)) this.#addItem(item);
    else if (/^(?:ATX|Setext)Heading/.test(node.name)) this.#addHeading(node);
    else {
      const kind = KINDS[node.name];
      if (kind !== undefined) this.#push(kind, this.#spanOf(node), node);
    }
  }

  #spanOf({ from, to }: SyntaxNode): Span {
    return { begin: this.#at + from, end: this.#at + to };
  }

  #push(kind: BlockKind, span: Span, node?: SyntaxNode): void {
    const { headings, page } = this.#reading;
    const header = kind === 'table' && node !== undefined ? headerOf(node, this.#at) : null;
    this.#blocks.push({ ...span, kind, headings, page, header, line: null });
  }

  #addHeading(node: SyntaxNode): void {
    const level = Number(node.name.at(-1));
    const outer = this.#reading.headings.filter((heading) => heading.level < level);
    this.#reading.headings = [...outer, { ...this.#spanOf(node), level, title: this.#titleOf(node) } satisfies Heading];
    this.#push('heading', this.#spanOf(node));
  }

  /** What is between the marks of a heading, or above its underline, on one line. */
  #titleOf(node: SyntaxNode): string {
    const marks = node.getChildren('HeaderMark');
    const opening = marks.find(({ from }) => from === node.from);
    const closing = marks.find((mark) => mark !== opening);
    const title = this.#reading.text.slice(this.#at + (opening?.to ?? node.from), this.#at + (closing?.from ?? node.to));
    const short = title.trim().replaceAll(/\s+/g, ' ').slice(0, DOCUMENT_LIMITS.headingCharsMax);
    return /[\uD800-\uDBFF]$/.test(short) ? short.slice(0, -1) : short;
  }

  /** Its own text with its mark is one block; lists, code and tables within it are others. */
  #addItem(item: SyntaxNode): void {
    let begin: number | undefined;
    let end = 0;
    const flush = (): void => {
      if (begin !== undefined) this.#push('list_item', { begin, end });
      begin = undefined;
    };
    for (const child of childrenOf(item)) {
      const isOwn = !isList(child) && KINDS[child.name] !== 'code' && KINDS[child.name] !== 'table';
      if (isOwn) {
        begin ??= this.#at + child.from;
        end = this.#at + child.to;
      } else {
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
export function headerOf(table: SyntaxNode, at: number): Span {
  return { begin: at + table.from, end: at + (table.getChild('TableDelimiter') ?? table).to };
}

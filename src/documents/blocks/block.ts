/** A stretch of a document's text, in UTF-16 units. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** A heading that a block is under. */
export interface Heading extends Span {
  /** From 1, the outermost, to 6. */
  readonly level: number;
  /** Its words without the marks of its syntax, cut at `headingCharsMax`. */
  readonly title: string;
}

/** Rows that name columns. */
export interface HeaderRows extends Span {
  /** The document's between `begin` and `end`. */
  readonly text: string;
}

export type BlockKind = 'heading' | 'paragraph' | 'list_item' | 'quote' | 'code' | 'table' | 'record';

/** A part of a document that stands for itself, `blockCharsMax` units at most. Its text is the document's between `begin` and `end`. */
export interface Block extends Span {
  readonly kind: BlockKind;
  /** Outermost first; a heading's own path ends with itself. Blocks of one section share the array. */
  readonly headings: readonly Heading[];
  /** From 1; null in formats without pages. */
  readonly page: number | null;
  /** The rows that name the columns of a table or of records; the block itself may begin with them. Blocks of one table share them. */
  readonly header: HeaderRows | null;
  /** Of a record: the line of the source that it begins on, from 1. */
  readonly line: number | null;
}

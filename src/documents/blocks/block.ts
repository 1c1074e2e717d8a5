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

export type BlockKind = 'heading' | 'paragraph' | 'list_item' | 'quote' | 'code' | 'table' | 'record';

/** Where a block belongs, whatever its kind. */
export interface BlockPlace {
  /** Outermost first; a heading's own path ends with itself. Blocks of one section share the array. */
  readonly headings: readonly Heading[];
  /** From 1; null in a text without page breaks. */
  readonly page: number | null;
}

/** A part of a document that stands for itself. Its text is the document's between `begin` and `end`. */
export interface Block extends Span, BlockPlace {
  readonly kind: BlockKind;
  /** The rows that name the columns of a table or of records; the block itself may begin with them. */
  readonly header: Span | null;
  /** Of a record: the line of the source that it begins on, from 1. */
  readonly line: number | null;
}

/** What was read: the text that all offsets count in, and its blocks in its order, apart from each other. */
export interface ReadDocument {
  readonly text: string;
  readonly blocks: readonly Block[];
}

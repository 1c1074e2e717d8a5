import type { Span } from '../blocks/block.ts';
import type { Chunk } from '../chunks/chunk.ts';

/** What is kept of a chunk for readers. */
export interface StoredChunk extends Pick<
  Chunk,
  'position' | 'begin' | 'end' | 'text' | 'headings' | 'section' | 'page' | 'line' | 'tokens'
> {
  readonly document: string;
}

/** A chunk that a search found. */
export interface FoundChunk extends StoredChunk {
  /** Finite, and larger for better ones: of one search, which compares them all alike. */
  readonly score: number;
}

/** Where something stands: offsets count in the document's text. */
export interface Citation extends Span {
  readonly document: string;
  readonly page: number | null;
  readonly line: number | null;
  readonly headings: readonly string[];
}

/** A citation of a part of a passage. */
export interface PassagePart extends Citation {
  /** Where the part begins in the passage's text: from there on it is the document's, unit for unit. */
  readonly at: number;
}

/** What a reader is given: neighbouring chunks of one document as one text. */
export interface Passage extends Span {
  /** By which an answer cites it, as `[1]`; from 1, the best first. */
  readonly number: number;
  readonly document: string;
  readonly text: string;
  /** Of its chunks together. */
  readonly tokens: number;
  /** Of its best chunk. */
  readonly score: number;
  /** In the text's order, one a chunk. */
  readonly parts: readonly PassagePart[];
}

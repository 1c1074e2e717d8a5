import type { Span } from '../blocks/block.ts';

/**
 * How many tokens a model's tokenizer makes of a text, without those that it puts around every text. Of two texts behind each other it makes at most as many
 * as of both by themselves, as tokenizers do that divide at white space: every text is counted once or twice, and sums stand for what is put together.
 */
export type TokenCounter = (text: string) => number;

export interface ChunkSettings {
  /** Of a chunk with its context, from `DOCUMENT_LIMITS.chunkTokensMin` to `chunkTokensMax`. */
  readonly chunkTokensMax: number;
  /** At most so many tokens before a chunk are part of it, too: a quarter of `chunkTokensMax` at most. */
  readonly overlapTokens: number;
  /** Whether titles of headings and names of columns that a chunk is under stand before its text where it is embedded. */
  readonly hasContext: boolean;
}

/**
 * Chosen with Chroma's 472 questions (`bench -- chunking`), as it is without four of their five collections, one at a time (without the fifth, 96): smaller chunks say
 * too little to be found by, larger ones fill a reader's budget with what was not asked for; overlap has a text found twice.
 */
export const DEFAULT_CHUNK_SETTINGS: ChunkSettings = { chunkTokensMax: 128, overlapTokens: 0, hasContext: true };

/** A part of a document that is found by itself. */
export interface Chunk extends Span {
  /** Of the document's content: the same wherever and whenever the same content is the same occurrence in it. 32 hex digits. */
  readonly id: string;
  /** SHA-256 of what is embedded, in hex: chunks that share it share their embedding. */
  readonly contentHash: string;
  /** In the document, from 0. */
  readonly position: number;
  /** The document's text between `begin` and `end`. */
  readonly text: string;
  /** What stands before the text where it is embedded, with its line end; empty: nothing. */
  readonly context: string;
  /** The titles that its content is under, outermost first. */
  readonly headings: readonly string[];
  /** Where the heading of the innermost section begins that has all of it; 0 where no heading has all of it below. */
  readonly section: number;
  /** Where it begins: its page, null in formats without pages, and of records the line of the source, each from 1. */
  readonly page: number | null;
  readonly line: number | null;
  /** Of context and text: their tokenizer's count at most. */
  readonly tokens: number;
}

/** What is embedded of a chunk. */
export const embeddedText = ({ context, text }: Pick<Chunk, 'context' | 'text'>): string => context + text;

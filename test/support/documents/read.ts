import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Block } from '../../../src/documents/blocks/block.ts';
import type { SourceFormat } from '../../../src/documents/blocks/block-reader.ts';
import { BlockReader } from '../../../src/documents/blocks/block-reader.ts';
import type { Chunk, ChunkSettings, TokenCounter } from '../../../src/documents/chunks/chunk.ts';
import { DEFAULT_CHUNK_SETTINGS } from '../../../src/documents/chunks/chunk.ts';
import { DocumentChunker } from '../../../src/documents/chunks/document-chunker.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { ok } from '../../../src/kernel/result.ts';

/** What takes a document in slices, and gives what is certain of it. */
interface Slices<T> {
  push(slice: string): Generator<undefined, Outcome<T[]>>;
  end(): Generator<undefined, Outcome<T[]>>;
}

/** How one step of a generator is made, so that it can be timed. */
export type Stepping = <T>(step: () => IteratorResult<undefined, T>) => IteratorResult<undefined, T>;

const plainly: Stepping = (step) => step();

/** What comes of each slice of a document, of so many units, and of its end. */
export function* slicesOf<T>(taker: Slices<T>, source: string, { chars = 65_536, stepping = plainly } = {}): Generator<Outcome<T[]>, void> {
  for (let at = 0; at < source.length; at += chars) yield drained(taker.push(source.slice(at, at + chars)), stepping);
  yield drained(taker.end(), stepping);
}

/** What comes of a whole document, or the first refusal. */
export function inSlices<T>(taker: Slices<T>, source: string, options: { chars?: number; stepping?: Stepping } = {}): Outcome<T[]> {
  const all: T[] = [];
  for (const made of slicesOf(taker, source, options)) {
    if (!made.ok) return made;
    for (const one of made.value) all.push(one);
  }
  return ok(all);
}

function drained<T>(steps: Generator<undefined, T>, stepping: Stepping): T {
  for (let step = stepping(() => steps.next()); ; step = stepping(() => steps.next())) if (step.done === true) return step.value;
}

/** Words and marks, as many tokenizers count: of two texts behind each other at most as many as of both. */
export const countWords: TokenCounter = (text) => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0;

export const blocksOf = (source: string, format: SourceFormat = { kind: 'markdown' }, chars?: number): Block[] =>
  accepted(inSlices(new BlockReader(format), source, chars === undefined ? {} : { chars }));

interface Chunking {
  readonly format?: SourceFormat;
  readonly settings?: Partial<ChunkSettings>;
  readonly count?: TokenCounter;
  readonly id?: string;
  readonly chars?: number;
}

export function chunked(source: string, chunking: Chunking = {}): Chunk[] {
  const { format = { kind: 'markdown' }, settings = {}, count = countWords, id = 'doc', chars } = chunking;
  const chunker = new DocumentChunker({ id, format }, { ...DEFAULT_CHUNK_SETTINGS, ...settings }, count);
  return accepted(inSlices(chunker, source, chars === undefined ? {} : { chars }));
}

function accepted<T>(outcome: Outcome<T>): T {
  assert(outcome.ok, outcome.ok ? '' : outcome.error.message);
  return outcome.value;
}

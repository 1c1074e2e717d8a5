import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { ReadDocument } from '../../../src/documents/blocks/block.ts';
import type { SourceFormat } from '../../../src/documents/blocks/read-document.ts';
import { readDocument } from '../../../src/documents/blocks/read-document.ts';
import type { Chunk, ChunkSettings, TokenCounter } from '../../../src/documents/chunks/chunk.ts';
import { chunkDocument } from '../../../src/documents/chunks/chunk-document.ts';
import { assert } from '../../../src/kernel/assert.ts';

/** What steps come to, without turns for others. */
export function drained<T>(steps: Generator<undefined, T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

export const read = (source: string, format: SourceFormat = { kind: 'markdown' }): ReadDocument =>
  accepted(drained(readDocument(source, format)));

export const chunked = (document: ReadDocument, settings: ChunkSettings, count: TokenCounter, id = 'doc'): Chunk[] =>
  accepted(drained(chunkDocument({ ...document, id }, settings, count)));

function accepted<T>(outcome: Outcome<T>): T {
  assert(outcome.ok, outcome.ok ? '' : outcome.error.message);
  return outcome.value;
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { csvDialect, CsvReader } from '../../../src/kernel/csv-records.ts';
import { assert, must } from '../../../src/kernel/assert.ts';
import type { Span } from '../../../src/documents/blocks/block.ts';

/** A question, and the excerpts of a corpus that answer it. */
export interface ChunkingQuestion {
  readonly text: string;
  readonly corpus: string;
  readonly excerpts: readonly Span[];
}

export interface ChunkingData {
  readonly corpora: ReadonlyMap<string, string>;
  readonly questions: readonly ChunkingQuestion[];
}

/** Chroma's questions with the exact excerpts that answer them (Smith and Troynikov 2024, "Evaluating Chunking Strategies for Retrieval"). */
export function readChunkingData(data: string): ChunkingData | undefined {
  const folder = join(data, 'chunking');
  if (!existsSync(join(folder, 'questions_df.csv'))) return undefined;
  const rows = rowsOf(readFileSync(join(folder, 'questions_df.csv'), 'utf8'));
  const corpora = new Map(
    [...new Set(rows.map(({ corpus }) => corpus))].map((name) => [name, readFileSync(join(folder, `${name}.md`), 'utf8')]),
  );
  return { corpora, questions: rows };
}

function rowsOf(csv: string): ChunkingQuestion[] {
  const reader = new CsvReader(csv, csvDialect(csv));
  const rows: ChunkingQuestion[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    assert(next.ok, 'the questions are well formed');
    const { line, fields } = next.value;
    if (line === 1) continue;
    const references = JSON.parse(must(fields[1], 'excerpts')) as { start_index: number; end_index: number }[];
    const excerpts = references.map(({ start_index: begin, end_index: end }) => ({ begin, end }));
    rows.push({ text: must(fields[0], 'a question'), corpus: must(fields[2], 'a corpus'), excerpts });
  }
  return rows;
}

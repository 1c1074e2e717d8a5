import { expect, it } from 'vitest';

import { POSTING_LIMITS } from '../../../../src/contract/indexes/posting-limits.ts';
import { RememberingStorage } from '../../../../src/kernel/sql/remembering-storage.ts';
import { ByteWriter } from '../../../../src/text/postings/byte-writer.ts';
import { GatheredPostings } from '../../../../src/text/postings/flush.ts';
import { PIECE_POSTINGS } from '../../../../src/text/postings/posting-blocks.ts';
import { POSTING_TABLES } from '../../../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../../../src/text/postings/sparse-engine.ts';
import { encodePostings, StoredPostings } from '../../../../src/text/postings/stored-postings.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

it.each([true, false])('[TX49] a list that all rows of a large segment have is read and written in pieces (text: %s)', (isText) => {
  const count = POSTING_LIMITS.segmentRowsMaxCount;
  const ordinals = Uint32Array.from({ length: count }, (_, i) => i);
  const columns = { ordinals, values: new Float64Array(count).fill(2), count, isText, lengths: new Uint32Array(count).fill(3) };
  const writer = new ByteWriter();
  const written = [...encodePostings(writer, columns)];
  const gathered = new GatheredPostings(count);
  const read = [...gathered.add(new StoredPostings(new Uint8Array([...writer.written, 0, 0, 0, 0]), count, isText), ordinals)];
  for (const pieces of [written, read]) {
    expect(Math.max(...pieces)).toBeLessThanOrEqual(PIECE_POSTINGS);
    expect(pieces.reduce((sum, piece) => sum + piece, 0)).toBeGreaterThan(0.49 * count);
  }
  expect(gathered.count).toBe(count);
  expect(gathered.columns.values.every((value) => value === 2)).toBe(true);
});

it('[TX46] [TX49] a merge of several fields goes on where it lost its memory, after every slice', () => {
  const engineOver = (sql: NodeSql) => new SparseEngine(new RememberingStorage(sql), { rowsBehind: () => [] }, 1 << 20);
  const totalsOf = (engine: SparseEngine) => [0, 1, 2, 3].map((field) => engine.totals({ namespace: 1, field }));
  const sql = new NodeSql();
  sql.sql.exec(POSTING_TABLES);
  const rows = 3 * POSTING_LIMITS.memtableRowsMaxCount;
  let engine = engineOver(sql);
  for (let row = 1; row <= rows; row += 1) {
    // Not every row, nor every segment, has every field.
    const fields = [0, 1, 2, 3].filter((field) => row % (field + 1) === 0 && !(field === 3 && row < rows / 2));
    engine.put({
      namespace: 1,
      row,
      fields: fields.map((field) => ({ field, terms: ['all', `t${row % 40}`], values: [1, 1], length: 2 })),
    });
    // What is not flushed would be lost with memory.
    if (row % POSTING_LIMITS.memtableRowsMaxCount === 0) while (engine.flushedRow < row) engine.sweep();
  }
  const expected = totalsOf(engine);
  let slices = 0;
  for (; engine.sweep(); slices += 1) engine = engineOver(sql);
  expect(slices).toBeGreaterThan(3);
  expect(sql.sql.exec("SELECT count FROM posting_segments WHERE state = 'live'").toArray()).toEqual([{ count: rows }]);
  expect(totalsOf(engineOver(sql))).toEqual(expected);
  const among = [0, 1, 2, 3].map((field) => engine.search({ ...QUERY, clauses: [{ ...CLAUSE, field }] }).rows.length);
  expect(among).toEqual(expected.map(({ documents }) => documents));
});

const CLAUSE = { term: 'all', weight: 1, scoring: { kind: 'product' } } as const;
const QUERY = {
  namespace: 1,
  condition: undefined,
  judge: undefined,
  among: undefined,
  topK: 10_000,
  orderTies: (tied: readonly number[]) => tied,
};

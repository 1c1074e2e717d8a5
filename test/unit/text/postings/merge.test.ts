import { expect, it } from 'vitest';

import { POSTING_LIMITS } from '../../../../src/contract/indexes/posting-limits.ts';
import { atOnce } from '../../../../src/kernel/stepped-work.ts';
import { RememberingStorage } from '../../../../src/kernel/sql/remembering-storage.ts';
import { POSTING_TABLES } from '../../../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../../../src/text/postings/sparse-engine.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const ROWS = 2 * POSTING_LIMITS.memtableRowsMaxCount;
const TERMS = Array.from({ length: 150 }, (_, i) => `t${i}`);

it('[TX40, TX46] rows are removed from a segment behind one that was rewritten alone', () => {
  const sql = new NodeSql();
  sql.sql.exec(POSTING_TABLES);
  const engine = new SparseEngine(new RememberingStorage(sql), { rowsBehind: () => [] }, 1 << 22);
  const settle = () => {
    while (engine.sweep());
  };
  const first = 3 * POSTING_LIMITS.memtableRowsMaxCount;
  for (let row = 1; row <= first + POSTING_LIMITS.memtableRowsMaxCount; row += 1) {
    engine.put({ namespace: 1, row, fields: [{ field: 0, terms: ['t'], values: [1], length: 1 }] });
    if (row === first) settle();
  }
  settle();
  const gone = Array.from({ length: Math.ceil(POSTING_LIMITS.rewriteDeletedShare * first) + 1 }, (_, i) => i + 1);
  engine.remove(1, gone);
  settle();
  const states = sql.sql.exec<{ count: number; deleted: number }>('SELECT count, deleted FROM posting_segments ORDER BY first_row');
  expect(states.toArray()).toEqual([
    { count: first - gone.length, deleted: 0 },
    { count: POSTING_LIMITS.memtableRowsMaxCount, deleted: 0 },
  ]);
  engine.remove(1, [first + 5]);
  expect(atOnce(engine.documentFrequencies({ namespace: 1, field: 0 }, ['t']))).toEqual([ROWS * 2 - gone.length - 1]);
});

it('[TX40, TX46] a row that is removed while its segment is flushed or merged stays removed', () => {
  const sql = new NodeSql();
  sql.sql.exec(POSTING_TABLES);
  const storage = new RememberingStorage(sql);
  const engine = new SparseEngine(storage, { rowsBehind: () => [] }, 1 << 22);
  let removed = 0;
  for (let row = 1; row <= ROWS; row += 1) {
    engine.put({ namespace: 1, row, fields: [{ field: 0, terms: TERMS, values: TERMS.map(() => 1), length: TERMS.length }] });
    if (row % POSTING_LIMITS.memtableRowsMaxCount !== 0) continue;
    while (engine.sweep()) {
      removed += 1;
      engine.remove(1, [removed]);
    }
  }
  // Several slices each, for two flushes and a merge.
  expect(removed).toBeGreaterThan(5);
  const reopened = new SparseEngine(new RememberingStorage(sql), { rowsBehind: () => [] }, 1 << 22);
  for (const read of [engine, reopened]) {
    expect(atOnce(read.documentFrequencies({ namespace: 1, field: 0 }, ['t0', 't149']))).toEqual([ROWS - removed, ROWS - removed]);
    expect(read.totals({ namespace: 1, field: 0 })).toEqual({ documents: ROWS - removed, totalLength: (ROWS - removed) * TERMS.length });
  }
});

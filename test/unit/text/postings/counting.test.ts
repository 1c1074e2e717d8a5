import { expect, it } from 'vitest';

import { POSTING_LIMITS } from '../../../../src/contract/indexes/posting-limits.ts';
import { RememberingStorage } from '../../../../src/kernel/sql/remembering-storage.ts';
import type { Steps } from '../../../../src/kernel/stepped-work.ts';
import { POSTING_TABLES } from '../../../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../../../src/text/postings/sparse-engine.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const SPACE = { namespace: 1, field: 0 };
const ROWS = 72 * POSTING_LIMITS.memtableRowsMaxCount;
const TERMS = ['a', 'b', 'c', 'd'];

function engineOf(rows: number): SparseEngine {
  const sql = new NodeSql();
  sql.sql.exec(POSTING_TABLES);
  const engine = new SparseEngine(new RememberingStorage(sql), { rowsBehind: () => [] }, 1 << 24);
  for (let row = 1; row <= rows; row += 1) {
    engine.put({ namespace: 1, row, fields: [{ field: 0, terms: TERMS, values: [1, 1, 1, 1], length: 4 }] });
    if (row % POSTING_LIMITS.memtableRowsMaxCount === 0) while (engine.sweep());
  }
  return engine;
}

/** What counting comes to, and how many steps it takes; `between` happens after each of them. */
function counted<T>(steps: Steps<T>, between: () => void = () => undefined): [value: T, steps: number] {
  for (let count = 1; ; count += 1) {
    const { done, value } = steps.next();
    if (done === true) return [value, count];
    between();
  }
}

it('[TX43] counting under a filter goes on in steps, also of long lists', () => {
  const engine = engineOf(ROWS);
  const even = new Set(Array.from({ length: ROWS / 2 }, (_, i) => 2 * i + 2));
  expect(counted(engine.documentFrequencies(SPACE, TERMS, even))).toEqual([TERMS.map(() => ROWS / 2), TERMS.length]);
  expect(counted(engine.totalsAmong(SPACE, even))).toEqual([{ documents: ROWS / 2, totalLength: 2 * ROWS }, expect.any(Number)]);
  expect(counted(engine.totalsAmong(SPACE, even))[1]).toBeGreaterThan(1);
  expect(counted(engine.documentFrequencies(SPACE, TERMS))).toEqual([TERMS.map(() => ROWS), 1]);
  expect(
    counted(
      engine.documentFrequencies(
        SPACE,
        Array.from({ length: 400 }, (_, i) => `none${i}`),
      ),
    )[1],
  ).toBeGreaterThan(5);
});

it('[TX40] [TX43] counts whose steps lie between flushes and merges count each row once', () => {
  const engine = engineOf(ROWS);
  const all = new Set(Array.from({ length: 2 * ROWS }, (_, i) => i));
  let row = ROWS;
  const puts = () => {
    for (let i = 0; i < POSTING_LIMITS.memtableRowsMaxCount; i += 1) {
      row += 1;
      engine.put({ namespace: 1, row, fields: [{ field: 0, terms: ['e'], values: [1], length: 1 }] });
    }
    while (engine.sweep());
  };
  expect(counted(engine.documentFrequencies(SPACE, TERMS, all), puts)).toEqual([TERMS.map(() => ROWS), TERMS.length]);
  const before = row;
  const [{ documents }] = counted(engine.totalsAmong(SPACE, all), puts);
  expect(documents).toBeGreaterThanOrEqual(before);
  expect(documents).toBeLessThanOrEqual(row);
});

import { expect, it } from 'vitest';

import { POSTING_LIMITS } from '../../../../src/contract/indexes/posting-limits.ts';
import { RememberingStorage } from '../../../../src/kernel/sql/remembering-storage.ts';
import { POSTING_TABLES } from '../../../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../../../src/text/postings/sparse-engine.ts';
import type { Clause } from '../../../../src/text/postings/sparse-query.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const TERMS = Array.from({ length: 100 }, (_, i) => `t${i}`);
const CLAUSES = TERMS.map((term): Clause => ({ field: 0, term, weight: 1, scoring: { kind: 'product' } }));

function engineOf() {
  const sql = new NodeSql();
  sql.sql.exec(POSTING_TABLES);
  const engine = new SparseEngine(new RememberingStorage(sql), { rowsBehind: () => [] }, 1 << 22);
  let row = 0;
  const put = (count: number, terms = TERMS): void => {
    for (let i = 0; i < count; i += 1) {
      row += 1;
      engine.put({ namespace: 1, row, fields: [{ field: 0, terms, values: terms.map(() => 1), length: undefined }] });
    }
  };
  const settle = (): void => {
    while (engine.sweep());
  };
  return { engine, put, settle };
}

it.each(['flushed', 'in memory'])('[TX41] a search of rows that are %s goes on after rows are put and merged', (where) => {
  const { engine, put, settle } = engineOf();
  put(5_000);
  if (where === 'flushed') settle();
  put(POSTING_LIMITS.memtableRowsMaxCount + 1);
  if (where === 'flushed') settle();
  const query = { namespace: 1, clauses: CLAUSES, condition: undefined, among: undefined, topK: 9_999, judge: undefined };
  const steps = engine.searchInSteps({ ...query, orderTies: (tied) => tied.toSorted((a, b) => a - b) });
  expect(steps.next().done).toBe(false);
  put(4_000);
  settle();
  engine.evict(Infinity);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  expect(step.value.rows.slice(0, 6_025)).toEqual(Array.from({ length: 6_025 }, (_, i) => i + 1));
  expect(new Set(step.value.scores)).toEqual(new Set([TERMS.length]));
});

it('[TX41] a walk of terms goes on after the segments it read are merged', () => {
  const { engine, put, settle } = engineOf();
  const many = Array.from({ length: 40_000 }, (_, i) => `w${i}`).sort();
  put(1, many);
  put(POSTING_LIMITS.memtableRowsMaxCount);
  settle();
  const steps = engine.terms({ space: { namespace: 1, field: 0 }, prefix: 'w', accepts: (term) => term.endsWith('9'), countMax: 9_999 });
  expect(steps.next().done).toBe(false);
  put(POSTING_LIMITS.memtableRowsMaxCount);
  settle();
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  expect(step.value).toEqual(many.filter((term) => term.endsWith('9')));
});

import { expect, it } from 'vitest';

import { Seeded } from '../../../../src/kernel/seeded.ts';
import { RememberingStorage } from '../../../../src/kernel/sql/remembering-storage.ts';
import { POSTING_TABLES } from '../../../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../../../src/text/postings/sparse-engine.ts';
import type { Clause, PostedRow } from '../../../../src/text/postings/sparse-query.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const ROWS = 9_000;
const TERMS = ['a', 'b', 'c', 'd'];
const AVERAGE = 200;

/** Texts of which none has the most of a term and the least words as well, and numbers of both signs: of blocks, no single posting bounds all. */
function rowsOf(rng: Seeded): PostedRow[] {
  return Array.from({ length: ROWS }, (_, at) => {
    const terms = TERMS.filter(() => rng.next() < 0.5);
    const frequencies = terms.map(() => 1 + Math.floor(20 * rng.next() ** 4));
    const length = Math.ceil(frequencies.reduce((sum, one) => sum + 30 * one, 1) * (0.2 + 1.6 * rng.next()));
    const dimensions = TERMS.filter(() => rng.next() < 0.5);
    return {
      namespace: 1,
      row: at + 1,
      fields: [
        { field: 0, terms, values: frequencies, length },
        { field: 1, terms: dimensions, values: dimensions.map(() => Math.fround(2 * rng.next() - 1)), length: undefined },
      ],
    };
  });
}

function engineOf(rows: readonly PostedRow[]): SparseEngine {
  const sql = new NodeSql();
  sql.sql.exec(POSTING_TABLES);
  const engine = new SparseEngine(new RememberingStorage(sql), { rowsBehind: () => [] }, 1 << 22);
  for (const row of rows) {
    engine.put(row);
    if (row.row % 1_024 === 0) while (engine.sweep());
  }
  return engine;
}

function scoreOf({ fields }: PostedRow, clauses: readonly Clause[]): number {
  let score = 0;
  for (const { field, term, weight, scoring } of clauses) {
    const { terms, values, length = 0 } = fields[field]!;
    const value = values[terms.indexOf(term)];
    if (value === undefined) continue;
    if (scoring.kind === 'product') score += weight * value;
    else {
      const { k1, b, averageLength } = scoring;
      score += (weight * (k1 + 1) * value) / (value + k1 * (1 - b + (b * length) / averageLength));
    }
  }
  return score;
}

it.each([
  ['texts', 0],
  ['numbers', 1],
])('[TX50] no row is passed over that scores more than the last of the first: %s', (_, field) => {
  const rng = new Seeded(11);
  const rows = rowsOf(rng);
  const engine = engineOf(rows);
  // Of little and of much heed to lengths.
  const scoringOf = (turn: number) =>
    field === 0
      ? ({ kind: 'bm25', k1: 2, b: turn % 2 === 0 ? 0.05 : 0.95, averageLength: AVERAGE } as const)
      : ({ kind: 'product' } as const);
  let skipped = 0;
  for (let turn = 0; turn < 40; turn += 1) {
    const clauses = TERMS.slice(0, 1 + ((turn >> 1) % 4)).map((term) => ({
      field,
      term,
      weight: rng.next() * (field === 0 ? 1 : 2) - field,
      scoring: scoringOf(turn),
    }));
    const topK = 1 + (turn % 3);
    const found = engine.search({
      namespace: 1,
      clauses,
      condition: undefined,
      among: undefined,
      topK,
      orderTies: (tied) => tied,
      judge: undefined,
    });
    const scores = rows
      .filter(({ fields }) => clauses.some(({ term }) => fields[field]!.terms.includes(term)))
      .map((row) => scoreOf(row, clauses));
    const best = scores.sort((a, b) => b - a).slice(0, topK);
    for (const [at, score] of best.entries()) expect(found.scores[at]).toBeCloseTo(score, 9);
    skipped += found.work.postings - found.work.postingsRead;
  }
  expect(skipped).toBeGreaterThan(2 * ROWS);
});

it('[TX50] of many clauses, of which none has to match, each row is found once where windows are smaller', () => {
  const fields = (terms: readonly string[]) => [{ field: 0, terms, values: terms.map(() => 1), length: terms.length }];
  // A row at the end of what a window of few clauses has, all others of which are shut out.
  const engine = engineOf(
    Array.from({ length: ROWS }, (_, at) => ({ namespace: 1, row: at + 1, fields: fields(at === 4_070 ? ['b'] : ['a', 'b']) })),
  );
  const clauses = ['a', 'b', ...Array.from({ length: 97 }, (_, i) => `none${i}`)].map((term) => ({
    field: 0,
    term,
    weight: term === 'b' ? 1 : 0,
    scoring: { kind: 'product' } as const,
  }));
  const found = engine.search({
    namespace: 1,
    clauses,
    condition: { kind: 'allBut', of: { kind: 'atLeast', count: 0, of: [] }, not: { kind: 'clause', clause: 0 } },
    among: undefined,
    topK: 5,
    orderTies: (tied) => tied,
    judge: undefined,
  });
  expect(found.rows).toEqual([4_071]);
});

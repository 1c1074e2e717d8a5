import { describe, expect, it } from 'vitest';

import { RowSet } from '../../../../src/ann/filter/row-set.ts';
import { POSTING_LIMITS } from '../../../../src/contract/indexes/posting-limits.ts';
import { FLOAT32_MAX } from '../../../../src/contract/vectors/vector-fields.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { atOnce } from '../../../../src/kernel/stepped-work.ts';
import { RememberingStorage } from '../../../../src/kernel/sql/remembering-storage.ts';
import { POSTING_TABLES } from '../../../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../../../src/text/postings/sparse-engine.ts';
import type { Clause, FieldPostings, PostedRow, SparseQuery } from '../../../../src/text/postings/sparse-query.ts';
import { dimensionTerm } from '../../../../src/text/postings/term-key.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

class World {
  readonly stored: PostedRow[] = [];
  readonly sql = new NodeSql();
  reads = 0;
  engine: SparseEngine;

  constructor() {
    this.sql.sql.exec(POSTING_TABLES);
    this.engine = this.open();
  }

  /** As after memory was lost. */
  open(): SparseEngine {
    const rowsBehind = (row: number) => {
      this.reads += 1;
      return this.stored.filter((posted) => posted.row > row);
    };
    this.engine = new SparseEngine(new RememberingStorage(this.sql), { rowsBehind }, 1 << 20);
    return this.engine;
  }

  put(...fields: FieldPostings[]): void {
    const posted = { namespace: 1, row: this.stored.length + 1, fields };
    this.stored.push(posted);
    this.engine.put(posted);
  }

  settle(): void {
    while (this.engine.sweep());
  }

  found(clauses: readonly Clause[], topK = 10, only: Partial<Pick<SparseQuery, 'condition' | 'among'>> = {}) {
    const orderTies = (tied: readonly number[]) => tied.toSorted((a, b) => a - b);
    const { rows, scores } = this.engine.search({
      namespace: 1,
      clauses,
      condition: undefined,
      among: undefined,
      topK,
      orderTies,
      judge: undefined,
      ...only,
    });
    return rows.map((row, i) => ({ row, score: scores[i]! }));
  }
}

const text = (field: number, counts: Readonly<Record<string, number>>): FieldPostings => {
  const values = Object.values(counts);
  return { field, terms: Object.keys(counts), values, length: values.reduce((sum, count) => sum + count, 0) };
};
const sparse = (terms: readonly string[], values: readonly number[]): FieldPostings => ({
  field: 0,
  terms,
  values: Float32Array.from(values),
  length: undefined,
});
const bm25 = (term: string, field = 0): Clause => ({
  field,
  term,
  weight: 1,
  scoring: { kind: 'bm25', k1: 1.2, b: 0.75, averageLength: 10 },
});

describe('sparse vectors', () => {
  it('[TX50] of the greatest and least numbers, negative ones and none are found as a scan finds them', () => {
    const world = new World();
    const random = new Seeded(5);
    const numbers = [FLOAT32_MAX, -FLOAT32_MAX, 0, 2 ** -149, -(2 ** -149), 1, -1, 0.5];
    const pick = () => numbers[Math.floor(random.next() * numbers.length)]!;
    const dimensions = [0, 1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1].map(dimensionTerm);
    for (let row = 0; row < 3 * POSTING_LIMITS.memtableRowsMaxCount; row += 1) {
      const terms = dimensions.filter(() => random.next() < 0.6);
      world.put(sparse(terms, terms.map(pick)));
      if (row % 500 === 0) world.settle();
    }
    for (let query = 0; query < 40; query += 1) {
      const clauses = dimensions.map((term): Clause => ({ field: 0, term, weight: pick(), scoring: { kind: 'product' } }));
      const order = clauses.map((clause, at) => ({ clause, at })).sort((a, b) => Math.abs(b.clause.weight) - Math.abs(a.clause.weight));
      const scored = world.stored.flatMap(({ row, fields: [field] }) => {
        let score = 0;
        for (const { clause } of order) {
          const at = field!.terms.indexOf(clause.term);
          if (at >= 0) score += clause.weight * field!.values[at]!;
        }
        return field!.terms.length === 0 ? [] : [{ row, score }];
      });
      const expected = scored.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, 10);
      // There is no score of minus nothing.
      expect(world.found(clauses).map(({ row, score }) => ({ row, score: score + 0 }))).toEqual(
        expected.map(({ row, score }) => ({ row, score: score + 0 })),
      );
    }
  });
});

describe('texts', () => {
  it('[TX40] of one word over and over count it, before and after they are flushed and merged', () => {
    const world = new World();
    const counts = [1, 65_535, 65_536, 262_144, POSTING_LIMITS.frequencyMax];
    // So many that blocks are full: their counts are packed.
    for (let i = 0; i < 200; i += 1) world.put(text(0, { word: counts[i % counts.length]!, [`own${i}`]: 1 }));
    const before = world.found([bm25('word')], 200);
    expect(before).toHaveLength(200);
    world.settle();
    expect(world.engine.flushedRow).toBeGreaterThan(0);
    expect(world.found([bm25('word')], 200)).toEqual(before);
    const totals = world.stored.reduce((sum, { fields }) => sum + fields[0]!.length!, 0);
    expect(world.engine.totals({ namespace: 1, field: 0 })).toEqual({ documents: 200, totalLength: totals });
  });

  it('[TX47] that say the same over and over are flushed after so many words', () => {
    const world = new World();
    const words = POSTING_LIMITS.memtableWordsMaxCount / 4;
    for (let i = 0; i < 3; i += 1) world.put(text(0, { word: words }));
    world.settle();
    expect(world.engine.flushedRow).toBe(0);
    world.put(text(0, { word: words }));
    world.settle();
    expect(world.engine.flushedRow).toBe(4);
  });

  it('[TX40] of sixteen fields, some empty, are each counted by itself', () => {
    const world = new World();
    const fields = Array.from({ length: 16 }, (_, field) => field);
    for (let i = 0; i < POSTING_LIMITS.memtableRowsMaxCount + 3; i += 1) {
      world.put(...fields.flatMap((field) => (i % (field + 1) === 0 ? [text(field, { word: 1 + field })] : [text(field, {})])));
    }
    world.settle();
    world.engine.remove(1, [1, 1_025]);
    for (const field of fields) {
      const rows = world.stored.filter((_, i) => i % (field + 1) === 0 && i !== 0 && i !== 1_024).length;
      expect(world.engine.totals({ namespace: 1, field })).toEqual({ documents: rows, totalLength: rows * (1 + field) });
      expect(atOnce(world.engine.documentFrequencies({ namespace: 1, field }, ['word', 'none']))).toEqual([rows, 0]);
    }
  });
});

it('[TX48] what asks for memory, lets go of it or erases all reads no rows for that', () => {
  const world = new World();
  world.put(text(0, { word: 1 }));
  const engine = world.open();
  world.reads = 0;
  expect([engine.bytes, engine.evict(1)]).toEqual([0, 0]);
  engine.clear();
  expect(world.reads).toBe(0);
  expect(world.found([bm25('word')])).toHaveLength(1);
  expect(engine.bytes).toBeGreaterThan(0);
});

it('[TX50] rows of several windows are found that a filter and a condition leave, and no others', () => {
  const world = new World();
  const rows = Array.from({ length: 9_000 }, (_, at) => at + 1);
  for (const row of rows) world.put(text(0, { a: 1, ...(row % 3 === 0 ? { b: 1 + (row % 5) } : {}) }));
  world.settle();
  const leaves = [0, 1].map((clause) => ({ kind: 'clause', clause }) as const);
  for (const share of [2, 700]) {
    const among = RowSet.of(rows.filter((row) => row % share === 1));
    const found = world.found([bm25('a'), bm25('b')], 9_000, { condition: { kind: 'atLeast', count: 2, of: leaves }, among });
    expect(found.map(({ row }) => row).toSorted((a, b) => a - b)).toEqual(rows.filter((row) => row % share === 1 && row % 3 === 0));
  }
});

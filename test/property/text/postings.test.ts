import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { RowSet } from '../../../src/ann/filter/row-set.ts';
import { POSTING_LIMITS } from '../../../src/contract/indexes/posting-limits.ts';
import { RememberingStorage } from '../../../src/kernel/sql/remembering-storage.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import type { Steps } from '../../../src/kernel/stepped-work.ts';
import { atOnce } from '../../../src/kernel/stepped-work.ts';
import { POSTING_TABLES } from '../../../src/text/postings/posting-tables.ts';
import { SparseEngine } from '../../../src/text/postings/sparse-engine.ts';
import type { Clause, Condition, PostedRow, SparseQuery } from '../../../src/text/postings/sparse-query.ts';
import { FailingSql } from '../../support/fakes/failing-sql.ts';
import { effort } from '../../support/fixtures/effort.ts';

const TEXT = 0;
const SPARSE = 1;
const TERMS = 24;

/** An engine beside the plain rows that it must agree with. */
class World {
  readonly stored = new Map<number, PostedRow>();
  readonly storage: RememberingStorage;
  readonly sql = new FailingSql();
  readonly #random: Seeded;
  engine: SparseEngine;
  #next = 1;

  constructor(seed: number) {
    this.sql.sql.exec(POSTING_TABLES);
    this.storage = new RememberingStorage(this.sql);
    this.#random = new Seeded(seed);
    this.engine = this.open();
  }

  open(): SparseEngine {
    const rowsBehind = (row: number) => [...this.stored.values()].filter((posted) => posted.row > row);
    return new SparseEngine(this.storage, { rowsBehind }, 1 << 20);
  }

  below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  put(): void {
    const pick = () => Array.from({ length: TERMS }, (_, i) => i).filter((i) => this.#random.next() < 1 / (1 + i / 2));
    const [words, dimensions] = [pick(), pick()];
    const frequencies = words.map(() => 1 + Math.floor(this.#random.next() ** 4 * 9));
    const posted = {
      namespace: 1,
      row: this.#next,
      fields: [
        {
          field: TEXT,
          terms: words.map((i) => `t${i}`),
          values: frequencies,
          length: 1 + frequencies.reduce((a, b) => a + b, this.below(9)),
        },
        {
          field: SPARSE,
          terms: dimensions.map((i) => `d${i}`),
          values: dimensions.map(() => Math.fround(this.#random.next() - 0.2)),
          length: undefined,
        },
      ],
    };
    // Without gaps for a while, then with some.
    this.#next += this.#next % 4_096 < 2_048 ? 1 : 1 + this.below(3);
    this.stored.set(posted.row, posted);
    this.storage.transactionSync(() => this.engine.put(posted));
  }

  remove(): void {
    const rows = [...this.stored.keys()];
    const row = rows[this.below(rows.length)];
    if (row === undefined) return;
    this.stored.delete(row);
    this.storage.transactionSync(() => this.engine.remove(1, [row]));
  }
}

const holds = (condition: Condition, has: (clause: number) => boolean): boolean => {
  if (condition.kind === 'clause') return has(condition.clause);
  if (condition.kind === 'allBut') return holds(condition.of, has) && !holds(condition.not, has);
  return condition.of.filter((part) => holds(part, has)).length >= condition.count;
};

/** The same by looking at every row, with the sums in the order of weights. */
function scan(rows: Iterable<PostedRow>, query: SparseQuery) {
  const order = query.clauses.map((clause, at) => ({ clause, at })).sort((a, b) => Math.abs(b.clause.weight) - Math.abs(a.clause.weight));
  const found: { row: number; score: number }[] = [];
  for (const { row, fields } of rows) {
    if (query.among !== undefined && !query.among.has(row)) continue;
    const valueOf = ({ field, term }: Clause) => {
      const at = fields[field]!.terms.indexOf(term);
      return at < 0 ? undefined : fields[field]!.values[at]!;
    };
    if (!query.clauses.some((clause) => valueOf(clause) !== undefined)) continue;
    if (query.condition !== undefined && !holds(query.condition, (at) => valueOf(query.clauses[at]!) !== undefined)) continue;
    let score = 0;
    for (const { clause } of order) {
      const value = valueOf(clause);
      if (value === undefined) continue;
      if (clause.scoring.kind === 'product') score += clause.weight * value;
      else {
        const { k1, b, averageLength } = clause.scoring;
        score += (clause.weight * (k1 + 1) * value) / (value + k1 * (1 - b) + ((k1 * b) / averageLength) * fields[clause.field]!.length!);
      }
    }
    const final = query.judge === undefined ? score : atOnce(query.judge(row, score));
    if (final !== undefined) found.push({ row, score: final });
  }
  const places = new Map(query.orderTies(found.map(({ row }) => row)).map((row, place) => [row, place]));
  return found.sort((a, b) => b.score - a.score || places.get(a.row)! - places.get(b.row)!).slice(0, query.topK);
}

function* judged(row: number, scoreMax: number): Steps<number | undefined> {
  if (row % 5 === 0) yield undefined;
  return row % 3 === 0 ? undefined : scoreMax - (row % 2);
}

function someQuery(world: World): SparseQuery {
  const rows = [...world.stored.keys()];
  const isText = world.below(2) === 0;
  const clauses = Array.from({ length: 1 + world.below(6) }, (): Clause => {
    const term = `${isText ? 't' : 'd'}${world.below(TERMS + 2)}`;
    if (!isText) return { field: SPARSE, term, weight: world.below(7) - 1.5, scoring: { kind: 'product' } };
    return { field: TEXT, term, weight: world.below(9) / 3, scoring: { kind: 'bm25', k1: 1.2, b: 0.75, averageLength: 12.5 } };
  });
  const leaves = clauses.map((_, clause): Condition => ({ kind: 'clause', clause }));
  const conditions: (Condition | undefined)[] = [
    undefined,
    { kind: 'atLeast', count: 1 + world.below(leaves.length), of: leaves },
    { kind: 'allBut', of: { kind: 'atLeast', count: 1, of: leaves }, not: leaves[0]! },
  ];
  const share = [1, 2, 40][world.below(3)]!;
  return {
    namespace: 1,
    clauses,
    condition: conditions[world.below(3)],
    among: world.below(2) === 0 ? undefined : RowSet.of(rows.filter((row) => row % share === 0)),
    topK: 1 + world.below(12),
    orderTies: (tied) => tied.toSorted((a, b) => b - a),
    judge: world.below(3) === 0 ? judged : undefined,
  };
}

/** Returns how many postings the searches need not read. */
function agree(world: World): number {
  let skipped = 0;
  for (let i = 0; i < 12; i += 1) {
    const query = someQuery(world);
    const { rows, scores, work } = world.engine.search(query);
    skipped += work.postings - work.postingsRead;
    expect(rows.map((row, at) => ({ row, score: scores[at] }))).toEqual(scan(world.stored.values(), query));
  }
  for (const [field, letter] of [
    [TEXT, 't'],
    [SPARSE, 'd'],
  ] as const) {
    const documents = [...world.stored.values()].map(({ fields }) => fields[field]!).filter(({ terms }) => terms.length > 0);
    const terms = Array.from({ length: TERMS + 1 }, (_, n) => `${letter}${n}`);
    const space = { namespace: 1, field };
    expect(atOnce(world.engine.documentFrequencies(space, terms))).toEqual(
      terms.map((term) => documents.filter((d) => d.terms.includes(term)).length),
    );
    const totalLength = documents.reduce((sum, d) => sum + (d.length ?? d.terms.length), 0);
    expect(world.engine.totals(space)).toEqual({ documents: documents.length, totalLength });
  }
  return skipped;
}

it('[TX40, TX50] a pruned search gives rows and scores of a scan, and counts are exact', () => {
  let skipped = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1 }), (seed) => {
      const world = new World(seed);
      for (let round = 0; round < 4; round += 1) {
        for (let i = 0; i < POSTING_LIMITS.memtableRowsMaxCount + world.below(300); i += 1) world.put();
        for (let i = 0; i < world.below(700); i += 1) world.remove();
        for (let i = 0; i < world.below(200) && world.engine.sweep(); i += 1) if (world.below(9) === 0) world.remove();
        if (world.below(3) === 0) world.storage.forget();
        if (world.below(3) === 0) world.engine.evict(Infinity);
        skipped += agree(world);
      }
    }),
    { numRuns: effort(3), seed: 1 },
  );
  expect(skipped).toBeGreaterThan(0);
});

it('[TX44, TX45, TX46] a slice that fails at any write changes nothing, and maintenance goes on', () => {
  let failed = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1 }), (seed) => {
      const world = new World(seed);
      for (let round = 0; round < 3; round += 1) {
        for (let i = 0; i < POSTING_LIMITS.memtableRowsMaxCount; i += 1) world.put();
        for (let attempt = 0, isDue = true; isDue; attempt += 1) {
          if (attempt < 40) world.sql.writesLeft = world.below(12);
          try {
            isDue = world.engine.sweep();
          } catch {
            failed += 1;
          }
          world.sql.writesLeft = Infinity;
          if (attempt < 40 && world.below(4) === 0) world.remove();
        }
        agree(world);
        world.engine = world.open();
        agree(world);
      }
      expect(world.engine.flushedRow).toBeGreaterThan(POSTING_LIMITS.memtableRowsMaxCount);
      const { rows: segments } = world.sql.sql.exec<{ rows: number }>('SELECT COUNT(*) AS rows FROM posting_segments').one();
      expect(segments).toBeLessThanOrEqual(2);
    }),
    { numRuns: effort(2), seed: 1 },
  );
  expect(failed).toBeGreaterThan(20);
});

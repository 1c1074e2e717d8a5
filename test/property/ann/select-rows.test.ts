import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { SqlitePropertyIndex } from '../../../src/ann/store/property-index.ts';
import { SHARD_SCHEMA } from '../../../src/ann/store/shard-schema.ts';
import { accepts } from '../../../src/ann/filter/accepts.ts';
import type { EntryRange } from '../../../src/ann/filter/property-entries.ts';
import type { PropertyIndex } from '../../../src/ann/filter/select-rows.ts';
import { selectRows } from '../../../src/ann/filter/select-rows.ts';
import type { Filter } from '../../../src/contract/vectors/filter.ts';
import { filter } from '../../../src/contract/vectors/filter-syntax.ts';
import { SteppedWork } from '../../../src/kernel/stepped-work.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { filterArbitrary, idOf, metadataArbitrary } from '../../support/worlds/filter-world.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const NAMESPACE = 3;

/** A property index of vectors with this metadata, in rows 1, 2 and so on. */
function indexOf(metadata: readonly (string | null)[]) {
  const storage = new NodeSql();
  migrate(storage, SHARD_SCHEMA);
  storage.sql.exec("INSERT INTO shard (index_id, dimensions, metric, lsn, count) VALUES ('i', 2, 'dot', 0, 0)");
  const index = new SqlitePropertyIndex(storage);
  const vectors = metadata.map((text, i) => ({ row: i + 1, namespace: NAMESPACE, id: idOf(i), metadata: text }));
  for (const { row, namespace, id, metadata: text } of vectors) {
    const values = [row, namespace, id, new Uint8Array(8), text];
    storage.sql.exec('INSERT INTO vectors (row, namespace, id, floats, metadata, lsn) VALUES (?, ?, ?, ?, ?, 1)', ...values);
  }
  const placed = vectors.flatMap(({ metadata: text, ...place }) => (text === null ? [] : [{ ...place, metadata: text }]));
  index.add(placed);
  return { storage, index, vectors, placed };
}

/** To the end, without turns of others. */
function selected(...[of, index, few]: [Filter, PropertyIndex, { rows: number; entries: number }?]) {
  const steps = selectRows(of, NAMESPACE, index, new SteppedWork({ stepUnitsMax: Infinity, unitsMax: Infinity }, async () => {}), few);
  const last = steps.next();
  if (last.done !== true) throw new Error('no step is too long');
  return last.value;
}

const world = fc
  .array(fc.option(metadataArbitrary, { freq: 9 }), { minLength: 40, maxLength: 60 })
  .map((metadata) => metadata.map((item) => (item === null ? null : JSON.stringify(item))));

describe('selectRows', () => {
  it.each([
    ['by the index', { rows: 0, entries: 0 }],
    ['with few rows evaluated', { rows: 8, entries: 12 }],
    ['with every known row evaluated', { rows: 1000, entries: 1000 }],
  ])('[V64][V140][V141][V142][V143][V144][V145] finds %s what the naive evaluator accepts', (_, few) => {
    const seen = { found: 0, missed: 0, read: 0 };
    fc.assert(
      fc.property(world, fc.array(filterArbitrary, { minLength: 20, maxLength: 20 }), (metadata, filters) => {
        const { index, vectors } = indexOf(metadata);
        for (const written of filters) {
          const parsed = filter.safeParse(written);
          if (!parsed.success) continue;
          const counting: PropertyIndex = {
            rowsIn: (...of) => index.rowsIn(...of),
            keysIn: (...of) => index.keysIn(...of),
            rowsOf: (...of) => index.rowsOf(...of),
            incomplete: (...of) => index.incomplete(...of),
            read: (rows) => {
              seen.read += rows.length;
              return index.read(rows);
            },
          };
          const outcome = selected(parsed.data, counting, few);
          const expected = vectors
            .filter(({ id, metadata: text }) => accepts(parsed.data, JSON.parse(text ?? '{}'), id))
            .map(({ row }) => row);
          const found = outcome.ok ? vectors.filter(({ row }) => outcome.value.has(row)).map(({ row }) => row) : outcome.error.code;
          expect([written, found]).toEqual([written, expected]);
          seen.found += expected.length;
          seen.missed += vectors.length - expected.length;
        }
      }),
      { seed: 64, numRuns: effort(30) },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(500);
  });

  it('[V146] removing vectors removes their index entries and no others', () => {
    fc.assert(
      fc.property(world, (metadata) => {
        const { storage, index, placed } = indexOf(metadata);
        const entries = () => storage.sql.exec('SELECT * FROM properties').toArray();
        const before = entries();
        const more = placed.map((place) => ({ ...place, row: place.row + 1000 }));
        index.add(more);
        expect(entries()).toHaveLength(2 * before.length);
        index.remove(more);
        expect(entries()).toEqual(before);
        index.remove(placed);
        expect([entries(), storage.sql.exec('SELECT * FROM property_paths').toArray()]).toEqual([[], []]);
      }),
      { seed: 146, numRuns: effort(20) },
    );
  });
});

/** An index with `count` entries in every range, and as many vectors. */
const endless = (count: number): PropertyIndex => ({
  *rowsIn(_namespace: number, _range: EntryRange, countMax = count) {
    for (let start = 0; start < countMax; start += 50_000) {
      yield Array.from({ length: Math.min(50_000, countMax - start) }, (_, i) => start + i + 1);
    }
  },
  keysIn: () => [],
  rowsOf: () => [],
  read: (rows) => rows.map((row) => ({ row, id: idOf(row), metadata: '{"a":[{"b":1,"c":2}]}' })),
  incomplete: () => [],
});

describe('the cost of a filter', () => {
  const select = (written: object, count: number) => selected(filter.parse(written), endless(count));

  it('[V147] is refused when it reads too many entries, and accepted otherwise', () => {
    const written = { a: { $in: [1, 2] } };
    expect(select(written, INDEX_LIMITS.filterEntriesReadMaxCount / 2)).toMatchObject({ ok: true });
    expect(select(written, INDEX_LIMITS.filterEntriesReadMaxCount / 2 + 1)).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', path: ['filter'], message: expect.stringContaining('filterEntriesReadMaxCount') },
    });
  });

  it('[V147] is refused when it must evaluate too many vectors, but not if another condition leaves few', () => {
    const written = { a: { $elemMatch: { b: 1, c: 2 } } };
    expect(select(written, INDEX_LIMITS.filterJudgedMaxCount)).toMatchObject({ ok: true });
    expect(select(written, INDEX_LIMITS.filterJudgedMaxCount + 1)).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', path: ['filter'], message: expect.stringContaining('filterJudgedMaxCount') },
    });
    const narrowed = { ...written, $id: { $in: ['v1'] } };
    expect(select(narrowed, INDEX_LIMITS.filterJudgedMaxCount + 1)).toMatchObject({ ok: true });
  });
});

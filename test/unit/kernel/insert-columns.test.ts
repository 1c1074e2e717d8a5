import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { insertColumns } from '../../../src/kernel/sql/insert-columns.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { sqliteStorage } from '../../bench/ann/sqlite-storage.ts';

interface Item {
  readonly id: string;
  readonly group: number;
  readonly text: string | null;
  readonly blob: readonly [number, number, number];
}

const storable = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '"', "'", '\\', '💧', 'é'))
  .map((text) => text.replaceAll('\0', ''));
const item: fc.Arbitrary<Item> = fc.record({
  id: storable,
  group: fc.nat(2),
  text: fc.option(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '\0', 'a\0b', '{"a":"\\u0000"}'))),
  blob: fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)),
});

function insert(items: readonly Item[], first = 7): { readonly stored: unknown[]; readonly statements: number } {
  const storage = sqliteStorage(':memory:');
  let statements = 0;
  const counting = {
    sql: {
      databaseSize: 0,
      exec: ((query, ...bindings) => {
        statements += 1;
        return storage.sql.exec(query, ...bindings);
      }) satisfies SqlStorage['sql']['exec'],
    },
    transactionSync: <T>(body: () => T) => body(),
  };
  storage.sql.exec('CREATE TABLE items (row INTEGER PRIMARY KEY, id TEXT, place INTEGER, text TEXT, bytes BLOB, lsn INTEGER)');
  insertColumns(counting, 'items', items.length, {
    row: { kind: 'counted', first },
    id: { kind: 'each', values: items.map(({ id }) => id) },
    place: { kind: 'each', values: items.map(({ group }) => group) },
    text: { kind: 'texts', values: items.map(({ text }) => text) },
    bytes: { kind: 'blobs', bytes: Uint8Array.from(items.flatMap(({ blob }) => blob)), bytesEach: 3 },
    lsn: { kind: 'same', value: 5 },
  });
  // As bytes, for a text may hold NUL.
  const rows = storage.sql.exec<{ row: number; id: ArrayBuffer; place: number; text: ArrayBuffer | null; bytes: ArrayBuffer; lsn: number }>(
    'SELECT row, CAST(id AS BLOB) AS id, place, CAST(text AS BLOB) AS text, bytes, lsn FROM items ORDER BY row',
  );
  const decoder = new TextDecoder();
  const stored = rows.toArray().map(({ row, id, place, text, bytes, lsn }) => ({
    row,
    lsn,
    item: { id: decoder.decode(id), group: place, text: text === null ? null : decoder.decode(text), blob: [...new Uint8Array(bytes)] },
  }));
  return { stored, statements };
}

describe('rows inserted by columns', () => {
  it('[V195] come back as they were, whatever their texts hold', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 12 }), fc.nat(100), (items, first) => {
        expect(insert(items, first).stored).toEqual(items.map((one, i) => ({ row: first + i, lsn: 5, item: one })));
      }),
    );
  });

  it('[V195] take one statement, or as many as their texts fill', () => {
    const small = Array.from({ length: 1_000 }, (_, i): Item => ({ id: `id ${i}`, group: 1, text: null, blob: [1, 2, 3] }));
    expect(insert(small).statements).toBe(1);
    const long = small.slice(0, 100).map((one, i): Item => ({ ...one, text: `${i}${'é'.repeat(20_000)}` }));
    const { stored, statements } = insert(long);
    expect(stored).toEqual(long.map((one, i) => ({ row: 7 + i, lsn: 5, item: one })));
    expect(statements).toBeGreaterThan(2);
    expect(statements).toBeLessThan(long.length);
    const longest = small.slice(0, 3).map((one, i): Item => ({ ...one, group: i, text: `${i}${'é'.repeat(400_000)}`, blob: [i, 0, i] }));
    expect(insert(longest)).toEqual({ stored: longest.map((one, i) => ({ row: 7 + i, lsn: 5, item: one })), statements: 3 });
  });
});

import { describe, expect, it } from 'vitest';

import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import { applyChanges, tellChanges } from '../../../src/ann/replication/changes.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { FIELD_LIMITS } from '../../../src/contract/indexes/field-limits.ts';
import { VECTOR_LIMITS } from '../../../src/contract/vectors/vector-limits.ts';
import type { ShardFieldSearch, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import type { VectorEdit } from '../../../src/ann/vector-edit.ts';
import { SHARD_SCHEMA } from '../../../src/ann/store/shard-schema.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { SqliteRowVersions } from '../../../src/index/resharding/sqlite-row-versions.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { ShardWorld, smallFloor, value } from '../../support/worlds/shard-world.ts';
import { whole } from '../../support/worlds/whole-read.ts';

const ANALYSIS = analysisSettings.parse({ language: 'none', stemming: false });
const TEXT = { kind: 'text', analysis: ANALYSIS, weight: 1 } as const;
const FIELDS = { body: { ...TEXT, source: 'field' }, 10: { ...TEXT, source: 'field' }, own: { ...TEXT, source: 'text' } } as const;
const ALL = { values: true, metadata: true, text: true, contents: true };
const BARE = { values: false, metadata: false, text: false };

/** A shard of rows with a vector, or null. */
function world(dimensions: number, name = 'bare') {
  const made = new ShardWorld(smallFloor(1 << 22), { dimensions, metric: 'l2', fields: FIELDS }, name);
  const { indexId } = made.identity;
  const write = (vectors: Readonly<Record<string, readonly number[] | null>>, more: Partial<UpsertBatch> = {}) => {
    const ids = Object.keys(vectors);
    const values = new Float32Array(dimensions * ids.length);
    ids.forEach((id, i) => values.set(vectors[id] ?? [], i * dimensions));
    const vectorless = ids.map((id) => vectors[id] === null);
    const columns = {
      namespaces: ids.map(() => ''),
      metadata: ids.map((id) => JSON.stringify({ id })),
      texts: ids.map((id) => `text of ${id}`),
      contents: ids.map((id) => JSON.stringify({ body: `all ${id}` })),
    };
    const none = vectorless.includes(true) ? { vectorless } : {};
    return value(made.shard.upsert({ indexId, ids, values, ...none, ...columns, repetition: null, ...more }, made.nowMs));
  };
  const rows = (...ids: string[]) => value(made.shard.fetch({ indexId, namespace: '', ids, include: ALL }));
  const leg = (query: string, field = 'body'): ShardFieldSearch => ({
    indexId,
    query: { kind: 'text', query, fields: [{ name: field, weight: 1 }], k1: 1.2, b: 0.75 },
    namespace: '',
    topK: 100,
    filter: null,
    excludeIds: [],
    include: BARE,
  });
  const legs = (query: string, field?: string) => value(whole(made.shard.searchFields(leg(query, field)))).ids;
  const near = (...values: number[]) => made.query({ values: Float32Array.from(values), topK: 100 }).ids;
  const patch = (ids: readonly string[], edit: VectorEdit) =>
    value(made.shard.patch({ indexId, namespace: '', ids, filter: null, edit }, made.nowMs));
  const stored = () => made.sql.sql.exec<{ bytes: number }>('SELECT length(floats) AS bytes FROM vectors ORDER BY row').toArray();
  return { made, indexId, write, rows, legs, near, patch, stored };
}

describe('[TX205] a row without a vector', () => {
  it('is found by its fields, id, metadata and place, and by no search for vectors', () => {
    const { made, indexId, write, rows, legs, near, stored } = world(2);
    write({ a: [1, 2], b: null, c: [3, 4] });
    write({ d: null });
    expect([legs('all'), near(0, 0), legs('d', 'own')]).toEqual([['a', 'b', 'c', 'd'], ['a', 'c'], ['d']]);
    expect(stored().map(({ bytes }) => bytes)).toEqual([8, 0, 8, 0]);
    const { values, vectorless, ...found } = rows('b', 'a');
    expect([...values!, ...vectorless!]).toEqual([0, 0, 1, 2, true, false]);
    expect(found).toMatchObject({ ids: ['b', 'a'], metadata: ['{"id":"b"}', '{"id":"a"}'], texts: ['text of b', 'text of a'] });
    expect(rows('a', 'c').vectorless).toBe(undefined);
    const filter = { kind: 'ids', ids: ['b', 'c'] } as const;
    const target = { kind: 'values', values: Float32Array.of(0, 0) } as const;
    const asked = { indexId, target, namespace: '', topK: 9, excludeIds: [], include: BARE };
    for (const exact of [true, false]) expect(value(made.shard.query({ ...asked, filter, exact })).ids).toEqual(['c']);
    expect(value(made.shard.count({ indexId, namespace: '', filter })).count).toBe(2);
    expect(value(made.shard.list({ indexId, namespace: '', filter: null, start: null, limit: 9, include: BARE })).ids).toHaveLength(4);
    expect(value(made.shard.sample({ indexId, namespace: '', count: 9, seed: 1 }))).toMatchObject({ ids: ['a', 'c'], of: 2 });
    const around = made.shard.query({ ...asked, target: { kind: 'id', id: 'b' }, filter: null });
    expect(around).toMatchObject({ error: { code: 'vector_not_found', path: ['id'] } });
  });

  it('is one after a restart, and until it is written again or deleted', () => {
    const { made, indexId, write, legs, near, stored } = world(2);
    write({ a: [1, 2], b: null });
    made.restart();
    expect([near(0, 0), legs('all')]).toEqual([['a'], ['a', 'b']]);
    write({ a: null, b: [5, 5] });
    expect([near(0, 0), legs('all')]).toEqual([['b'], ['a', 'b']]);
    made.restart();
    expect([near(0, 0), made.store.vectorlessRows().size]).toEqual([['b'], 1]);
    made.shard.delete({ indexId, selection: { kind: 'ids', namespace: '', ids: ['a'] } });
    expect([near(0, 0), made.store.vectorlessRows().size, stored()]).toEqual([['b'], 0, [{ bytes: 8 }]]);
    write({ c: null });
    made.shard.delete({ indexId, selection: { kind: 'all' } });
    expect([near(0, 0), made.store.vectorlessRows().size]).toEqual([[], 0]);
  });

  it('is all that an index without dimensions has, in batches and alone', () => {
    const { made, write, rows, legs, stored, indexId } = world(0);
    write({ a: null, b: null, c: null });
    write({ d: null });
    write({ b: null });
    made.restart();
    expect([legs('all').toSorted(), legs('b')]).toEqual([['a', 'b', 'c', 'd'], ['b']]);
    expect(stored()).toEqual([0, 0, 0, 0].map((bytes) => ({ bytes })));
    expect(rows('a', 'd')).toMatchObject({ vectorless: [true, true], texts: ['text of a', 'text of d'] });
    made.settle();
    const { memoryBytes, count } = value(made.shard.stats({ indexId }));
    expect([count, memoryBytes - (made.store.fields?.bytes ?? 0)]).toEqual([4, made.engine.columns.bytes]);
    expect(() => write({ e: [] })).toThrow('an index without dimensions has no vectors');
  });
});

describe('[TX206] rows without vectors beside lists of the others', () => {
  const drawn = new Clusters({ dimensions: 4, count: 10, spread: 0.4, seed: 5 });
  const many = (prefix: string, count: number, isBare: boolean) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, isBare ? null : [...drawn.next()]] as const));

  it('begin no training, however many they are, and wait for none', () => {
    const { made, write, indexId } = world(4);
    write(many('bare', 500, true));
    write(many('v', 20, false));
    made.settle();
    expect(made.store.lists.listSets()).toEqual([]);
    expect(value(made.shard.progress({ indexId }))).toEqual({ vectors: 520, waiting: 0 });
  });

  it('are in no list, and lists are loaded, searched and maintained as if they were not there', () => {
    const { made, write, near, legs } = world(4);
    const vectors = many('v', 300, false);
    write({ ...many('bare', 150, true), ...vectors });
    made.settle();
    const [set] = made.store.lists.listSets();
    expect(set).toBeDefined();
    made.restart();
    const query = { values: Float32Array.from(vectors['v7']!), topK: 3 };
    expect(made.query(query).ids[0]).toBe('v7');
    expect(near(0, 0, 0, 0).every((id) => id.startsWith('v'))).toBe(true);
    // What had a vector has none, and the other way round.
    write({
      ...Object.fromEntries(
        Object.keys(vectors)
          .slice(0, 50)
          .map((id) => [id, null]),
      ),
      bare3: vectors['v7']!,
    });
    made.settle();
    made.restart();
    expect(made.query(query).ids[0]).toBe('bare3');
    expect(made.store.vectorCount(made.store.header()!)).toBe(251);
    expect(legs('v7')).toEqual(['v7']);
  });
});

it('[TX211] followers and movers get which rows have no vector', () => {
  const [primary, copy] = [world(2, 'primary'), world(2, 'copy')];
  primary.write({ a: null, b: [1, 2] }, { versions: [3, 4] });
  const ask = () => value(tellChanges(primary.made.store, { indexId: primary.indexId, after: null, countMax: 10 }, 0));
  ask();
  const page = ask();
  if (page.kind !== 'page') throw new Error('a snapshot begins with a page');
  applyChanges(copy.made.store, copy.made.engine, page, 0, () => undefined);
  expect([copy.near(0, 0), copy.legs('all'), copy.stored()]).toEqual([['b'], ['a', 'b'], [{ bytes: 0 }, { bytes: 8 }]]);
  expect(new SqliteRowVersions(copy.made.sql).wholeRows(0, 10, 2)).toMatchObject({ ids: ['a', 'b'], vectorless: [true, false] });
});

it('[TX212] a database from before there were such rows is one in which each row has a vector', () => {
  const sql = new NodeSql();
  migrate(sql, SHARD_SCHEMA);
  sql.sql.exec("INSERT INTO shard (index_id, dimensions, metric, lsn, count, next_row) VALUES ('ix_old', 1, 'l2', 1, 1, 2)");
  sql.sql.exec("INSERT INTO namespaces (ordinal, name) VALUES (1, '')");
  sql.sql.exec("INSERT INTO vectors (row, namespace, id, floats, text, lsn) VALUES (1, 1, 'a', x'0000803f', 'old words', 1)");
  const store = new VectorStore(sql);
  const header = store.header()!;
  expect([store.vectorCount(header), store.vectorlessRows().size]).toEqual([1, 0]);
  expect(store.columns([1], { values: true, metadata: false, text: true }, header, 100)).toEqual({
    ids: ['a'],
    values: Float32Array.of(1),
    metadata: null,
    texts: ['old words'],
  });
});

describe('[TX213] a change of values', () => {
  it('leaves the text that a field is made of, and takes another', () => {
    const { made, write, patch, legs, rows } = world(2);
    write({ a: [1, 2] });
    patch(['a'], { kind: 'values', values: Float32Array.of(3, 4) });
    expect([rows('a').texts, legs('a', 'own')]).toEqual([['text of a'], ['a']]);
    made.shard.open({ ...made.identity, fields: {} });
    patch(['a'], { kind: 'values', values: Float32Array.of(5, 6) });
    expect(rows('a').texts).toEqual([null]);
  });

  it('takes a vector away, and leaves the text then', () => {
    const { made, write, patch, near, rows } = world(2);
    made.shard.open({ ...made.identity, fields: {} });
    write({ a: [1, 2], b: [3, 4], c: null });
    patch(['b', 'c', 'a'], { kind: 'values', values: Float32Array.of(0, 0, 7, 8, 9, 9), vectorless: [true, false, false] });
    expect([near(0, 0), rows('a', 'b', 'c').texts]).toEqual([
      ['c', 'a'],
      [null, 'text of b', null],
    ]);
  });
});

describe('[TX214] fields of rows changed alone', () => {
  it('are set and unset by name; vectors, metadata and texts stay', () => {
    const { write, patch, legs, rows, near } = world(2);
    write({ a: [1, 2], b: null });
    const before = rows('a', 'b');
    expect(patch(['a', 'b', 'none'], { kind: 'fields', set: '{"10":"new","body":"red"}', unset: [] })).toMatchObject({
      count: 2,
      missing: ['none'],
    });
    expect([legs('all'), legs('red'), legs('new', '10'), near(0, 0)]).toEqual([[], ['a', 'b'], ['a', 'b'], ['a']]);
    expect(rows('a', 'b')).toMatchObject({ ...before, lsn: before.lsn + 1, contents: Array(2).fill('{"10":"new","body":"red"}') });
    patch(['a'], { kind: 'fields', set: '{"body":"green"}', unset: [] });
    expect([rows('a').contents, legs('new', '10')]).toEqual([['{"10":"new","body":"green"}'], ['a', 'b']]);
    patch(['a'], { kind: 'fields', set: '{"body":"blue"}', unset: ['10'] });
    patch(['b'], { kind: 'fields', set: '{}', unset: ['10', 'body'] });
    expect([rows('a', 'b').contents, legs('red blue')]).toEqual([['{"body":"blue"}', null], ['a']]);
  });

  it('are not written again where they are so already, and may not outgrow a row', () => {
    const { made, indexId, write, patch, rows } = world(2);
    write({ a: [1, 2] });
    const { lsn } = rows('a');
    expect(patch(['a'], { kind: 'fields', set: '{"body":"all a"}', unset: ['10'] })).toMatchObject({ count: 1, lsn });
    const edit = { kind: 'fields', set: JSON.stringify({ body: 'é'.repeat(300_000) }), unset: [] } as const;
    expect(made.shard.patch({ indexId, namespace: '', ids: ['a'], filter: null, edit }, 0)).toMatchObject({
      error: { code: 'limit_exceeded', path: ['set'], message: expect.stringMatching(/^the fields of "a" take 600011 bytes then/) },
    });
    expect(rows('a').contents).toEqual(['{"body":"all a"}']);
  });

  it('[TX220] takes no more rows at once than what they become may be held', () => {
    const { made, indexId, write } = world(2);
    const ids = Array.from({ length: 30 }, (_, i) => `r${i}`);
    write(Object.fromEntries(ids.map((id) => [id, [1, 2]])));
    const edit = { kind: 'fields', set: JSON.stringify({ body: 'x'.repeat(FIELD_LIMITS.rowFieldsBytesMax - 100) }), unset: [] } as const;
    const patched = made.shard.patch({ indexId, namespace: '', ids, filter: null, edit }, 0);
    const taken = Math.floor(VECTOR_LIMITS.upsertSliceBytesMax / (2 * edit.set.length));
    expect(patched).toMatchObject({ value: { taken, count: taken } });
  });
});

it('[TX215] a shard without vectors takes as many rows as its limit says, and names it', () => {
  const { made, write } = world(0);
  write({ a: null });
  const countMax = INDEX_LIMITS.vectorlessRowsMaxCount;
  made.sql.sql.exec('UPDATE shard SET count = ?', countMax);
  made.restart();
  write({ a: null });
  expect(() => write({ b: null })).toThrow(`1 more exceed the ${countMax} that fit vectorlessRowsMaxCount`);
});

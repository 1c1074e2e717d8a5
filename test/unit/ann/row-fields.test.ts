import { describe, expect, it } from 'vitest';

import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import { applyChanges, tellChanges } from '../../../src/ann/replication/changes.ts';
import type { ShardFieldSearch, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import { SHARD_SCHEMA } from '../../../src/ann/store/shard-schema.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { SqliteRowVersions } from '../../../src/index/resharding/sqlite-row-versions.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { ShardWorld, fieldsOver, smallFloor, value } from '../../support/worlds/shard-world.ts';
import { whole } from '../../support/worlds/whole-read.ts';

const ANALYSIS = analysisSettings.parse({ language: 'none', stemming: false });
const FIELDS = {
  body: { kind: 'text', analysis: ANALYSIS, weight: 1, source: 'field' },
  text: { kind: 'text', analysis: ANALYSIS, weight: 1, source: 'text' },
} as const;
const ALL = { values: true, metadata: true, text: true, contents: true };
const BARE = { values: false, metadata: false, text: false };

function world(name = 'fields') {
  const made = new ShardWorld(smallFloor(1 << 22), { dimensions: 2, metric: 'l2', fields: FIELDS }, name);
  const { indexId } = made.identity;
  const write = (bodies: Readonly<Record<string, string>>, more: Partial<UpsertBatch> = {}) => {
    const ids = Object.keys(bodies);
    const batch: UpsertBatch = {
      indexId,
      ids,
      namespaces: ids.map(() => ''),
      values: new Float32Array(2 * ids.length),
      metadata: ids.map((id) => JSON.stringify({ id })),
      texts: ids.map((id) => `text ${id}`),
      contents: Object.values(bodies).map((body) => JSON.stringify({ body })),
      repetition: null,
      ...more,
    };
    return value(made.shard.upsert(batch, made.nowMs));
  };
  const contentsOf = (...ids: string[]) => value(made.shard.fetch({ indexId, namespace: '', ids, include: ALL })).contents;
  const query = (words: string, field = 'body') =>
    ({ kind: 'text', query: words, fields: [{ name: field, weight: 1 }], k1: 1.2, b: 0.75 }) as const;
  const leg = (
    words: string,
    { field = 'body', ...more }: Partial<ShardFieldSearch> & { readonly field?: string } = {},
  ): ShardFieldSearch => ({
    indexId,
    query: query(words, field),
    namespace: '',
    topK: 10,
    filter: null,
    excludeIds: [],
    include: BARE,
    ...more,
  });
  return { made, indexId, write, contentsOf, leg };
}

describe('[TX180] what rows hold besides their vectors', () => {
  it('is answered as it was written, after a restart too, and only where it is asked for', () => {
    const { made, indexId, write, contentsOf } = world();
    write({ a: 'one', b: 'two\0 \u{1f600}' });
    write({ c: '' }, { contents: [null] });
    made.restart();
    expect(contentsOf('b', 'a', 'c')).toEqual([JSON.stringify({ body: 'two\0 \u{1f600}' }), '{"body":"one"}', null]);
    expect(value(made.shard.fetch({ indexId, namespace: '', ids: ['a'], include: BARE })).contents).toBe(undefined);
    const listed = made.shard.list({ indexId, namespace: '', filter: null, start: null, limit: 1, include: ALL });
    expect(value(listed).contents).toEqual(['{"body":"one"}']);
    const target = { kind: 'values', values: Float32Array.of(0, 0) } as const;
    const found = made.shard.query({ indexId, target, namespace: '', topK: 1, filter: null, excludeIds: [], include: ALL });
    expect(value(found).contents).toEqual(['{"body":"one"}']);
  });

  it('stays when metadata or values are changed, and goes with the row', () => {
    const { made, indexId, write, contentsOf, leg } = world();
    write({ a: 'one' });
    const patch = (edit: object) =>
      value(made.shard.patch({ indexId, namespace: '', ids: ['a'], filter: null, edit: edit as never }, made.nowMs));
    patch({ kind: 'values', values: Float32Array.of(3, 4) });
    patch({ kind: 'replace', metadata: '{"n":1}' });
    expect(contentsOf('a')).toEqual(['{"body":"one"}']);
    value(made.shard.delete({ indexId, selection: { kind: 'all' } }));
    expect(contentsOf('a')).toEqual([]);
    expect(value(whole(made.shard.termStatistics(leg('one')))).fields[0]?.documents).toBe(0);
  });
});

it('[TX181] a database from before there were fields gets them, and its rows are read as rows without', () => {
  const sql = new NodeSql();
  migrate(sql, SHARD_SCHEMA.slice(0, -1));
  sql.sql.exec("INSERT INTO shard (index_id, dimensions, metric, lsn, count, next_row) VALUES ('ix_old', 1, 'l2', 1, 1, 2)");
  sql.sql.exec("INSERT INTO namespaces (ordinal, name) VALUES (1, '')");
  sql.sql.exec("INSERT INTO vectors (row, namespace, id, floats, text, lsn) VALUES (1, 1, 'a', x'00000000', 'old words', 1)");
  const store = new VectorStore(sql, undefined, (_, rows) => fieldsOver(rows, FIELDS));
  expect(store.fields).toBe(undefined);
  store.define(FIELDS);
  expect(store.header()?.fields).toEqual(FIELDS);
  expect(new VectorStore(sql, undefined, (_, rows) => fieldsOver(rows)).header()?.fields).toEqual(FIELDS);
  expect(store.contentsBehind(0, 10, 1)).toEqual([{ row: 1, namespace: 1, contents: null, text: 'old words' }]);
  store.define({});
  expect(store.fields).toBe(undefined);
});

it('[TX182] followers get what rows hold, and which of them are copies', () => {
  const [primary, copy] = [world('primary'), world('copy')];
  primary.write({ a: 'one', b: 'two' }, { copies: [false, true] });
  const [from, to] = [primary.made, copy.made];
  value(tellChanges(from.store, { indexId: primary.indexId, after: null, countMax: 10 }, 0));
  const page = value(tellChanges(from.store, { indexId: primary.indexId, after: null, countMax: 10 }, 0));
  if (page.kind !== 'page') throw new Error('a snapshot begins with a page');
  applyChanges(to.store, to.engine, page, 0, () => undefined);
  expect(copy.contentsOf('a', 'b')).toEqual(['{"body":"one"}', '{"body":"two"}']);
  expect(value(whole(to.shard.searchFields(copy.leg('one two')))).ids).toEqual(['a']);
});

describe('[TX183] a leg over fields', () => {
  it('finds rows by what they hold, their own text too, and what is written is found at once', () => {
    const { made, write, leg } = world();
    write({ a: 'red fox', b: 'red', c: 'blue' });
    expect(value(whole(made.shard.searchFields(leg('red')))).ids).toEqual(['b', 'a']);
    expect(value(whole(made.shard.searchFields(leg('a', { field: 'text' })))).ids).toEqual(['a']);
    write({ b: 'green' });
    expect(value(whole(made.shard.searchFields(leg('red')))).ids).toEqual(['a']);
    expect(value(whole(made.shard.searchFields(leg('red', { namespace: 'other' })))).ids).toEqual([]);
    const { explanation, contents } = value(whole(made.shard.searchFields(leg('green', { explain: true, include: ALL }))));
    expect([explanation?.postings?.scored, explanation?.filter, contents]).toEqual([3, null, ['{"body":"green"}']]);
  });

  it('leaves out what is excluded and what the filter refuses before it is cut', () => {
    const { made, write, leg } = world();
    write({ a: 'red', b: 'red red', c: 'red red red' });
    expect(value(whole(made.shard.searchFields(leg('red', { topK: 1 })))).ids).toEqual(['c']);
    expect(value(whole(made.shard.searchFields(leg('red', { topK: 1, excludeIds: ['c', 'none'] })))).ids).toEqual(['b']);
    const filter = { kind: 'ids', ids: ['a'] } as const;
    expect(value(whole(made.shard.searchFields(leg('red', { topK: 1, filter })))).ids).toEqual(['a']);
    const not = { kind: 'not', of: filter } as const;
    expect(value(whole(made.shard.searchFields(leg('red', { filter: not })))).ids).toEqual(['c', 'b']);
  });

  it('scores by all rows of the namespace, by those that the filter leaves, or by counts that it is given', () => {
    const { made, write, leg } = world();
    write({ a: 'red', b: 'red', c: 'blue' });
    const filter = { kind: 'ids', ids: ['a', 'c'] } as const;
    const scoreBy = (more: object) => value(whole(made.shard.searchFields(leg('red', { filter, ...more })))).scores[0] ?? NaN;
    const rare = Math.log(1 + (2 - 1 + 0.5) / (1 + 0.5));
    expect(scoreBy({})).toBeCloseTo(Math.log(1 + (3 - 2 + 0.5) / (2 + 0.5)), 12);
    expect(scoreBy({ statisticsOf: 'filter' })).toBeCloseTo(rare, 12);
    const given = value(whole(made.shard.termStatistics(leg('red', { filter }))));
    expect(given.terms).toEqual([{ field: 'body', term: 'red', documents: 1 }]);
    expect(scoreBy({ statistics: given })).toBeCloseTo(rare, 12);
  });

  it('is refused by name where the index has no such field, or none at all', () => {
    const { made, leg } = world();
    expect(whole(made.shard.searchFields(leg('red', { field: 'title' })))).toMatchObject({ error: { path: ['fields', 'title'] } });
    made.shard.open({ ...made.identity, fields: {} });
    for (const refused of [whole(made.shard.searchFields(leg('red'))), whole(made.shard.termStatistics(leg('red')))])
      expect(refused).toMatchObject({ error: { code: 'invalid_value', message: 'the index has no fields besides its vectors' } });
  });
});

it('[TX184] a spilled copy neither counts nor answers until it is the only row of its id', () => {
  const { made, write, leg } = world();
  write({ a: 'red', b: 'red' }, { copies: [false, true], versions: [4, 4] });
  expect(value(whole(made.shard.searchFields(leg('red')))).ids).toEqual(['a']);
  expect(value(whole(made.shard.termStatistics(leg('red')))).terms[0]?.documents).toBe(1);
  const versions = new SqliteRowVersions(made.sql);
  const keys = { ids: ['a', 'b'], namespaces: ['', ''] };
  expect(versions.newsFrom(keys)).toEqual([5, 5]);
  expect(versions.newsFrom({ ...keys, copies: [true, true] })).toEqual([5, 5]);
  expect(versions.newsFrom({ ...keys, copies: [false, false] })).toEqual([5, 4]);
  write({ b: 'red' }, { copies: [false], versions: [4] });
  expect(value(whole(made.shard.termStatistics(leg('red')))).terms[0]?.documents).toBe(2);
  expect(versions.wholeRows(0, 10, 2)).toMatchObject({ ids: ['a', 'b'], contents: ['{"body":"red"}', '{"body":"red"}'] });
});

it('[TX186] matches in texts are answered by id and field; ids that are not there are left out', () => {
  const { made, indexId, write } = world();
  write({ a: 'a red fox', b: 'blue' });
  const asked = { indexId, namespace: '', ids: ['b', 'none', 'a'], query: 'red', fields: ['body'] };
  const { rows } = value(whole(made.shard.highlight({ ...asked, options: { fragmentChars: 100, fragments: 1 } })));
  expect(rows).toEqual([
    { id: 'b', fields: [{ name: 'body', fragments: [] }] },
    { id: 'a', fields: [{ name: 'body', fragments: [{ start: 2, text: 'red', matches: [{ begin: 0, end: 3 }] }] }] },
  ]);
});

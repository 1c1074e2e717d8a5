import { expect, it } from 'vitest';

import { SqliteModelStore } from '../../../src/inference/registry/sqlite-model-store.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { SqliteDocumentStore } from '../../../src/tenancy/document-store.ts';
import { SqlitePromptStore } from '../../../src/upstreams/store/sqlite-prompt-store.ts';
import { SqliteRouteStore } from '../../../src/upstreams/store/sqlite-route-store.ts';
import { SqliteUpstreamStore } from '../../../src/upstreams/store/sqlite-upstream-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { STORED_BEFORE } from '../../support/fixtures/stored-before.ts';

const writtenBefore = (kind: keyof typeof STORED_BEFORE): NodeSql => {
  const sql = new NodeSql();
  for (const statement of STORED_BEFORE[kind]) sql.sql.exec(statement);
  return sql;
};

const schemaOf = (sql: NodeSql): string[] =>
  sql.sql
    .exec<{ sql: string | null }>('SELECT sql FROM sqlite_master')
    .toArray()
    .map(({ sql: created }) => (created ?? '').replaceAll(/\s+/g, ' '))
    .sort();

const STORES = {
  prompts: (sql: SqlStorage) => new SqlitePromptStore(sql),
  routes: (sql: SqlStorage) => new SqliteRouteStore(sql),
  models: (sql: SqlStorage) => new SqliteModelStore(sql),
  upstreams: (sql: SqlStorage) => new SqliteUpstreamStore(sql),
  documents: (sql: SqlStorage) => new SqliteDocumentStore(sql, { nowMs: () => 0 }),
} as const;

it.each(Object.keys(STORES) as (keyof typeof STORES)[])('[ST2] %s of an older version get the tables of new ones', (kind) => {
  const [before, anew] = [writtenBefore(kind), new NodeSql()];
  expect(STORES[kind](before).exists()).toBe(true);
  STORES[kind](anew).open();
  expect(schemaOf(before)).toEqual(schemaOf(anew));
});

it.each(['prompts', 'routes', 'models'] as const)('[ST2] versions of %s of an older version are found, also by their requests', (kind) => {
  const store = STORES[kind](writtenBefore(kind));
  const version = { version: 1, text: 'old' };
  expect([store.find('reply'), store.count(), store.isClosed()]).toEqual([{ name: 'reply' }, 1, false]);
  expect(store.version('reply', 1)).toMatchObject(version);
  expect(store.madeBy('k1')).toMatchObject({ digest: 'd1', made: version });
  store.removeVersions('reply', 5);
  expect([store.versionCount('reply'), store.spentBy('k1', 5)]).toMatchObject([0, { digest: 'd1', made: 'reply@1' }]);
  expect(STORES[kind](writtenBefore(kind)).page('', 9)).toEqual([{ name: 'reply' }]);
});

it('[ST2] an upstream of an older version is found, also by its request', () => {
  const store = STORES.upstreams(writtenBefore('upstreams'));
  expect([store.find('reply'), store.revision, store.isClosed()]).toEqual([{ name: 'reply' }, 1, false]);
  expect(store.madeBy('k1')).toEqual({ digest: 'd1', made: { name: 'reply' } });
});

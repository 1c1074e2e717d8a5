import { beforeEach, describe, expect, it } from 'vitest';

import { madeBefore } from '../../../src/contract/api/spent-key.ts';
import { changeUnder } from '../../../src/contract/tenancy/write-lease.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { SqliteVersionedStore, versionTables } from '../../../src/kernel/sql/sqlite-versioned-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

interface Recipe {
  readonly name: string;
  readonly serves: number;
}
interface RecipeVersion {
  readonly version: number;
  readonly text: string;
}

class RecipeStore extends SqliteVersionedStore<Recipe, RecipeVersion> {
  constructor(storage: SqlStorage) {
    const tables = `CREATE TABLE recipes (name TEXT PRIMARY KEY, body TEXT NOT NULL); CREATE TABLE cooks (name TEXT);`;
    const spentKeys = { ttlMs: 1_000, countMax: 10 };
    super(storage, { kind: 'recipe', migrations: [`${tables} ${versionTables('recipe')}`], ownTables: ['cooks'], spentKeys });
  }

  addCook(name: string): void {
    this.run('INSERT INTO cooks VALUES (?)', name);
  }

  cooks(): number {
    return this.countOf('cooks');
  }
}

let store: RecipeStore;
const request = (key: string, digest = `digest of ${key}`) => ({ key, digest });
const made = (key: string, digest?: string) => madeBefore(store, request(key, digest), 0);

beforeEach(() => {
  store = new RecipeStore(new NodeSql());
  store.put({ name: 'soup', serves: 4 });
  for (const version of [1, 2, 3]) store.addVersion('soup', { version, text: `v${version}` }, request(`key ${version}`));
  store.addVersion('soup', { version: 4, text: 'v4' }, null);
  store.addVersion('stew', { version: 1, text: 'other' }, request('key of stew'));
});

describe('named records with numbered versions', () => {
  it('are read by name and number, in pages', () => {
    store.put({ name: 'bread', serves: 8 });
    expect([store.find('soup'), store.find('none'), store.count()]).toEqual([{ name: 'soup', serves: 4 }, undefined, 2]);
    expect([store.page('', 1), store.page('bread', 5)].map((page) => page.map(({ name }) => name))).toEqual([['bread'], ['soup']]);
    expect(store.versions('soup', 1, 2).map(({ version }) => version)).toEqual([2, 3]);
    expect([store.version('soup', 3)?.text, store.version('soup', 9), store.versionCount('soup')]).toEqual(['v3', undefined, 4]);
  });

  it('[T60] answers a repetition with the first answer, and refuses another request under its key', () => {
    expect(made('key 2')).toEqual(ok({ version: 2, text: 'v2' }));
    expect(made('key 2', 'other')).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
    expect(made('unused')).toEqual(ok(undefined));
    expect(madeBefore(store, null, 0)).toEqual(ok(undefined));
  });

  it('[T78] spends the key of the version that is removed, and of no other', () => {
    store.removeVersions('soup', 0, 2);
    expect([made('key 2'), made('key 2', 'other')]).toMatchObject([
      { error: { code: 'idempotency_key_spent', spent: { id: 'soup@2' } } },
      { error: { code: 'idempotency_mismatch' } },
    ]);
    expect([made('key 1').ok, store.versionCount('soup')]).toEqual([true, 3]);
    store.removeVersions('soup', 0);
    expect([made('key 1'), made('key 3')]).toMatchObject([
      { error: { code: 'idempotency_key_spent' } },
      { error: { code: 'idempotency_key_spent' } },
    ]);
    expect([store.versionCount('soup'), made('key of stew').ok]).toEqual([0, true]);
  });

  it('[T59] once erased it has nothing, the tables of the subclass included, and takes no change', () => {
    store.addCook('Ada');
    store.removeVersions('soup', 0, 1);
    store.eraseAndClose();
    expect([store.count(), store.versionCount('soup'), store.cooks(), store.spentBy('key 1', 0)]).toEqual([0, 0, 0, undefined]);
    const change = (endsAtMs: number) => changeUnder({ endsAtMs }, store, 10, () => ok(null));
    expect(change(20)).toMatchObject({ error: { code: 'tenant_suspended' } });
  });

  it('refuses a change whose lease has ended', () => {
    expect([changeUnder({ endsAtMs: 9 }, store, 10, () => ok(1)), changeUnder({ endsAtMs: 11 }, store, 10, () => ok(1))]).toMatchObject([
      { error: { code: 'lease_expired' } },
      { value: 1 },
    ]);
  });
});

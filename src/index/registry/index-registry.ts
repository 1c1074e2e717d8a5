import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { admitKey, SPENT_KEY_BOUNDS } from '../../contract/api/spent-key.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import { hasTable } from '../../kernel/sql/migrate.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE, SqliteSpentKeys } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { Alias } from '../aliases.ts';
import type { Erasure } from '../erasure.ts';
import type { IndexManifest } from '../index-manifest.ts';

/** The tables of a tenant's registry. */
const REGISTRY_SCHEMA: Migrations = [
  `CREATE TABLE indexes (
     name TEXT PRIMARY KEY, index_id TEXT NOT NULL, manifest TEXT NOT NULL, listed INTEGER NOT NULL,
     idempotency_key TEXT UNIQUE);`,
  `CREATE TABLE aliases (alias TEXT PRIMARY KEY, index_name TEXT NOT NULL);
   CREATE INDEX aliases_by_index ON aliases (index_name);`,
  SPENT_KEY_TABLE,
];

/** The request under an idempotency key that made an index. */
export interface MadeIndex extends KeyedRequest {
  readonly made: IndexId;
}

/** One scope: a registry is one tenant's. */
const ALL = '';

/** The names of a tenant's indexes as SQLite rows. */
export class SqliteIndexRegistry extends SqliteStore {
  readonly #storage: SqlStorage;
  readonly #spent: SqliteSpentKeys;

  constructor(storage: SqlStorage) {
    super(storage, REGISTRY_SCHEMA);
    this.#storage = storage;
    this.#spent = new SqliteSpentKeys(storage, SPENT_KEY_BOUNDS);
  }

  /** Asked of the storage each time: it may be lost while this lives. [T91] */
  override exists(): boolean {
    return hasTable(this.#storage, 'indexes') && super.exists();
  }

  add(manifest: IndexManifest, idempotencyKey: string | null): void {
    this.run('INSERT INTO indexes VALUES (?, ?, ?, 0, ?)', manifest.name, manifest.id, JSON.stringify(manifest), idempotencyKey);
  }

  list(name: string, indexId: IndexId): void {
    this.run('UPDATE indexes SET listed = 1 WHERE name = ? AND index_id = ?', name, indexId);
  }

  unlist(name: string, indexId: IndexId): void {
    this.run('UPDATE indexes SET listed = 0 WHERE name = ? AND index_id = ?', name, indexId);
  }

  replace(manifest: IndexManifest): void {
    this.run('UPDATE indexes SET index_id = ?, manifest = ? WHERE name = ?', manifest.id, JSON.stringify(manifest), manifest.name);
  }

  /** `spent`: the request that made it, if it came under a key, and the id that it made. */
  remove(name: string, indexId: IndexId, spent: MadeIndex | undefined, nowMs: number): void {
    this.transaction(() => {
      this.run('DELETE FROM indexes WHERE name = ? AND index_id = ?', name, indexId);
      if (spent !== undefined) this.#spent.spend(ALL, spent, spent.made, nowMs);
    });
  }

  /** Refuses what repeats a request, or its key, whose index was deleted (T78). */
  admit(request: KeyedRequest, nowMs: number): Outcome<null> {
    return this.exists() ? admitKey(this.#spent.find(ALL, request.key, nowMs), request.digest) : ok(null);
  }

  forgetSpent(): void {
    if (this.exists()) this.#spent.forget(ALL);
  }

  /** How many names are taken, listed or not. */
  count(): number {
    return this.countOf('indexes');
  }

  /** The id of the index that has the name. */
  holderOf(name: string): string | undefined {
    return this.rows<{ index_id: string }>('SELECT index_id FROM indexes WHERE name = ?', name)[0]?.index_id;
  }

  /** Names that are taken, listed or not. */
  names(limit: number): string[] {
    return this.rows<{ name: string }>('SELECT name FROM indexes ORDER BY name LIMIT ?', limit).map(({ name }) => name);
  }

  isListed(name: string): boolean {
    return this.countOf('indexes WHERE name = ? AND listed = 1', name) > 0;
  }

  /** Whether an index here was created under this `Idempotency-Key`. */
  knowsKey(key: string): boolean {
    return this.countOf('indexes WHERE idempotency_key = ?', key) > 0;
  }

  /** Listed indexes in the order of their names. */
  page(after: string, limit: number): IndexManifest[] {
    return this.bodies('SELECT manifest AS body FROM indexes WHERE listed = 1 AND name > ? ORDER BY name LIMIT ?', after, limit);
  }
}

/** The aliases of a tenant as SQLite rows. */
export class SqliteAliasRegistry extends SqliteStore {
  constructor(storage: SqlStorage) {
    super(storage, REGISTRY_SCHEMA);
  }

  /** Makes each alias stand for its index, or for nothing where there is none; all or none. */
  change(changed: ReadonlyMap<string, string | null>): void {
    if (changed.size === 0) return;
    this.transaction(() => {
      for (const [alias, index] of changed) {
        this.run('DELETE FROM aliases WHERE alias = ?', alias);
        if (index !== null) this.run('INSERT INTO aliases VALUES (?, ?)', alias, index);
      }
    });
  }

  removeOf(index: string): void {
    if (this.exists()) this.run('DELETE FROM aliases WHERE index_name = ?', index);
  }

  targetOf(alias: string): string | undefined {
    return this.rows<{ index_name: string }>('SELECT index_name FROM aliases WHERE alias = ?', alias)[0]?.index_name;
  }

  count(): number {
    return this.countOf('aliases');
  }

  /** In the order of their names, those of one index or all. */
  page(index: string | undefined, after: string, limit: number): Alias[] {
    return this.rows(
      `SELECT alias, index_name AS "index" FROM aliases WHERE alias > ?1 AND (?2 IS NULL OR index_name = ?2) ORDER BY alias LIMIT ?3`,
      after,
      index ?? null,
      limit,
    );
  }
}

/** What was erased of a tenant, the newest `erasuresMaxCount`. Creates its table with the first, never for a read. */
export class ErasureLog {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  /** Adding one again changes nothing. */
  add(erasure: Erasure): void {
    const { sql } = this.#storage;
    sql.exec(
      'CREATE TABLE IF NOT EXISTS erasures (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)',
    );
    sql.exec('INSERT OR IGNORE INTO erasures (id, body) VALUES (?, ?)', erasure.id, JSON.stringify(erasure));
    sql.exec('DELETE FROM erasures WHERE position <= (SELECT MAX(position) FROM erasures) - ?', INDEX_LIMITS.erasuresMaxCount);
  }

  forget(): void {
    if (hasTable(this.#storage, 'erasures')) this.#storage.sql.exec('DELETE FROM erasures');
  }

  find(id: string): Erasure | undefined {
    if (!hasTable(this.#storage, 'erasures')) return undefined;
    const [row] = this.#storage.sql.exec<{ body: string }>('SELECT body FROM erasures WHERE id = ?', id).toArray();
    return row === undefined ? undefined : (JSON.parse(row.body) as Erasure);
  }
}

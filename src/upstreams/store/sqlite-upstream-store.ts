import type { Migrations } from '../../kernel/sql/migrate.ts';
import { hasTable, migrate } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { UpstreamRecord } from '../upstream-record.ts';

const MIGRATIONS: Migrations = [`CREATE TABLE upstreams (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;`];

/** The upstreams of one owner in SQLite. Creates its tables with the first write, never for a read. */
export class SqliteUpstreamStore {
  readonly #storage: SqlStorage;
  #ready = false;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  /** By name, after the upstream `after`, at most `count`. */
  page(after: string, count: number): readonly UpstreamRecord[] {
    if (!this.#exists()) return [];
    return this.#storage.sql
      .exec<{ body: string }>('SELECT body FROM upstreams WHERE name > ? ORDER BY name LIMIT ?', after, count)
      .toArray()
      .map(({ body }) => JSON.parse(body) as UpstreamRecord);
  }

  #exists(): boolean {
    if (!this.#ready && !hasTable(this.#storage, 'upstreams')) return false;
    if (!this.#ready) migrate(this.#storage, MIGRATIONS);
    this.#ready = true;
    return true;
  }
}

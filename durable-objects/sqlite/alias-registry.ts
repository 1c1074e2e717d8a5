import type { Alias } from '../../src/index/aliases.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import { hasTable, migrate } from '../../src/kernel/sql/migrate.ts';
import { REGISTRY_SCHEMA } from './registry-schema.ts';

/** The aliases of a tenant as SQLite rows. Creates its table with the first alias, never for a read. */
export class SqliteAliasRegistry {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  /** Makes each alias stand for its index, or for nothing where there is none; all or none. */
  change(changed: ReadonlyMap<string, string | null>): void {
    if (changed.size === 0) return;
    migrate(this.#storage, REGISTRY_SCHEMA);
    this.#storage.transactionSync(() => {
      for (const [alias, index] of changed) {
        this.#storage.sql.exec('DELETE FROM aliases WHERE alias = ?', alias);
        if (index !== null) this.#storage.sql.exec('INSERT INTO aliases VALUES (?, ?)', alias, index);
      }
    });
  }

  removeOf(index: string): void {
    if (this.#exists()) this.#storage.sql.exec('DELETE FROM aliases WHERE index_name = ?', index);
  }

  targetOf(alias: string): string | undefined {
    if (!this.#exists()) return undefined;
    return this.#storage.sql.exec<{ index_name: string }>('SELECT index_name FROM aliases WHERE alias = ?', alias).toArray()[0]?.index_name;
  }

  count(): number {
    return this.#exists() ? this.#storage.sql.exec<{ total: number }>('SELECT COUNT(*) AS total FROM aliases').one().total : 0;
  }

  /** In the order of their names, those of one index or all. */
  page(index: string | undefined, after: string, limit: number): Alias[] {
    if (!this.#exists()) return [];
    return this.#storage.sql
      .exec<{ alias: string; index: string }>(
        `SELECT alias, index_name AS "index" FROM aliases WHERE alias > ?1 AND (?2 IS NULL OR index_name = ?2) ORDER BY alias LIMIT ?3`,
        after,
        index ?? null,
        limit,
      )
      .toArray();
  }

  #exists(): boolean {
    return hasTable(this.#storage, 'aliases');
  }
}

import type { SqlStorage } from '../kernel/sql/sql-storage.ts';

/** A step of a schema. */
export const ERASED_IDS_TABLE = 'CREATE TABLE erased (id TEXT PRIMARY KEY) WITHOUT ROWID;';

/** Tenants that were erased, with what was below them: for good, so as many as an organisation can have had. Nothing is kept of them any more. */
export class SqliteErasedIds {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  add(ids: readonly string[]): void {
    this.#sql.exec('INSERT OR IGNORE INTO erased SELECT value FROM json_each(?)', JSON.stringify(ids));
  }

  /** Those of `ids` that are erased. */
  among(ids: readonly string[]): ReadonlySet<string> {
    const query = 'SELECT id FROM erased WHERE id IN (SELECT value FROM json_each(?))';
    return new Set(
      this.#sql
        .exec<{ id: string }>(query, JSON.stringify(ids))
        .toArray()
        .map(({ id }) => id),
    );
  }

  has(id: string): boolean {
    return this.among([id]).size > 0;
  }
}

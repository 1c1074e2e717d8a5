import type { SqlStorage } from './sql-storage.ts';

/** The table of an outbox: part of the schema of the object that has one. */
export const OUTBOX_TABLE = `CREATE TABLE outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);`;

/** What is to be delivered, written in the transaction of what it reports and kept until its receiver has acknowledged it. */
export class SqliteOutbox<T> {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** The same id again changes nothing. */
  add(id: string, body: T): void {
    this.#sql.exec('INSERT INTO outbox (id, body) VALUES (?, ?) ON CONFLICT DO NOTHING', id, JSON.stringify(body));
  }

  /** The oldest, at most `count`. */
  waiting(count: number): { readonly id: string; readonly body: T }[] {
    return this.#sql
      .exec<{ id: string; body: string }>('SELECT id, body FROM outbox ORDER BY position LIMIT ?', count)
      .toArray()
      .map(({ id, body }) => ({ id, body: JSON.parse(body) as T }));
  }

  remove(ids: readonly string[]): void {
    this.#sql.exec('DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  clear(): void {
    this.#sql.exec('DELETE FROM outbox');
  }
}

import type { Erasure } from '../../src/index/erasure.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import { hasTable } from '../../src/kernel/sql/migrate.ts';

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
    sql.exec('DELETE FROM erasures WHERE position <= (SELECT MAX(position) FROM erasures) - ?', LIMITS.erasuresMaxCount);
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

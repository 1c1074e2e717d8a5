import type { Migrations } from '../../kernel/sql/migrate.ts';
import { migrate } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { QuotaLevel } from './quota-level.ts';
import type { SharedUse, UseAnswer, UseAsk } from './shared-use.ts';
import { beginUse, endUse, UNUSED } from './shared-use.ts';
import type { Slice } from './window.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE level (only INTEGER PRIMARY KEY CHECK (only = 1), body TEXT NOT NULL);
   CREATE TABLE permits (id TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX permits_by_end ON permits (until_ms);`,
];

/** What all isolates use of one upstream, in SQLite: a restart forgets no permit and no unit. Each call is one transaction. */
export class SqliteSharedUse {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    migrate(storage, MIGRATIONS);
  }

  /** Asked again under an id that holds a permit, it takes no second one. */
  begin(ask: UseAsk, nowMs: number): UseAnswer {
    return this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      sql.exec('DELETE FROM permits WHERE until_ms <= ? OR id = ?', nowMs, ask.id);
      const { use, answer } = beginUse(this.#read(), ask, nowMs);
      if (answer.kind !== 'granted') return answer;
      sql.exec('INSERT INTO permits VALUES (?, ?)', ask.id, nowMs + ask.lifeMs);
      this.#write(use.level);
      return answer;
    });
  }

  /** `unused`: of what was granted. Of a use that has ended nothing is taken back. */
  end(id: string, unused: Slice | undefined, nowMs: number): void {
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      if (sql.exec('DELETE FROM permits WHERE id = ? RETURNING id', id).toArray().length === 0) return;
      if (unused !== undefined) this.#write(endUse(this.#read(), unused, nowMs).level);
    });
  }

  #read(): SharedUse {
    const { sql } = this.#storage;
    const [row] = sql.exec<{ body: string }>('SELECT body FROM level').toArray();
    const underWay = sql.exec<{ count: number }>('SELECT COUNT(*) AS count FROM permits').one().count;
    return { level: row === undefined ? UNUSED.level : (JSON.parse(row.body) as QuotaLevel), underWay };
  }

  #write(level: QuotaLevel): void {
    this.#storage.sql.exec('INSERT INTO level VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET body = excluded.body', JSON.stringify(level));
  }
}

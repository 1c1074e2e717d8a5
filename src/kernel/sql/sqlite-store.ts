import type { Migrations } from './migrate.ts';
import { hasTable, migrate } from './migrate.ts';
import type { SqlStorage, SqlValue } from './sql-storage.ts';

type Binding = SqlValue | ArrayBufferView;

/**
 * A store that has a database to itself. Its first write creates the tables. Until then reads find nothing and leave the database empty,
 * because a read can address an object by a name that nothing was ever stored under. [ST1] [ST2]
 */
export abstract class SqliteStore {
  readonly #storage: SqlStorage;
  readonly #migrations: Migrations;
  #isOpen = false;

  constructor(storage: SqlStorage, migrations: Migrations) {
    this.#storage = storage;
    this.#migrations = migrations;
  }

  /** Whether anything was ever written. */
  exists(): boolean {
    if (!this.#isOpen && hasTable(this.#storage, 'schema_version')) this.open();
    return this.#isOpen;
  }

  /** Creates the tables, or brings older ones up to date. */
  open(): void {
    if (!this.#isOpen) migrate(this.#storage, this.#migrations);
    this.#isOpen = true;
  }

  /** Runs changes as one: a throw undoes all of them. Opens the store. */
  transaction<T>(changes: () => T): T {
    this.open();
    return this.#storage.transactionSync(changes);
  }

  /** Writes. Opens the store. */
  protected run(statement: string, ...bindings: Binding[]): void {
    this.open();
    this.#storage.sql.exec(statement, ...bindings);
  }

  /** Reads. A write that returns rows may stand here inside a transaction, which has opened the store. */
  protected rows<Row>(query: string, ...bindings: Binding[]): Row[] {
    return this.exists() ? (this.#storage.sql.exec(query, ...bindings).toArray() as Row[]) : [];
  }

  /** The column `body` of each row, which holds JSON. */
  protected bodies<Body>(query: string, ...bindings: Binding[]): Body[] {
    return this.rows<{ body: string }>(query, ...bindings).map(({ body }) => JSON.parse(body) as Body);
  }

  /** The number of rows of a table, or of those for which a condition holds. */
  protected countOf(tableWhere: string, ...bindings: Binding[]): number {
    return this.rows<{ count: number }>(`SELECT count(*) AS count FROM ${tableWhere}`, ...bindings)[0]?.count ?? 0;
  }
}

import type { IndexFields } from '../../contract/indexes/index-fields.ts';
import type { RememberedValue, RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import { POSTING_TABLES } from '../postings/posting-tables.ts';

/** Which fields the rows of a shard have postings of, and how far they are built. */
export interface IndexedState {
  readonly fields: IndexFields;
  /** See `postingsVersion`. */
  readonly version: string;
  /** Null: all rows have their postings. Else those up to this one do. */
  readonly builtRow: number | null;
}

const TABLES = `CREATE TABLE indexed_fields (fields TEXT NOT NULL, version TEXT NOT NULL, built_row INTEGER);`;

/** That state in one row of its own table. A shard whose index never had fields has none of the tables. */
export class IndexedRows {
  readonly #storage: RememberingStorage;
  readonly #state: RememberedValue<IndexedState | undefined>;

  constructor(storage: RememberingStorage) {
    this.#storage = storage;
    this.#state = storage.remember(() => this.#read());
  }

  get state(): IndexedState | undefined {
    return this.#state.get();
  }

  set(state: IndexedState): void {
    const { sql } = this.#storage;
    if (this.state === undefined && !this.#hasTables()) sql.exec(`${POSTING_TABLES}${TABLES}`);
    sql.exec('DELETE FROM indexed_fields');
    sql.exec('INSERT INTO indexed_fields VALUES (?, ?, ?)', JSON.stringify(state.fields), state.version, state.builtRow);
    this.#state.set(state);
  }

  #read(): IndexedState | undefined {
    if (!this.#hasTables()) return undefined;
    const [row] = this.#storage.sql
      .exec<{ fields: string; version: string; built_row: number | null }>('SELECT fields, version, built_row FROM indexed_fields')
      .toArray();
    return row && { fields: JSON.parse(row.fields) as IndexFields, version: row.version, builtRow: row.built_row };
  }

  #hasTables(): boolean {
    return this.#storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'indexed_fields'").toArray().length > 0;
  }
}

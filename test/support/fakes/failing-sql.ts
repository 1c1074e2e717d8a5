import type { SqlCursor, SqlRow, SqlStorage, SqlValue } from '../../../src/kernel/sql/sql-storage.ts';
import { NodeSql } from './node-sql.ts';

/** A database in memory whose writes can be made to fail. */
export class FailingSql implements SqlStorage {
  readonly #inner = new NodeSql();
  /** This number of writes succeed; the next one throws. */
  writesLeft = Infinity;
  /** The number of writes tried so far. */
  writesTried = 0;

  readonly sql = {
    databaseSize: 0,
    exec: <Row extends SqlRow>(query: string, ...bindings: (SqlValue | ArrayBufferView)[]): SqlCursor<Row> => {
      if (!/^\s*SELECT/i.test(query)) {
        this.writesTried += 1;
        if (this.writesLeft === 0) {
          this.writesLeft = Infinity;
          throw new Error('disk full');
        }
        this.writesLeft -= 1;
      }
      return this.#inner.sql.exec<Row>(query, ...bindings);
    },
  };

  transactionSync<T>(body: () => T): T {
    return this.#inner.transactionSync(body);
  }
}

import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue } from 'node:sqlite';

import type { SqlRow, SqlStorage } from '../../src/kernel/sql.ts';

/** A database in memory, for stores that are tested outside workerd. */
export function nodeSqlite(): SqlStorage {
  const database = new DatabaseSync(':memory:');
  return {
    sql: {
      databaseSize: 0,
      exec<Row extends SqlRow>(query: string, ...bindings: unknown[]) {
        if (bindings.length === 0 && query.includes(';')) database.exec(query);
        const rows =
          bindings.length === 0 && query.includes(';') ? [] : (database.prepare(query).all(...(bindings as SQLInputValue[])) as Row[]);
        return {
          toArray: () => rows,
          one: () => rows[0]!,
          rowsWritten: 0,
          [Symbol.iterator]: () => rows[Symbol.iterator](),
        };
      },
    },
    transactionSync<T>(body: () => T): T {
      database.exec('SAVEPOINT body');
      try {
        const result = body();
        database.exec('RELEASE body');
        return result;
      } catch (error) {
        database.exec('ROLLBACK TO body; RELEASE body');
        throw error;
      }
    },
  };
}

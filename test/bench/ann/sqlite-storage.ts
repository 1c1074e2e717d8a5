import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

import type { SqlRow, SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';

/** An object's storage over a database file; statements are compiled once. */
export function sqliteStorage(path: string): SqlStorage {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  const statements = new Map<string, StatementSync>();
  const compiled = (query: string): StatementSync => {
    const statement = statements.get(query) ?? database.prepare(query);
    statements.set(query, statement);
    return statement;
  };
  return {
    sql: {
      get databaseSize() {
        const { bytes } = compiled('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size').get() as {
          bytes: number;
        };
        return bytes;
      },
      exec<Row extends SqlRow>(query: string, ...bindings: unknown[]) {
        // Only migrations contain several statements, and they have no parameters.
        const isScript = bindings.length === 0 && query.includes(';');
        if (isScript) database.exec(query);
        const rows = isScript
          ? []
          : (compiled(query)
              .all(...(bindings as SQLInputValue[]))
              .map(withBuffers) as Row[]);
        return { toArray: () => rows, one: () => rows[0]!, rowsWritten: 0, [Symbol.iterator]: () => rows[Symbol.iterator]() };
      },
    },
    transactionSync<T>(body: () => T): T {
      compiled('SAVEPOINT body').run();
      try {
        const result = body();
        compiled('RELEASE body').run();
        return result;
      } catch (error) {
        compiled('ROLLBACK TO body').run();
        compiled('RELEASE body').run();
        throw error;
      }
    },
  };
}

/** Converts blobs to ArrayBuffers, as objects get them. */
function withBuffers(row: Record<string, SQLOutputValue>): SqlRow {
  const copy: Record<string, unknown> = row;
  for (const [name, value] of Object.entries(row)) if (value instanceof Uint8Array) copy[name] = bufferOf(value);
  return copy as SqlRow;
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBufferLike =>
  byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);

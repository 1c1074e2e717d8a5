import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { DatabaseSync } from 'node:sqlite';
import { must } from '../../../src/kernel/assert.ts';
import type { SqlCursor, SqlRow, SqlStorage, SqlValue } from '../../../src/kernel/sql/sql-storage.ts';

const STATEMENTS_MAX = 500;

// The limits of a Durable Object on the bindings of one statement.
const [PARAMETERS_MAX, BYTES_MAX] = [100, 2_000_000];

/** A Durable Object's SQL storage over a database in memory, for tests that would take too long in workerd. */
export class NodeSql implements SqlStorage {
  readonly #database = new DatabaseSync(':memory:');
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  readonly sql = {
    databaseSize: 0,
    exec: <Row extends SqlRow>(query: string, ...bindings: (SqlValue | ArrayBufferView)[]): SqlCursor<Row> => {
      // Only scripts contain several statements, and they have no bindings.
      if (bindings.length === 0 && /;\s*\S/.test(query)) {
        this.#database.exec(query);
        return cursorOver([]);
      }
      refuseBeyondPlatform(bindings);
      const values = bindings.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value)) as SQLInputValue[];
      const rows = this.#statement(query).all(...values);
      return cursorOver(rows.map(fromNode) as Row[]);
    },
  };

  #statement(query: string): StatementSync {
    const known = this.#statements.get(query);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(query);
    // Bounded: batches of varying sizes make new statements all the time.
    if (this.#statements.size < STATEMENTS_MAX) this.#statements.set(query, prepared);
    return prepared;
  }

  transactionSync<T>(body: () => T): T {
    const name = `nested_${this.#depth}`;
    this.#depth += 1;
    this.#database.exec(`SAVEPOINT ${name}`);
    try {
      const result = body();
      this.#database.exec(`RELEASE ${name}`);
      return result;
    } catch (defect) {
      this.#database.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
      throw defect;
    } finally {
      this.#depth -= 1;
    }
  }
}

function refuseBeyondPlatform(bindings: readonly (SqlValue | ArrayBufferView)[]): void {
  if (bindings.length > PARAMETERS_MAX) throw new Error(`too many SQL variables: ${bindings.length}`);
  for (const value of bindings) {
    // A UTF-16 unit takes at most three bytes in UTF-8, so only long texts need measuring.
    const isLong = typeof value === 'string' && value.length > BYTES_MAX / 3;
    const bytes = isLong ? Buffer.byteLength(value) : value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? value.byteLength : 0;
    if (bytes > BYTES_MAX) throw new Error(`string or blob too big: ${bytes} bytes`);
  }
}

/** Converts a row as workerd returns it: a plain object, with blobs as ArrayBuffers. May change the row it is given. */
function fromNode(row: Record<string, unknown>): SqlRow {
  for (const name in row) {
    const value = row[name];
    if (value instanceof Uint8Array) row[name] = value.byteLength === value.buffer.byteLength ? value.buffer : value.slice().buffer;
  }
  return row as SqlRow;
}

function cursorOver<Row extends SqlRow>(rows: Row[]): SqlCursor<Row> {
  return {
    rowsWritten: 0,
    toArray: () => rows,
    one: () => must(rows.length === 1 ? rows[0] : undefined, 'a query for one row finds one'),
    [Symbol.iterator]: () => rows[Symbol.iterator](),
  };
}

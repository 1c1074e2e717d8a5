import type { SqlStorage, SqlValue } from './sql-storage.ts';

// What a Durable Object lets one statement bind.
const PARAMETERS_MAX = 100;

/** Inserts rows of equally many columns, as many a statement as its parameters allow. `statement` is what stands before `VALUES`. */
export function insertInto(storage: SqlStorage, statement: string, rows: readonly (readonly (SqlValue | ArrayBufferView)[])[]): void {
  const columns = rows[0]?.length ?? 1;
  const rowsMax = Math.floor(PARAMETERS_MAX / columns);
  const tuple = `(${Array.from({ length: columns }, () => '?').join(', ')})`;
  for (let start = 0; start < rows.length; start += rowsMax) {
    const slice = rows.slice(start, start + rowsMax);
    storage.sql.exec(`${statement} VALUES ${slice.map(() => tuple).join(', ')}`, ...slice.flat());
  }
}

// A text that a statement binds has 2 MB at most. An id and its namespace have 576 bytes, and written as JSON up to six times as many.
const VALUES_OF_ONE_STATEMENT = 500;

/** Ids, alone or with their namespaces, as JSON arrays that statements can bind: in as many parts as it takes, in their order. */
export function* jsonParts(values: readonly unknown[]): Generator<string> {
  for (let from = 0; from < values.length; from += VALUES_OF_ONE_STATEMENT) {
    yield JSON.stringify(values.slice(from, from + VALUES_OF_ONE_STATEMENT));
  }
}

import type { SqlStorage, SqlValue } from '../../src/kernel/sql.ts';

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

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

// Three bytes a character at most: below the 2 MB that one binding may have.
const PART_CHARS_MAX = 500_000;

/** Values, such as ids or rows, as JSON arrays that statements can bind: in as many parts as it takes, in their order. Each alone must fit. */
export function* jsonParts(values: readonly unknown[]): Generator<string> {
  let [part, chars]: [string[], number] = [[], 0];
  for (const value of values) {
    const text = JSON.stringify(value);
    if (part.length > 0 && chars + text.length > PART_CHARS_MAX) {
      yield `[${part.join(',')}]`;
      [part, chars] = [[], 0];
    }
    part.push(text);
    chars += text.length + 1;
  }
  if (part.length > 0) yield `[${part.join(',')}]`;
}

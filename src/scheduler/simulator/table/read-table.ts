import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import type { CsvFault } from '../../../kernel/csv-records.ts';
import { CsvReader } from '../../../kernel/csv-records.ts';
import { ok } from '../../../kernel/result.ts';

/** How one column of a table is read. */
interface Column<Value> {
  /** The text of a cell as a value; undefined when it is none. */
  readonly read: (text: string) => Value | undefined;
  /** What a cell has to be, after "is not". */
  readonly expected: string;
  /** What it is in a table without the column; such a column must be there when this is absent. */
  readonly otherwise?: Value;
}

/** Any text. */
export const anyText: Column<string> = { read: (text) => text, expected: 'text' };

/** A text that says something. */
export const someText: Column<string> = { read: (text) => (text === '' ? undefined : text), expected: 'a name' };

export function wholeNumber(min: number, max: number): Column<number> {
  return {
    read: (text) => (/^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
    expected: `a whole number from ${min} to ${max}`,
  };
}

export function decimal(min: number, max: number): Column<number> {
  return {
    read: (text) => {
      const value = /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
    expected: `a number from ${min} to ${max}`,
  };
}

/** A column that a table may do without. */
export const optional = <Value>(column: Column<Value>, otherwise: Value): Column<Value> => ({ ...column, otherwise });

/** A file of comma-separated values whose first line names its columns. */
export interface TableFile {
  readonly name: string;
  readonly text: string;
}

type Row<Columns> = { readonly [Name in keyof Columns]: Columns[Name] extends Column<infer Value> ? Value : never } & {
  /** Where it stands in the file, from 1 on. */
  readonly line: number;
};

/** Of a cell that is refused. */
const SHOWN_CHARS = 40;

/** Reads the columns asked for and leaves others alone. A refusal names the file, the line, the column and what stands there. */
export function readTable<const Columns extends Record<string, Column<unknown>>>(
  { name: file, text }: TableFile,
  columns: Columns,
): Outcome<readonly Row<Columns>[]> {
  const reader = new CsvReader(text.replace(/^\uFEFF/, ''), { delimiter: ',', begin: 0, line: 1 });
  const first = reader.next();
  if (first?.ok === false) return malformed(file, first.error);
  const header = first?.value.fields ?? [];
  const places = Object.entries(columns).map(([column, how]) => ({ column, how, at: header.indexOf(column) }));
  const missing = places.find(({ at, how }) => at < 0 && !('otherwise' in how));
  if (missing !== undefined) return refuse('invalid_value', `${file} line 1: there is no column ${missing.column}`);
  const rows: Row<Columns>[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (!next.ok) return malformed(file, next.error);
    const { line, fields } = next.value;
    if (fields.length === 1 && fields[0] === '') continue;
    const where = `${file} line ${line}`;
    if (fields.length !== header.length) {
      return refuse('invalid_value', `${where}: ${fields.length} fields where line 1 names ${header.length} columns`);
    }
    const row = readRow(where, fields, places);
    if (!row.ok) return row;
    rows.push({ ...row.value, line } as Row<Columns>);
  }
  return ok(rows);
}

const malformed = (file: string, { line, what }: CsvFault): Outcome<never> => refuse('invalid_value', `${file} line ${line} ${what}`);

interface Place {
  readonly column: string;
  readonly how: Column<unknown>;
  readonly at: number;
}

function readRow(where: string, fields: readonly string[], places: readonly Place[]): Outcome<Record<string, unknown>> {
  const row: Record<string, unknown> = {};
  for (const { column, how, at } of places) {
    const field = fields[at] ?? '';
    const value = at < 0 ? how.otherwise : how.read(field);
    if (value === undefined) {
      const shown = JSON.stringify(field.length > SHOWN_CHARS ? `${field.slice(0, SHOWN_CHARS)}...` : field);
      return refuse('invalid_value', `${where} column ${column}: ${shown} is not ${how.expected}`);
    }
    row[column] = value;
  }
  return ok(row);
}

import { unreachable } from '../assert.ts';
import type { SqlStorage, SqlValue } from './sql-storage.ts';

/** A column of the rows to insert, which are numbered from 0. */
export type Column =
  /** The same in every row. */
  | { readonly kind: 'same'; readonly value: string | number | null }
  /** The row's number and `first`. */
  | { readonly kind: 'counted'; readonly first: number }
  /** Without NUL, which would end a text inside SQLite's JSON functions. */
  | { readonly kind: 'each'; readonly values: readonly (string | number)[] }
  /** Texts of any characters. */
  | { readonly kind: 'texts'; readonly values: readonly (string | null)[] }
  /** Blobs of equal length, one behind the other. Of those that are void nothing is inserted but a blob of no bytes. */
  | { readonly kind: 'blobs'; readonly bytes: Uint8Array; readonly bytesEach: number; readonly isVoid?: readonly boolean[] };

/** Of what one statement gets as one value: SQLite takes 2 MB in a Durable Object. */
const PACKED_BYTES_MAX = 1_000_000;

/**
 * Inserts rows by columns: by one statement as long as they fit into it, however many they are. It unpacks each column by itself, so nothing
 * is bound row by row. A single row is bound as it is.
 */
export function insertColumns(storage: SqlStorage, table: string, count: number, columns: Readonly<Record<string, Column>>): void {
  const all = Object.values(columns).map(simplest);
  for (let from = 0; from < count;) {
    const until = sliceEnd(all, from, count);
    if (until - from === 1) {
      insertOne(
        storage,
        table,
        Object.keys(columns),
        all.map((column) => valueAt(column, from)),
      );
      from = until;
      continue;
    }
    const packed = new PackedRows(from, until, all.filter(isUnpacked));
    const selected = all.map((column) => packed.select(column));
    storage.sql.exec(
      `INSERT INTO ${table} (${Object.keys(columns).join(', ')}) SELECT ${selected.join(', ')} ${packed.source}`,
      ...packed.bindings,
    );
    from = until;
  }
}

function insertOne(storage: SqlStorage, table: string, names: readonly string[], values: readonly (SqlValue | ArrayBufferView)[]): void {
  const bound = values.filter((value) => !isNoBytes(value));
  const places = values.map((value) => (isNoBytes(value) ? NO_BYTES : '?'));
  storage.sql.exec(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places.join(', ')})`, ...bound);
}

/** A blob of no bytes, which would be bound as NULL. */
const NO_BYTES = "x''";

const isNoBytes = (value: SqlValue | ArrayBufferView): boolean => ArrayBuffer.isView(value) && value.byteLength === 0;

/** Whether a column has a value of its own in each row of a statement. */
const isUnpacked = (column: Column): boolean =>
  column.kind === 'each' || column.kind === 'texts' || (column.kind === 'blobs' && column.isVoid !== undefined);

function valueAt(column: Column, row: number): SqlValue | ArrayBufferView {
  switch (column.kind) {
    case 'same':
      return column.value;
    case 'counted':
      return column.first + row;
    case 'each':
    case 'texts':
      return column.values[row] ?? null;
    case 'blobs':
      return column.isVoid?.[row] === true ? new Uint8Array() : column.bytes.subarray(row * column.bytesEach, (row + 1) * column.bytesEach);
    default:
      return unreachable(column);
  }
}

/** Columns that have one value, or none, need not be unpacked. */
function simplest(column: Column): Column {
  if (column.kind !== 'each' && column.kind !== 'texts') return column;
  const [value = null] = column.values;
  return column.values.every((other) => other === value) ? { kind: 'same', value } : column;
}

/** Up to which row one statement goes: one row at least, as each fits. */
function sliceEnd(columns: readonly Column[], from: number, count: number): number {
  let bytes = 0;
  let until = from;
  for (; until < count; until += 1) {
    bytes += columns.reduce((sum, column) => sum + packedBytesMax(column, until), 0);
    if (bytes > PACKED_BYTES_MAX && until > from) break;
  }
  return until;
}

/** What a row takes of a statement at most; in JSON a character is up to six, in UTF-8 up to three. */
function packedBytesMax(column: Column, row: number): number {
  switch (column.kind) {
    case 'each':
      return 6 * String(column.values[row]).length + 3;
    case 'texts':
      return 3 * (column.values[row]?.length ?? 0) + 16;
    case 'blobs':
      return column.bytesEach;
    case 'same':
    case 'counted':
      return 0;
    default:
      return unreachable(column);
  }
}

const encoder = new TextEncoder();

/** Some rows as the bindings of one statement. */
class PackedRows {
  readonly bindings: (SqlValue | ArrayBufferView)[] = [];
  readonly #from: number;
  readonly #until: number;
  // A row is one value, or a list of them.
  readonly #isList: boolean;
  readonly #each: (readonly (string | number | null)[])[] = [];

  constructor(from: number, until: number, unpacked: readonly Column[]) {
    this.#from = from;
    this.#until = until;
    this.#isList = unpacked.length > 1 || unpacked[0]?.kind === 'texts';
  }

  /** The expression of a column. */
  select(column: Column): string {
    const [from, until] = [this.#from, this.#until];
    switch (column.kind) {
      case 'same':
        return this.#bind(column.value);
      case 'counted':
        return `key + ${this.#bind(column.first + from)}`;
      case 'each':
        return this.#value(column.values.slice(from, until));
      case 'texts':
        return this.#texts(column.values.slice(from, until));
      case 'blobs': {
        const { bytes, bytesEach, isVoid } = column;
        const lengths = isVoid && this.#value(isVoid.slice(from, until).map((isNone) => (isNone ? 0 : bytesEach)));
        if (bytesEach === 0) return NO_BYTES;
        const each = this.#bind(bytesEach);
        return `substr(${this.#bind(bytes.subarray(from * bytesEach, until * bytesEach))}, key * ${each} + 1, ${lengths ?? each})`;
      }
      default:
        return unreachable(column);
    }
  }

  /** Asked for once every column is selected. */
  get source(): string {
    const rowOf = (row: number) => this.#each.map((values) => values[row] ?? null);
    const count = this.#until - this.#from;
    const rows = this.#isList
      ? Array.from({ length: count }, (_, row) => rowOf(row))
      : (this.#each[0] ?? Array.from({ length: count }, () => 0));
    return `FROM json_each(${this.#bind(JSON.stringify(rows))})`;
  }

  #value(values: readonly (string | number | null)[]): string {
    this.#each.push(values);
    return this.#isList ? `value ->> ${this.#each.length - 1}` : 'value';
  }

  /** All in one blob, and where each begins and how long it is; null for one that is not there. */
  #texts(values: readonly (string | null)[]): string {
    // One more, for a blob of no bytes is bound as NULL.
    const bytes = new Uint8Array(1 + 3 * values.reduce((sum, value) => sum + (value?.length ?? 0), 0));
    const [begins, lengths]: [number[], (number | null)[]] = [[], []];
    let end = 0;
    for (const value of values) {
      const { written } = encoder.encodeInto(value ?? '', bytes.subarray(end));
      begins.push(end + 1);
      lengths.push(value === null ? null : written);
      end += written;
    }
    const [begin, length] = [this.#value(begins), this.#value(lengths)];
    return `CAST(substr(${this.#bind(bytes.subarray(0, end + 1))}, ${begin}, ${length}) AS TEXT)`;
  }

  #bind(value: SqlValue | ArrayBufferView): string {
    this.bindings.push(value);
    return `?${this.bindings.length}`;
  }
}

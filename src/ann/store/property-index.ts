import type { JsonValue } from '../../contract/api/json-value.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { must } from '../../kernel/assert.ts';
import { insertInto } from '../../kernel/sql/bulk-statements.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage, SqlValue } from '../../kernel/sql/sql-storage.ts';
import type { EntryRange, PropertyEntry } from '../filter/property-entries.ts';
import { propertyEntries } from '../filter/property-entries.ts';
import type { JudgedVector, PropertyIndex } from '../filter/select-rows.ts';
import type { Row, VectorPlace } from '../stored-vector.ts';
import { rowsOfIds } from './vector-reader.ts';

/** The property index of a shard. Vectors that were there before it, in rows up to `unindexed_row_max`, are indexed later. */
export const PROPERTY_TABLE: Migrations[number] = `
  CREATE TABLE properties (
    namespace INTEGER NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, row INTEGER NOT NULL,
    PRIMARY KEY (namespace, path, kind, value, row)) WITHOUT ROWID;
  ALTER TABLE shard ADD COLUMN unindexed_row_max INTEGER NOT NULL DEFAULT 0;
  UPDATE shard SET unindexed_row_max = (SELECT COALESCE(MAX(row), 0) FROM vectors);`;

/**
 * The same index with its paths by number: half as large and as costly to write. A change of which entries metadata has must add this step
 * once more, which rebuilds the index.
 */
export const PROPERTY_TABLES = `
  DROP TABLE properties;
  DROP TABLE IF EXISTS property_paths;
  CREATE TABLE property_paths (
    property INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, path TEXT NOT NULL, UNIQUE (namespace, path));
  CREATE TABLE properties (
    property INTEGER NOT NULL, kind INTEGER NOT NULL, value NOT NULL, row INTEGER NOT NULL,
    PRIMARY KEY (property, kind, value, row)) WITHOUT ROWID;
  UPDATE shard SET unindexed_row_max = (SELECT COALESCE(MAX(row), 0) FROM vectors);`;

/** How kinds are stored. */
const KINDS: Record<PropertyEntry['kind'], number> = {
  null: 0,
  boolean: 1,
  number: 2,
  string: 3,
  time: 4,
  object: 5,
  point: 6,
  array: 7,
  more: 8,
};

// Rows of one list: as JSON at most 1.7 MB, below what SQLite holds in one value.
const LIST_ROWS = 100_000;
// The same of points, each with its key.
const LIST_POINTS = 16_000;
// Vectors that are read at once, with metadata of up to some kilobytes.
const READ_ROWS = 64;
// Entries of one statement, which takes 100 parameters.
const DELETE_ROWS = 25;

/** Metadata of a stored vector. */
interface PlacedMetadata extends VectorPlace {
  readonly metadata: string;
}

/** Which vectors have which values at which paths of their metadata. Writes belong into the transaction of the vectors' own. */
export class SqlitePropertyIndex implements PropertyIndex {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  add(vectors: Iterable<PlacedMetadata>): void {
    insertInto(this.#storage, 'INSERT OR IGNORE INTO properties', this.#entriesOf(vectors));
  }

  /** Takes what is stored as the vectors' metadata. */
  remove(vectors: Iterable<PlacedMetadata>): void {
    const rows = this.#entriesOf(vectors);
    for (let start = 0; start < rows.length; start += DELETE_ROWS) {
      const slice = rows.slice(start, start + DELETE_ROWS);
      const keys = slice.map(() => '(?, ?, ?, ?)').join(', ');
      this.#storage.sql.exec(`DELETE FROM properties WHERE (property, kind, value, row) IN (VALUES ${keys})`, ...slice.flat());
    }
    this.#storage.sql.exec(
      `DELETE FROM property_paths WHERE property IN (SELECT value FROM json_each(?))
       AND NOT EXISTS (SELECT 1 FROM properties WHERE properties.property = property_paths.property)`,
      JSON.stringify([...new Set(rows.map(([property]) => property))]),
    );
  }

  clear(): void {
    this.#storage.sql.exec('DELETE FROM properties');
    this.#storage.sql.exec('DELETE FROM property_paths');
    this.#storage.sql.exec('UPDATE shard SET unindexed_row_max = 0');
  }

  /** Whether older versions left properties of vectors unindexed. */
  isBehind(): boolean {
    return this.#unindexedRowMax() > 0;
  }

  /** Indexes some of the vectors that were there before the index, those in the highest rows. */
  catchUp(): void {
    const { sql } = this.#storage;
    this.#storage.transactionSync(() => {
      const rows = sql
        .exec<{ row: number; namespace: number; metadata: string | null }>(
          'SELECT row, namespace, metadata FROM vectors WHERE row <= ? ORDER BY row DESC LIMIT ?',
          this.#unindexedRowMax(),
          INDEX_LIMITS.propertySliceMaxCount,
        )
        .toArray();
      this.add(rows.flatMap(({ metadata, ...place }) => (metadata === null ? [] : [{ ...place, metadata }])));
      sql.exec('UPDATE shard SET unindexed_row_max = ?', (rows.at(-1)?.row ?? 1) - 1);
    });
  }

  *rowsIn(namespace: number, range: EntryRange, countMax = Infinity): Generator<readonly Row[]> {
    const { where, bindings } = entriesIn(namespace, range);
    const query = `SELECT json_group_array(row) AS list FROM (SELECT row FROM properties WHERE ${where} LIMIT ? OFFSET ?)`;
    yield* this.#lists<Row>(query, bindings, LIST_ROWS, countMax);
  }

  *keysIn(namespace: number, range: EntryRange): Generator<readonly (readonly [row: Row, key: string])[]> {
    const { where, bindings } = entriesIn(namespace, range);
    const query = `SELECT json_group_array(json_array(row, value)) AS list FROM
      (SELECT row, value FROM properties WHERE ${where} LIMIT ? OFFSET ?)`;
    yield* this.#lists<readonly [row: Row, key: string]>(query, bindings, LIST_POINTS);
  }

  rowsOf(namespace: number, ids: readonly string[]): Row[] {
    return Array.from(rowsOfIds(this.#storage, namespace, ids), ({ row }) => row);
  }

  read(rows: readonly Row[]): Iterable<JudgedVector> {
    const query = 'SELECT row, id, metadata FROM vectors WHERE row IN (SELECT value FROM json_each(?))';
    return this.#storage.sql.exec<JudgedRow>(query, JSON.stringify(rows));
  }

  *incomplete(namespace: number, paths: readonly string[]): Generator<JudgedVector> {
    const more = `SELECT row FROM properties JOIN property_paths USING (property)
       WHERE namespace = ? AND path IN (SELECT value FROM json_each(?)) AND kind = ${KINDS.more}`;
    yield* this.#judged(more, namespace, JSON.stringify(['', ...paths]));
    const rowMax = this.#unindexedRowMax();
    if (rowMax === 0) return;
    yield* this.#judged('SELECT row FROM vectors WHERE row <= ? AND namespace = ? AND metadata IS NOT NULL', rowMax, namespace);
  }

  /** The vectors of rows, read some at a time: others may write between two of them. */
  *#judged(query: string, ...bindings: readonly SqlValue[]): Generator<JudgedVector> {
    const pages = `SELECT json_group_array(row) AS list FROM (${query} LIMIT ? OFFSET ?)`;
    for (const rows of this.#lists<Row>(pages, bindings, LIST_ROWS))
      for (let start = 0; start < rows.length; start += READ_ROWS) yield* Array.from(this.read(rows.slice(start, start + READ_ROWS)));
  }

  *#lists<T>(query: string, bindings: readonly SqlValue[], pageCount: number, countMax = Infinity): Generator<readonly T[]> {
    for (let offset = 0; offset < countMax; offset += pageCount) {
      const limit = Math.min(pageCount, countMax - offset);
      const { list } = this.#storage.sql.exec<{ list: string }>(query, ...bindings, limit, offset).one();
      const items = JSON.parse(list) as T[];
      yield items;
      if (items.length < limit) return;
    }
  }

  /** The entries of vectors. Neighbours in the index come one after the other, so that a batch touches each of its pages once. */
  #entriesOf(vectors: Iterable<PlacedMetadata>): Entry[] {
    const numbers = new Map<number, Map<string, number>>();
    const entries: { readonly of: PropertyEntry; readonly paths: Map<string, number>; readonly row: Row }[] = [];
    for (const { row, namespace, metadata } of vectors) {
      let paths = numbers.get(namespace);
      if (paths === undefined) numbers.set(namespace, (paths = new Map<string, number>()));
      // Stored only after it was validated as a JSON object.
      for (const entry of propertyEntries(JSON.parse(metadata) as JsonValue)) {
        paths.set(entry.path, 0);
        entries.push({ of: entry, paths, row });
      }
    }
    for (const [namespace, paths] of numbers) this.#number(namespace, paths);
    return entries
      .map(({ of: { path, kind, value }, paths, row }): Entry => [must(paths.get(path), 'a path is numbered'), KINDS[kind], value, row])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1] || compare(a[2], b[2]));
  }

  /** Sets the numbers of a namespace's paths; new ones get one. */
  #number(namespace: number, paths: Map<string, number>): void {
    const keys = JSON.stringify([...paths.keys()]);
    const { sql } = this.#storage;
    sql.exec('INSERT OR IGNORE INTO property_paths (namespace, path) SELECT ?, value FROM json_each(?)', namespace, keys);
    const known = sql.exec<{ property: number; path: string }>(
      'SELECT property, path FROM property_paths WHERE namespace = ? AND path IN (SELECT value FROM json_each(?))',
      namespace,
      keys,
    );
    for (const { property, path } of known) paths.set(path, property);
  }

  #unindexedRowMax(): number {
    return this.#storage.sql.exec<{ unindexed_row_max: number }>('SELECT unindexed_row_max FROM shard').one().unindexed_row_max;
  }
}

type JudgedRow = { row: number; id: string; metadata: string | null };

type Entry = [property: number, kind: number, value: string | number, row: Row];

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : Number(a > b));

/** The condition of entries in a range. */
function entriesIn(namespace: number, { path, kind, interval }: EntryRange): { where: string; bindings: (string | number)[] } {
  const ends = [
    ...(interval?.min === undefined ? [] : [{ comparison: interval.min.closed ? '>=' : '>', value: interval.min.value }]),
    ...(interval?.max === undefined ? [] : [{ comparison: interval.max.closed ? '<=' : '<', value: interval.max.value }]),
  ];
  const property = 'property = (SELECT property FROM property_paths WHERE namespace = ? AND path = ?)';
  return {
    where: [property, `kind = ${KINDS[kind]}`, ...ends.map(({ comparison }) => `value ${comparison} ?`)].join(' AND '),
    bindings: [namespace, path, ...ends.map(({ value }) => value)],
  };
}

import type { PropertyEntry } from '../../src/ann/filter/property-entries.ts';
import { propertyEntries } from '../../src/ann/filter/property-entries.ts';
import type { PropertyIndex } from '../../src/ann/filter/select-rows.ts';
import type { Row } from '../../src/ann/vector-engine.ts';
import type { VectorPlace } from '../../src/ann/vector-store.ts';
import type { Condition, Interval, Scalar } from '../../src/contract/filter.ts';
import type { JsonValue } from '../../src/contract/json-value.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { SqlStorage } from '../../src/kernel/sql.ts';
import type { Migrations } from './migrate.ts';

/** The property index of a shard. Vectors that were there before it, in rows up to `unindexed_row_max`, are indexed later. */
export const PROPERTY_TABLE: Migrations[number] = `
  CREATE TABLE properties (
    namespace INTEGER NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, row INTEGER NOT NULL,
    PRIMARY KEY (namespace, path, kind, value, row)) WITHOUT ROWID;
  ALTER TABLE shard ADD COLUMN unindexed_row_max INTEGER NOT NULL DEFAULT 0;
  UPDATE shard SET unindexed_row_max = (SELECT COALESCE(MAX(row), 0) FROM vectors);`;

// Rows of one list: as JSON at most 1.7 MB, below what SQLite holds in one value.
const LIST_ROWS = 100_000;
// Entries of one statement, which takes 100 parameters.
const INSERT_ROWS = 20;

/** Metadata of a stored vector. */
export interface PlacedMetadata extends VectorPlace {
  readonly metadata: string;
}

/** Which vectors have which values at which paths of their metadata. Writes belong into the transaction of the vectors' own. */
export class SqlitePropertyIndex implements PropertyIndex {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  add(vectors: Iterable<PlacedMetadata>): void {
    const entries = entriesOf(vectors);
    for (let start = 0; start < entries.length; start += INSERT_ROWS) {
      const slice = entries.slice(start, start + INSERT_ROWS);
      const rows = slice.map(() => '(?, ?, ?, ?, ?)').join(', ');
      this.#storage.sql.exec(`INSERT OR IGNORE INTO properties VALUES ${rows}`, ...slice.flat());
    }
  }

  /** Takes what is stored as the vectors' metadata. */
  remove(vectors: Iterable<PlacedMetadata>): void {
    const statement = 'DELETE FROM properties WHERE namespace = ? AND path = ? AND kind = ? AND value = ? AND row = ?';
    for (const entry of entriesOf(vectors)) this.#storage.sql.exec(statement, ...entry);
  }

  clear(): void {
    this.#storage.sql.exec('DELETE FROM properties');
    this.#storage.sql.exec('UPDATE shard SET unindexed_row_max = 0');
  }

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
          LIMITS.propertySliceMaxCount,
        )
        .toArray();
      this.add(rows.flatMap(({ metadata, ...place }) => (metadata === null ? [] : [{ ...place, metadata }])));
      sql.exec('UPDATE shard SET unindexed_row_max = ?', (rows.at(-1)?.row ?? 1) - 1);
    });
  }

  *rowsMeeting(namespace: number, condition: Condition): Generator<readonly Row[]> {
    for (const { where, bindings } of tests(condition)) {
      const query = `SELECT json_group_array(row) AS list FROM
         (SELECT row FROM properties WHERE namespace = ? AND path = ? AND ${where} LIMIT ${LIST_ROWS} OFFSET ?)`;
      for (let offset = 0, count = LIST_ROWS; count === LIST_ROWS; offset += LIST_ROWS) {
        const { list } = this.#storage.sql.exec<{ list: string }>(query, namespace, condition.path, ...bindings, offset).one();
        const rows = JSON.parse(list) as number[];
        yield rows;
        count = rows.length;
      }
    }
  }

  *incomplete(namespace: number, paths: readonly string[]): Generator<{ row: number; metadata: string }> {
    yield* this.#storage.sql.exec<{ row: number; metadata: string }>(
      `SELECT row, metadata FROM vectors WHERE row IN
         (SELECT row FROM properties WHERE namespace = ? AND path IN (SELECT value FROM json_each(?)) AND kind = 'more')`,
      namespace,
      JSON.stringify(['', ...paths]),
    );
    const rowMax = this.#unindexedRowMax();
    if (rowMax === 0) return;
    yield* this.#storage.sql.exec<{ row: number; metadata: string }>(
      'SELECT row, metadata FROM vectors WHERE row <= ? AND namespace = ? AND metadata IS NOT NULL',
      rowMax,
      namespace,
    );
  }

  #unindexedRowMax(): number {
    return this.#storage.sql.exec<{ unindexed_row_max: number }>('SELECT unindexed_row_max FROM shard').one().unindexed_row_max;
  }
}

type Entry = [namespace: number, path: string, kind: PropertyEntry['kind'], value: string | number, row: Row];

/** Neighbours in the index come one after the other, so that a batch touches each of its pages once. */
function entriesOf(vectors: Iterable<PlacedMetadata>): Entry[] {
  const entries = [...vectors].flatMap(({ row, namespace, metadata }) =>
    // Stored only after it was validated as a JSON object.
    propertyEntries(JSON.parse(metadata) as JsonValue).map(({ path, kind, value }): Entry => [namespace, path, kind, value, row]),
  );
  return entries.sort((a, b) => compare(a[1], b[1]) || compare(a[2], b[2]) || compare(a[3], b[3]));
}

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : Number(a > b));

interface Test {
  readonly where: string;
  readonly bindings: readonly (string | number)[];
}

/** What entries at the condition's path must be to meet it: any of these. */
function tests(condition: Condition): Test[] {
  if (condition.kind === 'exists') return [{ where: "kind <> 'more'", bindings: [] }];
  if (condition.kind === 'range') return [rangeTest(condition.type, condition.interval)];
  return condition.values.map((value) => {
    const { kind, value: stored } = entryOf(value);
    return { where: 'kind = ? AND value = ?', bindings: [kind, stored] };
  });
}

function entryOf(value: Scalar): Pick<PropertyEntry, 'kind' | 'value'> {
  if (value === null) return { kind: 'null', value: 0 };
  if (typeof value === 'boolean') return { kind: 'boolean', value: Number(value) };
  return typeof value === 'number' ? { kind: 'number', value } : { kind: 'string', value };
}

function rangeTest(kind: PropertyEntry['kind'], { min, max }: Interval<string | number>): Test {
  const ends = [
    ...(min === undefined ? [] : [{ comparison: min.closed ? '>=' : '>', value: min.value }]),
    ...(max === undefined ? [] : [{ comparison: max.closed ? '<=' : '<', value: max.value }]),
  ];
  return {
    where: ['kind = ?', ...ends.map(({ comparison }) => `value ${comparison} ?`)].join(' AND '),
    bindings: [kind, ...ends.map(({ value }) => value)],
  };
}

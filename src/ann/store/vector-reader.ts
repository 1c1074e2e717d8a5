import { must } from '../../kernel/assert.ts';
import { jsonParts } from '../../kernel/sql/bulk-statements.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { RowSet } from '../filter/row-set.ts';
import { sampleRows } from '../filter/row-set.ts';
import { decodeFloats } from '../float32.ts';
import type { ListingStart } from '../id-order.ts';
import { isNumber } from '../id-order.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { RowContents, RowSource } from '../row-fields.ts';
import type { Include, ShardIdentity, VectorColumns } from '../shard-protocol.ts';
import type { PlacedId, PlacedVector, ReadVectors, Row } from '../stored-vector.ts';
import { decodedVectors } from '../stored-vector.ts';
import type { RowSets } from './row-sets.ts';
import { UNLISTED, VECTORLESS } from './row-sets.ts';

// Vectors of one statement: at 4,096 dimensions 4 MiB are held at a time.
const READ_ROWS = 256;

type Shape = Pick<ShardIdentity, 'dimensions'>;
type ContentsRow = { row: number; namespace: number; contents: string | null; text: string | null };
type PlacedRow = { row: number; namespace: number; floats: ArrayBuffer };
type ColumnsRow = {
  row: number;
  id: string;
  floats: ArrayBuffer | null;
  metadata: string | null;
  text: string | null;
  contents: string | null;
};

/** The read operations of a `VectorStore`. */
export class VectorReader implements RowSource {
  readonly #storage: SqlStorage;
  readonly #rowSets: RowSets;

  constructor(storage: SqlStorage, rowSets: RowSets) {
    this.#storage = storage;
    this.#rowSets = rowSets;
  }

  /** The rows of all vectors, or of a namespace's. */
  liveRows(namespace?: number): RowSet {
    return namespace === undefined ? this.#rowSets.readNamespaces() : this.#rowSets.read(namespace);
  }

  /** The same, without those that have no vector. */
  vectorRows(namespace?: number): RowSet {
    const live = this.liveRows(namespace);
    return this.#rowSets.vectorlessCount === 0 ? live : live.minus(this.vectorlessRows());
  }

  /** The rows that have no vector. */
  vectorlessRows(): RowSet {
    return this.#rowSets.read(VECTORLESS);
  }

  /** How many rows have a vector. */
  vectorCount({ count }: Pick<ShardHeader, 'count'>): number {
    return count - this.#rowSets.vectorlessCount;
  }

  /** The rows that have a vector which is in no posting list. */
  unlistedRows(): RowSet {
    return this.#rowSets.read(UNLISTED);
  }

  /** `count` rows that have a vector, all if there are fewer: any as likely as another, the same for the same rows and seed. Ascending. */
  sampleRows(count: number, seed: number): Row[] {
    return sampleRows(this.vectorRows(), count, seed);
  }

  /** Every unlisted vector. */
  *scan(header: ShardHeader): Iterable<PlacedVector> {
    const unlisted = this.unlistedRows();
    if (unlisted.size < header.count) {
      yield* this.readRows(unlisted, header);
      return;
    }
    const rows = this.#storage.sql.exec<PlacedRow>('SELECT row, namespace, floats FROM vectors');
    for (const { row, namespace, floats } of rows) yield { row, namespace, values: decodeFloats(floats, header.dimensions) };
  }

  /** The vectors in those of the rows that are there and have one, in any order. */
  *readRows(rows: Iterable<Row>, { dimensions }: Shape): Iterable<PlacedVector> {
    const wanted = [...rows];
    for (let start = 0; start < wanted.length; start += READ_ROWS) {
      const found = this.#storage.sql.exec<PlacedRow>(
        'SELECT row, namespace, floats FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
        JSON.stringify(wanted.slice(start, start + READ_ROWS)),
      );
      for (const { row, namespace, floats } of found) {
        if (floats.byteLength > 0) yield { row, namespace, values: decodeFloats(floats, dimensions) };
      }
    }
  }

  /** Passes over rows without a vector. */
  read({ dimensions }: Shape): ReadVectors {
    return (rows) => {
      const found = this.#storage.sql.exec<{ row: number; id: string; floats: ArrayBuffer }>(
        'SELECT row, id, floats FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
        JSON.stringify(rows),
      );
      return [...found].flatMap(({ row, id, floats }) =>
        floats.byteLength === 0 ? [] : [{ row, id, values: decodeFloats(floats, dimensions) }],
      );
    };
  }

  /** Undefined where there is no such row, or it has no vector. */
  valuesOf(namespace: number, id: string, { dimensions }: Shape): Float32Array<ArrayBuffer> | undefined {
    const found = this.#storage.sql.exec<{ floats: ArrayBuffer }>(
      'SELECT floats FROM vectors WHERE namespace = ? AND id = ?',
      namespace,
      id,
    );
    const floats = found.toArray()[0]?.floats;
    return floats === undefined || floats.byteLength === 0 ? undefined : decodeFloats(floats, dimensions);
  }

  /** The rows of the ids that exist, in the order of `ids`. */
  rowsOf(namespace: number, ids: readonly string[]): Row[] {
    const rowById = new Map(Array.from(rowsOfIds(this.#storage, namespace, ids), ({ row, id }) => [id, row]));
    return [...new Set(ids)].flatMap((id) => rowById.get(id) ?? []);
  }

  /** The first `countMax` rows of the namespace behind `after`, ascending. */
  rowsBehind(namespace: number, after: Row, countMax: number): Row[] {
    return this.liveRows(namespace).firstBehind(after, countMax);
  }

  /** The first `countMax` ids of the namespace that a listing from there comes to, in the order of `compareIds`. */
  idsFrom(namespace: number, start: ListingStart | null, countMax: number): PlacedId[] {
    const found: PlacedId[] = [];
    const { id, isIncluded } = start ?? { id: '', isIncluded: true };
    const than = isIncluded ? '>=' : '>';
    // Each is one range of one index, which SQLite finds without reading what lies before it.
    const seek: Seek = (condition, ...bindings) =>
      this.#storage.sql
        .exec<PlacedId>(
          `SELECT row, id FROM vectors WHERE namespace = ? AND ${condition} LIMIT ?`,
          namespace,
          ...bindings,
          countMax - found.length,
        )
        .toArray();
    if (start === null || isNumber(id)) {
      found.push(...seek(`${IS_NUMBER} AND length(id) = ? AND id ${than} ? ORDER BY id`, id.length, id));
      if (found.length < countMax) found.push(...seek(`${IS_NUMBER} AND length(id) > ? ORDER BY length(id), id`, id.length));
      if (found.length < countMax) found.push(...seek(`NOT (${IS_NUMBER}) ORDER BY id`));
    } else found.push(...seek(`NOT (${IS_NUMBER}) AND id ${than} ? ORDER BY id`, id));
    return found;
  }

  /** The ids of stored rows, in any order. */
  idsOf(rows: Iterable<Row>): PlacedId[] {
    return this.#storage.sql
      .exec<PlacedId>('SELECT row, id FROM vectors WHERE row IN (SELECT value FROM json_each(?))', JSON.stringify([...rows]))
      .toArray();
  }

  /** Of stored rows, in the order of `rows`; see `UpsertBatch`. */
  versionsOf(rows: readonly Row[]): number[] {
    const found = this.#storage.sql.exec<{ row: number; version: number }>(
      'SELECT row, version FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
      JSON.stringify(rows),
    );
    const versions = new Map([...found].map(({ row, version }) => [row, version]));
    return rows.map((row) => must(versions.get(row), `row ${row} is stored`));
  }

  contentsBehind(after: Row, countMax: number, bytesMax: number): RowContents[] {
    const found: RowContents[] = [];
    let bytes = 0;
    const query = 'SELECT row, namespace, contents, text FROM vectors WHERE row > ? AND copy = 0 ORDER BY row LIMIT ?';
    for (const item of this.#storage.sql.exec<ContentsRow>(query, after, countMax)) {
      bytes += 2 * ((item.contents?.length ?? 0) + (item.text?.length ?? 0));
      // One at least, or it would never end.
      if (bytes > bytesMax && found.length > 0) break;
      found.push(item);
    }
    return found;
  }

  /** What stored rows hold, in the order of `rows`. */
  contentsOf(rows: readonly Row[]): RowContents[] {
    const found = this.#storage.sql.exec<ContentsRow>(
      'SELECT row, namespace, contents, text FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
      JSON.stringify(rows),
    );
    const byRow = new Map([...found].map((item) => [item.row, item]));
    return rows.map((row) => must(byRow.get(row), `row ${row} is stored`));
  }

  /** Columns of stored rows, in the order of `rows`; undefined when their ids, metadata, texts and contents take more than `bytesMax`. */
  columns(rows: readonly Row[], include: Include, { dimensions }: Shape, bytesMax: number): VectorColumns | undefined {
    const { contents: hasContents = false } = include;
    const selected = { floats: include.values, metadata: include.metadata, text: include.text, contents: hasContents };
    const columns = Object.entries(selected).map(([column, isIncluded]) => (isIncluded ? column : `NULL AS ${column}`));
    const found = this.#storage.sql.exec<ColumnsRow>(
      `SELECT row, id, ${columns.join(', ')} FROM vectors WHERE row IN (SELECT value FROM json_each(?))`,
      JSON.stringify(rows),
    );
    const byRow = new Map<Row, ColumnsRow>();
    let bytes = 0;
    for (const item of found) {
      // A text with one wide character takes two bytes a unit, in memory and on the way to the gateway.
      bytes += 2 * [item.id, item.metadata, item.text, item.contents].reduce((chars, column) => chars + (column?.length ?? 0), 0);
      if (bytes > bytesMax) return undefined;
      byRow.set(item.row, item);
    }
    const ordered = rows.map((row) => must(byRow.get(row), `row ${row} is stored`));
    return {
      ids: ordered.map(({ id }) => id),
      ...(include.values ? decodedVectors(ordered.map(withFloats), dimensions) : { values: null }),
      metadata: include.metadata ? ordered.map(({ metadata }) => metadata) : null,
      texts: include.text ? ordered.map(({ text }) => text) : null,
      ...(hasContents ? { contents: ordered.map(({ contents }) => contents) } : {}),
    };
  }
}

const withFloats = ({ floats }: ColumnsRow) => ({ floats: must(floats, 'floats were selected') });

/** The rows that are stored under some ids, in no order. */
export function* rowsOfIds(
  storage: SqlStorage,
  namespace: number,
  ids: readonly string[],
): Generator<{ readonly row: Row; readonly id: string }> {
  const [id] = ids;
  if (id !== undefined && ids.length === 1) {
    yield* storage.sql.exec<{ row: number; id: string }>('SELECT row, id FROM vectors WHERE namespace = ? AND id = ?', namespace, id);
    return;
  }
  const query = 'SELECT row, id FROM vectors WHERE namespace = ? AND id IN (SELECT value FROM json_each(?))';
  for (const part of jsonParts(ids)) yield* storage.sql.exec<{ row: number; id: string }>(query, namespace, part);
}

/** Ids that are whole numbers without leading zeros. A query with this exact condition is answered from their own index. */
const IS_NUMBER = `id NOT GLOB '*[^0-9]*' AND (id = '0' OR id NOT GLOB '0*')`;

/** Of numbers without leading zeros the longer is the greater; other ids are ordered by the index that keeps them unique. */
export const NUMBER_INDEX = `CREATE INDEX vectors_by_number ON vectors (namespace, length(id), id) WHERE ${IS_NUMBER};`;

type Seek = (query: string, ...bindings: (string | number)[]) => PlacedId[];

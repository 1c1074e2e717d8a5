import { decodeFloats } from '../../src/ann/float32.ts';
import type { RowSet } from '../../src/ann/filter/row-set.ts';
import type { ListingStart } from '../../src/ann/id-order.ts';
import { sampleRows } from '../../src/ann/filter/row-set.ts';
import type { Include, VectorColumns } from '../../src/ann/shard-protocol.ts';
import type { ReadVectors, Row } from '../../src/ann/vector-engine.ts';
import type { ShardHeader } from '../../src/ann/shard-header.ts';
import type { PlacedId, PlacedVector } from '../../src/ann/vector-store.ts';
import { must } from '../../src/kernel/assert.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import { rowsOfIds } from './rows-of-ids.ts';
import { idsFrom } from './sqlite-id-order.ts';
import type { SqliteRowSets } from './sqlite-row-sets.ts';
import { UNLISTED } from './sqlite-row-sets.ts';

// Vectors of one statement: at 4,096 dimensions 4 MiB are held at a time.
const READ_ROWS = 256;

type PlacedRow = { row: number; namespace: number; floats: ArrayBuffer };
type ColumnsRow = { row: number; id: string; floats: ArrayBuffer | null; metadata: string | null; text: string | null };

/** The read operations of a `VectorStore`. */
export class SqliteVectorReader {
  readonly #storage: SqlStorage;
  readonly #rowSets: SqliteRowSets;

  constructor(storage: SqlStorage, rowSets: SqliteRowSets) {
    this.#storage = storage;
    this.#rowSets = rowSets;
  }

  liveRows(namespace?: number): RowSet {
    return namespace === undefined ? this.#rowSets.readNamespaces() : this.#rowSets.read(namespace);
  }

  unlistedRows(): RowSet {
    return this.#rowSets.read(UNLISTED);
  }

  sampleRows(count: number, seed: number): Row[] {
    return sampleRows(this.liveRows(), count, seed);
  }

  *scan(header: ShardHeader): Generator<PlacedVector> {
    const unlisted = this.unlistedRows();
    if (unlisted.size < header.count) {
      yield* this.readRows(unlisted, header);
      return;
    }
    const rows = this.#storage.sql.exec<PlacedRow>('SELECT row, namespace, floats FROM vectors');
    for (const { row, namespace, floats } of rows) yield { row, namespace, values: decodeFloats(floats, header.dimensions) };
  }

  *readRows(rows: Iterable<Row>, { dimensions }: ShardHeader): Generator<PlacedVector> {
    const wanted = [...rows];
    for (let start = 0; start < wanted.length; start += READ_ROWS) {
      const found = this.#storage.sql.exec<PlacedRow>(
        'SELECT row, namespace, floats FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
        JSON.stringify(wanted.slice(start, start + READ_ROWS)),
      );
      for (const { row, namespace, floats } of found) yield { row, namespace, values: decodeFloats(floats, dimensions) };
    }
  }

  read({ dimensions }: ShardHeader): ReadVectors {
    return (rows) => {
      const found = this.#storage.sql.exec<{ row: number; id: string; floats: ArrayBuffer }>(
        'SELECT row, id, floats FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
        JSON.stringify(rows),
      );
      return found.toArray().map(({ row, id, floats }) => ({ row, id, values: decodeFloats(floats, dimensions) }));
    };
  }

  valuesOf(namespace: number, id: string, { dimensions }: ShardHeader): Float32Array | undefined {
    const found = this.#storage.sql.exec<{ floats: ArrayBuffer }>(
      'SELECT floats FROM vectors WHERE namespace = ? AND id = ?',
      namespace,
      id,
    );
    const floats = found.toArray()[0]?.floats;
    return floats === undefined ? undefined : decodeFloats(floats, dimensions);
  }

  rowsOf(namespace: number, ids: readonly string[]): Row[] {
    const rowById = new Map(Array.from(rowsOfIds(this.#storage, namespace, ids), ({ row, id }) => [id, row]));
    return [...new Set(ids)].flatMap((id) => rowById.get(id) ?? []);
  }

  rowsBehind(namespace: number, after: Row, countMax: number): Row[] {
    return this.liveRows(namespace).firstBehind(after, countMax);
  }

  idsFrom(namespace: number, start: ListingStart | null, countMax: number): PlacedId[] {
    return idsFrom(this.#storage, namespace, start, countMax);
  }

  idsOf(rows: Iterable<Row>): PlacedId[] {
    return this.#storage.sql
      .exec<PlacedId>('SELECT row, id FROM vectors WHERE row IN (SELECT value FROM json_each(?))', JSON.stringify([...rows]))
      .toArray();
  }

  versionsOf(rows: readonly Row[]): number[] {
    const found = this.#storage.sql.exec<{ row: number; version: number }>(
      'SELECT row, version FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
      JSON.stringify(rows),
    );
    const versions = new Map([...found].map(({ row, version }) => [row, version]));
    return rows.map((row) => must(versions.get(row), `row ${row} is stored`));
  }

  columns(rows: readonly Row[], include: Include, { dimensions }: ShardHeader, bytesMax: number): VectorColumns | undefined {
    const found = this.#storage.sql.exec<ColumnsRow>(
      `SELECT row, id, ${include.values ? 'floats' : 'NULL AS floats'}, ${include.metadata ? 'metadata' : 'NULL AS metadata'},
       ${include.text ? 'text' : 'NULL AS text'} FROM vectors WHERE row IN (SELECT value FROM json_each(?))`,
      JSON.stringify(rows),
    );
    const byRow = new Map<Row, ColumnsRow>();
    let bytes = 0;
    for (const item of found) {
      // A text with one wide character takes two bytes a unit, in memory and on the way to the gateway.
      bytes += 2 * (item.id.length + (item.metadata?.length ?? 0) + (item.text?.length ?? 0));
      if (bytes > bytesMax) return undefined;
      byRow.set(item.row, item);
    }
    const ordered = rows.map((row) => must(byRow.get(row), `row ${row} is stored`));
    return {
      ids: ordered.map(({ id }) => id),
      values: include.values ? gather(ordered, dimensions) : null,
      metadata: include.metadata ? ordered.map(({ metadata }) => metadata) : null,
      texts: include.text ? ordered.map(({ text }) => text) : null,
    };
  }
}

function gather(items: readonly ColumnsRow[], dimensions: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(items.length * dimensions);
  items.forEach(({ floats }, i) => values.set(decodeFloats(must(floats, 'floats were selected'), dimensions), i * dimensions));
  return values;
}

import { decodeFloats, encodeFloats } from '../../src/ann/float-blob.ts';
import type { Include, Repetition, ShardIdentity, UpsertBatch, VectorColumns, Written } from '../../src/ann/shard-protocol.ts';
import type { ReadVectors, Row } from '../../src/ann/vector-engine.ts';
import type { PlacedVector, Receipt, ShardHeader, VectorPlace, VectorStore } from '../../src/ann/vector-store.ts';
import type { Metric } from '../../src/contract/metric.ts';
import { must } from '../../src/kernel/assert.ts';
import type { IndexId } from '../../src/kernel/ids.ts';
import type { SqlStorage } from '../../src/kernel/sql.ts';
import { hasTable } from './has-table.ts';
import type { Migrations } from './migrate.ts';
import { migrate } from './migrate.ts';
import type { PlacedMetadata } from './property-index.ts';
import { PROPERTY_TABLE, SqlitePropertyIndex } from './property-index.ts';
import { RECEIPT_TABLE, SqliteReceiptStore } from './receipt-store.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE shard (
     index_id TEXT NOT NULL, dimensions INTEGER NOT NULL, metric TEXT NOT NULL, lsn INTEGER NOT NULL, count INTEGER NOT NULL);
   CREATE TABLE namespaces (ordinal INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
   CREATE TABLE vectors (
     row INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, id TEXT NOT NULL,
     floats BLOB NOT NULL, metadata TEXT, text TEXT, lsn INTEGER NOT NULL, UNIQUE (namespace, id));${RECEIPT_TABLE}`,
  PROPERTY_TABLE,
];

type HeaderRow = { index_id: string; dimensions: number; metric: string; lsn: number; count: number };
type ColumnsRow = { row: number; id: string; floats: ArrayBuffer | null; metadata: string | null; text: string | null };

/** The vectors of one shard as SQLite rows, with the receipts of repeatable writes beside them. */
export class SqliteVectorStore implements VectorStore {
  readonly #storage: SqlStorage;
  readonly #receipts: SqliteReceiptStore;
  readonly properties: SqlitePropertyIndex;
  #isMigrated = false;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    this.#receipts = new SqliteReceiptStore(storage);
    this.properties = new SqlitePropertyIndex(storage);
  }

  create({ indexId, dimensions, metric }: ShardIdentity): void {
    this.#storage.transactionSync(() => {
      migrate(this.#storage, MIGRATIONS);
      this.#storage.sql.exec(
        'INSERT INTO shard (index_id, dimensions, metric, lsn, count) VALUES (?, ?, ?, 0, 0)',
        indexId,
        dimensions,
        metric,
      );
    });
  }

  header(): ShardHeader | undefined {
    if (!hasTable(this.#storage, 'shard')) return undefined;
    if (!this.#isMigrated) migrate(this.#storage, MIGRATIONS);
    this.#isMigrated = true;
    const row = this.#storage.sql.exec<HeaderRow>('SELECT index_id, dimensions, metric, lsn, count FROM shard').toArray()[0];
    if (row === undefined) return undefined;
    const { index_id: indexId, metric, ...rest } = row;
    return { indexId: indexId as IndexId, metric: metric as Metric, ...rest };
  }

  countNew({ ids, namespaces }: UpsertBatch): number {
    const keys = JSON.stringify(ids.map((id, i) => [namespaces[i], id]));
    const known = this.#storage.sql.exec<{ known: number }>(
      `SELECT COUNT(*) AS known FROM json_each(?) AS key
       JOIN namespaces ON namespaces.name = key.value ->> 0
       JOIN vectors ON vectors.namespace = namespaces.ordinal AND vectors.id = key.value ->> 1`,
      keys,
    );
    return ids.length - known.one().known;
  }

  upsert(batch: UpsertBatch, header: ShardHeader, countNew: number, nowMs: number): { written: Written; places: VectorPlace[] } {
    const { sql } = this.#storage;
    const written = { count: batch.ids.length, lsn: header.lsn + 1 };
    return this.#storage.transactionSync(() => {
      if (countNew < batch.ids.length) this.properties.remove(this.#metadataOf(batch));
      const ordinals = new Map([...new Set(batch.namespaces)].map((name) => [name, this.#internNamespace(name)]));
      const places = batch.namespaces.map((name, i): VectorPlace => {
        const namespace = must(ordinals.get(name), 'every namespace of the batch is interned');
        return { namespace, row: this.#write(batch, i, namespace, header.dimensions, written.lsn) };
      });
      this.properties.add(
        places.flatMap((place, i) => {
          const metadata = batch.metadata[i] ?? null;
          return metadata === null ? [] : [{ ...place, metadata }];
        }),
      );
      sql.exec('UPDATE shard SET lsn = ?, count = ?', written.lsn, header.count + countNew);
      if (batch.repetition !== null) this.#receipts.add(batch.repetition, written, nowMs);
      return { written, places };
    });
  }

  delete(namespace: string, ids: readonly string[], header: ShardHeader): { written: Written; rows: Row[] } {
    const ordinal = this.namespaceOrdinal(namespace) ?? -1;
    const rows = this.rowsOf(ordinal, ids);
    return { written: this.deleteRows(ordinal, rows, header), rows };
  }

  deleteRows(namespace: number, rows: readonly Row[], { lsn }: ShardHeader): Written {
    const { sql } = this.#storage;
    return this.#storage.transactionSync(() => {
      const deleted = sql.exec<{ row: number; metadata: string | null }>(
        'DELETE FROM vectors WHERE row IN (SELECT value FROM json_each(?)) RETURNING row, metadata',
        JSON.stringify(rows),
      );
      this.properties.remove(deleted.toArray().flatMap(({ row, metadata }) => (metadata === null ? [] : [{ row, namespace, metadata }])));
      sql.exec('DELETE FROM namespaces WHERE ordinal = ?1 AND NOT EXISTS (SELECT 1 FROM vectors WHERE namespace = ?1)', namespace);
      sql.exec('UPDATE shard SET lsn = lsn + 1, count = count - ?', rows.length);
      return { count: rows.length, lsn: lsn + 1 };
    });
  }

  deleteAll({ lsn, count }: ShardHeader): Written {
    return this.#storage.transactionSync(() => {
      this.#storage.sql.exec('DELETE FROM vectors');
      this.#storage.sql.exec('DELETE FROM namespaces');
      this.properties.clear();
      this.#storage.sql.exec('UPDATE shard SET lsn = lsn + 1, count = 0');
      return { count, lsn: lsn + 1 };
    });
  }

  bytes(): number {
    return this.#storage.sql.databaseSize;
  }

  namespaceOrdinal(name: string): number | undefined {
    return this.#storage.sql.exec<{ ordinal: number }>('SELECT ordinal FROM namespaces WHERE name = ?', name).toArray()[0]?.ordinal;
  }

  namespaceCount(): number {
    return this.#storage.sql.exec<{ total: number }>('SELECT COUNT(*) AS total FROM namespaces').one().total;
  }

  *scan({ dimensions }: ShardHeader): Generator<PlacedVector> {
    const rows = this.#storage.sql.exec<{ row: number; namespace: number; floats: ArrayBuffer }>(
      'SELECT row, namespace, floats FROM vectors',
    );
    for (const { row, namespace, floats } of rows) yield { row, namespace, values: decodeFloats(floats, dimensions) };
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
    const found = this.#storage.sql.exec<{ row: number; id: string }>(
      'SELECT row, id FROM vectors WHERE namespace = ? AND id IN (SELECT value FROM json_each(?))',
      namespace,
      JSON.stringify(ids),
    );
    const rowById = new Map([...found].map(({ row, id }) => [id, row]));
    return [...new Set(ids)].flatMap((id) => rowById.get(id) ?? []);
  }

  rowsBehind(namespace: number, after: Row, countMax: number): Row[] {
    const found = this.#storage.sql.exec<{ row: number }>(
      'SELECT row FROM vectors WHERE row > ? AND namespace = ? ORDER BY row LIMIT ?',
      after,
      namespace,
      countMax,
    );
    return found.toArray().map(({ row }) => row);
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

  receipt({ idempotencyKey }: Repetition): Receipt | undefined {
    return this.#receipts.find(idempotencyKey);
  }

  isBehind(): boolean {
    return this.properties.isBehind();
  }

  catchUp(): void {
    this.properties.catchUp();
  }

  sweepReceipts(atMs: number): number | undefined {
    return this.#receipts.sweep(atMs);
  }

  /** Inserts or replaces vector `i` of the batch; answers its row. */
  #write({ ids, values, metadata, texts }: UpsertBatch, i: number, namespace: number, dimensions: number, lsn: number): Row {
    const written = this.#storage.sql.exec<{ row: number }>(
      `INSERT INTO vectors (namespace, id, floats, metadata, text, lsn) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (namespace, id) DO UPDATE
       SET floats = excluded.floats, metadata = excluded.metadata, text = excluded.text, lsn = excluded.lsn RETURNING row`,
      namespace,
      must(ids[i], 'a batch has one id a vector'),
      encodeFloats(values.subarray(i * dimensions, (i + 1) * dimensions)),
      metadata[i] ?? null,
      texts[i] ?? null,
      lsn,
    );
    return written.one().row;
  }

  /** The metadata that the vectors of a batch have so far. */
  #metadataOf({ ids, namespaces }: UpsertBatch): PlacedMetadata[] {
    return this.#storage.sql
      .exec<{ row: number; namespace: number; metadata: string }>(
        `SELECT vectors.row, vectors.namespace, vectors.metadata FROM json_each(?) AS key
         JOIN namespaces ON namespaces.name = key.value ->> 0
         JOIN vectors ON vectors.namespace = namespaces.ordinal AND vectors.id = key.value ->> 1
         WHERE vectors.metadata IS NOT NULL`,
        JSON.stringify(ids.map((id, i) => [namespaces[i], id])),
      )
      .toArray();
  }

  #internNamespace(name: string): number {
    const known = this.namespaceOrdinal(name);
    if (known !== undefined) return known;
    return this.#storage.sql.exec<{ ordinal: number }>('INSERT INTO namespaces (name) VALUES (?) RETURNING ordinal', name).one().ordinal;
  }
}

function gather(items: readonly ColumnsRow[], dimensions: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(items.length * dimensions);
  items.forEach(({ floats }, i) => values.set(decodeFloats(must(floats, 'floats were selected'), dimensions), i * dimensions));
  return values;
}

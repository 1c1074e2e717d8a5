import type { RowKeys, Rows } from '../../ann/rows.ts';
import { optionalColumns } from '../../ann/rows.ts';
import type { Row } from '../../ann/stored-vector.ts';
import { decodedVectors } from '../../ann/stored-vector.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { insertInto, jsonParts } from '../../kernel/sql/bulk-statements.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { Departing, RowVersions, WholeRows } from './row-versions.ts';

type WholeRow = Keyed & {
  row: number;
  version: number;
  floats: ArrayBuffer;
  metadata: string | null;
  text: string | null;
  contents: string | null;
  copy: number;
};

type Keyed = { namespace: string; id: string };

/** What a shard of a grown index stores besides its vectors, as SQLite rows. */
export class SqliteRowVersions implements RowVersions {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  newsFrom({ ids, namespaces, copies }: RowKeys & Pick<Rows, 'copies'>): number[] {
    const query = `SELECT MAX(COALESCE(vectors.version + (vectors.copy = 0 OR key.value ->> 2), 0), COALESCE(tombstones.version, 0)) AS news
       FROM json_each(?) AS key
       LEFT JOIN namespaces ON namespaces.name = key.value ->> 0
       LEFT JOIN vectors ON vectors.namespace = namespaces.ordinal AND vectors.id = key.value ->> 1
       LEFT JOIN tombstones ON tombstones.namespace = key.value ->> 0 AND tombstones.id = key.value ->> 1
       ORDER BY key.key`;
    // Without columns of copies, nothing is said about the rows there are.
    const parts = [...jsonParts(ids.map((id, i) => [namespaces[i], id, Number(copies?.[i] ?? true)]))];
    return parts.flatMap((part) =>
      this.#storage.sql
        .exec<{ news: number }>(query, part)
        .toArray()
        .map(({ news }) => news),
    );
  }

  bury(keys: RowKeys, version: number, nowMs: number): void {
    for (const part of jsonParts(pairs(keys))) {
      this.#storage.sql.exec(
        `INSERT INTO tombstones SELECT value ->> 0, value ->> 1, ?2, ?3 FROM json_each(?1) WHERE true
         ON CONFLICT DO UPDATE SET version = MAX(version, excluded.version), at_ms = excluded.at_ms`,
        part,
        version,
        nowMs,
      );
    }
  }

  raiseFloor(locator: number, version: number): void {
    this.#storage.sql.exec(
      'INSERT INTO floors VALUES (?, ?) ON CONFLICT DO UPDATE SET version = MAX(version, excluded.version)',
      locator,
      version,
    );
  }

  floors(): ReadonlyMap<number, number> {
    const rows = this.#storage.sql.exec<{ locator: number; version: number }>('SELECT locator, version FROM floors');
    return new Map(rows.toArray().map(({ locator, version }) => [locator, version]));
  }

  sweep(beforeMs: number): number | undefined {
    const { sql } = this.#storage;
    sql.exec('DELETE FROM tombstones WHERE at_ms < ?', beforeMs);
    return sql.exec<{ at_ms: number }>('SELECT at_ms FROM tombstones ORDER BY at_ms LIMIT 1').toArray()[0]?.at_ms;
  }

  wholeRows(after: Row, countMax: number, dimensions: number): WholeRows {
    const stored = this.#storage.sql.exec<WholeRow>(
      `SELECT row, name AS namespace, id, version, floats, metadata, text, contents, copy FROM vectors
       JOIN namespaces ON ordinal = vectors.namespace WHERE row > ? ORDER BY row LIMIT ?`,
      after,
      countMax,
    );
    const found: WholeRow[] = [];
    let bytes = 0;
    for (const item of stored) {
      // At two bytes a UTF-16 unit. One row always fits.
      bytes += 2 * ((item.metadata?.length ?? 0) + (item.text?.length ?? 0) + (item.contents?.length ?? 0));
      if (bytes > INDEX_LIMITS.changePageBytesMax && found.length > 0) break;
      found.push(item);
    }
    return {
      ...keysOf(found),
      rows: found.map(({ row }) => row),
      versions: found.map(({ version }) => version),
      ...decodedVectors(found, dimensions),
      metadata: found.map(({ metadata }) => metadata),
      texts: found.map(({ text }) => text),
      ...optionalColumns(found),
    };
  }

  keysBehind(after: Row, countMax: number): RowKeys & { rows: Row[]; versions: number[] } {
    const found = this.#storage.sql
      .exec<Keyed & { row: number; version: number }>(
        `SELECT row, name AS namespace, id, version FROM vectors
         JOIN namespaces ON ordinal = vectors.namespace WHERE row > ? ORDER BY row LIMIT ?`,
        after,
        countMax,
      )
      .toArray();
    return { ...keysOf(found), rows: found.map(({ row }) => row), versions: found.map(({ version }) => version) };
  }

  leave(rows: readonly Departing[], dueMs: number): void {
    insertInto(
      this.#storage,
      'INSERT OR IGNORE INTO departing',
      rows.map(({ row, namespace, id, version }) => [row, namespace, id, version, dueMs]),
    );
  }

  leaving(nowMs: number, countMax: number): { due: Departing[]; nextMs: number | undefined } {
    const { sql } = this.#storage;
    const found = sql.exec<Keyed & { row: number; version: number }>(
      'SELECT row, namespace, id, version FROM departing WHERE due_ms <= ? ORDER BY due_ms LIMIT ?',
      nowMs,
      countMax,
    );
    const due = found.toArray();
    const next = sql.exec<{ due_ms: number }>('SELECT due_ms FROM departing ORDER BY due_ms LIMIT 1').toArray();
    return { due, nextMs: next[0]?.due_ms };
  }

  stillThere(rows: readonly Departing[]): Departing[] {
    const found = this.#storage.sql.exec<{ row: number }>(
      'SELECT row FROM vectors WHERE row IN (SELECT value FROM json_each(?))',
      JSON.stringify(rows.map(({ row }) => row)),
    );
    const there = new Set(found.toArray().map(({ row }) => row));
    return rows.filter(({ row }) => there.has(row));
  }

  left(rows: readonly Departing[]): void {
    this.#storage.sql.exec(
      'DELETE FROM departing WHERE row IN (SELECT value FROM json_each(?))',
      JSON.stringify(rows.map(({ row }) => row)),
    );
  }

  beginExport(): void {
    // However an id was removed, even if it came back at once: it is read when its change is sent.
    this.#storage.sql.exec(`CREATE TRIGGER IF NOT EXISTS remember_removed AFTER DELETE ON vectors BEGIN
      INSERT INTO removed_ids (namespace, id) SELECT name, OLD.id FROM namespaces WHERE ordinal = OLD.namespace; END`);
  }

  removedBehind(after: number, countMax: number): RowKeys & { positions: number[] } {
    const found = this.#storage.sql
      .exec<Keyed & { position: number }>(
        'SELECT position, namespace, id FROM removed_ids WHERE position > ? ORDER BY position LIMIT ?',
        after,
        countMax,
      )
      .toArray();
    return { ...keysOf(found), positions: found.map(({ position }) => position) };
  }

  absent(keys: RowKeys): RowKeys {
    const query = `SELECT key.value ->> 0 AS namespace, key.value ->> 1 AS id FROM json_each(?) AS key
       LEFT JOIN namespaces ON namespaces.name = key.value ->> 0
       LEFT JOIN vectors ON vectors.namespace = namespaces.ordinal AND vectors.id = key.value ->> 1 WHERE row IS NULL`;
    return keysOf([...jsonParts(pairs(keys))].flatMap((part) => this.#storage.sql.exec<Keyed>(query, part).toArray()));
  }

  endExport(): void {
    this.#storage.sql.exec('DROP TRIGGER IF EXISTS remember_removed');
    this.#storage.sql.exec('DELETE FROM removed_ids');
  }
}

const pairs = ({ ids, namespaces }: RowKeys): (string | undefined)[][] => ids.map((id, i) => [namespaces[i], id]);

const keysOf = (rows: readonly Keyed[]): RowKeys => ({
  ids: rows.map(({ id }) => id),
  namespaces: rows.map(({ namespace }) => namespace),
});

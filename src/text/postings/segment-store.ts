import { must } from '../../kernel/assert.ts';
import { groupBy } from '../../kernel/grouped.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { ByteReader, ByteWriter, writeAscending } from './byte-writer.ts';
import type { LeafTerm } from './dictionary-leaf.ts';
import { readTerm } from './dictionary-leaf.ts';
import type { Leaf } from './leaf-writer.ts';
import type { FieldTotals, Row } from './sparse-query.ts';
import { READ_AHEAD_BYTES } from './stored-postings.ts';

const COLUMN_LEAVES = 2 ** 20;
const SEGMENT_CHUNKS = 64;
// Ordinals of a chunk of deleted ones: some kilobytes are written for one that is removed.
const CHUNK_ORDINALS = 8_192;

/** `building` until its postings are all written; `dropped` when another has them. Only `live` ones are searched. */
export type SegmentState = 'building' | 'live' | 'dropped';

export interface StoredSegment {
  readonly id: number;
  readonly namespace: number;
  readonly firstRow: Row;
  readonly count: number;
  /** How many of its rows were removed. */
  readonly deleted: number;
  /** The segments that it is merged from. */
  readonly sources: readonly number[];
}

export interface StoredColumn {
  readonly id: number;
  readonly field: number;
  readonly documents: number;
  readonly totalLength: number;
  readonly isText: boolean;
  /** By ordinal; 0 of a row without the field. */
  readonly lengths: Uint32Array;
}

/** Segments as the tables have them. Every change belongs into a transaction of its caller. */
export class SegmentStore {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  get flushedRow(): Row {
    return this.#storage.sql.exec<{ flushed_row: number }>('SELECT flushed_row FROM posting_state').one().flushed_row;
  }

  set flushedRow(row: Row) {
    this.#storage.sql.exec('UPDATE posting_state SET flushed_row = ?', row);
  }

  /** In order of their rows. */
  segmentsOf(namespace: number): StoredSegment[] {
    return this.#segments('namespace = ? AND state = ? ORDER BY first_row', namespace, 'live');
  }

  /** Those that are being merged from others. */
  merging(): StoredSegment[] {
    return this.#segments("state = 'building' AND sources <> '[]' ORDER BY id");
  }

  dropped(): number[] {
    return this.#segments("state = 'dropped' ORDER BY id").map(({ id }) => id);
  }

  /** Drops what a flush wrote that did not end. */
  dropUnfinished(): void {
    this.#storage.sql.exec("UPDATE posting_segments SET state = 'dropped' WHERE state = 'building' AND sources = '[]'");
  }

  segment(id: number): StoredSegment {
    return must(this.#segments('id = ?', id)[0], `segment ${id} is stored`);
  }

  /** Namespaces behind `after` that have more than one live segment, or one with removed rows. */
  mergeable(after: number, countMax: number): number[] {
    return this.#storage.sql
      .exec<{ namespace: number }>(
        `SELECT namespace FROM posting_segments WHERE namespace > ? AND state = 'live'
         GROUP BY namespace HAVING COUNT(*) > 1 OR SUM(deleted) > 0 ORDER BY namespace LIMIT ?`,
        after,
        countMax,
      )
      .toArray()
      .map(({ namespace }) => namespace);
  }

  rowsOf({ id, count }: StoredSegment): Float64Array {
    const { rows } = this.#storage.sql.exec<{ rows: ArrayBuffer }>('SELECT rows FROM posting_segments WHERE id = ?', id).one();
    return ascending(rows, count);
  }

  columnsOf(segment: StoredSegment): StoredColumn[] {
    return this.#columns(segment, 'segment = ? ORDER BY field', segment.id);
  }

  columnOf(segment: StoredSegment, field: number): StoredColumn | undefined {
    return this.#columns(segment, 'segment = ? AND field = ?', segment.id, field)[0];
  }

  #columns({ count }: StoredSegment, where: string, ...bindings: number[]): StoredColumn[] {
    type Found = { id: number; field: number; documents: number; total_length: number; is_text: number; lengths: ArrayBuffer };
    const found = this.#storage.sql.exec<Found>(
      `SELECT id, field, documents, total_length, is_text, lengths FROM posting_columns WHERE ${where}`,
      ...bindings,
    );
    return found.toArray().map(({ total_length: totalLength, is_text: isText, lengths, ...column }) => {
      const reader = new ByteReader(new Uint8Array(lengths));
      return { ...column, totalLength, isText: isText === 1, lengths: new Uint32Array(count).map(() => reader.varint()) };
    });
  }

  /** A segment without columns; returns its number. */
  insertSegment(namespace: number, rows: ArrayLike<Row>, sources: readonly number[]): number {
    const writer = new ByteWriter();
    writeAscending(writer, rows);
    return this.#storage.sql
      .exec<{ id: number }>(
        `INSERT INTO posting_segments (namespace, state, first_row, count, deleted, sources, rows)
         VALUES (?, 'building', ?, ?, 0, ?, ?) RETURNING id`,
        namespace,
        rows[0]!,
        rows.length,
        JSON.stringify(sources),
        writer.written,
      )
      .one().id;
  }

  /** A column without leaves; returns its number. */
  insertColumn(segment: number, field: number, isText: boolean, lengths: Uint32Array): number {
    const writer = new ByteWriter();
    for (const length of lengths) writer.varint(length);
    return this.#storage.sql
      .exec<{ id: number }>(
        'INSERT INTO posting_columns (segment, field, documents, total_length, is_text, lengths) VALUES (?, ?, 0, 0, ?, ?) RETURNING id',
        segment,
        field,
        Number(isText),
        writer.written,
      )
      .one().id;
  }

  setTotals(column: number, { documents, totalLength }: FieldTotals): void {
    this.#storage.sql.exec('UPDATE posting_columns SET documents = ?, total_length = ? WHERE id = ?', documents, totalLength, column);
  }

  setState(segment: number, state: SegmentState): void {
    this.#storage.sql.exec('UPDATE posting_segments SET state = ? WHERE id = ?', state, segment);
  }

  insertLeaf(column: number, leaf: number, { first, terms, postings }: Leaf): void {
    this.#storage.sql.exec(
      'INSERT INTO posting_leaves (key, first, terms, postings) VALUES (?, ?, ?, ?)',
      column * COLUMN_LEAVES + leaf,
      first,
      terms,
      postings,
    );
  }

  /** The first term of each leaf. */
  firstTerms(column: number): string[] {
    return this.#storage.sql
      .exec<{ first: ArrayBuffer }>('SELECT first FROM posting_leaves WHERE key >= ? AND key < ? ORDER BY key', ...leafKeys(column))
      .toArray()
      .map(({ first }) => readTerm(new ByteReader(new Uint8Array(first)), ''));
  }

  leafTerms(column: number, leaf: number): Uint8Array {
    const key = column * COLUMN_LEAVES + leaf;
    return new Uint8Array(
      this.#storage.sql.exec<{ terms: ArrayBuffer }>('SELECT terms FROM posting_leaves WHERE key = ?', key).one().terms,
    );
  }

  leafPostings(column: number, leaf: number): Uint8Array {
    const key = column * COLUMN_LEAVES + leaf;
    const { postings } = this.#storage.sql.exec<{ postings: ArrayBuffer }>('SELECT postings FROM posting_leaves WHERE key = ?', key).one();
    return new Uint8Array(postings);
  }

  /** The bytes of one term, and what may be read behind them. */
  listBytes(column: number, leaf: number, { offset, bytes }: LeafTerm): Uint8Array {
    const { list } = this.#storage.sql
      .exec<{ list: ArrayBuffer }>(
        'SELECT substr(postings, ?, ?) AS list FROM posting_leaves WHERE key = ?',
        offset + 1,
        bytes + READ_AHEAD_BYTES,
        column * COLUMN_LEAVES + leaf,
      )
      .one();
    return new Uint8Array(list);
  }

  /** In no order of their removal. */
  deletedOf(segment: number): number[] {
    return this.#storage.sql
      .exec<{ key: number; ordinals: ArrayBuffer }>(
        'SELECT key, ordinals FROM posting_deletions WHERE key >= ? AND key < ? ORDER BY key',
        segment * SEGMENT_CHUNKS,
        (segment + 1) * SEGMENT_CHUNKS,
      )
      .toArray()
      .flatMap(({ key, ordinals }) =>
        Array.from(new Uint16Array(ordinals), (ordinal) => (key % SEGMENT_CHUNKS) * CHUNK_ORDINALS + ordinal),
      );
  }

  /** Follows that ordinals of a segment were removed, which were not before. */
  addDeleted(segment: number, ordinals: readonly number[]): void {
    const chunks = groupBy(ordinals, (ordinal) => Math.floor(ordinal / CHUNK_ORDINALS));
    for (const [chunk, added] of chunks) {
      const offsets = Uint16Array.from(added, (ordinal) => ordinal % CHUNK_ORDINALS);
      // Both are plain bytes: the new ones are appended.
      this.#storage.sql.exec(
        `INSERT INTO posting_deletions (key, ordinals) VALUES (?, ?)
         ON CONFLICT (key) DO UPDATE SET ordinals = CAST(ordinals || excluded.ordinals AS BLOB)`,
        segment * SEGMENT_CHUNKS + chunk,
        offsets,
      );
    }
    this.#storage.sql.exec('UPDATE posting_segments SET deleted = deleted + ? WHERE id = ?', ordinals.length, segment);
  }

  /** Deletes up to `countMax` leaves of a segment, at last the segment itself. True: there is more. */
  drop(segment: number, countMax: number): boolean {
    const { sql } = this.#storage;
    const [column] = sql.exec<{ id: number }>('SELECT id FROM posting_columns WHERE segment = ? LIMIT 1', segment).toArray();
    if (column === undefined) {
      sql.exec('DELETE FROM posting_deletions WHERE key >= ? AND key < ?', segment * SEGMENT_CHUNKS, (segment + 1) * SEGMENT_CHUNKS);
      sql.exec('DELETE FROM posting_segments WHERE id = ?', segment);
      return false;
    }
    const [from, until] = leafKeys(column.id);
    const leaves = 'SELECT key FROM posting_leaves WHERE key >= ? AND key < ? LIMIT ?';
    const dropped = sql.exec(`DELETE FROM posting_leaves WHERE key IN (${leaves}) RETURNING key`, from, until, countMax).toArray().length;
    if (dropped < countMax) sql.exec('DELETE FROM posting_columns WHERE id = ?', column.id);
    return true;
  }

  clear(): void {
    for (const table of ['posting_segments', 'posting_columns', 'posting_leaves', 'posting_deletions']) {
      this.#storage.sql.exec(`DELETE FROM ${table}`);
    }
    this.flushedRow = 0;
  }

  #segments(where: string, ...bindings: (string | number)[]): StoredSegment[] {
    type Found = { id: number; namespace: number; first_row: number; count: number; deleted: number; sources: string };
    return this.#storage.sql
      .exec<Found>(`SELECT id, namespace, first_row, count, deleted, sources FROM posting_segments WHERE ${where}`, ...bindings)
      .toArray()
      .map(({ first_row: firstRow, sources, ...segment }) => ({ ...segment, firstRow, sources: JSON.parse(sources) as number[] }));
  }
}

const leafKeys = (column: number): [from: number, until: number] => [column * COLUMN_LEAVES, (column + 1) * COLUMN_LEAVES];

function ascending(bytes: ArrayBuffer, count: number): Float64Array {
  const reader = new ByteReader(new Uint8Array(bytes));
  const values = new Float64Array(count);
  for (let i = 0, value = 0; i < count; i += 1) {
    value += reader.varint();
    values[i] = value;
  }
  return values;
}

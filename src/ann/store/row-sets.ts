import { assert } from '../../kernel/assert.ts';
import { insertInto } from '../../kernel/sql/bulk-statements.ts';
import type { RememberedValue, RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import { CHUNK_ROWS, RowSet } from '../filter/row-set.ts';
import type { Row } from '../stored-vector.ts';

/** Chunk by chunk, as `RowSet` encodes them. A chunk's key is the set's number times `SET_CHUNKS`, plus the chunk's. */
export const ROW_SET_TABLE = 'CREATE TABLE row_sets (key INTEGER PRIMARY KEY, rows BLOB NOT NULL);';

/** The set of the rows that are in no posting list. Every other set is that of the namespace of this ordinal. */
export const UNLISTED = 0;

// Chunks of one set: rows below 2^36.
const SET_CHUNKS = 2 ** 21;
// Keys are safe integers.
const SETS_MAX = 2 ** 32;

/** The set of the rows that have no vector: no ordinal gets as high. */
export const VECTORLESS = SETS_MAX - 1;

/** What a transaction changes in one set. */
export interface RowSetEdit {
  readonly set: number;
  readonly added: readonly Row[];
  readonly removed: readonly Row[];
}

// Chunks in memory: those that writes and flushes of a shard's newest rows change, each 4 KiB.
const KNOWN_MAX = 4;

/**
 * Sets of a shard's rows. Writes belong into the transaction of the vectors' own. The chunks that were changed last stay in memory, so that a
 * write of a few rows need not read them.
 */
export class RowSets {
  readonly #storage: RememberingStorage;
  readonly #known: RememberedValue<Map<number, RowSet>>;
  readonly #vectorless: RememberedValue<number>;

  constructor(storage: RememberingStorage) {
    this.#storage = storage;
    this.#known = storage.remember(() => new Map());
    this.#vectorless = storage.remember(() => this.read(VECTORLESS).size);
  }

  /** How many rows have no vector. */
  get vectorlessCount(): number {
    return this.#vectorless.get();
  }

  /** Set `first`, or all the sets from there to `last`, in one. */
  read(first: number, last = first): RowSet {
    const union = new RowSet();
    const chunks = this.#storage.sql.exec<{ key: number; rows: ArrayBuffer }>(
      'SELECT key, rows FROM row_sets WHERE key >= ? AND key < ?',
      first * SET_CHUNKS,
      (last + 1) * SET_CHUNKS,
    );
    for (const { key, rows } of chunks) union.decodeChunk(key % SET_CHUNKS, rows);
    return union;
  }

  /** The rows of all namespaces. */
  readNamespaces(): RowSet {
    return this.read(UNLISTED + 1, VECTORLESS - 1);
  }

  /** Each set at most once. A set that is empty afterwards takes no room. */
  edit(edits: readonly RowSetEdit[]): void {
    assert(new Set(edits.map(({ set }) => set)).size === edits.length, 'each set is edited once');
    const keys = [...new Set(edits.flatMap(({ set, added, removed }) => [...keysOf(set, added), ...keysOf(set, removed)]))];
    const chunks = this.#chunks(keys);
    for (const { set, added, removed } of edits) {
      for (const row of removed) chunks.get(keyOf(set, row))?.delete(row);
      for (const row of added) chunks.get(keyOf(set, row))?.add(row);
    }
    const filled: [key: number, rows: Uint8Array][] = [];
    const emptied: number[] = [];
    for (const [key, chunk] of chunks) {
      const rows = chunk.encodeChunk(key % SET_CHUNKS);
      if (rows === undefined) emptied.push(key);
      else filled.push([key, rows]);
    }
    insertInto(this.#storage, 'INSERT OR REPLACE INTO row_sets', filled);
    if (emptied.length > 0)
      this.#storage.sql.exec('DELETE FROM row_sets WHERE key IN (SELECT value FROM json_each(?))', JSON.stringify(emptied));
    this.#remember(chunks);
    if (edits.some(({ set }) => set === VECTORLESS)) this.#vectorless.forget();
  }

  /** Puts every row that has a vector among the unlisted ones. */
  unlistAll(): void {
    this.#storage.sql.exec('DELETE FROM row_sets WHERE key < ?', SET_CHUNKS);
    this.#known.forget();
    this.edit([{ set: UNLISTED, added: [...this.readNamespaces().minus(this.read(VECTORLESS))], removed: [] }]);
  }

  clear(): void {
    this.#storage.sql.exec('DELETE FROM row_sets');
    this.#known.forget();
    this.#vectorless.forget();
  }

  /** The chunks of these keys, each a set of its own. To be changed only together with what is stored of them. */
  #chunks(keys: readonly number[]): Map<number, RowSet> {
    const known = this.#known.get();
    const chunks = new Map(keys.map((key) => [key, known.get(key) ?? new RowSet()]));
    const missing = keys.filter((key) => !known.has(key));
    if (missing.length === 0) return chunks;
    const stored = this.#storage.sql.exec<{ key: number; rows: ArrayBuffer }>(
      'SELECT key, rows FROM row_sets WHERE key IN (SELECT value FROM json_each(?))',
      JSON.stringify(missing),
    );
    for (const { key, rows } of stored) chunks.get(key)?.decodeChunk(key % SET_CHUNKS, rows);
    return chunks;
  }

  /** Follows that these are stored as they are. */
  #remember(chunks: ReadonlyMap<number, RowSet>): void {
    const known = this.#known.get();
    for (const [key, chunk] of chunks) {
      known.delete(key);
      known.set(key, chunk);
    }
    for (const oldest of known.keys()) {
      if (known.size <= KNOWN_MAX) break;
      known.delete(oldest);
    }
  }
}

const keyOf = (set: number, row: Row): number => set * SET_CHUNKS + Math.floor(row / CHUNK_ROWS);

function keysOf(set: number, rows: readonly Row[]): Set<number> {
  const keys = new Set<number>();
  // Rows come mostly in order: the set is asked once a chunk.
  let last = -1;
  for (const row of rows) {
    const chunk = Math.floor(row / CHUNK_ROWS);
    if (chunk === last) continue;
    assert(chunk < SET_CHUNKS, `row ${row} lies in the last chunk of a set at most`);
    keys.add(set * SET_CHUNKS + chunk);
    last = chunk;
  }
  return keys;
}

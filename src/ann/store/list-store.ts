import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { assert } from '../../kernel/assert.ts';
import { joinedBytes } from '../../kernel/bytes.ts';
import { insertInto } from '../../kernel/sql/bulk-statements.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { Centroid } from '../lists/list-model.ts';
import type { Row } from '../stored-vector.ts';
import type { RowSets } from './row-sets.ts';
import { UNLISTED } from './row-sets.ts';

/** A set of posting lists under one model. */
export interface StoredListSet {
  readonly id: number;
  /** See `encodeListModel`. */
  readonly model: Uint8Array;
  /** JSON that maintenance keeps with the lists. */
  readonly settings: string;
}

export interface StoredList {
  readonly list: number;
  readonly centroid: Centroid;
  readonly entryCount: number;
}

/** A block of a list's entries; a list's blocks are numbered from 0 without gaps. */
interface StoredBlock {
  readonly list: number;
  readonly ordinal: number;
  readonly bytes: Uint8Array;
}

export interface ListChange {
  /** New lists, and lists that changed. One without entries keeps no blocks. */
  readonly lists: readonly StoredList[];
  /** These vanish with their blocks. */
  readonly removed: readonly number[];
  /** New blocks, and blocks that changed, in the order of their ordinals; what a list had behind the last one given vanishes. */
  readonly blocks: readonly StoredBlock[];
  /** Rows that are in lists from now on; those gone meanwhile are no matter. */
  readonly listed: readonly Row[];
}

/** Lists have their list set in their keys, blocks their list: what is read together lies together. */
export const LIST_TABLES = `
  CREATE TABLE generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, model BLOB NOT NULL, settings TEXT NOT NULL, is_dropped INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE lists (key INTEGER PRIMARY KEY, scale REAL NOT NULL, codes BLOB NOT NULL, entry_count INTEGER NOT NULL);
  CREATE TABLE blocks (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE checkpoint (piece INTEGER PRIMARY KEY, bytes BLOB NOT NULL);`;

// Keys are safe integers: 17 bits of list set, 20 of list, 16 of ordinal.
const LIST_SETS_MAX = 2 ** 17;
const LISTS_MAX = 2 ** 20;
const ORDINALS_MAX = 2 ** 16;

// Blocks of a dropped list set that one slice deletes: some 4 ms.
const SWEEP_BLOCKS = 500;

type ListRow = { key: number; scale: number; codes: ArrayBuffer; entry_count: number };

/**
 * The posting lists of a shard: a row for each list and for each block. Each method is one transaction; `VectorStore.atomically` makes one of
 * several. A row is unlisted from its upsert until a change lists it.
 */
export class ListStore {
  readonly #storage: SqlStorage;
  readonly #rowSets: RowSets;

  constructor(storage: SqlStorage, rowSets: RowSets) {
    this.#storage = storage;
    this.#rowSets = rowSets;
  }

  /** The older first. */
  listSets(): StoredListSet[] {
    const rows = this.#storage.sql.exec<{ id: number; model: ArrayBuffer; settings: string }>(
      'SELECT id, model, settings FROM generations WHERE is_dropped = 0 ORDER BY id',
    );
    return rows.toArray().map(({ id, model, settings }) => ({ id, model: new Uint8Array(model), settings }));
  }

  /** Answers its id, which no other list set of this shard ever has. */
  createListSet(model: Uint8Array, settings: string): number {
    assertFits(model);
    return this.#storage.transactionSync(() => {
      const insert = 'INSERT INTO generations (model, settings) VALUES (?, ?) RETURNING id';
      const { id } = this.#storage.sql.exec<{ id: number }>(insert, model, settings).one();
      assert(id < LIST_SETS_MAX, `a shard has fewer than ${LIST_SETS_MAX} list sets in its life`);
      return id;
    });
  }

  setSettings(listSet: number, settings: string): void {
    this.#storage.sql.exec('UPDATE generations SET settings = ? WHERE id = ?', settings, listSet);
  }

  /** Forgets a list set at once; the room it takes is freed by `sweep`. */
  dropListSet(listSet: number): void {
    this.#storage.sql.exec('UPDATE generations SET is_dropped = 1 WHERE id = ?', listSet);
  }

  /** Frees some of the room that dropped list sets still take; answers whether there is more. */
  sweep(): boolean {
    const { sql } = this.#storage;
    return this.#storage.transactionSync(() => {
      const id = sql.exec<{ id: number }>('SELECT id FROM generations WHERE is_dropped = 1 LIMIT 1').toArray()[0]?.id;
      if (id === undefined) return false;
      const [start, end] = [blockKey(id, 0, 0), blockKey(id + 1, 0, 0)];
      const next = sql
        .exec<{ key: number }>('SELECT key FROM blocks WHERE key >= ? AND key < ? ORDER BY key LIMIT 1 OFFSET ?', start, end, SWEEP_BLOCKS)
        .toArray()[0]?.key;
      sql.exec('DELETE FROM blocks WHERE key >= ? AND key < ?', start, next ?? end);
      if (next !== undefined) return true;
      sql.exec('DELETE FROM lists WHERE key >= ? AND key < ?', listKey(id, 0), listKey(id + 1, 0));
      sql.exec('DELETE FROM generations WHERE id = ?', id);
      return sql.exec('SELECT id FROM generations WHERE is_dropped = 1 LIMIT 1').toArray().length > 0;
    });
  }

  /** Forgets every list set and the checkpoint: all rows are unlisted again. */
  reset(): void {
    this.#storage.transactionSync(() => {
      this.clear();
      this.#rowSets.unlistAll();
    });
  }

  /** Deletes everything; the set of unlisted rows is up to the caller. */
  clear(): void {
    for (const table of ['generations', 'lists', 'blocks', 'checkpoint']) this.#storage.sql.exec(`DELETE FROM ${table}`);
  }

  *lists(listSet: number): Generator<StoredList> {
    const rows = this.#storage.sql.exec<ListRow>(
      'SELECT key, scale, codes, entry_count FROM lists WHERE key >= ? AND key < ?',
      listKey(listSet, 0),
      listKey(listSet + 1, 0),
    );
    for (const { key, scale, codes, entry_count: entryCount } of rows) {
      yield { list: key % LISTS_MAX, centroid: { codes: new Int8Array(codes), scale }, entryCount };
    }
  }

  /** The blocks of a list, in order. */
  blocks(listSet: number, list: number): Uint8Array[] {
    const rows = this.#storage.sql.exec<{ bytes: ArrayBuffer }>(
      'SELECT bytes FROM blocks WHERE key >= ? AND key < ? ORDER BY key',
      blockKey(listSet, list, 0),
      blockKey(listSet, list + 1, 0),
    );
    return rows.toArray().map(({ bytes }) => new Uint8Array(bytes));
  }

  change(listSet: number, { lists, removed, blocks, listed }: ListChange): void {
    const { sql } = this.#storage;
    this.#storage.transactionSync(() => {
      for (const list of removed) {
        sql.exec('DELETE FROM lists WHERE key = ?', listKey(listSet, list));
        this.#deleteBlocks(listSet, list, 0);
      }
      for (const { list, entryCount } of lists) if (entryCount === 0) this.#deleteBlocks(listSet, list, 0);
      const lastOrdinals = new Map(blocks.map(({ list, ordinal }) => [list, ordinal]));
      for (const [list, ordinal] of lastOrdinals) this.#deleteBlocks(listSet, list, ordinal + 1);
      insertInto(
        this.#storage,
        'INSERT OR REPLACE INTO lists',
        lists.map(({ list, centroid, entryCount }) => [listKey(listSet, list), centroid.scale, centroid.codes, entryCount]),
      );
      for (const { bytes } of blocks) assertFits(bytes);
      insertInto(
        this.#storage,
        'INSERT OR REPLACE INTO blocks',
        blocks.map(({ list, ordinal, bytes }) => [blockKey(listSet, list, ordinal), bytes]),
      );
      if (listed.length > 0) this.#rowSets.edit([{ set: UNLISTED, added: [], removed: listed }]);
    });
  }

  /** From which unfinished background work continues. */
  checkpoint(): Uint8Array | undefined {
    const pieces = this.#storage.sql.exec<{ bytes: ArrayBuffer }>('SELECT bytes FROM checkpoint ORDER BY piece').toArray();
    if (pieces.length === 0) return undefined;
    return joinedBytes(pieces.map(({ bytes }) => new Uint8Array(bytes)));
  }

  saveCheckpoint(bytes: Uint8Array | null): void {
    const { sql } = this.#storage;
    this.#storage.transactionSync(() => {
      sql.exec('DELETE FROM checkpoint');
      if (bytes === null) return;
      // An empty checkpoint is one, too.
      for (let start = 0; start === 0 || start < bytes.length; start += INDEX_LIMITS.rowBytesMax) {
        sql.exec('INSERT INTO checkpoint (bytes) VALUES (?)', bytes.subarray(start, start + INDEX_LIMITS.rowBytesMax));
      }
    });
  }

  /** The blocks of a list from an ordinal on. */
  #deleteBlocks(listSet: number, list: number, from: number): void {
    this.#storage.sql.exec(
      'DELETE FROM blocks WHERE key >= ? AND key < ?',
      blockKey(listSet, list, 0) + from,
      blockKey(listSet, list + 1, 0),
    );
  }
}

function listKey(listSet: number, list: number): number {
  assert(list < LISTS_MAX, `lists are numbered below ${LISTS_MAX}, not ${list}`);
  return listSet * LISTS_MAX + list;
}

function blockKey(listSet: number, list: number, ordinal: number): number {
  assert(ordinal < ORDINALS_MAX, `a list has at most ${ORDINALS_MAX} blocks`);
  return (listSet * LISTS_MAX + list) * ORDINALS_MAX + ordinal;
}

const assertFits = (bytes: Uint8Array): void => assert(bytes.length <= INDEX_LIMITS.rowBytesMax, `${bytes.length} bytes fit no row`);

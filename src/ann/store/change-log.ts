import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { insertInto } from '../../kernel/sql/bulk-statements.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { RowKeys, Rows } from '../rows.ts';
import { optionalColumns } from '../rows.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { Row } from '../stored-vector.ts';
import { decodedVectors } from '../stored-vector.ts';

/**
 * How far a follower has got in a shard's changes: it has every removal up to `lsn` and, of the vectors now stored, those up to `row`. A
 * new follower begins at row 0, which is a snapshot: rows are numbered in the order of their writes, so the scan ends where the log
 * continues.
 */
export interface ChangeCursor {
  readonly lsn: number;
  readonly row: Row;
}

/** Asks for what changed behind a cursor; null begins a snapshot. */
export interface ShardFollow {
  readonly indexId: IndexId;
  readonly after: ChangeCursor | null;
  /** Vectors of the answer at most, and removals, but for those of one write, which stay together. */
  readonly countMax: number;
  /** Raises the shard's clock: an answer that is complete is complete up to this LSN of the index at least. */
  readonly lsnMin?: number;
}

/** Changes to apply as one: `isCleared` first, then `removed`, then `upserted`. Or the log no longer reaches back: start again. */
export type ShardChanges = { readonly kind: 'snapshot-needed' } | (ChangePage & Standing);

/** Which callers the shard that sends these changes refuses: its replica refuses them as soon as it has the changes. */
export interface Standing {
  /** Calls that were routed before this version of the routes; see `ShardRoute`. */
  readonly since: number;
  /** All calls but those of followers; see `AccessMode`. */
  readonly isClosed: boolean;
}

export interface ChangePage {
  readonly kind: 'page';
  /** Whether all that the follower has is gone. */
  readonly isCleared: boolean;
  readonly removed: RowKeys;
  readonly upserted: ChangedVectors;
  readonly next: ChangeCursor;
  /** The LSN of the shard as it answers. */
  readonly lsn: number;
  /** Whether nothing is left: a follower that applied every page up to this one has all writes up to `lsn`. Before that, `next` promises nothing. */
  readonly isComplete: boolean;
}

/** Stored vectors, in the order of their writes, as columns. */
export interface ChangedVectors extends Rows {
  /** See `UpsertBatch`. */
  readonly versions?: readonly number[];
}

/**
 * Removals by the LSN of their write. `log_lsn` is the LSN from which on the log has them all, null without a follower; `cleared_lsn` that
 * of the last write that removed everything.
 */
export const CHANGE_LOG_TABLE = `
  CREATE TABLE removals (lsn INTEGER NOT NULL, namespace TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (lsn, namespace, id)) WITHOUT ROWID;
  ALTER TABLE shard ADD COLUMN log_lsn INTEGER;
  ALTER TABLE shard ADD COLUMN cleared_lsn INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE shard ADD COLUMN removal_count INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE shard ADD COLUMN followed_ms INTEGER NOT NULL DEFAULT 0;`;

type StateRow = { log_lsn: number | null; cleared_lsn: number; removal_count: number; followed_ms: number };
type RemovalRow = { lsn: number; namespace: string; id: string };
type ChangedRow = {
  row: number;
  namespace: string;
  id: string;
  floats: ArrayBuffer;
  metadata: string | null;
  text: string | null;
  contents: string | null;
  copy: number;
  lsn: number;
  version: number;
};

/**
 * What a shard stores of its past: the vectors stored, by row, and a bounded log of removals, which is empty without a follower. Writes belong
 * into the transaction of the vectors' own.
 */
export class ChangeLog {
  readonly #storage: SqlStorage;
  readonly #removalsMaxCount: number;

  constructor(storage: SqlStorage, removalsMaxCount: number = INDEX_LIMITS.shardLogRemovalsMaxCount) {
    this.#storage = storage;
    this.#removalsMaxCount = removalsMaxCount;
  }

  /** From now on removals are logged; repeated calls only confirm that there is still a follower. */
  follow({ lsn }: ShardHeader, nowMs: number): void {
    const { log_lsn: logLsn, followed_ms: followedMs } = this.#state();
    if (logLsn !== null && nowMs - followedMs < INDEX_LIMITS.shardLogIdleMs / 10) return;
    this.#storage.sql.exec('UPDATE shard SET log_lsn = COALESCE(log_lsn, ?), followed_ms = ?', lsn, nowMs);
  }

  /** Where a snapshot begins. */
  start({ lsn }: ShardHeader): ChangeCursor {
    return { lsn, row: 0 };
  }

  /** What comes behind a cursor; undefined when the log does not reach back to it. */
  page(after: ChangeCursor, countMax: number, { lsn, dimensions }: ShardHeader): ChangePage | undefined {
    const { log_lsn: logLsn, cleared_lsn: clearedLsn } = this.#state();
    const isCleared = after.lsn < clearedLsn;
    // What was removed before everything was is no matter.
    const fromLsn = isCleared ? clearedLsn : after.lsn;
    if (logLsn === null || fromLsn < logLsn || after.lsn > lsn) return undefined;
    const removed = this.#removals(fromLsn, countMax);
    const lsnEnd = removed.isCut ? (removed.rows.at(-1)?.lsn ?? fromLsn) : lsn;
    // A vector is sent only after every removal before its write, which would otherwise remove it.
    const upserted = this.#vectors(after.row, lsnEnd, countMax, dimensions);
    return {
      kind: 'page',
      isCleared,
      removed: { namespaces: removed.rows.map(({ namespace }) => namespace), ids: removed.rows.map(({ id }) => id) },
      upserted: upserted.vectors,
      next: { lsn: lsnEnd, row: upserted.row },
      lsn,
      isComplete: !removed.isCut && !upserted.isCut,
    };
  }

  /** Stops logging when there was no follower since `atMs`. */
  sweep(atMs: number): void {
    const { log_lsn: logLsn, followed_ms: followedMs } = this.#state();
    if (logLsn === null || followedMs >= atMs) return;
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec('DELETE FROM removals');
      this.#storage.sql.exec('UPDATE shard SET log_lsn = NULL, removal_count = 0');
    });
  }

  get isFollowed(): boolean {
    return this.#state().log_lsn !== null;
  }

  /** Logs what the write of that LSN removed. Beyond `shardLogRemovalsMaxCount` the removals of the oldest writes are forgotten. */
  add(lsn: number, removed: readonly { readonly namespace: string; readonly id: string }[]): void {
    const { sql } = this.#storage;
    insertInto(
      this.#storage,
      'INSERT INTO removals',
      removed.map(({ namespace, id }) => [lsn, namespace, id]),
    );
    sql.exec('UPDATE shard SET removal_count = removal_count + ?', removed.length);
    const { removal_count: count } = this.#state();
    if (count <= this.#removalsMaxCount) return;
    // More than needed at once, so that not every write has to.
    const surplus = Math.ceil(count - this.#removalsMaxCount * 0.9);
    const cut = sql.exec<{ lsn: number }>('SELECT lsn FROM removals ORDER BY lsn LIMIT 1 OFFSET ?', surplus - 1).one().lsn;
    sql.exec('DELETE FROM removals WHERE lsn <= ?', cut);
    sql.exec('UPDATE shard SET log_lsn = ?, removal_count = (SELECT COUNT(*) FROM removals)', cut);
  }

  /** Everything was removed by the write of that LSN: nothing before it matters to a follower any more. */
  clear(lsn: number): void {
    this.#storage.sql.exec('DELETE FROM removals');
    this.#storage.sql.exec('UPDATE shard SET cleared_lsn = ?, removal_count = 0', lsn);
  }

  #state(): StateRow {
    return this.#storage.sql.exec<StateRow>('SELECT log_lsn, cleared_lsn, removal_count, followed_ms FROM shard').one();
  }

  /** Removals behind an LSN: those of whole writes, `countMax` at most or those of one write. */
  #removals(lsn: number, countMax: number): { readonly rows: readonly RemovalRow[]; readonly isCut: boolean } {
    const { sql } = this.#storage;
    const rows = sql
      .exec<RemovalRow>('SELECT lsn, namespace, id FROM removals WHERE lsn > ? ORDER BY lsn LIMIT ?', lsn, countMax + 1)
      .toArray();
    if (rows.length <= countMax) return { rows, isCut: false };
    const cutLsn = rows.at(-1)?.lsn;
    const whole = rows.filter((row) => row.lsn !== cutLsn);
    if (whole.length > 0) return { rows: whole, isCut: true };
    return { rows: sql.exec<RemovalRow>('SELECT lsn, namespace, id FROM removals WHERE lsn = ?', cutLsn ?? 0).toArray(), isCut: true };
  }

  /** Stored vectors in rows behind `after` of writes up to an LSN; `row` is the last. */
  #vectors(after: number, lsnEnd: number, countMax: number, dimensions: number) {
    const found = this.#storage.sql.exec<ChangedRow>(
      `SELECT row, namespaces.name AS namespace, id, floats, metadata, text, contents, copy, lsn, version FROM vectors
       JOIN namespaces ON namespaces.ordinal = vectors.namespace WHERE row > ? ORDER BY row LIMIT ?`,
      after,
      countMax + 1,
    );
    const rows: ChangedRow[] = [];
    let [bytes, isCut] = [0, false];
    for (const item of found) {
      const { id, metadata, text, contents } = item;
      bytes += item.floats.byteLength + 2 * [id, metadata, text, contents].reduce((chars, column) => chars + (column?.length ?? 0), 0);
      // One at least, or it would never end; a single vector is far smaller than a page.
      isCut = item.lsn > lsnEnd || rows.length === countMax || (bytes > INDEX_LIMITS.changePageBytesMax && rows.length > 0);
      if (isCut) break;
      rows.push(item);
    }
    return { vectors: columnsOf(rows, dimensions), row: rows.at(-1)?.row ?? after, isCut };
  }
}

function columnsOf(rows: readonly ChangedRow[], dimensions: number): ChangedVectors {
  return {
    namespaces: rows.map(({ namespace }) => namespace),
    ids: rows.map(({ id }) => id),
    ...decodedVectors(rows, dimensions),
    metadata: rows.map(({ metadata }) => metadata),
    texts: rows.map(({ text }) => text),
    ...optionalColumns(rows),
    versions: rows.map(({ version }) => version),
  };
}

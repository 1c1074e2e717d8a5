import { JOB_LIMITS } from '../contract/jobs/job-limits.ts';
import type { JobId } from '../kernel/ids.ts';
import type { Migrations } from '../kernel/sql/migrate.ts';
import { hasTable, migrate } from '../kernel/sql/migrate.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';

const MIGRATIONS: Migrations = [
  // `next`: the offset of the byte to come; `bytes`: those that are kept.
  `CREATE TABLE streams (
     job TEXT NOT NULL, fence INTEGER NOT NULL, rank INTEGER NOT NULL,
     next INTEGER NOT NULL, bytes INTEGER NOT NULL, closed INTEGER NOT NULL, touched_at_ms INTEGER NOT NULL,
     PRIMARY KEY (job, fence, rank)) WITHOUT ROWID;
   CREATE INDEX streams_by_touch ON streams (touched_at_ms);
   CREATE TABLE chunks (
     job TEXT NOT NULL, fence INTEGER NOT NULL, rank INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
     PRIMARY KEY (job, fence, rank, at)) WITHOUT ROWID;
   CREATE TABLE held (bytes INTEGER NOT NULL, is_erased INTEGER NOT NULL);
   INSERT INTO held VALUES (0, 0);`,
];

/** What one member of an attempt writes. Rank 0 where an attempt has one member. */
export interface LogStream {
  readonly jobId: JobId;
  readonly fence: number;
  readonly rank: number;
}

/** A part of a stream. Bytes of the stream that no part has were dropped. */
export interface LogPart {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Parts of a stream from some offset on. */
export interface LogPage {
  readonly fence: number;
  readonly parts: readonly LogPart[];
  /** Where to read on. */
  readonly next: number;
  /** Whether there is more already. */
  readonly hasMore: boolean;
  /** Whether nothing will be added any more. */
  readonly isClosed: boolean;
}

type StreamRow = { next: number; bytes: number; closed: number };

/**
 * Logs of a tenant's attempts. Each stream is a ring: of what was acknowledged, the newest `jobLogBytesMax` bytes are kept, for
 * `jobLogKeptMs` after the last of them came.
 */
export class SqliteLogStore {
  readonly #storage: SqlStorage;
  readonly #sql: SqlStorage['sql'];
  #isOpen = false;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    if (hasTable(storage, 'streams')) this.#open();
  }

  /** Adds bytes that begin at `at`. Those that are known already are not added again; false once the tenant is erased. */
  append(stream: LogStream, at: number, bytes: Uint8Array, nowMs: number): boolean {
    this.#open();
    return this.#storage.transactionSync(() => {
      if (this.isErased()) return false;
      const known = this.#find(stream) ?? { next: at, bytes: 0 };
      const fresh = bytes.subarray(Math.max(0, known.next - at));
      if (fresh.length === 0) return true;
      const from = at + bytes.length - fresh.length;
      this.#sql.exec('INSERT INTO chunks VALUES (?, ?, ?, ?, ?)', ...keyOf(stream), from, fresh.slice().buffer);
      this.#sql.exec(
        `INSERT INTO streams VALUES (?, ?, ?, ?, ?, 0, ?)
         ON CONFLICT (job, fence, rank) DO UPDATE SET next = excluded.next, bytes = excluded.bytes, touched_at_ms = excluded.touched_at_ms`,
        ...keyOf(stream),
        from + fresh.length,
        known.bytes + fresh.length,
        nowMs,
      );
      this.#sql.exec('UPDATE held SET bytes = bytes + ?', fresh.length);
      this.#trim(stream);
      this.#forget(stream, nowMs);
      return true;
    });
  }

  /** Nothing more comes. */
  close({ jobId, fence, rank }: LogStream): void {
    if (this.#isOpen) this.#sql.exec('UPDATE streams SET closed = 1 WHERE job = ? AND fence = ? AND rank = ?', jobId, fence, rank);
  }

  /** Parts from `from` on, at most about `bytesMax`; undefined for a stream that is not known. */
  read(stream: LogStream, from: number, bytesMax: number): LogPage | undefined {
    const known = this.#isOpen ? this.#find(stream) : undefined;
    if (known === undefined) return undefined;
    const parts: LogPart[] = [];
    let next = from;
    for (const { at, body } of this.#sql.exec<{ at: number; body: ArrayBuffer }>(
      // The part in which `from` lies begins before it.
      `SELECT at, body FROM chunks WHERE job = ?1 AND fence = ?2 AND rank = ?3 AND at >= coalesce(
         (SELECT max(at) FROM chunks WHERE job = ?1 AND fence = ?2 AND rank = ?3 AND at <= ?4), 0) ORDER BY at LIMIT ?5`,
      ...keyOf(stream),
      from,
      CHUNKS_A_READ,
    )) {
      const bytes = new Uint8Array(body).subarray(Math.max(0, from - at));
      if (bytes.length === 0) continue;
      const start = Math.max(at, from);
      const part = bytes.slice(0, bytesMax - sizeOf(parts));
      if (part.length === 0) break;
      parts.push({ at: start, bytes: part });
      next = start + part.length;
    }
    return { fence: stream.fence, parts, next, hasMore: next < known.next, isClosed: known.closed === 1 };
  }

  /** Takes everything away, and takes nothing any more. */
  erase(): void {
    this.#open();
    this.#storage.transactionSync(() => {
      this.#sql.exec('DELETE FROM chunks');
      this.#sql.exec('DELETE FROM streams');
      this.#sql.exec('UPDATE held SET bytes = 0, is_erased = 1');
    });
  }

  isErased(): boolean {
    return this.#sql.exec<{ erased: number }>('SELECT is_erased AS erased FROM held').one().erased === 1;
  }

  streamCount(): number {
    if (!this.#isOpen) return 0;
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM streams').one().count;
  }

  heldBytes(): number {
    return this.#sql.exec<{ bytes: number }>('SELECT bytes FROM held').one().bytes;
  }

  /** When the next stream has been kept long enough. */
  nextExpiryMs(): number | undefined {
    if (!this.#isOpen) return undefined;
    const oldest = this.#sql.exec<{ at: number | null }>('SELECT min(touched_at_ms) AS at FROM streams').one().at;
    return oldest === null ? undefined : oldest + JOB_LIMITS.jobLogKeptMs;
  }

  /** Forgets streams that were kept long enough, a bounded number. */
  expire(nowMs: number): void {
    if (!this.#isOpen) return;
    for (const row of this.#oldest(STREAMS_A_SWEEP)) if (row.touched_at_ms <= nowMs - JOB_LIMITS.jobLogKeptMs) this.#remove(row);
  }

  /** Reading logs that were never written writes nothing. */
  #open(): void {
    if (this.#isOpen) return;
    migrate(this.#storage, MIGRATIONS);
    this.#isOpen = true;
  }

  /** Drops the oldest parts of a stream that has more than it may. */
  #trim(stream: LogStream): void {
    for (;;) {
      const { bytes } = this.#find(stream) ?? { bytes: 0 };
      if (bytes <= JOB_LIMITS.jobLogBytesMax) return;
      const [oldest] = this.#sql
        .exec<{ at: number; length: number }>(
          'SELECT at, length(body) AS length FROM chunks WHERE job = ? AND fence = ? AND rank = ? ORDER BY at LIMIT 1',
          ...keyOf(stream),
        )
        .toArray();
      if (oldest === undefined) return;
      this.#sql.exec('DELETE FROM chunks WHERE job = ? AND fence = ? AND rank = ? AND at = ?', ...keyOf(stream), oldest.at);
      this.#sql.exec('UPDATE streams SET bytes = bytes - ? WHERE job = ? AND fence = ? AND rank = ?', oldest.length, ...keyOf(stream));
      this.#sql.exec('UPDATE held SET bytes = bytes - ?', oldest.length);
    }
  }

  /** Forgets what was touched longest ago, where all streams have more than they may; never the one that is written. */
  #forget(stream: LogStream, nowMs: number): void {
    this.expire(nowMs);
    for (const row of this.#oldest(STREAMS_A_SWEEP)) {
      if (this.heldBytes() <= JOB_LIMITS.jobLogShardBytesMax) return;
      if (row.job !== stream.jobId || row.fence !== stream.fence || row.rank !== stream.rank) this.#remove(row);
    }
  }

  #oldest(count: number) {
    return this.#sql
      .exec<{ job: string; fence: number; rank: number; bytes: number; touched_at_ms: number }>(
        'SELECT job, fence, rank, bytes, touched_at_ms FROM streams ORDER BY touched_at_ms LIMIT ?',
        count,
      )
      .toArray();
  }

  #remove({ job, fence, rank, bytes }: { job: string; fence: number; rank: number; bytes: number }): void {
    this.#sql.exec('DELETE FROM chunks WHERE job = ? AND fence = ? AND rank = ?', job, fence, rank);
    this.#sql.exec('DELETE FROM streams WHERE job = ? AND fence = ? AND rank = ?', job, fence, rank);
    this.#sql.exec('UPDATE held SET bytes = bytes - ?', bytes);
  }

  #find(stream: LogStream): StreamRow | undefined {
    return this.#sql
      .exec<StreamRow>('SELECT next, bytes, closed FROM streams WHERE job = ? AND fence = ? AND rank = ?', ...keyOf(stream))
      .toArray()[0];
  }
}

const STREAMS_A_SWEEP = 32;
/** Chunks may be a few bytes each. */
const CHUNKS_A_READ = 256;

const keyOf = ({ jobId, fence, rank }: LogStream): [string, number, number] => [jobId, fence, rank];

const sizeOf = (parts: readonly LogPart[]): number => parts.reduce((sum, { bytes }) => sum + bytes.length, 0);

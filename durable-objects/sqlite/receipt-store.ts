import type { Repetition, Written } from '../../src/ann/shard-protocol.ts';
import type { Receipt } from '../../src/ann/vector-store.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { SqlStorage } from '../../src/kernel/sql.ts';

/** The table of receipts: part of the schema of the object that keeps them. */
export const RECEIPT_TABLE = `
  CREATE TABLE receipts (
    position INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
    lsn INTEGER NOT NULL, count INTEGER NOT NULL, at_ms INTEGER NOT NULL);`;

/** Which requests with an `Idempotency-Key` were done, and what they answered. Bounded by age and by number. */
export class SqliteReceiptStore {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  find(key: string): Receipt | undefined {
    const row = this.#storage.sql
      .exec<{ digest: string; lsn: number; count: number }>('SELECT digest, lsn, count FROM receipts WHERE key = ?', key)
      .toArray()[0];
    return row === undefined ? undefined : { digest: row.digest, written: { count: row.count, lsn: row.lsn } };
  }

  /** Call in the transaction of the write. Beyond `upsertReceiptsMaxCount` receipts the oldest is forgotten. */
  add({ idempotencyKey, digest }: Repetition, { lsn, count }: Written, nowMs: number): void {
    const { sql } = this.#storage;
    sql.exec('INSERT INTO receipts (key, digest, lsn, count, at_ms) VALUES (?, ?, ?, ?, ?)', idempotencyKey, digest, lsn, count, nowMs);
    sql.exec('DELETE FROM receipts WHERE position <= (SELECT MAX(position) FROM receipts) - ?', LIMITS.upsertReceiptsMaxCount);
  }

  /** Forgets receipts from before `atMs`; answers when the oldest one left was written. */
  sweep(atMs: number): number | undefined {
    this.#storage.sql.exec('DELETE FROM receipts WHERE at_ms < ?', atMs);
    const oldest = this.#storage.sql.exec<{ at_ms: number }>('SELECT at_ms FROM receipts ORDER BY position LIMIT 1').toArray();
    return oldest[0]?.at_ms;
  }
}

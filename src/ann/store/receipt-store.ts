import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { DonePart, KeyedReceipt, Receipt, ReceiptPage } from '../receipts.ts';
import { isOwnKey, mergedReceipts } from '../receipts.ts';
import type { Billing, Repetition } from '../shard-protocol.ts';

/** The table of receipts: part of the schema of the object that keeps them. */
export const RECEIPT_TABLE = `
  CREATE TABLE receipts (
    position INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
    lsn INTEGER NOT NULL, count INTEGER NOT NULL, at_ms INTEGER NOT NULL);`;

/**
 * From this version on a receipt states which part of its request it is of, and what is billed. `done` has items `[parts, part, lsn]`.
 * Before, every receipt of an object was of the same part.
 */
export const receiptsOfParts = ({ parts, part }: Omit<DonePart, 'lsn'>): string => `
  ALTER TABLE receipts ADD COLUMN done TEXT NOT NULL DEFAULT '[]';
  UPDATE receipts SET done = '[[${parts},${part},' || lsn || ']]';
  ALTER TABLE receipts ADD COLUMN billing TEXT;
  ALTER TABLE receipts DROP COLUMN lsn;
  ALTER TABLE receipts DROP COLUMN count;
  CREATE INDEX receipts_by_age ON receipts (at_ms);`;

/**
 * From this version on the receipts of requests that came without a key (`own`) are bounded separately: they evict none that a caller
 * relies on. `turn` counts the receipts of one kind as they change.
 */
export const RECEIPTS_OF_OWN_KEYS = `
  ALTER TABLE receipts ADD COLUMN own INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE receipts ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
  UPDATE receipts SET turn = position;
  DROP INDEX receipts_by_age;
  CREATE INDEX receipts_by_age ON receipts (own, at_ms);
  CREATE INDEX receipts_in_turn ON receipts (own, turn);`;

/** The kind of a receipt: of a caller's key (0), or of one that a gateway gave (1). */
const KINDS = [
  { own: 0, ttlMs: INDEX_LIMITS.upsertReceiptTtlMs, countMax: INDEX_LIMITS.upsertReceiptsMaxCount },
  { own: 1, ttlMs: INDEX_LIMITS.ownReceiptTtlMs, countMax: INDEX_LIMITS.ownReceiptsMaxCount },
] as const;

type ReceiptRow = { position: number; key: string; digest: string; at_ms: number; done: string; billing: string | null };

const COLUMNS = 'position, key, digest, at_ms, done, billing';

/** Which requests with a key were seen, and what of them is written. Bounded by age and by number. */
export class ReceiptStore {
  readonly #storage: SqlStorage;
  // Whether there may be receipts of keys that gateways gave: most shards never have any. Undefined until it is looked up.
  #mayHaveOwn: boolean | undefined;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  find(key: string): Receipt | undefined {
    if (isOwnKey(key) && !this.#hasOwn()) return undefined;
    const row = this.#storage.sql.exec<ReceiptRow>(`SELECT ${COLUMNS} FROM receipts WHERE key = ?`, key).toArray()[0];
    return row === undefined ? undefined : receiptOf(row);
  }

  /** Notes that a request came, and what it is billed as; answers what is known of its key, perhaps of another request. */
  claim({ idempotencyKey, digest }: Repetition, billing: Billing, nowMs: number): Receipt {
    return this.#merge({ idempotencyKey, digest, atMs: nowMs, done: [], billing });
  }

  /** Notes that a part of a request is written. Call in the transaction of the write. */
  add({ idempotencyKey, digest }: Repetition, done: DonePart, billing: Billing | null, nowMs: number): Receipt {
    return this.#merge({ idempotencyKey, digest, atMs: nowMs, done: [done], billing });
  }

  /** Takes over what another object knows. Repeating it changes nothing. */
  adopt(receipts: readonly KeyedReceipt[]): void {
    this.#storage.transactionSync(() => {
      for (const receipt of receipts) this.#merge(receipt);
    });
  }

  /** The first receipts that changed after that position. */
  behind(after: number, countMax: number): ReceiptPage {
    const rows = this.#storage.sql
      .exec<ReceiptRow>(`SELECT ${COLUMNS} FROM receipts WHERE position > ? ORDER BY position LIMIT ?`, after, countMax)
      .toArray();
    return { receipts: rows.map(receiptOf), next: rows.at(-1)?.position ?? after };
  }

  /** Forgets receipts that have run out; answers when the next one does. */
  sweep(nowMs: number): number | undefined {
    const { sql } = this.#storage;
    this.#mayHaveOwn = undefined;
    const ends = KINDS.flatMap(({ own, ttlMs }) => {
      sql.exec('DELETE FROM receipts WHERE own = ? AND at_ms < ?', own, nowMs - ttlMs);
      const { oldestMs } = sql.exec<{ oldestMs: number | null }>('SELECT MIN(at_ms) AS oldestMs FROM receipts WHERE own = ?', own).one();
      // One millisecond late, so that the receipt the next sweep is for has surely run out.
      return oldestMs === null ? [] : [oldestMs + ttlMs + 1];
    });
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  #hasOwn(): boolean {
    this.#mayHaveOwn ??=
      this.#storage.sql.exec<{ any: number }>('SELECT EXISTS (SELECT 1 FROM receipts WHERE own = 1) AS "any"').one().any === 1;
    return this.#mayHaveOwn;
  }

  /** A receipt that changes gets a new position and turn. Those whose turn was long ago are forgotten, each kind by its own bound. */
  #merge({ idempotencyKey, ...news }: KeyedReceipt): Receipt {
    const { sql } = this.#storage;
    const known = this.find(idempotencyKey);
    const merged = known === undefined ? news : mergedReceipts(known, news);
    if (known !== undefined && JSON.stringify([merged.done, merged.billing]) === JSON.stringify([known.done, known.billing])) return known;
    const { own, countMax } = KINDS[isOwnKey(idempotencyKey) ? 1 : 0];
    // Before it is stored, so that a transaction that fails leaves it true at worst.
    if (own === 1) this.#mayHaveOwn = true;
    const { turn } = sql.exec<{ turn: number }>('SELECT COALESCE(MAX(turn), 0) + 1 AS turn FROM receipts WHERE own = ?', own).one();
    sql.exec(
      'INSERT OR REPLACE INTO receipts (own, turn, key, digest, at_ms, done, billing) VALUES (?, ?, ?, ?, ?, ?, ?)',
      own,
      turn,
      idempotencyKey,
      merged.digest,
      merged.atMs,
      JSON.stringify(merged.done.map(({ parts, part, lsn }) => [parts, part, lsn])),
      merged.billing === null ? null : JSON.stringify(merged.billing),
    );
    sql.exec('DELETE FROM receipts WHERE own = ? AND turn <= ?', own, turn - countMax);
    return merged;
  }
}

function receiptOf({ key, digest, at_ms: atMs, done, billing }: ReceiptRow): KeyedReceipt {
  const parts = JSON.parse(done) as [number, number, number][];
  return {
    idempotencyKey: key,
    digest,
    atMs,
    done: parts.map(([of, part, lsn]) => ({ parts: of, part, lsn })),
    billing: billing === null ? null : (JSON.parse(billing) as Billing),
  };
}

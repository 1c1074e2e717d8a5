import { PurgeLog } from '../../src/cache/purge-log.ts';
import type { PurgeLogBounds } from '../../src/cache/purge-log.ts';
import type { LoggedPredicate, PurgePredicate } from '../../src/cache/purge-predicate.ts';
import type { PurgeCommand, PurgeRecord } from '../../src/cache/purge-record.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { must } from '../../src/kernel/assert.ts';
import type { PurgeId, TenantId } from '../../src/kernel/ids.ts';
import { ok } from '../../src/kernel/result.ts';
import type { SqlStorage } from '../../src/kernel/sql.ts';
import type { Migrations } from './migrate.ts';
import { migrate } from './migrate.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE predicates (position INTEGER PRIMARY KEY, predicate TEXT NOT NULL);
   CREATE TABLE receipts (
     position INTEGER PRIMARY KEY, purge_id TEXT NOT NULL UNIQUE, body_digest TEXT NOT NULL,
     appended_ms INTEGER NOT NULL, effective_ms INTEGER NOT NULL);
   CREATE TABLE erasure (tenant_id TEXT NOT NULL, position INTEGER NOT NULL);`,
];

interface ReceiptRow extends Record<string, string | number> {
  position: number;
  purge_id: string;
  body_digest: string;
  appended_ms: number;
  effective_ms: number;
}

/** A tenant's purge log and its receipts. Creates its tables with the first purge, never for a read. */
export class PurgeLogStore {
  readonly #storage: SqlStorage;
  readonly #bounds: PurgeLogBounds;
  readonly #receiptsMax: number;
  #log: PurgeLog | undefined;

  constructor(storage: SqlStorage, bounds: PurgeLogBounds, receiptsMax: number) {
    this.#storage = storage;
    this.#bounds = bounds;
    this.#receiptsMax = receiptsMax;
  }

  get log(): PurgeLog {
    this.#log ??= this.#read();
    return this.#log;
  }

  /** Appends a purge; the same purge again answers what is there already. Refuses with `idempotency_mismatch`. */
  append({ purgeId, tenantId, bodyDigest, predicate }: PurgeCommand, nowMs: number, effectiveAtMs: number): Outcome<PurgeRecord> {
    const known = this.#receipt(purgeId);
    if (known !== undefined) {
      if (known.body_digest === bodyDigest) return ok(this.#record(known));
      return refuse('idempotency_mismatch', 'this idempotency-key belongs to a purge with another body', 'idempotency-key');
    }
    migrate(this.#storage, MIGRATIONS);
    const log = this.log.append(predicate);
    this.#storage.transactionSync(() => {
      if (this.log.position === 0) this.#storage.sql.exec('INSERT INTO erasure VALUES (?, 0)', tenantId);
      this.#write(log);
      const { position } = log;
      this.#storage.sql.exec('INSERT INTO receipts VALUES (?, ?, ?, ?, ?)', position, purgeId, bodyDigest, nowMs, effectiveAtMs);
      this.#storage.sql.exec('DELETE FROM receipts WHERE position <= ?', position - this.#receiptsMax);
    });
    this.#log = log;
    return ok(this.#record(must(this.#receipt(purgeId), 'the receipt was just written')));
  }

  find(purgeId: PurgeId): PurgeRecord | undefined {
    const row = this.#receipt(purgeId);
    return row === undefined ? undefined : this.#record(row);
  }

  /** The oldest purge whose entries may still be in storage. */
  nextErasure(): { readonly tenantId: TenantId; readonly purge: LoggedPredicate } | undefined {
    if (this.log.position === 0) return undefined;
    const erasure = this.#erasure();
    const [purge] = this.log.since(erasure.position);
    return purge === undefined ? undefined : { tenantId: erasure.tenant_id as TenantId, purge };
  }

  erased(position: number): void {
    this.#storage.sql.exec('UPDATE erasure SET position = ?', position);
  }

  #read(): PurgeLog {
    if (!this.#exists()) return new PurgeLog([], this.#bounds);
    const rows = this.#storage.sql.exec<{ position: number; predicate: string }>('SELECT * FROM predicates ORDER BY position').toArray();
    const entries = rows.map(({ position, predicate }) => ({ position, predicate: JSON.parse(predicate) as PurgePredicate }));
    return new PurgeLog(entries, this.#bounds);
  }

  /** The log changes at its ends only: the new purge is appended, and what was collapsed is replaced by its first entry. */
  #write(log: PurgeLog): void {
    const first = must(log.entries[0], 'a log that was appended to is not empty');
    const last = must(log.entries.at(-1), 'a log that was appended to is not empty');
    this.#storage.sql.exec('DELETE FROM predicates WHERE position <= ?', first.position);
    for (const { position, predicate } of first === last ? [last] : [first, last]) {
      this.#storage.sql.exec('INSERT INTO predicates VALUES (?, ?)', position, JSON.stringify(predicate));
    }
  }

  #receipt(purgeId: PurgeId): ReceiptRow | undefined {
    if (!this.#exists()) return undefined;
    return this.#storage.sql.exec<ReceiptRow>('SELECT * FROM receipts WHERE purge_id = ?', purgeId).toArray()[0];
  }

  #record(row: ReceiptRow): PurgeRecord {
    return {
      purgeId: row.purge_id as PurgeId,
      position: row.position,
      appendedAtMs: row.appended_ms,
      effectiveAtMs: row.effective_ms,
      erased: row.position <= this.#erasure().position,
    };
  }

  #erasure(): { tenant_id: string; position: number } {
    return this.#storage.sql.exec<{ tenant_id: string; position: number }>('SELECT * FROM erasure').one();
  }

  #exists(): boolean {
    return this.#storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'erasure'").toArray().length > 0;
  }
}

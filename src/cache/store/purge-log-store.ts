import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import type { CacheOwnerId, PurgeId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { PurgeLogBounds } from '../purge-log.ts';
import { PurgeLog } from '../purge-log.ts';
import type { LoggedPredicate, PurgeCommand, PurgeConsistency, PurgeMode, PurgePredicate, PurgeRecord } from '../purge-predicate.ts';
import { broughtBy, predicateAt } from '../purge-predicate.ts';

export const PURGE_LOG_MIGRATIONS: Migrations = [
  `CREATE TABLE predicates (position INTEGER PRIMARY KEY, predicate TEXT NOT NULL);
   CREATE TABLE receipts (
     position INTEGER PRIMARY KEY, purge_id TEXT NOT NULL UNIQUE, body_digest TEXT NOT NULL,
     appended_ms INTEGER NOT NULL, effective_ms INTEGER NOT NULL);
   CREATE TABLE erasure (tenant_id TEXT NOT NULL, position INTEGER NOT NULL);`,
  // Predicates of the first form become one that takes everything, at the position of the newest: more is taken, nothing is missed.
  `DELETE FROM predicates WHERE position < (SELECT MAX(position) FROM predicates);
   UPDATE predicates SET predicate = '{}';
   ALTER TABLE predicates ADD COLUMN mode TEXT NOT NULL DEFAULT 'hard';
   ALTER TABLE predicates ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE receipts ADD COLUMN mode TEXT NOT NULL DEFAULT 'hard';
   ALTER TABLE receipts ADD COLUMN consistency TEXT NOT NULL DEFAULT 'next-read';
   ALTER TABLE erasure RENAME COLUMN tenant_id TO owner;
   ALTER TABLE erasure ADD COLUMN cursors TEXT NOT NULL DEFAULT '{}';
   ALTER TABLE erasure ADD COLUMN cursors_of INTEGER NOT NULL DEFAULT 0;`,
  'CREATE TABLE erased_tenants (tenant TEXT PRIMARY KEY, effective_ms INTEGER NOT NULL) WITHOUT ROWID;',
];

interface ReceiptRow {
  position: number;
  purge_id: string;
  body_digest: string;
  appended_ms: number;
  effective_ms: number;
  mode: PurgeMode;
  consistency: PurgeConsistency;
}

interface ErasureRow {
  owner: string;
  position: number;
  cursors: string;
  /** Position of the purge that they belong to. */
  cursors_of: number;
}

/** How far the erasure of a purge has come, by the names of shards: null where it is done, absent where it has not begun. */
export type ErasureCursors = Readonly<Record<string, number | null>>;

export interface Erasure {
  readonly owner: CacheOwnerId;
  readonly purge: LoggedPredicate;
  readonly cursors: ErasureCursors;
}

/** A cache's purge log and its receipts. */
export class PurgeLogStore extends SqliteStore {
  readonly #bounds: PurgeLogBounds;
  readonly #receiptsMax: number;
  #log: PurgeLog | undefined;

  constructor(storage: SqlStorage, bounds: PurgeLogBounds, receiptsMax: number) {
    super(storage, PURGE_LOG_MIGRATIONS);
    this.#bounds = bounds;
    this.#receiptsMax = receiptsMax;
  }

  get log(): PurgeLog {
    this.#log ??= this.#read();
    return this.#log;
  }

  /** Appends a purge; the same purge again answers what is there already. Refuses with `idempotency_mismatch`. */
  append(command: PurgeCommand, nowMs: number, effectiveAtMs: number): Outcome<PurgeRecord> {
    const { purgeId, owner, bodyDigest, mode, consistency } = command;
    const known = this.#receipt(purgeId);
    if (known !== undefined) {
      if (known.body_digest === bodyDigest) return ok(this.#record(known));
      return refuse('idempotency_mismatch', 'was used by another caller or for another purge', 'idempotency-key');
    }
    const log = this.log.append(predicateAt(command.selection, nowMs), mode, nowMs);
    const { position } = log;
    this.transaction(() => {
      this.#write(owner, log);
      this.run(
        `INSERT INTO receipts (position, purge_id, body_digest, appended_ms, effective_ms, mode, consistency) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        position,
        purgeId,
        bodyDigest,
        nowMs,
        effectiveAtMs,
        mode,
        consistency,
      );
      this.run('DELETE FROM receipts WHERE position <= ?', position - this.#receiptsMax);
    });
    this.#log = log;
    return ok(this.#record(must(this.#receipt(purgeId), 'the receipt was just written')));
  }

  /**
   * Removes the entries of the tenant, and its texts from the log: of a shared log all texts, since it does not record their tenants.
   * Answers when that holds for every reader.
   */
  eraseTenant(owner: CacheOwnerId, tenantId: TenantId, nowMs: number, effectiveAtMs: number): number {
    const [known] = this.rows<{ at: number }>('SELECT effective_ms AS at FROM erased_tenants WHERE tenant = ?', tenantId);
    if (known !== undefined) return known.at;
    const log = this.log.withoutTerms().append(broughtBy(owner, tenantId), 'hard', nowMs);
    this.transaction(() => {
      this.#write(owner, log);
      if (owner === tenantId) this.run('DELETE FROM receipts');
      this.run('INSERT INTO erased_tenants VALUES (?, ?)', tenantId, effectiveAtMs);
    });
    this.#log = log;
    return effectiveAtMs;
  }

  hasErased(tenantId: TenantId): boolean {
    return this.rows('SELECT 1 FROM erased_tenants WHERE tenant = ?', tenantId).length > 0;
  }

  find(purgeId: PurgeId): PurgeRecord | undefined {
    const row = this.#receipt(purgeId);
    return row === undefined ? undefined : this.#record(row);
  }

  /** The oldest hard purge whose entries may still be in storage. */
  nextErasure(): Erasure | undefined {
    if (this.log.position === 0) return undefined;
    const { owner, position, cursors, cursors_of: cursorsOf } = this.#erasure();
    const purge = this.log.since(position).find(({ mode }) => mode === 'hard');
    if (purge === undefined) return undefined;
    // A log that collapsed meanwhile has another purge next.
    const isBegun = cursorsOf === purge.position;
    return { owner: owner as CacheOwnerId, purge, cursors: isBegun ? (JSON.parse(cursors) as ErasureCursors) : {} };
  }

  /** Remembers how far the erasure of the next purge has come; undefined: it is done. */
  erased({ position }: LoggedPredicate, cursors: ErasureCursors | undefined): void {
    if (cursors === undefined) this.run('UPDATE erasure SET position = ?', position);
    else this.run('UPDATE erasure SET cursors = ?, cursors_of = ?', JSON.stringify(cursors), position);
  }

  #read(): PurgeLog {
    const rows = this.rows<{ position: number; predicate: string; mode: PurgeMode; at_ms: number }>(
      'SELECT * FROM predicates ORDER BY position',
    );
    const entries = rows.map(({ position, predicate, mode, at_ms: atMs }) => {
      return { position, predicate: JSON.parse(predicate) as PurgePredicate, mode, atMs };
    });
    return new PurgeLog(entries, this.#bounds);
  }

  /** The log changes at its ends only: the new purge is appended, and what was collapsed is replaced by its first entry. */
  #write(owner: CacheOwnerId, log: PurgeLog): void {
    this.run('INSERT INTO erasure (owner, position) SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM erasure)', owner);
    const first = must(log.entries[0], 'a log that was appended to is not empty');
    const last = must(log.entries.at(-1), 'a log that was appended to is not empty');
    this.run('DELETE FROM predicates WHERE position <= ?', first.position);
    for (const { position, predicate, mode, atMs } of first === last ? [last] : [first, last]) {
      const columns = 'position, predicate, mode, at_ms';
      this.run(`INSERT INTO predicates (${columns}) VALUES (?, ?, ?, ?)`, position, JSON.stringify(predicate), mode, atMs);
    }
  }

  #receipt(purgeId: PurgeId): ReceiptRow | undefined {
    return this.rows<ReceiptRow>('SELECT * FROM receipts WHERE purge_id = ?', purgeId)[0];
  }

  #record(row: ReceiptRow): PurgeRecord {
    const { position, mode, consistency, appended_ms: appendedAtMs, effective_ms: effectiveAtMs } = row;
    const erased = mode === 'hard' && position <= this.#erasure().position;
    return { purgeId: row.purge_id as PurgeId, position, mode, consistency, appendedAtMs, effectiveAtMs, erased };
  }

  #erasure(): ErasureRow {
    return must(this.rows<ErasureRow>('SELECT * FROM erasure')[0], 'a log with a purge knows how far it is erased');
  }
}

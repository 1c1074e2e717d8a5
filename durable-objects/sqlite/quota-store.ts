import type { TenantId } from '../../src/kernel/ids.ts';
import type { SqlStorage } from '../../src/kernel/sql.ts';
import type { Account } from '../../src/tenancy/quota/account.ts';
import { openAccount } from '../../src/tenancy/quota/account.ts';
import { DEFAULT_QUOTA } from '../../src/tenancy/quota/quota-limits.ts';
import type { Migrations } from './migrate.ts';
import { migrate } from './migrate.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE accounts (tenant TEXT PRIMARY KEY, account TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE holders (holder TEXT PRIMARY KEY, sequence INTEGER NOT NULL, seen_at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX holders_by_age ON holders (seen_at_ms);`,
];

/** An isolate that has been silent for this long is gone; were it back, its first remainder would stay spent. */
const HOLDER_FORGOTTEN_MS = 3_600_000;

const migrated = new WeakSet<SqlStorage>();

/** Accounts by tenant, and how far each holder's messages have been seen. */
export class SqliteQuotaStore {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    if (migrated.has(storage)) return;
    migrate(storage, MIGRATIONS);
    migrated.add(storage);
  }

  account(tenantId: TenantId): Account {
    const [row] = this.#storage.sql.exec<{ account: string }>('SELECT account FROM accounts WHERE tenant = ?', tenantId).toArray();
    return row === undefined ? openAccount(DEFAULT_QUOTA) : (JSON.parse(row.account) as Account);
  }

  save(tenantId: TenantId, account: Account): void {
    this.#storage.sql.exec('INSERT OR REPLACE INTO accounts VALUES (?, ?)', tenantId, JSON.stringify(account));
  }

  /** Notes a message of a holder. False for one that was seen before, and for the first of a holder nobody knows. */
  advance(holder: string, sequence: number, nowMs: number): boolean {
    const { sql } = this.#storage;
    const [row] = sql.exec<{ sequence: number }>('SELECT sequence FROM holders WHERE holder = ?', holder).toArray();
    if (row === undefined) sql.exec('DELETE FROM holders WHERE seen_at_ms < ?', nowMs - HOLDER_FORGOTTEN_MS);
    if (row !== undefined && sequence <= row.sequence) return false;
    sql.exec('INSERT OR REPLACE INTO holders VALUES (?, ?, ?)', holder, sequence, nowMs);
    return row !== undefined;
  }
}

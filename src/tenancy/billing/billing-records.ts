import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { admitKey, SPENT_KEY_BOUNDS } from '../../contract/api/spent-key.ts';
import { ok } from '../../kernel/result.ts';
import { SqliteSpentKeys } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';

const BIG = '$big';

/** JSON that keeps integers of any size. */
export const toExactJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? { [BIG]: String(part) } : part));

export const fromExactJson = (text: string): unknown =>
  JSON.parse(text, (_, part: unknown) =>
    typeof part === 'object' && part !== null && BIG in part ? BigInt((part as { [BIG]: string })[BIG]) : part,
  );

/** A step of the ledger's schema. */
export const BILLING_RECORD_TABLE = `
  CREATE TABLE records (
    position INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (kind, id));`;

/** What people lay down about an organisation's money: budgets, credits, fixed charges, webhooks; and its final invoices. In order. */
export class SqliteBillingRecords<Bodies extends Record<string, { readonly id: string }>> {
  readonly #sql: SqlStorage['sql'];
  readonly #spent: SqliteSpentKeys;

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
    this.#spent = new SqliteSpentKeys(storage, SPENT_KEY_BOUNDS);
  }

  /** Refuses with `idempotency_mismatch`, `idempotency_key_spent` or `limit_exceeded`; a repeat answers the first. */
  add<K extends keyof Bodies & string>(kind: K, body: Bodies[K], digest: string, nowMs: number): Outcome<Bodies[K]> {
    const [known] = this.#sql
      .exec<{ digest: string; body: string }>('SELECT digest, body FROM records WHERE kind = ? AND id = ?', kind, body.id)
      .toArray();
    if (known !== undefined) {
      if (known.digest === digest) return ok(fromExactJson(known.body) as Bodies[K]);
      return refuse('idempotency_mismatch', 'was used with other arguments', 'idempotency-key');
    }
    // The id follows from the key, if there was one.
    const unspent = admitKey(this.#spent.find(kind, body.id, nowMs), digest);
    if (!unspent.ok) return unspent;
    const count = this.all(kind).length;
    if (count >= TENANCY_LIMITS.billingRecordsMaxCount) {
      return refuseBeyond({ limit: 'billingRecordsMaxCount', value: count + 1, what: `there are ${count} ${kind}s already` });
    }
    this.#sql.exec('INSERT INTO records (kind, id, digest, body) VALUES (?, ?, ?, ?)', kind, body.id, digest, toExactJson(body));
    return ok(body);
  }

  /** Writes a record, new or replacing the one of its id. */
  put<K extends keyof Bodies & string>(kind: K, body: Bodies[K]): void {
    this.#sql.exec(
      `INSERT INTO records (kind, id, digest, body) VALUES (?, ?, '', ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body`,
      kind,
      body.id,
      toExactJson(body),
    );
  }

  find<K extends keyof Bodies & string>(kind: K, id: string): Bodies[K] | undefined {
    const [row] = this.#sql.exec<{ body: string }>('SELECT body FROM records WHERE kind = ? AND id = ?', kind, id).toArray();
    return row === undefined ? undefined : (fromExactJson(row.body) as Bodies[K]);
  }

  /** Oldest first. */
  all<K extends keyof Bodies & string>(kind: K): Bodies[K][] {
    return this.#sql
      .exec<{ body: string }>('SELECT body FROM records WHERE kind = ? ORDER BY position', kind)
      .toArray()
      .map(({ body }) => fromExactJson(body) as Bodies[K]);
  }

  /** Whether there was one. A repetition of the request that added it is refused from now on (T78). Call in a transaction. */
  remove(kind: keyof Bodies & string, id: string, nowMs: number): boolean {
    const [removed] = this.#sql
      .exec<{ digest: string }>('DELETE FROM records WHERE kind = ? AND id = ? RETURNING digest', kind, id)
      .toArray();
    // What was put has no digest: putting it again is no repetition.
    if (removed !== undefined && removed.digest !== '') this.#spent.spend(kind, { key: id, digest: removed.digest }, id, nowMs);
    return removed !== undefined;
  }
}

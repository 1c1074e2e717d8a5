import type { TenantId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';

/** A table of the ledger with a row for each tenant, subject and period, which has all counts as JSON: a report changes one row a subject. */
interface PeriodTable {
  readonly table: string;
  /** Names of columns. */
  readonly subject: string;
  readonly period: string;
  readonly periodMs: number;
}

interface Counted {
  readonly tenantId: TenantId;
  readonly atMs: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Sums of what isolates counted, by tenant, subject and period. */
export class PeriodCounts {
  readonly #sql: SqlStorage['sql'];
  readonly #names: PeriodTable;

  constructor(storage: SqlStorage, names: PeriodTable) {
    this.#sql = storage.sql;
    this.#names = names;
  }

  /** Call in one transaction with whatever says that this was counted. */
  add(subjectKey: string, { tenantId, atMs, counts }: Counted): void {
    const { table, subject, period } = this.#names;
    const place = [tenantId, subjectKey, this.periodOf(atMs)] as const;
    const [row] = this.#sql
      .exec<{ counts: string }>(`SELECT counts FROM ${table} WHERE tenant = ? AND ${subject} = ? AND ${period} = ?`, ...place)
      .toArray();
    const sum: Record<string, number> = row === undefined ? {} : (JSON.parse(row.counts) as Record<string, number>);
    for (const [counter, quantity] of Object.entries(counts)) sum[counter] = (sum[counter] ?? 0) + quantity;
    this.#sql.exec(
      `INSERT INTO ${table} VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET counts = excluded.counts`,
      ...place,
      JSON.stringify(sum),
    );
  }

  periodOf(ms: number): number {
    return Math.floor(ms / this.#names.periodMs);
  }

  erase(tenantId: TenantId): void {
    this.#sql.exec(`DELETE FROM ${this.#names.table} WHERE tenant = ?`, tenantId);
  }

  countOf(tenantId: TenantId): number {
    return this.#sql.exec<{ count: number }>(`SELECT count(*) AS count FROM ${this.#names.table} WHERE tenant = ?`, tenantId).one().count;
  }

  /** Forgets what is older, some at a time. True when none is left. */
  forget(beforeMs: number, countMax: number): boolean {
    const { table, subject, period } = this.#names;
    const key = `tenant, ${subject}, ${period}`;
    const old = `SELECT ${key} FROM ${table} WHERE ${period} < ? LIMIT ?`;
    const gone = this.#sql.exec(`DELETE FROM ${table} WHERE (${key}) IN (${old}) RETURNING 1`, this.periodOf(beforeMs), countMax).toArray();
    return gone.length < countMax;
  }
}

import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import type { QuotaNews } from '../../src/tenancy/quota/decision.ts';
import type { LevelId } from '../../src/tenancy/quota/quota-level.ts';

/** The table of alerts: part of the schema of the quota object. */
export const ALERT_TABLE = `
  CREATE TABLE alerts (
    id TEXT PRIMARY KEY, organisation TEXT NOT NULL, raised_at_ms INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;`;

export interface RaisedAlert {
  readonly id: string;
  readonly organisation: string;
  readonly atMs: number;
  readonly alert: QuotaNews;
}

/** Alerts that were raised in the transaction of a grant, until they are delivered. */
export class SqliteAlertOutbox {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  add(organisation: LevelId, alerts: readonly QuotaNews[], nowMs: number): void {
    for (const alert of alerts) {
      this.#sql.exec('INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?)', alert.id, organisation, nowMs, JSON.stringify(alert));
    }
  }

  /** The oldest first. */
  waiting(count: number): readonly RaisedAlert[] {
    return this.#sql
      .exec<{ id: string; organisation: string; atMs: number; body: string }>(
        'SELECT id, organisation, raised_at_ms AS atMs, body FROM alerts ORDER BY raised_at_ms LIMIT ?',
        count,
      )
      .toArray()
      .map(({ body, ...row }) => ({ ...row, alert: JSON.parse(body) as QuotaNews }));
  }

  remove(ids: readonly string[]): void {
    this.#sql.exec('DELETE FROM alerts WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }
}

import type { SqlStorage } from '../../src/kernel/sql.ts';
import type { Alert } from '../../src/tenancy/usage/alert.ts';

/** A step of the ledger's schema. */
export const ALERT_LOG_TABLE = `
  CREATE TABLE alert_log (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at_ms INTEGER NOT NULL, body TEXT NOT NULL);`;

/** Every alert of an organisation, once by its id. */
export class SqliteAlertLog {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Answers those that are new. */
  add(alerts: readonly Alert[]): Alert[] {
    return alerts.filter(
      (alert) =>
        this.#sql
          .exec(
            'INSERT INTO alert_log (id, at_ms, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1',
            alert.id,
            alert.atMs,
            JSON.stringify(alert),
          )
          .toArray().length > 0,
    );
  }
}

import type { SqlStorage } from '../kernel/sql/sql-storage.ts';

/** When the alarm of a partition is to ring: so an object that was away learns for how long. */
export class SqliteAlarmTime {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** 0: it is not set, or was set before that was recorded. */
  get(): number {
    return this.#sql.exec<{ at: number }>('SELECT alarm_at_ms AS at FROM sync').one().at;
  }

  set(atMs: number): void {
    this.#sql.exec('UPDATE sync SET alarm_at_ms = ?', atMs);
  }
}

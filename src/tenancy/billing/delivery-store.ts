import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { Alert } from './budget.ts';
import type { Delivery } from './webhook.ts';
import { nextAttemptMs } from './webhook.ts';

/** Steps of the ledger's schema. */
export const ALERT_LOG_TABLE = `
  CREATE TABLE alert_log (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at_ms INTEGER NOT NULL, body TEXT NOT NULL);`;
export const DELIVERY_TABLES = `
  CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, alert_id TEXT NOT NULL, webhook_id TEXT NOT NULL, attempts INTEGER NOT NULL, due_ms INTEGER, state TEXT NOT NULL,
    last_status INTEGER) WITHOUT ROWID;
  CREATE INDEX deliveries_by_due ON deliveries (due_ms) WHERE due_ms IS NOT NULL;
  CREATE INDEX deliveries_by_alert ON deliveries (alert_id);`;

export interface DueDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly attempts: number;
  readonly alert: Alert;
}

export interface AlertRecord {
  readonly alert: Alert;
  readonly deliveries: readonly Delivery[];
}

/** Every alert of an organisation, once by its id, and how far it has been delivered to its webhooks. */
export class SqliteDeliveryStore {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Keeps new alerts and lays out their deliveries, in one transaction with whatever raised them. Answers how many are new. */
  raise(alerts: readonly Alert[], webhookIds: readonly string[], nowMs: number): number {
    const fresh = alerts.filter(
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
    for (const { id } of fresh) {
      for (const webhookId of webhookIds) {
        this.#sql.exec(
          `INSERT INTO deliveries VALUES (?, ?, ?, 0, ?, 'waiting', NULL) ON CONFLICT DO NOTHING`,
          `${id}/${webhookId}`,
          id,
          webhookId,
          nowMs,
        );
      }
    }
    return fresh.length;
  }

  due(nowMs: number, count: number): DueDelivery[] {
    return this.#sql
      .exec<{ id: string; webhookId: string; attempts: number; body: string }>(
        `SELECT deliveries.id AS id, webhook_id AS webhookId, attempts, body FROM deliveries JOIN alert_log ON alert_log.id = alert_id
         WHERE due_ms <= ? ORDER BY due_ms LIMIT ?`,
        nowMs,
        count,
      )
      .toArray()
      .map(({ body, ...rest }) => ({ ...rest, alert: JSON.parse(body) as Alert }));
  }

  nextDueMs(): number | undefined {
    return this.#sql.exec<{ due: number | null }>('SELECT min(due_ms) AS due FROM deliveries').one().due ?? undefined;
  }

  /** The outcome of an attempt: `status` is null when there was no answer. */
  conclude({ id, attempts }: DueDelivery, status: number | null, nowMs: number): void {
    const isDone = status !== null && status >= 200 && status < 300;
    const dueMs = isDone ? undefined : nextAttemptMs(attempts + 1, nowMs);
    const state: Delivery['state'] = isDone ? 'delivered' : dueMs === undefined ? 'failed' : 'waiting';
    this.#sql.exec(
      'UPDATE deliveries SET attempts = ?, due_ms = ?, state = ?, last_status = ? WHERE id = ?',
      attempts + 1,
      dueMs ?? null,
      state,
      status,
      id,
    );
  }

  /** Newest first. */
  page(limit: number): AlertRecord[] {
    const alerts = this.#sql
      .exec<{ id: string; body: string }>('SELECT id, body FROM alert_log ORDER BY position DESC LIMIT ?', limit)
      .toArray();
    return alerts.map(({ id, body }) => ({ alert: JSON.parse(body) as Alert, deliveries: this.#of(id) }));
  }

  /** Its pending deliveries are removed with a webhook. */
  drop(webhookId: string): void {
    this.#sql.exec('DELETE FROM deliveries WHERE webhook_id = ?', webhookId);
  }

  #of(alertId: string): Delivery[] {
    return this.#sql
      .exec<{ [K in keyof Delivery]: Delivery[K] }>(
        'SELECT id, webhook_id AS webhookId, attempts, state, last_status AS lastStatus FROM deliveries WHERE alert_id = ?',
        alertId,
      )
      .toArray();
  }
}

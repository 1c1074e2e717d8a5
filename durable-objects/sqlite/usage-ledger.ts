import type { Meter } from '../../src/contract/meter.ts';
import type { UsageEvent } from '../../src/contract/usage-event.ts';
import type { Dimension } from '../../src/contract/usage-dimension.ts';
import type { SqlRow, SqlStorage } from '../../src/kernel/sql.ts';
import { HOUR_MS } from '../../src/tenancy/usage/usage-query.ts';
import type { UsageGroup, UsageQuery, UsageSum } from '../../src/tenancy/usage/usage-query.ts';
import { ALERT_LOG_TABLE } from './alert-log.ts';
import { CACHE_TALLY_TABLES } from './cache-tallies.ts';
import type { Migrations } from './migrate.ts';
import { migrate } from './migrate.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE seen (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX seen_by_age ON seen (at_ms);
   CREATE TABLE rollups (
     hour INTEGER NOT NULL, tenant TEXT NOT NULL, project TEXT NOT NULL, meter TEXT NOT NULL, model TEXT NOT NULL, route TEXT NOT NULL,
     quantity INTEGER NOT NULL,
     PRIMARY KEY (hour, tenant, project, meter, model, route)) WITHOUT ROWID;`,
  CACHE_TALLY_TABLES,
  ALERT_LOG_TABLE,
];

const COLUMN: Readonly<Record<Dimension, string>> = {
  hour: 'hour',
  day: '(hour / 24)',
  tenant: 'tenant',
  project: 'project',
  model: 'model',
  route: 'route',
};

/** The usage of one organisation: which events have been counted, and their sums by hour. */
export class SqliteUsageLedger {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    migrate(storage, MIGRATIONS);
  }

  /** Counts each event whose id is new, all in one transaction; answers how many were. */
  record(events: readonly UsageEvent[]): number {
    return this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      const batch = JSON.stringify(events);
      const fresh = sql
        .exec<{ id: string }>(
          `INSERT INTO seen SELECT value ->> 'id', value ->> 'atMs' FROM json_each(?) WHERE true ON CONFLICT DO NOTHING RETURNING id`,
          batch,
        )
        .toArray();
      if (fresh.length === 0) return 0;
      const ids = new Set(fresh.map((row) => row.id));
      const counted = events.filter((event) => ids.delete(event.id));
      sql.exec(
        `INSERT INTO rollups
           SELECT (value ->> 'atMs') / ${HOUR_MS}, value ->> 'tenantId', value ->> 'projectId', value ->> 'meter',
                  coalesce(value ->> 'model', ''), value ->> 'route', value ->> 'quantity'
           FROM json_each(?) WHERE true
         ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity`,
        JSON.stringify(counted),
      );
      return fresh.length;
    });
  }

  /** Sums of whole hours, at most `limit` of them, by the query's dimensions and by meter. */
  sums({ groupBy, fromMs, toMs, tenantId }: UsageQuery, limit: number): UsageSum[] {
    const columns = groupBy.map((dimension) => `${COLUMN[dimension]} AS ${dimension}`);
    const order = [...groupBy, 'meter'].join(', ');
    return this.#storage.sql
      .exec<SqlRow & { meter: Meter; quantity: number }>(
        `SELECT ${[...columns, 'meter', 'sum(quantity) AS quantity'].join(', ')} FROM rollups
         WHERE hour >= ?1 AND hour < ?2 AND (?3 IS NULL OR tenant = ?3) GROUP BY ${order} ORDER BY ${order} LIMIT ?4`,
        Math.floor(fromMs / HOUR_MS),
        Math.ceil(toMs / HOUR_MS),
        tenantId ?? null,
        limit,
      )
      .toArray()
      .map(({ meter, quantity, ...group }) => ({ meter, quantity, group: group as UsageGroup }));
  }

  /** Forgets ids of events from before `beforeMs`, some at a time. True when none is left. */
  forget(beforeMs: number, countMax: number): boolean {
    const { sql } = this.#storage;
    sql.exec('DELETE FROM seen WHERE id IN (SELECT id FROM seen WHERE at_ms < ? LIMIT ?)', beforeMs, countMax);
    return sql.exec('SELECT 1 FROM seen WHERE at_ms < ? LIMIT 1', beforeMs).toArray().length === 0;
  }
}

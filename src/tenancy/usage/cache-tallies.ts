import type { CacheCounter, CacheTally } from '../../contract/caches/cache-tally.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

/** A step of the ledger's schema, in whose database the tallies are. */
export const CACHE_TALLY_TABLES = `
  CREATE TABLE cache_counts (
    hour INTEGER NOT NULL, tenant TEXT NOT NULL, cache TEXT NOT NULL, model TEXT NOT NULL, counter TEXT NOT NULL, quantity INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, cache, model, counter)) WITHOUT ROWID;
  CREATE TABLE cache_held (
    tenant TEXT NOT NULL, cache TEXT NOT NULL, model TEXT NOT NULL, isolate TEXT NOT NULL,
    entries INTEGER NOT NULL, bytes INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, cache, model, isolate)) WITHOUT ROWID;
  CREATE INDEX cache_held_by_age ON cache_held (at_ms);`;

/** A sum of one counter, or null for a row of what is held. An empty model is that of search results. */
export interface CountRow {
  readonly tenant: string;
  readonly cache: CacheTally['cache'];
  readonly model: string;
  readonly counter: CacheCounter;
  readonly quantity: number;
}

export interface HeldRow {
  readonly tenant: string;
  readonly cache: CacheTally['cache'];
  readonly model: string;
  readonly isolates: number;
  readonly entries: number;
  readonly bytes: number;
}

/** What the isolates reported of their caches: counts by hour, and what each held at its last report. */
export class SqliteCacheTallies {
  readonly #storage: SqlStorage;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  /** Adds tallies that were not counted before. Call in one transaction. */
  record(tallies: readonly CacheTally[]): void {
    const { sql } = this.#storage;
    const counted = JSON.stringify(tallies);
    sql.exec(
      `INSERT INTO cache_counts
         SELECT (tally.value ->> 'atMs') / ${HOUR_MS}, tally.value ->> 'tenantId', tally.value ->> 'cache',
                coalesce(tally.value ->> 'model', ''), counts.key, counts.value
         FROM json_each(?) AS tally, json_each(tally.value, '$.counts') AS counts WHERE true
       ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity`,
      counted,
    );
    sql.exec(
      `INSERT INTO cache_held
         SELECT value ->> 'tenantId', value ->> 'cache', coalesce(value ->> 'model', ''), value ->> 'isolateId',
                value ->> '$.held.entries', value ->> '$.held.bytes', value ->> 'atMs'
         FROM json_each(?) WHERE true
       ON CONFLICT DO UPDATE SET entries = excluded.entries, bytes = excluded.bytes, at_ms = excluded.at_ms
       WHERE excluded.at_ms >= at_ms`,
      counted,
    );
  }

  /** In whole hours, `fromMs` included and `toMs` not. */
  counts(tenantId: TenantId, fromMs: number, toMs: number): CountRow[] {
    return this.#storage.sql
      .exec<{ [K in keyof CountRow]: CountRow[K] }>(
        `SELECT tenant, cache, model, counter, sum(quantity) AS quantity FROM cache_counts
         WHERE hour >= ? AND hour < ? AND tenant = ? GROUP BY cache, model, counter ORDER BY cache, model`,
        Math.floor(fromMs / HOUR_MS),
        Math.ceil(toMs / HOUR_MS),
        tenantId,
      )
      .toArray();
  }

  /** What the isolates hold that have reported since then. */
  held(tenantId: TenantId, sinceMs: number): HeldRow[] {
    return this.#storage.sql
      .exec<{ [K in keyof HeldRow]: HeldRow[K] }>(
        `SELECT tenant, cache, model, count(*) AS isolates, sum(entries) AS entries, sum(bytes) AS bytes FROM cache_held
         WHERE tenant = ? AND at_ms >= ? GROUP BY cache, model`,
        tenantId,
        sinceMs,
      )
      .toArray();
  }

  erase(tenantId: TenantId): void {
    for (const table of ['cache_counts', 'cache_held']) this.#storage.sql.exec(`DELETE FROM ${table} WHERE tenant = ?`, tenantId);
  }

  countOf(tenantId: TenantId): number {
    const query =
      'SELECT count(*) AS count FROM (SELECT tenant FROM cache_counts UNION ALL SELECT tenant FROM cache_held) WHERE tenant = ?';
    return this.#storage.sql.exec<{ count: number }>(query, tenantId).one().count;
  }

  /** Forgets what is older, some at a time. True when none is left. */
  forget(countsBeforeMs: number, heldBeforeMs: number, countMax: number): boolean {
    const { sql } = this.#storage;
    const hour = Math.floor(countsBeforeMs / HOUR_MS);
    const counts = sql
      .exec(
        `DELETE FROM cache_counts WHERE (hour, tenant, cache, model, counter) IN
           (SELECT hour, tenant, cache, model, counter FROM cache_counts WHERE hour < ? LIMIT ?) RETURNING 1`,
        hour,
        countMax,
      )
      .toArray();
    sql.exec('DELETE FROM cache_held WHERE at_ms < ?', heldBeforeMs);
    return counts.length < countMax;
  }
}

import type { Dimension, Meter, UsageEvent } from '../../contract/api/meter.ts';
import type { SqlRow, SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { MonthlyUse } from '../billing/invoice.ts';
import { monthOf } from '../billing/month.ts';
import type { ControlTotal } from '../billing/reconciliation.ts';
import { SqliteEventIds } from './event-ids.ts';
import { editionAt } from './price-book.ts';
import type { UsageGroup, UsageQuery, UsageSum } from './usage-query.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

/** The first schema: sums by hour. `WIDER_ROLLUPS` replaced it. */
export const FIRST_ROLLUPS = `
  CREATE TABLE seen (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX seen_by_age ON seen (at_ms);
  CREATE TABLE rollups (
    hour INTEGER NOT NULL, tenant TEXT NOT NULL, project TEXT NOT NULL, meter TEXT NOT NULL, model TEXT NOT NULL, route TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, project, meter, model, route)) WITHOUT ROWID;`;

/** Sums by hour and by everything that usage can be asked by; and, apart, sums by month, against which invoices are proved. */
export const WIDER_ROLLUPS = `
  ALTER TABLE rollups RENAME TO old_rollups;
  CREATE TABLE rollups (
    hour INTEGER NOT NULL, tenant TEXT NOT NULL, project TEXT NOT NULL, key TEXT NOT NULL, meter TEXT NOT NULL, model TEXT NOT NULL,
    route TEXT NOT NULL, accelerator TEXT NOT NULL, quantity INTEGER NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, project, key, meter, model, route, accelerator)) WITHOUT ROWID;
  INSERT INTO rollups SELECT hour, tenant, project, '', meter, model, route, '', quantity, 1 FROM old_rollups;
  DROP TABLE old_rollups;
  CREATE TABLE totals (
    month INTEGER NOT NULL, price TEXT NOT NULL, tenant TEXT NOT NULL, project TEXT NOT NULL, meter TEXT NOT NULL, accelerator TEXT NOT NULL,
    quantity INTEGER NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (month, price, tenant, project, meter, accelerator)) WITHOUT ROWID;`;

/** The sums by the price, too: until then each hour had the prices of the edition in force, of which there was one. */
export const PRICED_ROLLUPS = `
  ALTER TABLE rollups RENAME TO old_rollups;
  CREATE TABLE rollups (
    hour INTEGER NOT NULL, tenant TEXT NOT NULL, project TEXT NOT NULL, key TEXT NOT NULL, meter TEXT NOT NULL, model TEXT NOT NULL,
    route TEXT NOT NULL, accelerator TEXT NOT NULL, price TEXT NOT NULL, quantity INTEGER NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, project, key, meter, model, route, accelerator, price)) WITHOUT ROWID;
  INSERT INTO rollups SELECT hour, tenant, project, key, meter, model, route, accelerator, '2026-01-01', quantity, events FROM old_rollups;
  DROP TABLE old_rollups;`;

const COLUMN: Readonly<Record<Dimension, string>> = {
  hour: 'hour',
  day: '(hour / 24)',
  tenant: 'tenant',
  project: 'project',
  key: 'key',
  model: 'model',
  // As `upstreamOf`.
  upstream: "substr(model, 1, max(0, instr(model, '/') - 1))",
  route: 'route',
  accelerator: 'accelerator',
};

/** What was used at a level in a month under one price. */
export interface PricedTotal {
  readonly price: string;
  readonly meter: Meter;
  readonly accelerator: string;
  readonly quantity: number;
}

/** The usage of one organisation: which events have been counted, and their sums. */
export class SqliteUsageLedger {
  readonly #sql: SqlStorage['sql'];
  readonly #ids: SqliteEventIds;

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
    this.#ids = new SqliteEventIds(storage);
  }

  /** Counts each event whose id is new; answers them. Call in one transaction. */
  record(events: readonly UsageEvent[], nowMs: number): readonly UsageEvent[] {
    const fresh = new Set(this.#ids.note(events, nowMs));
    const counted = events.filter((event) => fresh.delete(event.id));
    if (counted.length === 0) return [];
    this.#sql.exec(
      `INSERT INTO rollups SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10
       FROM json_each(?) WHERE true
       ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, events = events + excluded.events`,
      summed(counted, (event) => [
        Math.floor(event.atMs / HOUR_MS),
        event.tenantId,
        event.projectId,
        event.keyId ?? '',
        event.meter,
        event.model ?? '',
        event.route,
        event.accelerator ?? '',
        priceIdOf(event),
      ]),
    );
    this.#sql.exec(
      `INSERT INTO totals SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
       FROM json_each(?) WHERE true
       ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, events = events + excluded.events`,
      summed(counted, (event) => [
        monthOf(event.atMs).startMs,
        priceIdOf(event),
        event.tenantId,
        event.projectId,
        event.meter,
        event.accelerator ?? '',
      ]),
    );
    return counted;
  }

  /** Sums of whole hours, at most `limit` of them, by the query's dimensions, meter and price; accelerators of different types apart. */
  sums({ groupBy, fromMs, toMs, tenantId }: UsageQuery, limit: number): UsageSum[] {
    const columns = groupBy.filter((dimension) => dimension !== 'accelerator').map((dimension) => `${COLUMN[dimension]} AS ${dimension}`);
    const order = [...groupBy.filter((dimension) => dimension !== 'accelerator'), 'meter', 'accelerator', 'price'].join(', ');
    return this.#sql
      .exec<SqlRow & { meter: Meter; accelerator: string; price: string; quantity: number }>(
        `SELECT ${[...columns, 'meter', 'accelerator', 'price', 'sum(quantity) AS quantity'].join(', ')} FROM rollups
         WHERE hour >= ?1 AND hour < ?2 AND (?3 IS NULL OR tenant = ?3) GROUP BY ${order} ORDER BY ${order} LIMIT ?4`,
        Math.floor(fromMs / HOUR_MS),
        Math.ceil(toMs / HOUR_MS),
        tenantId ?? null,
        limit,
      )
      .toArray()
      .map(({ meter, quantity, accelerator, price, ...group }) => ({
        meter,
        quantity,
        accelerator,
        priceId: price,
        group: group as UsageGroup,
      }));
  }

  /** The sums of the hours from `fromMs` to `toMs`, in the form of an invoice. */
  monthlyUses(fromMs: number, toMs: number): MonthlyUse[] {
    return this.#sql
      .exec<{ [K in keyof MonthlyUse]: MonthlyUse[K] }>(
        `SELECT tenant, project, meter, model, accelerator, price AS priceId, sum(quantity) AS quantity, sum(events) AS events FROM rollups
         WHERE hour >= ? AND hour < ? GROUP BY ${LINE} ORDER BY ${LINE}`,
        Math.floor(fromMs / HOUR_MS),
        Math.floor(toMs / HOUR_MS),
      )
      .toArray();
  }

  /** What was recorded in a month, counted apart from the rollups. */
  controlTotals(monthStartMs: number): ControlTotal[] {
    return this.#sql
      .exec<{ [K in keyof ControlTotal]: ControlTotal[K] }>(
        `SELECT tenant, meter, accelerator, sum(quantity) AS quantity, sum(events) AS events FROM totals WHERE month = ?
         GROUP BY tenant, meter, accelerator ORDER BY tenant, meter, accelerator`,
        monthStartMs,
      )
      .toArray();
  }

  /** What was used in a month by the organisation, a tenant or a project, by price. */
  monthTotals(monthStartMs: number, level: { readonly tenant?: string; readonly project?: string }): PricedTotal[] {
    return this.#sql
      .exec<{ [K in keyof PricedTotal]: PricedTotal[K] }>(
        `SELECT price, meter, accelerator, sum(quantity) AS quantity FROM totals
         WHERE month = ?1 AND (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR project = ?3) GROUP BY price, meter, accelerator`,
        monthStartMs,
        level.tenant ?? null,
        level.project ?? null,
      )
      .toArray();
  }

  /** The months that anything was used in, oldest first. */
  months(): number[] {
    return this.#sql
      .exec<{ month: number }>('SELECT DISTINCT month FROM totals ORDER BY month')
      .toArray()
      .map(({ month }) => month);
  }

  /** See `SqliteEventIds.forget`. */
  forget(beforeMs: number, countMax: number): boolean {
    return this.#ids.forget(beforeMs, countMax);
  }
}

/** What the lines of an invoice are apart by. */
const LINE = 'tenant, project, meter, model, accelerator, price';

/** What an event is billed by: what it says, or the edition in force at its time. */
const priceIdOf = ({ priceId, atMs }: UsageEvent): string => priceId ?? editionAt(atMs).id;

/** Rows of a statement as JSON: the columns that identify them, their quantity and how many events it is of. */
function summed(events: readonly UsageEvent[], columnsOf: (event: UsageEvent) => readonly (string | number)[]): string {
  const rows = new Map<string, { columns: readonly (string | number)[]; quantity: number; events: number }>();
  for (const event of events) {
    const columns = columnsOf(event);
    const key = columns.join('\n');
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { columns, quantity: event.quantity, events: 1 });
    else {
      row.quantity += event.quantity;
      row.events += 1;
    }
  }
  return JSON.stringify([...rows.values()].map(({ columns, quantity, events: count }) => [...columns, quantity, count]));
}

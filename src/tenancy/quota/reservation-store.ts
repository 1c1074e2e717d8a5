import type { Held, Resource } from '../../contract/tenancy/quota-terms.ts';
import { HELD } from '../../contract/tenancy/quota-terms.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { Granted } from './decision.ts';
import type { LevelId } from './quota-level.ts';
import { levelKindOf } from './quota-level.ts';

/** The tables of reservations: part of the schema of the quota object. */
export const RESERVATION_TABLES = `
  CREATE TABLE reservations (
    id TEXT PRIMARY KEY, path TEXT NOT NULL, granted TEXT NOT NULL, expires_at_ms INTEGER NOT NULL, settled_at_ms INTEGER) WITHOUT ROWID;
  CREATE INDEX reservations_by_end ON reservations (expires_at_ms);
  CREATE TABLE held (
    reservation TEXT NOT NULL, tenant TEXT NOT NULL, resource TEXT NOT NULL, units INTEGER NOT NULL, ends_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, resource, reservation)) WITHOUT ROWID;
  CREATE TABLE counts (
    tenant TEXT NOT NULL, resource TEXT NOT NULL, units INTEGER NOT NULL, counted_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, resource)) WITHOUT ROWID;`;

/** In the column `tenant`: stands for all tenants of the organisation, counted together. */
export const ALL = '';

export interface Reservation {
  readonly path: readonly LevelId[];
  readonly granted: Granted;
  readonly isSettled: boolean;
}

type Row = { id: string; path: string; granted: string; settled: number | null };

/** Reservations that can still be settled, and how much exists of what is counted while it exists. Of one transaction: what it has read stays known. */
export class SqliteReservationStore {
  readonly #sql: SqlStorage['sql'];
  /** As they are stored; null for one that is not. */
  readonly #known = new Map<string, Reservation | null>();

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  find(id: string): Reservation | undefined {
    if (!this.#known.has(id)) this.read([id]);
    return this.#known.get(id) ?? undefined;
  }

  /** Reads those of the ids that there are with one statement. */
  read(ids: readonly string[]): void {
    for (const id of ids) this.#known.set(id, null);
    const query = `SELECT id, path, granted, settled_at_ms AS settled FROM reservations WHERE id IN (SELECT value FROM json_each(?))`;
    for (const { id, path, granted, settled } of this.#sql.exec<Row>(query, JSON.stringify(ids)).toArray())
      this.#known.set(id, { path: JSON.parse(path) as LevelId[], granted: JSON.parse(granted) as Granted, isSettled: settled !== null });
  }

  /** What a reservation adds to what exists counts until a count that began after its end: by then the work behind it is over. */
  add(id: string, path: readonly LevelId[], granted: Granted, expiresAtMs: number): void {
    this.#sql.exec('INSERT INTO reservations VALUES (?, ?, ?, ?, NULL)', id, JSON.stringify(path), JSON.stringify(granted), expiresAtMs);
    this.#known.set(id, { path, granted, isSettled: false });
    const tenant = path.find((level) => levelKindOf(level) === 'tenant');
    for (const resource of HELD) {
      const units = granted.slice.units[resource] ?? 0;
      if (tenant !== undefined && units > 0) {
        this.#sql.exec('INSERT INTO held VALUES (?, ?, ?, ?, ?)', id, tenant, resource, units, expiresAtMs);
      }
    }
  }

  /** `added` is how much now exists that did not before; unknown, it is all that was reserved. */
  settle(id: string, { path, granted }: Reservation, added: Partial<Record<Held, number>>, nowMs: number): void {
    this.#sql.exec('UPDATE reservations SET settled_at_ms = ? WHERE id = ?', nowMs, id);
    this.#known.set(id, { path, granted, isSettled: true });
    const tenant = path.find((level) => levelKindOf(level) === 'tenant') ?? '';
    for (const resource of HELD) {
      if ((granted.slice.units[resource] ?? 0) === 0) continue;
      this.#sql.exec(
        'UPDATE held SET ends_at_ms = min(ends_at_ms, ?1), units = min(units, coalesce(?2, units)) WHERE tenant = ?3 AND resource = ?4 AND reservation = ?5',
        nowMs,
        added[resource] ?? null,
        tenant,
        resource,
        id,
      );
    }
  }

  /** How much exists, at a tenant or at all of them together: what was counted and what was reserved since. Undefined until counted. */
  held(id: LevelId, resource: Resource): { readonly units: number; readonly countedAtMs: number } | undefined {
    const tenant = levelKindOf(id) === 'organisation' ? ALL : id;
    const [counted] = this.#sql
      .exec<{ units: number; atMs: number }>(
        'SELECT units, counted_at_ms AS atMs FROM counts WHERE tenant = ? AND resource = ?',
        tenant,
        resource,
      )
      .toArray();
    if (counted === undefined) return undefined;
    const { units } = this.#sql
      .exec<{ units: number }>(
        `SELECT coalesce((SELECT sum(units) FROM counts WHERE resource = ?1 AND tenant <> '' AND (?2 = '' OR tenant = ?2)), 0)
              + coalesce((SELECT sum(units) FROM held WHERE resource = ?1 AND (?2 = '' OR tenant = ?2)), 0) AS units`,
        resource,
        tenant,
      )
      .one();
    return { units, countedAtMs: counted.atMs };
  }

  /** A count of what a tenant has, or a note that all have been counted; begun at `begunAtMs` by this object's clock: it has seen all that had ended by then. */
  count(tenant: TenantId | typeof ALL, resource: Held, units: number, begunAtMs: number): void {
    const known = this.#sql.exec(
      'SELECT 1 FROM counts WHERE tenant = ? AND resource = ? AND counted_at_ms > ?',
      tenant,
      resource,
      begunAtMs,
    );
    if (known.toArray().length > 0) return;
    this.#sql.exec('INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?)', tenant, resource, units, begunAtMs);
    this.#sql.exec('DELETE FROM held WHERE tenant = ? AND resource = ? AND ends_at_ms < ?', tenant, resource, begunAtMs);
  }

  /** Deletes reservations that ended, a bounded number at a time. What they took and was never settled stays taken. */
  expire(nowMs: number, countMax: number): void {
    this.#known.clear();
    this.#sql.exec('DELETE FROM reservations WHERE id IN (SELECT id FROM reservations WHERE expires_at_ms <= ? LIMIT ?)', nowMs, countMax);
  }

  /** How much is kept of what these tenants have. */
  countOf(ids: readonly LevelId[]): number {
    const query = `SELECT count(*) AS count FROM (SELECT tenant FROM held UNION ALL SELECT tenant FROM counts)
      WHERE tenant IN (SELECT value FROM json_each(?))`;
    return this.#sql.exec<{ count: number }>(query, JSON.stringify(ids)).one().count;
  }

  erase(tenant: TenantId): void {
    for (const table of ['held', 'counts']) this.#sql.exec(`DELETE FROM ${table} WHERE tenant = ?`, tenant);
  }
}

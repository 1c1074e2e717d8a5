import type { Migrations } from '../kernel/sql/migrate.ts';
import { OUTBOX_TABLE } from '../kernel/sql/sqlite-outbox.ts';
import { SqliteStore } from '../kernel/sql/sqlite-store.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { BurnPolicy } from './error-budget.ts';
import { MINUTES_KEPT_MS } from './error-budget.ts';
import type { EventCounts, Objective } from './objective.ts';
import type { Cursor, Observation } from './observation.ts';
import { HOUR_MS, MINUTE_MS } from '../kernel/time-units.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE objectives (name TEXT PRIMARY KEY, objective TEXT NOT NULL, cursor TEXT NOT NULL, observed_ms INTEGER) WITHOUT ROWID;
   CREATE TABLE samples (
     name TEXT NOT NULL, at_ms INTEGER NOT NULL, good INTEGER NOT NULL, total INTEGER NOT NULL, PRIMARY KEY (name, at_ms)) WITHOUT ROWID;
   CREATE TABLE firing (name TEXT NOT NULL, policy TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (name, policy)) WITHOUT ROWID;
   ${OUTBOX_TABLE}`,
];

/** An objective with what has been observed of it. */
export interface StoredObjective {
  readonly objective: Objective;
  readonly cursor: Cursor;
  /** Null: never yet. */
  readonly observedMs: number | null;
}

type Row = { objective: string; cursor: string; observed_ms: number | null };

const stored = ({ objective, cursor, observed_ms: observedMs }: Row): StoredObjective => ({
  objective: JSON.parse(objective) as Objective,
  cursor: JSON.parse(cursor) as Cursor,
  observedMs,
});

/** Whether it is of calls of the log, which keeps all of any window. */
const isLogged = ({ indicator }: Objective): boolean => 'by' in indicator && indicator.by !== 'endpoint';

/** The objectives of a tenant, their samples, and which of their policies fire. */
export class SqliteSloStore extends SqliteStore {
  constructor(storage: SqlStorage) {
    super(storage, MIGRATIONS);
  }

  /** Creates or replaces. An objective whose indicator differs from before begins without samples. Call in a transaction. */
  put(objective: Objective): void {
    const known = this.find(objective.name);
    const isSame = known !== undefined && JSON.stringify(known.objective.indicator) === JSON.stringify(objective.indicator);
    if (!isSame) {
      this.remove(objective.name);
      this.run("INSERT INTO objectives VALUES (?, ?, '{}', NULL)", objective.name, JSON.stringify(objective));
      return;
    }
    this.run('UPDATE objectives SET objective = ? WHERE name = ?', JSON.stringify(objective), objective.name);
    // The log has the earlier calls of a longer window: with an empty cursor all of it is read again. [SL12]
    if (isLogged(objective) && objective.windowDays > known.objective.windowDays) {
      this.run('DELETE FROM samples WHERE name = ?', objective.name);
      this.run("UPDATE objectives SET cursor = '{}' WHERE name = ?", objective.name);
    }
  }

  /** Whether there was one. Call in a transaction. */
  remove(name: string): boolean {
    for (const table of ['samples', 'firing']) this.run(`DELETE FROM ${table} WHERE name = ?`, name);
    return this.rows('DELETE FROM objectives WHERE name = ? RETURNING 1', name).length > 0;
  }

  find(name: string): StoredObjective | undefined {
    const [row] = this.rows<Row>('SELECT objective, cursor, observed_ms FROM objectives WHERE name = ?', name);
    return row === undefined ? undefined : stored(row);
  }

  /** By name. */
  all(): StoredObjective[] {
    return this.rows<Row>('SELECT objective, cursor, observed_ms FROM objectives ORDER BY name').map(stored);
  }

  /** Adds samples, and thins out or drops old ones. Changes nothing of an objective that was removed. Call in a transaction. [SL6] */
  observe(name: string, { samples, cursor }: Observation, windowMs: number, nowMs: number): void {
    const updated = this.rows(
      'UPDATE objectives SET cursor = ?, observed_ms = ? WHERE name = ? RETURNING 1',
      JSON.stringify(cursor),
      nowMs,
      name,
    );
    if (updated.length === 0) return;
    for (const { atMs, good, total } of samples) this.#add(name, atMs - (atMs % MINUTE_MS), { good, total });
    this.#compact(name, nowMs);
    this.run('DELETE FROM samples WHERE name = ? AND at_ms < ?', name, nowMs - windowMs);
  }

  /** Events from then on. */
  countsSince(name: string, fromMs: number): EventCounts {
    const [counts] = this.rows<EventCounts>(
      'SELECT coalesce(sum(good), 0) AS good, coalesce(sum(total), 0) AS total FROM samples WHERE name = ? AND at_ms >= ?',
      name,
      fromMs,
    );
    return counts ?? { good: 0, total: 0 };
  }

  /** The policies that fire, and since when. */
  firing(name: string): ReadonlyMap<BurnPolicy, number> {
    const rows = this.rows<{ policy: BurnPolicy; since: number }>('SELECT policy, since_ms AS since FROM firing WHERE name = ?', name);
    return new Map(rows.map(({ policy, since }) => [policy, since]));
  }

  setFiring(name: string, policy: BurnPolicy, sinceMs: number | null): void {
    if (sinceMs === null) this.run('DELETE FROM firing WHERE name = ? AND policy = ?', name, policy);
    else this.run('INSERT OR REPLACE INTO firing VALUES (?, ?, ?)', name, policy, sinceMs);
  }

  erase(): void {
    for (const table of ['objectives', 'samples', 'firing']) this.run(`DELETE FROM ${table}`);
  }

  #add(name: string, atMs: number, { good, total }: EventCounts): void {
    this.run(
      `INSERT INTO samples VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET good = good + excluded.good, total = total + excluded.total`,
      name,
      atMs,
      good,
      total,
    );
  }

  /** Merges the minutes of each whole hour that is old enough into one sample. [SL6] */
  #compact(name: string, nowMs: number): void {
    const endMs = Math.floor((nowMs - MINUTES_KEPT_MS) / HOUR_MS) * HOUR_MS;
    const minutes = this.rows<EventCounts & { hour: number }>(
      `SELECT at_ms - at_ms % ${HOUR_MS} AS hour, sum(good) AS good, sum(total) AS total FROM samples
       WHERE name = ?1 AND at_ms < ?2 AND at_ms % ${HOUR_MS} <> 0 GROUP BY hour`,
      name,
      endMs,
    );
    if (minutes.length === 0) return;
    this.run(`DELETE FROM samples WHERE name = ? AND at_ms < ? AND at_ms % ${HOUR_MS} <> 0`, name, endMs);
    for (const { hour, good, total } of minutes) this.#add(name, hour, { good, total });
  }
}

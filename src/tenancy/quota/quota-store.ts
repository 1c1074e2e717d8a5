import { QUOTA_WINDOWS } from '../../contract/tenancy/quota-terms.ts';
import { assert, must } from '../../kernel/assert.ts';
import { jsonParts } from '../../kernel/sql/bulk-statements.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import { migrate } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { ERASED_IDS_TABLE, SqliteErasedIds } from '../erased-ids.ts';
import type { Amounts } from './amounts.ts';
import type { QuotaNews } from './decision.ts';
import type { LevelId, QuotaLevel } from './quota-level.ts';
import { defaultRules, levelKindOf, newLevel } from './quota-level.ts';
import { RESERVATION_TABLES } from './reservation-store.ts';
import type { Path } from './take.ts';

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

const MIGRATIONS: Migrations = [
  `CREATE TABLE accounts (tenant TEXT PRIMARY KEY, account TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE holders (holder TEXT PRIMARY KEY, sequence INTEGER NOT NULL, seen_at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX holders_by_age ON holders (seen_at_ms);`,
  // Levels replace the accounts of tenants alone. No deployment had set any.
  `DROP TABLE accounts;
   CREATE TABLE levels (id TEXT PRIMARY KEY, level TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE months (level_id TEXT NOT NULL, start_ms INTEGER NOT NULL, granted TEXT NOT NULL, PRIMARY KEY (level_id, start_ms)) WITHOUT ROWID;`,
  RESERVATION_TABLES,
  ALERT_TABLE,
  ERASED_IDS_TABLE,
];

/** An isolate that has been silent for this long is gone; were it back, its first remainder would stay spent. */
const HOLDER_FORGOTTEN_MS = 3_600_000;

const migrated = new WeakSet<SqlStorage>();

/** Brings the database of a quota object to its newest version, once while it is in memory. */
export function openQuotaDatabase(storage: SqlStorage): void {
  if (migrated.has(storage)) return;
  migrate(storage, MIGRATIONS);
  migrated.add(storage);
}

/**
 * Levels by id, what past months came to, and how far each holder's messages have been seen. Made for one transaction: a level is read once in
 * it, and written once, by `flush`.
 */
export class SqliteQuotaStore {
  readonly erased: SqliteErasedIds;
  readonly #sql: SqlStorage['sql'];
  readonly #levels = new Map<LevelId, QuotaLevel>();
  readonly #changed = new Set<LevelId>();

  constructor(storage: SqlStorage) {
    this.erased = new SqliteErasedIds(storage);
    this.#sql = storage.sql;
  }

  level(id: LevelId): QuotaLevel {
    const known = this.#levels.get(id);
    if (known !== undefined) return known;
    const [row] = this.#sql.exec<{ level: string }>('SELECT level FROM levels WHERE id = ?', id).toArray();
    const level =
      row === undefined ? newLevel(defaultRules(must(levelKindOf(id), 'the id of a level'))) : (JSON.parse(row.level) as QuotaLevel);
    this.#levels.set(id, level);
    return level;
  }

  /** The levels of a path, whose first is the organisation. */
  path(ids: readonly LevelId[]): Path {
    const path = ids.map((id) => ({ id, kind: must(levelKindOf(id), 'the id of a level'), level: this.level(id) }));
    assert(path[0]?.kind === 'organisation', 'a path begins at the organisation');
    return path as unknown as Path;
  }

  /** Changes the levels of a path. A month that ended is written down: its counters are about to be forgotten. */
  savePath(before: Path, after: Path): void {
    after.forEach(({ id, level }, position) => {
      const was = must(before[position], 'the same path').level;
      if (was.startsMs.month !== level.startsMs.month && was.startsMs.month > 0) this.#endMonth(id, was);
      this.save(id, level);
    });
  }

  save(id: LevelId, level: QuotaLevel): void {
    this.#levels.set(id, level);
    this.#changed.add(id);
  }

  /** Writes what has changed; before the transaction ends. */
  flush(): void {
    for (const part of jsonParts(Array.from(this.#changed, (id) => [id, this.level(id)]))) {
      this.#sql.exec(
        `INSERT OR REPLACE INTO levels SELECT value ->> 0, value -> 1 FROM json_each(?)
         WHERE NOT EXISTS (SELECT 1 FROM erased WHERE id = value ->> 0)`,
        part,
      );
    }
    this.#changed.clear();
  }

  /** What was granted at a level in the month that starts at `startMs`. */
  grantedIn(id: LevelId, startMs: number): Amounts {
    const level = this.level(id);
    if (level.startsMs.month === startMs) return monthOf(level);
    const rows = this.#sql
      .exec<{ granted: string }>('SELECT granted FROM months WHERE level_id = ? AND start_ms = ?', id, startMs)
      .toArray();
    return rows[0] === undefined ? {} : (JSON.parse(rows[0].granted) as Amounts);
  }

  /** Forgets levels for good: what is granted or returned later is counted above them alone (T59). */
  erase(ids: readonly LevelId[]): void {
    this.erased.add(ids);
    for (const id of ids) {
      this.#levels.delete(id);
      this.#changed.delete(id);
    }
    for (const table of ['levels WHERE id', 'months WHERE level_id']) {
      this.#sql.exec(`DELETE FROM ${table} IN (SELECT value FROM json_each(?))`, JSON.stringify(ids));
    }
  }

  count(ids: readonly LevelId[]): number {
    this.flush();
    const query = 'SELECT count(*) AS count FROM levels WHERE id IN (SELECT value FROM json_each(?))';
    return this.#sql.exec<{ count: number }>(query, JSON.stringify(ids)).one().count;
  }

  /** Records a message of a holder. False for one that was seen before, and for the first of an unknown holder. */
  advance(holder: string, sequence: number, nowMs: number): boolean {
    const [row] = this.#sql.exec<{ sequence: number }>('SELECT sequence FROM holders WHERE holder = ?', holder).toArray();
    if (row === undefined) this.#sql.exec('DELETE FROM holders WHERE seen_at_ms < ?', nowMs - HOLDER_FORGOTTEN_MS);
    if (row !== undefined && sequence <= row.sequence) return false;
    this.#sql.exec('INSERT OR REPLACE INTO holders VALUES (?, ?, ?)', holder, sequence, nowMs);
    return row !== undefined;
  }

  #endMonth(id: LevelId, level: QuotaLevel): void {
    const sql = 'INSERT OR IGNORE INTO months SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM erased WHERE id = ?1)';
    this.#sql.exec(sql, id, level.startsMs.month, JSON.stringify(monthOf(level)));
  }
}

const MONTH = QUOTA_WINDOWS.indexOf('month');

const monthOf = ({ granted }: QuotaLevel): Amounts =>
  Object.fromEntries(Object.entries(granted).map(([key, counts]) => [key, counts?.[MONTH] ?? 0]));

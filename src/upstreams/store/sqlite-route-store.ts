import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { SPENT_KEY_BOUNDS } from '../../contract/api/spent-key.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteVersionedStore, versionTables } from '../../kernel/sql/sqlite-versioned-store.ts';
import type { MeasuredReuse } from '../reuse/reuse-evidence.ts';
import type { RouteEvent, RouteRecord, RouteVersionRecord } from '../routes/route-record.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE routes (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, route TEXT NOT NULL, body TEXT NOT NULL);
   CREATE INDEX events_by_route ON events (route, position);
   ${versionTables('route')}`,
  `CREATE TABLE reuses (position INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);`,
];

/** Of one route: what people read to see why it is as it is. */
const EVENTS_KEPT = 50;

/** The routes of one owner in SQLite, with their history. */
export class SqliteRouteStore extends SqliteVersionedStore<RouteRecord, RouteVersionRecord> {
  constructor(storage: SqlStorage) {
    super(storage, { kind: 'route', migrations: MIGRATIONS, ownTables: ['events', 'reuses'], spentKeys: SPENT_KEY_BOUNDS });
  }

  /** With its versions and history. */
  remove(name: string, nowMs: number): void {
    this.removeVersions(name, nowMs);
    this.run('DELETE FROM routes WHERE name = ?', name);
    this.run('DELETE FROM events WHERE route = ?', name);
  }

  /** Adds a line to the history of a route, which keeps the newest. */
  note(route: string, event: RouteEvent): void {
    this.run('INSERT INTO events (route, body) VALUES (?, ?)', route, JSON.stringify(event));
    this.run(
      `DELETE FROM events WHERE route = ?1 AND position <=
         (SELECT position FROM events WHERE route = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)`,
      route,
      EVENTS_KEPT,
    );
  }

  /** What was measured of reused answers, the one that was measured last at the end. */
  reuses(): readonly MeasuredReuse[] {
    return this.bodies('SELECT body FROM reuses ORDER BY position');
  }

  /** Replaces what was measured under the same key. The newest `reuseEvidenceMaxCount` are kept. */
  putReuse(measured: MeasuredReuse): void {
    this.run('INSERT OR REPLACE INTO reuses (key, body) VALUES (?, ?)', measured.key, JSON.stringify(measured));
    this.run(
      'DELETE FROM reuses WHERE position <= (SELECT position FROM reuses ORDER BY position DESC LIMIT 1 OFFSET ?)',
      COMPLETION_LIMITS.reuseEvidenceMaxCount,
    );
  }

  /** Newest first. */
  events(route: string): readonly RouteEvent[] {
    return this.bodies('SELECT body FROM events WHERE route = ? ORDER BY position DESC', route);
  }
}

import type { Migrations } from '../../kernel/sql/migrate.ts';
import { hasTable, migrate } from '../../kernel/sql/migrate.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { RouteEvent, RouteRecord, RouteVersionRecord } from '../routes/route-record.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE routes (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE versions (
     route TEXT NOT NULL, version INTEGER NOT NULL, key TEXT, digest TEXT, body TEXT NOT NULL, PRIMARY KEY (route, version)) WITHOUT ROWID;
   CREATE UNIQUE INDEX versions_by_key ON versions (key) WHERE key IS NOT NULL;
   CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, route TEXT NOT NULL, body TEXT NOT NULL);
   CREATE INDEX events_by_route ON events (route, position);
   CREATE TABLE state (closed INTEGER NOT NULL);
   ${SPENT_KEY_TABLE}`,
];

/** Of one route: what people read to see why it is as it is. */
const EVENTS_KEPT = 50;

/** The routes of one owner in SQLite. Creates its tables with the first write, never for a read. */
export class SqliteRouteStore {
  readonly #storage: SqlStorage;
  #ready = false;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  /** Whether anything was ever stored here. */
  exists(): boolean {
    if (!this.#ready && !hasTable(this.#storage, 'routes')) return false;
    this.open();
    return true;
  }

  open(): void {
    if (!this.#ready) migrate(this.#storage, MIGRATIONS);
    this.#ready = true;
  }

  transaction<T>(body: () => T): T {
    return this.#storage.transactionSync(body);
  }

  isClosed(): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM state WHERE closed = 1').toArray().length > 0;
  }

  /** Forgets everything but that it is closed. */
  eraseAndClose(): void {
    for (const table of ['routes', 'versions', 'events', 'spent_keys', 'state']) this.#run(`DELETE FROM ${table}`);
    this.#run('INSERT INTO state (closed) VALUES (1)');
  }

  route(name: string): RouteRecord | undefined {
    return this.#bodies<RouteRecord>('SELECT body FROM routes WHERE name = ?', name)[0];
  }

  /** By name, after the route `after`, at most `count`. */
  routes(after: string, count: number): readonly RouteRecord[] {
    return this.#bodies('SELECT body FROM routes WHERE name > ? ORDER BY name LIMIT ?', after, count);
  }

  routeCount(): number {
    return this.#storage.sql.exec<{ count: number }>('SELECT count(*) AS count FROM routes').toArray()[0]?.count ?? 0;
  }

  putRoute(route: RouteRecord): void {
    this.#run('INSERT OR REPLACE INTO routes (name, body) VALUES (?, ?)', route.name, JSON.stringify(route));
  }

  version(route: string, version: number): RouteVersionRecord | undefined {
    return this.#bodies<RouteVersionRecord>('SELECT body FROM versions WHERE route = ? AND version = ?', route, version)[0];
  }

  /** By number, after the version `after`, at most `count`. */
  versions(route: string, after: number, count: number): readonly RouteVersionRecord[] {
    return this.#bodies('SELECT body FROM versions WHERE route = ? AND version > ? ORDER BY version LIMIT ?', route, after, count);
  }

  /** The version that a request under an idempotency key made. */
  madeBy(key: string): { readonly digest: string; readonly version: RouteVersionRecord } | undefined {
    const [made] = this.#storage.sql
      .exec<{ body: string; digest: string }>('SELECT digest, body FROM versions WHERE key = ?', key)
      .toArray();
    return made === undefined ? undefined : { digest: made.digest, version: JSON.parse(made.body) as RouteVersionRecord };
  }

  addVersion(version: RouteVersionRecord, request: KeyedRequest | null): void {
    this.#run(
      'INSERT INTO versions (route, version, key, digest, body) VALUES (?, ?, ?, ?, ?)',
      version.route,
      version.version,
      request?.key ?? null,
      request?.digest ?? null,
      JSON.stringify(version),
    );
  }

  /** The requests under idempotency keys that made the versions of a route. */
  keysOf(route: string): readonly (KeyedRequest & { readonly version: number })[] {
    return this.#storage.sql
      .exec<{ key: string; digest: string; version: number }>(
        'SELECT key, digest, version FROM versions WHERE route = ? AND key IS NOT NULL',
        route,
      )
      .toArray();
  }

  removeVersion(route: string, version: number): void {
    this.#run('DELETE FROM versions WHERE route = ? AND version = ?', route, version);
  }

  removeRoute(name: string): void {
    this.#run('DELETE FROM routes WHERE name = ?', name);
    this.#run('DELETE FROM versions WHERE route = ?', name);
    this.#run('DELETE FROM events WHERE route = ?', name);
  }

  note(route: string, event: RouteEvent): void {
    this.#run('INSERT INTO events (route, body) VALUES (?, ?)', route, JSON.stringify(event));
    this.#run(
      `DELETE FROM events WHERE route = ?1 AND position <=
         (SELECT position FROM events WHERE route = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)`,
      route,
      EVENTS_KEPT,
    );
  }

  /** Newest first. */
  events(route: string): readonly RouteEvent[] {
    return this.#bodies('SELECT body FROM events WHERE route = ? ORDER BY position DESC', route);
  }

  #run(query: string, ...bindings: (string | number | null)[]): void {
    this.#storage.sql.exec(query, ...bindings);
  }

  #bodies<T>(query: string, ...bindings: (string | number | null)[]): T[] {
    return this.#storage.sql
      .exec<{ body: string }>(query, ...bindings)
      .toArray()
      .map(({ body }) => JSON.parse(body) as T);
  }
}

import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteStore } from '../../kernel/sql/sqlite-store.ts';
import type { UpstreamRecord } from '../upstream-record.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE upstreams (name TEXT PRIMARY KEY, key TEXT, digest TEXT, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE UNIQUE INDEX upstreams_by_key ON upstreams (key) WHERE key IS NOT NULL;
   CREATE TABLE state (revision INTEGER NOT NULL, closed INTEGER NOT NULL);
   INSERT INTO state (revision, closed) VALUES (0, 0);
   ${SPENT_KEY_TABLE}`,
];

type State = { readonly revision: number; readonly closed: number };

const UNTOUCHED: State = { revision: 0, closed: 0 };

/** The upstreams of one owner in SQLite. */
export class SqliteUpstreamStore extends SqliteStore {
  constructor(storage: SqlStorage) {
    super(storage, MIGRATIONS);
  }

  /** How often it was changed. */
  get revision(): number {
    return this.#state().revision;
  }

  get isClosed(): boolean {
    return this.#state().closed === 1;
  }

  find(name: string): UpstreamRecord | undefined {
    return this.bodies<UpstreamRecord>('SELECT body FROM upstreams WHERE name = ?', name)[0];
  }

  /** By name, after the upstream `after`, at most `count`. */
  page(after: string, count: number): readonly UpstreamRecord[] {
    return this.bodies('SELECT body FROM upstreams WHERE name > ? ORDER BY name LIMIT ?', after, count);
  }

  count(): number {
    return this.countOf('upstreams');
  }

  /** What the request under this idempotency key has made. */
  madeBy(key: string): { readonly digest: string; readonly record: UpstreamRecord } | undefined {
    const [row] = this.rows<{ digest: string; body: string }>('SELECT digest, body FROM upstreams WHERE key = ?', key);
    return row === undefined ? undefined : { digest: row.digest, record: JSON.parse(row.body) as UpstreamRecord };
  }

  /** The request that has made it, if that had an idempotency key. */
  requestOf(name: string): KeyedRequest | undefined {
    return this.rows<{ key: string; digest: string }>('SELECT key, digest FROM upstreams WHERE name = ? AND key IS NOT NULL', name)[0];
  }

  add(record: UpstreamRecord, request: KeyedRequest | null): void {
    const { key, digest } = request ?? { key: null, digest: null };
    this.run('INSERT INTO upstreams (name, key, digest, body) VALUES (?, ?, ?, ?)', record.name, key, digest, JSON.stringify(record));
    this.#changed();
  }

  put(record: UpstreamRecord): void {
    this.run('UPDATE upstreams SET body = ? WHERE name = ?', JSON.stringify(record), record.name);
    this.#changed();
  }

  remove(name: string): void {
    this.run('DELETE FROM upstreams WHERE name = ?', name);
    this.#changed();
  }

  /** Deletes everything but that the store is closed. */
  close(): void {
    this.run('DELETE FROM upstreams');
    this.run('DELETE FROM spent_keys');
    this.run('UPDATE state SET closed = 1');
    this.#changed();
  }

  #changed(): void {
    this.run('UPDATE state SET revision = revision + 1');
  }

  #state(): State {
    return this.rows<State>('SELECT revision, closed FROM state')[0] ?? UNTOUCHED;
  }
}

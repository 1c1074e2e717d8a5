import { SPENT_KEY_BOUNDS } from '../../contract/api/spent-key.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { KeyedRequest, SpentRequest } from '../../kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE, SqliteSpentKeys } from '../../kernel/sql/spent-keys.ts';
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
  readonly #spent: SqliteSpentKeys;

  constructor(storage: SqlStorage) {
    super(storage, MIGRATIONS);
    this.#spent = new SqliteSpentKeys(storage, SPENT_KEY_BOUNDS);
  }

  /** How often it was changed. */
  get revision(): number {
    return this.#state().revision;
  }

  isClosed(): boolean {
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

  /** The upstream that a request under an idempotency key made. */
  madeBy(key: string): { readonly digest: string; readonly made: UpstreamRecord } | undefined {
    const [row] = this.rows<{ digest: string; body: string }>('SELECT digest, body FROM upstreams WHERE key = ?', key);
    return row === undefined ? undefined : { digest: row.digest, made: JSON.parse(row.body) as UpstreamRecord };
  }

  /** The request under an idempotency key whose upstream was removed. */
  spentBy(key: string, nowMs: number): SpentRequest | undefined {
    return this.exists() ? this.#spent.find('upstream', key, nowMs) : undefined;
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

  /** The idempotency key of the request that made it is spent. */
  remove(name: string, nowMs: number): void {
    const request = this.#requestOf(name);
    if (request !== undefined) this.#spent.spend('upstream', request, name, nowMs);
    this.run('DELETE FROM upstreams WHERE name = ?', name);
    this.#changed();
  }

  /** Deletes everything but that the store is closed: its owner is being erased. */
  eraseAndClose(): void {
    this.transaction(() => {
      this.run('DELETE FROM upstreams');
      this.run('DELETE FROM spent_keys');
      this.run('UPDATE state SET closed = 1');
      this.#changed();
    });
  }

  #requestOf(name: string): KeyedRequest | undefined {
    return this.rows<KeyedRequest>('SELECT key, digest FROM upstreams WHERE name = ? AND key IS NOT NULL', name)[0];
  }

  #changed(): void {
    this.run('UPDATE state SET revision = revision + 1');
  }

  #state(): State {
    return this.rows<State>('SELECT revision, closed FROM state')[0] ?? UNTOUCHED;
  }
}

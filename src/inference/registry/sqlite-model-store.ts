import { LIMITS } from '../../contract/limits.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import { hasTable, migrate } from '../../kernel/sql/migrate.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { ModelAlias, ModelEvent, ModelRecord, VersionRecord } from './model-record.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE models (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE versions (
     model TEXT NOT NULL, version INTEGER NOT NULL, key TEXT, digest TEXT, body TEXT NOT NULL, PRIMARY KEY (model, version)) WITHOUT ROWID;
   CREATE UNIQUE INDEX versions_by_key ON versions (key) WHERE key IS NOT NULL;
   CREATE TABLE version_files (sha256 TEXT NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (sha256, model, version))
     WITHOUT ROWID;
   CREATE INDEX files_by_version ON version_files (model, version);
   CREATE TABLE aliases (alias TEXT PRIMARY KEY, model TEXT NOT NULL, version INTEGER) WITHOUT ROWID;
   CREATE INDEX aliases_by_model ON aliases (model);
   CREATE TABLE events (
     position INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
     version INTEGER, detail TEXT NOT NULL);
   CREATE INDEX events_by_model ON events (model, position);
   CREATE TABLE announced (sha256 TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE state (closed INTEGER NOT NULL);
   ${SPENT_KEY_TABLE}`,
];

type Body = { readonly body: string };

/** The models of one owner in SQLite. Creates its tables with the first write, never for a read. */
export class SqliteModelStore {
  readonly #storage: SqlStorage;
  #ready = false;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  /** Whether anything was ever stored here. */
  exists(): boolean {
    if (!this.#ready && !hasTable(this.#storage, 'models')) return false;
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
    return this.#rows('SELECT 1 FROM state WHERE closed = 1').length > 0;
  }

  close(): void {
    this.#run('DELETE FROM state');
    this.#run('INSERT INTO state (closed) VALUES (1)');
  }

  /** Everything but that it is closed. */
  erase(): void {
    for (const table of ['models', 'versions', 'version_files', 'aliases', 'events', 'announced', 'spent_keys'])
      this.#run(`DELETE FROM ${table}`);
  }

  model(name: string): ModelRecord | undefined {
    return this.#bodies<ModelRecord>('SELECT body FROM models WHERE name = ?', name)[0];
  }

  putModel(model: ModelRecord): void {
    this.#run('INSERT OR REPLACE INTO models (name, body) VALUES (?, ?)', model.name, JSON.stringify(model));
  }

  /** By name, after the model `after`, at most `count`. */
  models(after: string, count: number): readonly ModelRecord[] {
    return this.#bodies('SELECT body FROM models WHERE name > ? ORDER BY name LIMIT ?', after, count);
  }

  modelCount(): number {
    return this.#count('SELECT count(*) AS count FROM models');
  }

  version(model: string, version: number): VersionRecord | undefined {
    return this.#bodies<VersionRecord>('SELECT body FROM versions WHERE model = ? AND version = ?', model, version)[0];
  }

  /** By number, after the version `after`, at most `count`. */
  versions(model: string, after: number, count: number): readonly VersionRecord[] {
    return this.#bodies('SELECT body FROM versions WHERE model = ? AND version > ? ORDER BY version LIMIT ?', model, after, count);
  }

  /** The version that a request under an idempotency key made. */
  madeBy(key: string): { readonly digest: string; readonly version: VersionRecord } | undefined {
    const [made] = this.#rows<Body & { digest: string }>('SELECT digest, body FROM versions WHERE key = ?', key);
    return made === undefined ? undefined : { digest: made.digest, version: JSON.parse(made.body) as VersionRecord };
  }

  addVersion(version: VersionRecord, request: KeyedRequest | null): void {
    this.#run(
      'INSERT INTO versions (model, version, key, digest, body) VALUES (?, ?, ?, ?, ?)',
      version.model,
      version.version,
      request?.key ?? null,
      request?.digest ?? null,
      JSON.stringify(version),
    );
    for (const { sha256 } of version.manifest.files) {
      this.#run('INSERT OR IGNORE INTO version_files (sha256, model, version) VALUES (?, ?, ?)', sha256, version.model, version.version);
      this.#run('DELETE FROM announced WHERE sha256 = ?', sha256);
    }
  }

  putVersion(version: VersionRecord): void {
    this.#run('UPDATE versions SET body = ? WHERE model = ? AND version = ?', JSON.stringify(version), version.model, version.version);
  }

  /** Forgets which files a version has; answers those that no other version has, and that none is about to have. */
  releaseFiles(model: string, version: number): readonly string[] {
    const files = this.#rows<{ sha256: string }>('SELECT sha256 FROM version_files WHERE model = ? AND version = ?', model, version);
    this.#run('DELETE FROM version_files WHERE model = ? AND version = ?', model, version);
    return files.map(({ sha256 }) => sha256).filter((sha256) => !this.#isNeeded(sha256));
  }

  /** Files are about to be stored: until a version has them, or they are swept, they count as needed. */
  announce(sha256s: readonly string[], nowMs: number): void {
    for (const sha256 of sha256s) this.#run('INSERT OR REPLACE INTO announced (sha256, at_ms) VALUES (?, ?)', sha256, nowMs);
  }

  /** Forgets what was announced before then; answers those that no version has. */
  sweep(beforeMs: number): readonly string[] {
    const swept = this.#rows<{ sha256: string }>('DELETE FROM announced WHERE at_ms < ? RETURNING sha256', beforeMs);
    return swept.map(({ sha256 }) => sha256).filter((sha256) => !this.#isNeeded(sha256));
  }

  /** Keys of idempotent requests that made versions of a model. */
  keysOf(model: string): readonly (KeyedRequest & { readonly version: number })[] {
    return this.#rows('SELECT key, digest, version FROM versions WHERE model = ? AND key IS NOT NULL', model);
  }

  /** Forgets a model and everything of it; its files are released before. */
  removeModel(name: string): void {
    this.#run('DELETE FROM models WHERE name = ?', name);
    for (const table of ['versions', 'version_files', 'aliases', 'events']) this.#run(`DELETE FROM ${table} WHERE model = ?`, name);
  }

  alias(alias: string): ModelAlias | undefined {
    return this.#rows<ModelAlias & Record<string, string | number | null>>(
      'SELECT alias, model, version FROM aliases WHERE alias = ?',
      alias,
    )[0];
  }

  aliasesOf(model: string): readonly ModelAlias[] {
    return this.#rows('SELECT alias, model, version FROM aliases WHERE model = ? ORDER BY alias', model);
  }

  aliasCount(): number {
    return this.#count('SELECT count(*) AS count FROM aliases');
  }

  /** All of them, by name. */
  aliases(): readonly ModelAlias[] {
    return this.#rows('SELECT alias, model, version FROM aliases ORDER BY alias');
  }

  putAlias({ alias, model, version }: ModelAlias): void {
    this.#run('INSERT OR REPLACE INTO aliases (alias, model, version) VALUES (?, ?, ?)', alias, model, version);
  }

  removeAlias(alias: string): void {
    this.#run('DELETE FROM aliases WHERE alias = ?', alias);
  }

  /** Keeps the newest `modelHistoryMaxCount` of a model. */
  note(model: string, { atMs, actor, action, version, detail }: Omit<ModelEvent, 'position'>): void {
    this.#run(
      'INSERT INTO events (model, at_ms, actor, action, version, detail) VALUES (?, ?, ?, ?, ?, ?)',
      model,
      atMs,
      actor,
      action,
      version,
      detail,
    );
    this.#run(
      `DELETE FROM events WHERE model = ?1 AND position <=
         (SELECT position FROM events WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)`,
      model,
      LIMITS.modelHistoryMaxCount,
    );
  }

  /** Newest first, before the event at `before`. */
  history(model: string, before: number, count: number): readonly ModelEvent[] {
    return this.#rows(
      `SELECT position, at_ms AS atMs, actor, action, version, detail FROM events
       WHERE model = ? AND position < ? ORDER BY position DESC LIMIT ?`,
      model,
      before,
      count,
    );
  }

  #isNeeded(sha256: string): boolean {
    return (
      this.#count(
        'SELECT (SELECT count(*) FROM version_files WHERE sha256 = ?1) + (SELECT count(*) FROM announced WHERE sha256 = ?1) AS count',
        sha256,
      ) > 0
    );
  }

  #count(query: string, ...bindings: (string | number)[]): number {
    return this.#storage.sql.exec<{ count: number }>(query, ...bindings).one().count;
  }

  #run(query: string, ...bindings: (string | number | null)[]): void {
    this.#storage.sql.exec(query, ...bindings);
  }

  #rows<Row>(query: string, ...bindings: (string | number | null)[]): Row[] {
    return this.#storage.sql.exec(query, ...bindings).toArray() as Row[];
  }

  #bodies<T>(query: string, ...bindings: (string | number | null)[]): T[] {
    return this.#rows<Body>(query, ...bindings).map(({ body }) => JSON.parse(body) as T);
  }
}

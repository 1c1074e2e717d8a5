import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { SPENT_KEY_BOUNDS } from '../../contract/api/spent-key.ts';
import type { Migrations } from '../../kernel/sql/migrate.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { SqliteVersionedStore, versionTables } from '../../kernel/sql/sqlite-versioned-store.ts';
import type { ModelAlias, ModelEvent, ModelRecord, VersionRecord } from './model-record.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE models (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
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
   ${versionTables('model')}`,
];

/** The models of one owner in SQLite, with their files, aliases and history. */
export class SqliteModelStore extends SqliteVersionedStore<ModelRecord, VersionRecord> {
  constructor(storage: SqlStorage) {
    const ownTables = ['version_files', 'aliases', 'events', 'announced'];
    super(storage, { kind: 'model', migrations: MIGRATIONS, ownTables, spentKeys: SPENT_KEY_BOUNDS });
  }

  /** Its files are no longer only announced. */
  override addVersion(name: string, version: VersionRecord, request: KeyedRequest | null): void {
    super.addVersion(name, version, request);
    for (const { sha256 } of version.manifest.files) {
      this.run('INSERT OR IGNORE INTO version_files (sha256, model, version) VALUES (?, ?, ?)', sha256, version.model, version.version);
      this.run('DELETE FROM announced WHERE sha256 = ?', sha256);
    }
  }

  putVersion(version: VersionRecord): void {
    this.run('UPDATE versions SET body = ? WHERE model = ? AND version = ?', JSON.stringify(version), version.model, version.version);
  }

  /** Forgets which files a version has; answers those that no other version has, and that none is about to have. */
  releaseFiles(model: string, version: number): readonly string[] {
    const files = this.rows<{ sha256: string }>('SELECT sha256 FROM version_files WHERE model = ? AND version = ?', model, version);
    this.run('DELETE FROM version_files WHERE model = ? AND version = ?', model, version);
    return files.map(({ sha256 }) => sha256).filter((sha256) => !this.#isNeeded(sha256));
  }

  /** Files are about to be stored: until a version has them, or they are swept, they count as needed. */
  announce(sha256s: readonly string[], nowMs: number): void {
    for (const sha256 of sha256s) this.run('INSERT OR REPLACE INTO announced (sha256, at_ms) VALUES (?, ?)', sha256, nowMs);
  }

  /** Forgets what was announced before then; answers those that no version has. */
  sweep(beforeMs: number): readonly string[] {
    const swept = this.rows<{ sha256: string }>('DELETE FROM announced WHERE at_ms < ? RETURNING sha256', beforeMs);
    return swept.map(({ sha256 }) => sha256).filter((sha256) => !this.#isNeeded(sha256));
  }

  /** With its versions, aliases and history. Its files are released before. */
  remove(name: string, nowMs: number): void {
    this.removeVersions(name, nowMs);
    this.run('DELETE FROM models WHERE name = ?', name);
    for (const table of ['version_files', 'aliases', 'events']) this.run(`DELETE FROM ${table} WHERE model = ?`, name);
  }

  alias(alias: string): ModelAlias | undefined {
    return this.rows<ModelAlias>('SELECT alias, model, version FROM aliases WHERE alias = ?', alias)[0];
  }

  aliasesOf(model: string): readonly ModelAlias[] {
    return this.rows('SELECT alias, model, version FROM aliases WHERE model = ? ORDER BY alias', model);
  }

  aliasCount(): number {
    return this.countOf('aliases');
  }

  /** All of them, by name. */
  aliases(): readonly ModelAlias[] {
    return this.rows('SELECT alias, model, version FROM aliases ORDER BY alias');
  }

  putAlias({ alias, model, version }: ModelAlias): void {
    this.run('INSERT OR REPLACE INTO aliases (alias, model, version) VALUES (?, ?, ?)', alias, model, version);
  }

  removeAlias(alias: string): void {
    this.run('DELETE FROM aliases WHERE alias = ?', alias);
  }

  /** Keeps the newest `modelHistoryMaxCount` of a model. */
  note(model: string, { atMs, actor, action, version, detail }: Omit<ModelEvent, 'position'>): void {
    this.run(
      'INSERT INTO events (model, at_ms, actor, action, version, detail) VALUES (?, ?, ?, ?, ?, ?)',
      model,
      atMs,
      actor,
      action,
      version,
      detail,
    );
    this.run(
      `DELETE FROM events WHERE model = ?1 AND position <=
         (SELECT position FROM events WHERE model = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)`,
      model,
      MODEL_LIMITS.modelHistoryMaxCount,
    );
  }

  /** Newest first, before the event at `before`. */
  history(model: string, before: number, count: number): readonly ModelEvent[] {
    return this.rows(
      `SELECT position, at_ms AS atMs, actor, action, version, detail FROM events
       WHERE model = ? AND position < ? ORDER BY position DESC LIMIT ?`,
      model,
      before,
      count,
    );
  }

  #isNeeded(sha256: string): boolean {
    return this.countOf('version_files WHERE sha256 = ?', sha256) + this.countOf('announced WHERE sha256 = ?', sha256) > 0;
  }
}

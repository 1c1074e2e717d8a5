import type { Migrations } from '../../kernel/sql/migrate.ts';
import { hasTable, migrate } from '../../kernel/sql/migrate.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import { SPENT_KEY_TABLE } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { PromptRecord, PromptVersionRecord } from '../prompts/prompt-record.ts';

const MIGRATIONS: Migrations = [
  `CREATE TABLE prompts (name TEXT PRIMARY KEY, deleted INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE versions (
     prompt TEXT NOT NULL, version INTEGER NOT NULL, key TEXT, digest TEXT, body TEXT NOT NULL, PRIMARY KEY (prompt, version)) WITHOUT ROWID;
   CREATE UNIQUE INDEX versions_by_key ON versions (key) WHERE key IS NOT NULL;
   CREATE TABLE state (closed INTEGER NOT NULL);
   ${SPENT_KEY_TABLE}`,
];

/** The prompts of one tenant in SQLite. Creates its tables with the first write, never for a read. */
export class SqlitePromptStore {
  readonly #storage: SqlStorage;
  #ready = false;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  /** Whether anything was ever stored here. */
  exists(): boolean {
    if (!this.#ready && !hasTable(this.#storage, 'prompts')) return false;
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

  /** Forgets everything but that it is closed. */
  eraseAndClose(): void {
    for (const table of ['prompts', 'versions', 'spent_keys', 'state']) this.#run(`DELETE FROM ${table}`);
    this.#run('INSERT INTO state (closed) VALUES (1)');
  }

  /** With one that was deleted. */
  prompt(name: string): PromptRecord | undefined {
    return this.#bodies<PromptRecord>('SELECT body FROM prompts WHERE name = ?', name)[0];
  }

  /** By name, after the prompt `after`, at most `count`, without those that were deleted. */
  prompts(after: string, count: number): readonly PromptRecord[] {
    return this.#bodies('SELECT body FROM prompts WHERE name > ? AND deleted = 0 ORDER BY name LIMIT ?', after, count);
  }

  /** With those that were deleted. */
  promptCount(): number {
    return this.#rows<{ count: number }>('SELECT count(*) AS count FROM prompts')[0]?.count ?? 0;
  }

  putPrompt(prompt: PromptRecord): void {
    const deleted = prompt.isDeleted ? 1 : 0;
    this.#run('INSERT OR REPLACE INTO prompts (name, deleted, body) VALUES (?, ?, ?)', prompt.name, deleted, JSON.stringify(prompt));
  }

  version(prompt: string, version: number): PromptVersionRecord | undefined {
    return this.#bodies<PromptVersionRecord>('SELECT body FROM versions WHERE prompt = ? AND version = ?', prompt, version)[0];
  }

  /** By number, after the version `after`, at most `count`. */
  versions(prompt: string, after: number, count: number): readonly PromptVersionRecord[] {
    return this.#bodies('SELECT body FROM versions WHERE prompt = ? AND version > ? ORDER BY version LIMIT ?', prompt, after, count);
  }

  versionCount(prompt: string): number {
    return this.#rows<{ count: number }>('SELECT count(*) AS count FROM versions WHERE prompt = ?', prompt)[0]?.count ?? 0;
  }

  /** The version that a request under an idempotency key made. */
  madeBy(key: string): { readonly digest: string; readonly version: PromptVersionRecord } | undefined {
    const [made] = this.#rows<{ body: string; digest: string }>('SELECT digest, body FROM versions WHERE key = ?', key);
    return made === undefined ? undefined : { digest: made.digest, version: JSON.parse(made.body) as PromptVersionRecord };
  }

  addVersion(version: PromptVersionRecord, request: KeyedRequest | null): void {
    this.#run(
      'INSERT INTO versions (prompt, version, key, digest, body) VALUES (?, ?, ?, ?, ?)',
      version.prompt,
      version.version,
      request?.key ?? null,
      request?.digest ?? null,
      JSON.stringify(version),
    );
  }

  /** The requests under idempotency keys that made the versions of a prompt. */
  keysOf(prompt: string): readonly (KeyedRequest & { readonly version: number })[] {
    return this.#rows('SELECT key, digest, version FROM versions WHERE prompt = ? AND key IS NOT NULL', prompt);
  }

  removeVersions(prompt: string): void {
    this.#run('DELETE FROM versions WHERE prompt = ?', prompt);
  }

  #run(query: string, ...bindings: (string | number | null)[]): void {
    this.#storage.sql.exec(query, ...bindings);
  }

  #rows<T>(query: string, ...bindings: (string | number)[]): T[] {
    return this.#storage.sql.exec(query, ...bindings).toArray() as T[];
  }

  #bodies<T>(query: string, ...bindings: (string | number)[]): T[] {
    return this.#rows<{ body: string }>(query, ...bindings).map(({ body }) => JSON.parse(body) as T);
  }
}

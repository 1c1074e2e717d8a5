import type { Migrations } from './migrate.ts';
import type { KeyedRequest, SpentKeyBounds, SpentRequest } from './spent-keys.ts';
import { SPENT_KEY_TABLE, SqliteSpentKeys } from './spent-keys.ts';
import type { SqlStorage } from './sql-storage.ts';
import { SqliteStore } from './sqlite-store.ts';

/** The tables beside that of the records: versions, whether the store is closed, and spent idempotency keys. */
export const versionTables = (kind: string) => `
   CREATE TABLE versions (
     ${kind} TEXT NOT NULL, version INTEGER NOT NULL, key TEXT, digest TEXT, body TEXT NOT NULL, PRIMARY KEY (${kind}, version)) WITHOUT ROWID;
   CREATE UNIQUE INDEX versions_by_key ON versions (key) WHERE key IS NOT NULL;
   CREATE TABLE state (closed INTEGER NOT NULL);
   ${SPENT_KEY_TABLE}`;

/** What is stored, and where. */
export interface VersionedSchema {
  /** The singular, such as `prompt`: records are in the table `prompts`, and the column `prompt` of other tables names them. */
  readonly kind: string;
  readonly migrations: Migrations;
  /** Further tables, of the subclass. */
  readonly ownTables: readonly string[];
  readonly spentKeys: SpentKeyBounds;
}

/**
 * Named records, each with numbered versions, of one owner. A version remembers the idempotency key of the request that made it, and
 * after its deletion that key is spent: a repetition finds either its version or that it is gone.
 */
export abstract class SqliteVersionedStore<
  Named extends { readonly name: string },
  Version extends { readonly version: number },
> extends SqliteStore {
  readonly #kind: string;
  readonly #ownTables: readonly string[];
  readonly #spent: SqliteSpentKeys;

  constructor(storage: SqlStorage, { kind, migrations, ownTables, spentKeys }: VersionedSchema) {
    super(storage, migrations);
    this.#kind = kind;
    this.#ownTables = ownTables;
    this.#spent = new SqliteSpentKeys(storage, spentKeys);
  }

  find(name: string): Named | undefined {
    return this.bodies<Named>(`SELECT body FROM ${this.#kind}s WHERE name = ?`, name)[0];
  }

  /** By name, after the record `after`, at most `count`. */
  page(after: string, count: number): readonly Named[] {
    return this.bodies(`SELECT body FROM ${this.#kind}s WHERE name > ? ORDER BY name LIMIT ?`, after, count);
  }

  count(): number {
    return this.countOf(`${this.#kind}s`);
  }

  put(record: Named): void {
    this.run(`INSERT OR REPLACE INTO ${this.#kind}s (name, body) VALUES (?, ?)`, record.name, JSON.stringify(record));
  }

  version(name: string, version: number): Version | undefined {
    return this.bodies<Version>(`SELECT body FROM versions WHERE ${this.#kind} = ? AND version = ?`, name, version)[0];
  }

  /** By number, after the version `after`, at most `count`. */
  versions(name: string, after: number, count: number): readonly Version[] {
    return this.bodies(`SELECT body FROM versions WHERE ${this.#kind} = ? AND version > ? ORDER BY version LIMIT ?`, name, after, count);
  }

  versionCount(name: string): number {
    return this.countOf(`versions WHERE ${this.#kind} = ?`, name);
  }

  addVersion(name: string, version: Version, request: KeyedRequest | null): void {
    this.run(
      `INSERT INTO versions (${this.#kind}, version, key, digest, body) VALUES (?, ?, ?, ?, ?)`,
      name,
      version.version,
      request?.key ?? null,
      request?.digest ?? null,
      JSON.stringify(version),
    );
  }

  /** Deletes one version, or all of a record; the keys of the requests that made them are spent. */
  removeVersions(name: string, nowMs: number, version?: number): void {
    const removed = this.rows<{ version: number; key: string | null; digest: string }>(
      `DELETE FROM versions WHERE ${this.#kind} = ?1 AND (?2 IS NULL OR version = ?2) RETURNING version, key, digest`,
      name,
      version ?? null,
    );
    for (const { version: number, key, digest } of removed)
      if (key !== null) this.#spent.spend('version', { key, digest }, `${name}@${number}`, nowMs);
  }

  /** The version that a request under an idempotency key made. */
  madeBy(key: string): { readonly digest: string; readonly made: Version } | undefined {
    const [row] = this.rows<{ digest: string; body: string }>('SELECT digest, body FROM versions WHERE key = ?', key);
    return row === undefined ? undefined : { digest: row.digest, made: JSON.parse(row.body) as Version };
  }

  /** The request under an idempotency key whose version is gone. */
  spentBy(key: string, nowMs: number): SpentRequest | undefined {
    return this.exists() ? this.#spent.find('version', key, nowMs) : undefined;
  }

  isClosed(): boolean {
    return this.countOf('state WHERE closed = 1') > 0;
  }

  /** Deletes everything but that the store is closed: its owner is being erased. */
  eraseAndClose(): void {
    this.transaction(() => {
      for (const table of [`${this.#kind}s`, 'versions', 'spent_keys', 'state', ...this.#ownTables]) this.run(`DELETE FROM ${table}`);
      this.run('INSERT INTO state (closed) VALUES (1)');
    });
  }
}

import type { IndexManifest } from '../../src/index/index-manifest.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import type { IndexId } from '../../src/kernel/ids.ts';
import { ok } from '../../src/kernel/result.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';
import { hasTable, migrate } from '../../src/kernel/sql/migrate.ts';
import { REGISTRY_SCHEMA } from './registry-schema.ts';
import type { KeyedRequest } from './spent-keys.ts';
import { SqliteSpentKeys } from './spent-keys.ts';

/** The request under an idempotency key that made an index. */
export interface MadeIndex extends KeyedRequest {
  readonly made: IndexId;
}

/** One scope: a registry is one tenant's. */
const ALL = '';

/** The names of a tenant's indexes as SQLite rows. Nothing is read or written before it is open. */
export class SqliteIndexRegistry {
  readonly #storage: SqlStorage;
  readonly #spent: SqliteSpentKeys;

  constructor(storage: SqlStorage) {
    this.#storage = storage;
    this.#spent = new SqliteSpentKeys(storage);
  }

  open(): void {
    migrate(this.#storage, REGISTRY_SCHEMA);
  }

  /** Whether it was ever opened, according to its storage. */
  isOpen(): boolean {
    return hasTable(this.#storage, 'indexes');
  }

  add(manifest: IndexManifest, idempotencyKey: string | null): void {
    this.#storage.sql.exec(
      'INSERT INTO indexes VALUES (?, ?, ?, 0, ?)',
      manifest.name,
      manifest.id,
      JSON.stringify(manifest),
      idempotencyKey,
    );
  }

  list(name: string, indexId: IndexId): void {
    this.#storage.sql.exec('UPDATE indexes SET listed = 1 WHERE name = ? AND index_id = ?', name, indexId);
  }

  unlist(name: string, indexId: IndexId): void {
    this.#storage.sql.exec('UPDATE indexes SET listed = 0 WHERE name = ? AND index_id = ?', name, indexId);
  }

  replace(manifest: IndexManifest): void {
    this.#storage.sql.exec(
      'UPDATE indexes SET index_id = ?, manifest = ? WHERE name = ?',
      manifest.id,
      JSON.stringify(manifest),
      manifest.name,
    );
  }

  /** `spent`: the request that made it, if it came under a key, and the id that it made. */
  remove(name: string, indexId: IndexId, spent: MadeIndex | undefined, nowMs: number): void {
    migrate(this.#storage, REGISTRY_SCHEMA);
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec('DELETE FROM indexes WHERE name = ? AND index_id = ?', name, indexId);
      if (spent !== undefined) this.#spent.spend(ALL, spent, spent.made, nowMs);
    });
  }

  /** Refuses what repeats a request, or its key, whose index was deleted (T78). */
  admit(request: KeyedRequest, nowMs: number): Outcome<null> {
    return hasTable(this.#storage, 'spent_keys') ? this.#spent.admit(ALL, request, nowMs) : ok(null);
  }

  forgetSpent(): void {
    if (hasTable(this.#storage, 'spent_keys')) this.#spent.forget(ALL);
  }

  /** How many names are taken, listed or not. */
  count(): number {
    return this.#storage.sql.exec<{ total: number }>('SELECT COUNT(*) AS total FROM indexes').one().total;
  }

  /** The id of the index that has the name. */
  holderOf(name: string): string | undefined {
    return this.#storage.sql.exec<{ index_id: string }>('SELECT index_id FROM indexes WHERE name = ?', name).toArray()[0]?.index_id;
  }

  /** Names that are taken, listed or not. */
  names(limit: number): string[] {
    const rows = this.#storage.sql.exec<{ name: string }>('SELECT name FROM indexes ORDER BY name LIMIT ?', limit);
    return rows.toArray().map(({ name }) => name);
  }

  isListed(name: string): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM indexes WHERE name = ? AND listed = 1', name).toArray().length > 0;
  }

  /** Whether an index here was created under this `Idempotency-Key`. */
  knowsKey(key: string): boolean {
    return this.#storage.sql.exec('SELECT 1 FROM indexes WHERE idempotency_key = ?', key).toArray().length > 0;
  }

  /** Listed indexes in the order of their names. */
  page(after: string, limit: number): IndexManifest[] {
    const rows = this.#storage.sql.exec<{ manifest: string }>(
      'SELECT manifest FROM indexes WHERE listed = 1 AND name > ? ORDER BY name LIMIT ?',
      after,
      limit,
    );
    return rows.toArray().map(({ manifest }) => JSON.parse(manifest) as IndexManifest);
  }
}

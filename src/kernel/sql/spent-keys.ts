import type { SqlStorage } from './sql-storage.ts';

/** The table of spent keys: part of the schema of the object that makes and deletes what they are about. */
export const SPENT_KEY_TABLE = `
  CREATE TABLE spent_keys (
    position INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
    made TEXT NOT NULL, ended_ms INTEGER NOT NULL, UNIQUE (scope, key));
  CREATE INDEX spent_keys_in_order ON spent_keys (scope, position);
  CREATE INDEX spent_keys_by_age ON spent_keys (ended_ms);`;

/** A request under an idempotency key, as a repetition of it is recognised. */
export interface KeyedRequest {
  /** The idempotency key, or what was derived from it. */
  readonly key: string;
  readonly digest: string;
}

/** A request whose result is gone. */
export interface SpentRequest {
  readonly digest: string;
  /** The id of what it made, and when that was deleted. */
  readonly made: string;
  readonly endedMs: number;
}

/** For how long, and how many of one scope, are remembered. */
export interface SpentKeyBounds {
  readonly ttlMs: number;
  readonly countMax: number;
}

/**
 * The requests under idempotency keys whose results were deleted (T78). Bounded by age and, within a scope, by number: no scope pushes out
 * what another one remembers.
 */
export class SqliteSpentKeys {
  readonly #sql: SqlStorage['sql'];
  readonly #bounds: SpentKeyBounds;

  constructor(storage: SqlStorage, bounds: SpentKeyBounds) {
    this.#sql = storage.sql;
    this.#bounds = bounds;
  }

  /** Call in the transaction in which what the request made is deleted. */
  spend(scope: string, { key, digest }: KeyedRequest, made: string, nowMs: number): void {
    this.#sql.exec('DELETE FROM spent_keys WHERE ended_ms <= ?', nowMs - this.#bounds.ttlMs);
    this.#sql.exec(
      'INSERT OR REPLACE INTO spent_keys (scope, key, digest, made, ended_ms) VALUES (?, ?, ?, ?, ?)',
      scope,
      key,
      digest,
      made,
      nowMs,
    );
    this.#sql.exec(
      `DELETE FROM spent_keys WHERE scope = ?1 AND position <=
         (SELECT position FROM spent_keys WHERE scope = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)`,
      scope,
      this.#bounds.countMax,
    );
  }

  find(scope: string, key: string, nowMs: number): SpentRequest | undefined {
    const [spent] = this.#sql
      .exec<{ digest: string; made: string; endedMs: number }>(
        'SELECT digest, made, ended_ms AS endedMs FROM spent_keys WHERE scope = ? AND key = ? AND ended_ms > ?',
        scope,
        key,
        nowMs - this.#bounds.ttlMs,
      )
      .toArray();
    return spent;
  }

  forget(scope: string): void {
    this.#sql.exec('DELETE FROM spent_keys WHERE scope = ?', scope);
  }
}

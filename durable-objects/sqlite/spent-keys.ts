import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { keySpent } from '../../src/contract/spent-key.ts';
import { ok } from '../../src/kernel/result.ts';
import type { SqlStorage } from '../../src/kernel/sql/sql-storage.ts';

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

/**
 * The requests under idempotency keys whose results were deleted (T78). Bounded by age and, within a scope, by number: no scope pushes out
 * what another one remembers.
 */
export class SqliteSpentKeys {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Call in the transaction in which what the request made is deleted. */
  spend(scope: string, { key, digest }: KeyedRequest, made: string, nowMs: number): void {
    this.#sql.exec('DELETE FROM spent_keys WHERE ended_ms <= ?', nowMs - LIMITS.spentKeyTtlMs);
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
      LIMITS.spentKeysMaxCount,
    );
  }

  /** Refuses with `idempotency_key_spent` a repetition, and with `idempotency_mismatch` another request under a spent key. */
  admit(scope: string, { key, digest }: KeyedRequest, nowMs: number): Outcome<null> {
    const [spent] = this.#sql
      .exec<{ digest: string; made: string; ended_ms: number }>(
        'SELECT digest, made, ended_ms FROM spent_keys WHERE scope = ? AND key = ? AND ended_ms > ?',
        scope,
        key,
        nowMs - LIMITS.spentKeyTtlMs,
      )
      .toArray();
    if (spent === undefined) return ok(null);
    if (spent.digest === digest) return keySpent({ id: spent.made, endedAtMs: spent.ended_ms }, 'was deleted');
    return refuse('idempotency_mismatch', 'was used by another caller or with other arguments', 'idempotency-key');
  }

  forget(scope: string): void {
    this.#sql.exec('DELETE FROM spent_keys WHERE scope = ?', scope);
  }
}

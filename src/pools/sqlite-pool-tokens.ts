import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import { constantTimeEqual } from '../kernel/hmac.ts';
import { ok } from '../kernel/result.ts';
import type { SqlStorage } from '../kernel/sql/sql-storage.ts';
import type { SqlitePoolStore } from './sqlite-pool-store.ts';

/** The digests of the tokens that a pool accepts: its own, and its former one for a while. Plain data. */
export interface AcceptedTokens {
  readonly mac: string;
  readonly former: { readonly mac: string; readonly untilMs: number } | null;
}

export const isAccepted = ({ mac, former }: AcceptedTokens, tokenMac: string, nowMs: number): boolean =>
  constantTimeEqual(mac, tokenMac) || (former !== null && former.untilMs > nowMs && constantTimeEqual(former.mac, tokenMac));

/** The tokens of a pool, in its root. */
export class SqlitePoolTokens {
  readonly #store: SqlitePoolStore;
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage, store: SqlitePoolStore) {
    this.#store = store;
    this.#sql = storage.sql;
  }

  /** Null: there is no such pool. */
  accepted(): AcceptedTokens | null {
    const pool = this.#store.identity();
    if (pool === undefined) return null;
    const [former] = this.#sql.exec<{ mac: string; untilMs: number }>('SELECT mac, until_ms AS untilMs FROM former_token').toArray();
    return { mac: pool.tokenMac, former: former ?? null };
  }

  /**
   * Replaces the token, once: until when the former is accepted. Refuses with `idempotency_mismatch` a repetition with another grace, and with
   * `idempotency_key_spent` one of a rotation whose token has been replaced since: it would bring a dead token back; and with `state_conflict`
   * of a pool that was deleted.
   */
  rotate(tokenMac: string, graceMs: number, nowMs: number): Outcome<number> {
    const pool = this.#store.identity();
    if (pool === undefined) return refuse('state_conflict', 'the pool was deleted');
    const query = 'SELECT grace_ms AS graceMs, former_until_ms AS untilMs FROM rotations WHERE mac = ?';
    const known = this.#sql.exec<{ graceMs: number; untilMs: number }>(query, tokenMac).toArray()[0];
    if (known !== undefined && known.graceMs !== graceMs)
      return refuse('idempotency_mismatch', `was used for a rotation with a grace of ${known.graceMs} ms`, 'idempotency-key');
    if (known !== undefined && pool.tokenMac !== tokenMac)
      return refuse('idempotency_key_spent', 'the token that it made was replaced since', 'idempotency-key');
    if (known !== undefined) return ok(known.untilMs);
    const formerUntilMs = nowMs + graceMs;
    this.#sql.exec('DELETE FROM former_token');
    this.#sql.exec('INSERT INTO former_token VALUES (?, ?)', pool.tokenMac, formerUntilMs);
    this.#sql.exec('UPDATE pool SET token_mac = ?', tokenMac);
    this.#store.forget();
    this.#sql.exec('INSERT INTO rotations VALUES (?, ?, ?)', tokenMac, graceMs, formerUntilMs);
    return ok(formerUntilMs);
  }
}

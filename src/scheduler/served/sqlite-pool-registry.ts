import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { DEFAULT_SETTINGS } from '../../contract/pools/pool-record.ts';
import type { PoolRecord, StatedPrice } from '../../contract/pools/pool-record.ts';
import type { PoolId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';

/** A pool as it was asked for: the prices that it was made with are the cell's from then on. */
type AskedPool = PoolRecord & { readonly prices?: readonly StatedPrice[] };

/** The pools of a scheduler cell. */
export class SqlitePoolRegistry {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** Registers a pool, once per id. Refuses with `already_exists`, `idempotency_mismatch`, `idempotency_key_spent` or `limit_exceeded`. */
  add(pool: PoolRecord, prices: readonly StatedPrice[] = []): Outcome<PoolRecord> {
    const known = this.find(pool.id);
    const asked = prices.length === 0 ? pool : { ...pool, prices };
    if (known !== undefined) {
      // Compared as it was first asked for: what was changed since is not asked for again.
      const isSame = requestOf(this.#asked(pool.id)) === requestOf(asked);
      return isSame ? ok(known) : refuse('idempotency_mismatch', 'was used for another pool', 'idempotency-key');
    }
    if (this.#sql.exec('SELECT 1 AS one FROM removed_pools WHERE id = ?', pool.id).toArray().length > 0)
      return refuse('idempotency_key_spent', 'the pool that it made was deleted', 'idempotency-key');
    const { taken, count } = this.#sql
      .exec<{ taken: number; count: number }>('SELECT count(*) AS count, coalesce(max(name = ?), 0) AS taken FROM pools', pool.name)
      .one();
    if (taken === 1) return refuse('already_exists', `there is a pool named ${pool.name}`, 'name');
    if (count >= JOB_LIMITS.poolsMaxCount)
      return refuseBeyond({ limit: 'poolsMaxCount', value: count + 1, what: `there are ${count} pools already` });
    const [body, request] = [JSON.stringify(pool), JSON.stringify(asked)];
    this.#sql.exec('INSERT INTO pools (id, name, body, asked) VALUES (?, ?, ?, ?)', pool.id, pool.name, body, request);
    return ok(pool);
  }

  /** Writes down a pool that has changed. */
  save(pool: PoolRecord): void {
    this.#sql.exec('UPDATE pools SET body = ? WHERE id = ?', JSON.stringify(pool), pool.id);
  }

  /** Forgets a pool; what made it makes it no more. */
  remove(id: PoolId): void {
    this.#sql.exec('DELETE FROM pools WHERE id = ?', id);
    this.#sql.exec('INSERT INTO removed_pools VALUES (?) ON CONFLICT DO NOTHING', id);
  }

  find(id: PoolId): PoolRecord | undefined {
    return this.#pools('SELECT body FROM pools WHERE id = ?', id)[0];
  }

  /** Refuses with `pool_not_found`. */
  get(id: PoolId): Outcome<PoolRecord> {
    const pool = this.find(id);
    return pool === undefined ? refuseResource('pool_not_found', { kind: 'pool', name: id }, `no pool ${id}`, 'pool') : ok(pool);
  }

  /** At most `count` pools whose id follows `after`, by id. */
  page(after: string, count: number): readonly PoolRecord[] {
    return this.#pools('SELECT body FROM pools WHERE id > ? ORDER BY id LIMIT ?', after, count);
  }

  /** A pool as it was created. Those of before are known only as they were when this was first written down. */
  #asked(id: PoolId): AskedPool {
    const { asked } = this.#sql.exec<{ asked: string }>('SELECT asked FROM pools WHERE id = ?', id).one();
    return JSON.parse(asked) as AskedPool;
  }

  #pools(query: string, ...bindings: (string | number)[]): readonly PoolRecord[] {
    return this.#sql
      .exec<{ body: string }>(query, ...bindings)
      .toArray()
      .map(({ body }) => JSON.parse(body) as PoolRecord);
  }
}

/** What the request for a pool said. */
const requestOf = ({ name, owner, settings = DEFAULT_SETTINGS, prices = [] }: AskedPool): string =>
  JSON.stringify([name, owner, { ...DEFAULT_SETTINGS, ...settings }, prices]);

import { ADMIN_OWNER } from '../../contract/api/common.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { DEFAULT_SETTINGS } from '../../contract/pools/pool-record.ts';
import { settingsOf } from '../../contract/pools/pool-settings.ts';
import type { NewPrice } from '../../contract/pools/pool-prices.ts';
import type { ChangePool, CreatePool } from '../../contract/pools/pools.ts';
import type { PoolRecord, StatedPrice } from '../../contract/pools/pool-record.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import type { IdSigner } from '../../kernel/id-signer.ts';
import type { PoolId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import { AGENT_SECRET_BYTES, agentToken, POOL_ID_CHARS, poolId } from '../../pools/agent-token.ts';
import type { NodeView, PoolPrice } from '../../scheduler/served/pool-operations.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { Pools } from './pool-calls.ts';

export interface PoolParts {
  readonly queue: JobQueue;
  readonly pools: Pools;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hmac: Hmac;
  readonly signer: IdSigner;
}

export type PoolDetails = PoolRecord & { readonly agents: number; readonly running: number; readonly prices: readonly PoolPrice[] };

/** The pools of a deployment, for its operators. */
export class PoolAdmin {
  readonly #parts: PoolParts;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /**
   * The token is not stored and cannot be read again; the same idempotency key derives it again. Once it has been replaced it would be worth
   * nothing: then it is refused with `idempotency_key_spent`. [P27]
   */
  async create(
    { name, owner = ADMIN_OWNER, prices = [], ...given }: Pick<CreatePool, 'name'> & Partial<CreatePool>,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<{ pool: PoolRecord; token: string }>> {
    const { queue, pools, clock, rng, hmac, signer } = this.#parts;
    const entropy = entropyFor(rng, hmac, 'pools', idempotencyKey);
    const id = poolId(await signer.sign('pool', base32(await entropy.bytes('id', POOL_ID_CHARS))));
    const token = agentToken(id, await entropy.bytes('token', AGENT_SECRET_BYTES));
    const settings = { ...DEFAULT_SETTINGS, ...settingsOf(given) };
    const added = await queue.addPool({ id, name, owner, createdAtMs: clock.nowMs(), settings }, prices.map(statedPrice));
    if (!added.ok) return added;
    if (!(await pools(id).create(id, await hmac.hex(token)))) {
      const advice = `POST /v1/pools/${id}/rotate_token makes another`;
      return refuse(
        'idempotency_key_spent',
        `the pool ${id} is there, and its first token was replaced since: ${advice}`,
        'idempotency-key',
      );
    }
    return ok({ pool: added.value, token });
  }

  change(id: PoolId, { owner, ...given }: ChangePool): Promise<Outcome<PoolRecord>> {
    return this.#parts.queue.operate('change', id, { ...(owner === undefined ? {} : { owner }), ...settingsOf(given) });
  }

  /** Refuses with `state_conflict` while agents are there, unless forced. */
  async remove(id: PoolId, isForced: boolean): Promise<Outcome<null>> {
    const removed = await this.#parts.queue.operate('remove', id, isForced);
    // If this is cut off, the pool learns of it when it next reports.
    if (removed.ok) await this.#parts.pools(id).erase();
    return removed;
  }

  /** A new token; the former is accepted for the grace. The same idempotency key derives the same, until that is replaced itself. */
  async rotateToken(
    id: PoolId,
    graceMs: number,
    idempotencyKey: string | undefined,
  ): Promise<Outcome<{ token: string; formerExpiresAtMs: number }>> {
    const { queue, pools, rng, hmac } = this.#parts;
    const pool = await queue.pool(id);
    if (!pool.ok) return pool;
    const entropy = entropyFor(rng, hmac, `pools/${id}/token`, idempotencyKey);
    const token = agentToken(id, await entropy.bytes('token', AGENT_SECRET_BYTES));
    const rotated = await pools(id).rotateToken(await hmac.hex(token), graceMs);
    return rotated.ok ? ok({ token, formerExpiresAtMs: rotated.value }) : rotated;
  }

  async nodes(id: PoolId, limit: number, after: string | undefined): Promise<Outcome<{ items: readonly NodeView[]; hasMore: boolean }>> {
    const nodes = await this.#parts.queue.operate('nodes', id, limit, after);
    return nodes.ok ? ok({ items: nodes.value.slice(0, limit), hasMore: nodes.value.length > limit }) : nodes;
  }

  setPrice(id: PoolId, given: NewPrice): Promise<Outcome<PoolPrice>> {
    return this.#parts.queue.operate('setPrice', id, statedPrice(given));
  }

  async find(id: PoolId): Promise<Outcome<PoolDetails>> {
    const { queue, pools } = this.#parts;
    const pool = await queue.pool(id);
    if (!pool.ok) return pool;
    const [summary, prices] = await Promise.all([pools(id).summary(), queue.operate('prices', id)]);
    return prices.ok ? ok({ ...pool.value, ...summary, prices: prices.value.filter(({ isInForce }) => isInForce) }) : prices;
  }

  /** Pools by id, after the pool `after`. */
  async list(limit: number, after: string | undefined): Promise<{ items: readonly PoolRecord[]; hasMore: boolean }> {
    const pools = await this.#parts.queue.pools(limit, after);
    return { items: pools.slice(0, limit), hasMore: pools.length > limit };
  }
}

const statedPrice = ({ accelerator, usd_per_hour, margin_per_mille, from = 0, until }: NewPrice): StatedPrice => ({
  accelerator: accelerator ?? null,
  fromMs: from * 1_000,
  untilMs: until === undefined ? null : until * 1_000,
  costNanoDollarsPerHour: usd_per_hour,
  marginPerMille: margin_per_mille,
});

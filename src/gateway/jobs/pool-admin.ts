import { ADMIN_OWNER } from '../../contract/common.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { PoolRecord } from '../../contract/pools.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import type { IdSigner } from '../../kernel/id-signer.ts';
import type { PoolId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import { AGENT_SECRET_BYTES, agentToken, POOL_ID_CHARS, poolId } from '../../pools/agent-token.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import type { JobQueue } from './job-queue.ts';
import type { Pools } from './pool-desk.ts';

export interface PoolParts {
  readonly queue: JobQueue;
  readonly pools: Pools;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hmac: Hmac;
  readonly signer: IdSigner;
}

export type PoolDetails = PoolRecord & { readonly agents: number; readonly running: number };

/** The pools of a deployment, for its operators. */
export class PoolAdmin {
  readonly #parts: PoolParts;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** The token is not stored and cannot be read again; the same idempotency key derives it again. */
  async create(
    { name, owner = ADMIN_OWNER }: { readonly name: string; readonly owner?: string | undefined },
    idempotencyKey: string | undefined,
  ): Promise<Outcome<{ pool: PoolRecord; token: string }>> {
    const { queue, pools, clock, rng, hmac, signer } = this.#parts;
    const entropy = entropyFor(rng, hmac, 'pools', idempotencyKey);
    const id = poolId(await signer.sign('pool', base32(await entropy.bytes('id', POOL_ID_CHARS))));
    const token = agentToken(id, await entropy.bytes('token', AGENT_SECRET_BYTES));
    const added = await queue.addPool({ id, name, owner, createdAtMs: clock.nowMs() });
    if (!added.ok) return added;
    await pools(id).create(id, await hmac.hex(token));
    return ok({ pool: added.value, token });
  }

  async find(id: PoolId): Promise<Outcome<PoolDetails>> {
    const pool = await this.#parts.queue.pool(id);
    return pool.ok ? ok({ ...pool.value, ...(await this.#parts.pools(id).summary()) }) : pool;
  }

  /** Pools by id, after the pool `after`. */
  async list(limit: number, after: string | undefined): Promise<{ items: readonly PoolRecord[]; hasMore: boolean }> {
    const pools = await this.#parts.queue.pools(limit, after);
    return { items: pools.slice(0, limit), hasMore: pools.length > limit };
  }
}

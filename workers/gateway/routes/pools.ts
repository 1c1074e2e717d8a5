import type { PoolReply } from '../../../src/contract/pools.ts';
import type { PoolRecord } from '../../../src/contract/pool-record.ts';
import type { PoolId } from '../../../src/kernel/ids.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const poolHandlers = {
  createPool: async ({ gateway, body, idempotencyKey }) => {
    const created = await gateway.heavy.admin.create(body, idempotencyKey);
    return created.ok ? { ok: true, reply: { ...poolReply(created.value.pool), agent_token: created.value.token }, used: {} } : created;
  },
  listPools: async ({ gateway, query }) => {
    const page = await gateway.heavy.admin.list(query.limit, query.after);
    return { ok: true, reply: pageReply(page, poolReply), used: {} };
  },
  getPool: async ({ gateway, params }) => {
    const found = await gateway.heavy.admin.find(params.pool as PoolId);
    if (!found.ok) return found;
    const { agents, running } = found.value;
    return { ok: true, reply: { ...poolReply(found.value), agents, running }, used: {} };
  },
} satisfies Partial<Handlers>;

const poolReply = (pool: PoolRecord): PoolReply => ({
  id: pool.id,
  object: 'pool',
  name: pool.name,
  owner: pool.owner,
  created_at: seconds(pool.createdAtMs),
});

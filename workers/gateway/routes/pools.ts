import { poolEndpoints } from '../../../src/contract/pools.ts';
import type { PoolReply } from '../../../src/contract/pools.ts';
import type { PoolRecord } from '../../../src/contract/pool-record.ts';
import type { PoolId } from '../../../src/kernel/ids.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const poolRoutes: readonly Route[] = [
  route(poolEndpoints.createPool, async ({ gateway, body, idempotencyKey }) => {
    const created = await gateway.heavy.admin.create(body, idempotencyKey);
    return created.ok ? { ok: true, reply: { ...poolReply(created.value.pool), agent_token: created.value.token }, used: {} } : created;
  }),
  route(poolEndpoints.listPools, async ({ gateway, query }) => {
    const page = await gateway.heavy.admin.list(query.limit, query.after);
    return { ok: true, reply: pageReply(page, poolReply), used: {} };
  }),
  route(poolEndpoints.getPool, async ({ gateway, params }) => {
    const found = await gateway.heavy.admin.find(params.pool as PoolId);
    if (!found.ok) return found;
    const { agents, running } = found.value;
    return { ok: true, reply: { ...poolReply(found.value), agents, running }, used: {} };
  }),
];

const poolReply = (pool: PoolRecord): PoolReply => ({
  id: pool.id,
  object: 'pool',
  name: pool.name,
  owner: pool.owner,
  created_at: seconds(pool.createdAtMs),
});

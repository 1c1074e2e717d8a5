import * as z from 'zod';

import type { PoolId } from '../kernel/ids.ts';
import { apiOnly, apiText } from './api-text.ts';
import { name, ownerOrCallers, page, pageQuery, unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { ADMIN, json, NO_BODY } from './endpoint.ts';

/** A pool as registered. Plain data: it crosses RPC and is stored as one row. */
export interface PoolRecord {
  readonly id: PoolId;
  readonly name: string;
  /** The team that owns it. */
  readonly owner: string;
  readonly createdAtMs: number;
}

export const poolId = z
  .string()
  .regex(/^pool_[0-9a-z]{10}(?:[0-9a-z]{8})?$/, 'must be the id of a pool')
  .meta(apiText({ example: 'pool_0123456789b6d8w0f3' }));

const pool = apiOnly(() =>
  z.object({
    id: z.string(),
    object: z.literal('pool'),
    name: z.string(),
    owner: z.string(),
    created_at: unixSeconds,
  }),
);

export type PoolReply = z.infer<typeof pool>;

const create = z.strictObject({ name, owner: ownerOrCallers });

export const poolEndpoints = {
  createPool: {
    method: 'POST',
    path: '/v1/pools',
    tag: 'Pools',
    summary: apiText('Create a pool and the token of its agents'),
    description: apiText('The token is answered here only. The same `Idempotency-Key` answers the same token.'),
    access: ADMIN,
    meters: [],
    body: json(create),
    status: 201,
    reply: json(apiOnly(() => pool.extend({ agent_token: z.string() }))),
    idempotent: true,
  },
  listPools: {
    method: 'GET',
    path: '/v1/pools',
    tag: 'Pools',
    summary: apiText('List pools, by id'),
    access: ADMIN,
    meters: [],
    query: pageQuery,
    body: NO_BODY,
    status: 200,
    reply: json(apiOnly(() => page(pool))),
  },
  getPool: {
    method: 'GET',
    path: '/v1/pools/:pool',
    tag: 'Pools',
    summary: apiText('A pool, its agents and what they run'),
    access: ADMIN,
    meters: [],
    params: z.strictObject({ pool: poolId }),
    body: NO_BODY,
    status: 200,
    reply: json(apiOnly(() => pool.extend({ agents: z.int(), running: z.int() }))),
  },
} as const satisfies Record<string, Endpoint>;

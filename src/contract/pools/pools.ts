import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { name, owner, ownerOrCallers, page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { ADMIN, call, json } from '../api/endpoint.ts';
import { POOL_LIMITS } from './pool-limits.ts';
import { newPrice, price } from './pool-prices.ts';
import { terminationNotice } from './termination-notice.ts';
import { nodeCapacity } from '../jobs/node-capacity.ts';
import { changedSettings, newSettings, settingsReply } from './pool-settings.ts';

export const poolId = z
  .string()
  .regex(/^pool_[0-9a-z]{10}(?:[0-9a-z]{8})?$/, 'must be the id of a pool')
  .meta(about('A pool.', 'pool_0123456789b6d8w0f3'));

export const agentId = z
  .string()
  .regex(/^agt_(?:[1-9]\d?_)?[0-9a-z]{16}$/, 'must be the id of an agent')
  .meta(about('An agent.', 'agt_0123456789abcdef'));

const pool = z.object({
  id: z.string(),
  object: z.literal('pool'),
  name: z.string(),
  owner: z.string(),
  created_at: unixSeconds,
  ...settingsReply.shape,
});

export type PoolReply = z.infer<typeof pool>;

const create = z.strictObject({
  name,
  owner: ownerOrCallers,
  ...newSettings,
  prices: z
    .array(newPrice)
    .max(POOL_LIMITS.poolPricesMaxCount)
    .default([])
    .meta(about('As `POST /v1/pools/{pool}/prices` takes them. What has none is priced by the published price list.')),
});
const change = z.strictObject({ owner: owner.optional(), ...changedSettings });

export type CreatePool = z.output<typeof create>;
export type ChangePool = z.output<typeof change>;

const NODE_STATES = ['open', 'cordoned', 'draining', 'away'] as const;

const node = z.object({
  id: z.string(),
  object: z.literal('node'),
  name: z.string(),
  state: z
    .enum(NODE_STATES)
    .meta(
      about(
        '`open`: it takes work. `cordoned`: it takes none, and what runs there goes on. `draining`: jobs there are asked to leave. ' +
          '`away`: it asks for no work at the moment; forgotten after ten minutes.',
      ),
    ),
  capacity: nodeCapacity.nullable().meta(about('As its agent says; null: it said nothing, and runs one small attempt.')),
  attempts_max: z.int(),
  domains: z.record(z.string(), z.string()),
  ordinal: z.int(),
  address: z.string().nullable(),
  devices: z
    .array(z.string())
    .nullable()
    .meta(about('The ids of its accelerators, as its system shows them; null: it has none, or its operator has declared them.')),
  jobs: z.array(z.string()).meta(about('What runs there now.')),
  weights: z
    .array(
      z.object({
        model: z.string(),
        memory_mib: z.int(),
        load_ms: z.int().meta(about('What loading them again takes.')),
        uses: z.int().meta(about('How often jobs have begun with them here.')),
        in_use: z.int().meta(about('Jobs that work with them now: they stay as long as there is one.')),
        last_used_at: unixSeconds.nullable().meta(about('Null: no job has worked with them since they were found there.')),
      }),
    )
    .meta(about('Weights of models that are in its memory. Those that no job uses leave for others by what loading them again costs.')),
  weights_max_mib: z.int().nullable().meta(about('What it has for weights; null: what its memory has room for.')),
  idle_since: unixSeconds.nullable(),
  terminates_at: unixSeconds
    .nullable()
    .meta(about('When it will be taken away, as its agent or an operator has said; null: that is not known.')),
});

export type NodeReply = z.infer<typeof node>;

const common = { tag: 'Pools', access: ADMIN, meters: [], status: 200 } as const;
const params = z.strictObject({ pool: poolId });
const nodeParams = z.strictObject({ pool: poolId, node: agentId });
const FLAG = z.enum(['true', 'false']).default('false');

export const poolEndpoints = {
  createPool: {
    ...common,
    ...call('POST', '/v1/pools', json(create)),
    summary: 'Create a pool and the token of its agents',
    description:
      'The token is answered here only. The same `Idempotency-Key` answers the same token; once that was replaced, it is refused (`idempotency_key_spent`), and `rotate_token` makes another.',
    status: 201,
    reply: json(pool.extend({ agent_token: z.string() })),
    idempotent: true,
  },
  listPools: {
    ...common,
    ...call('GET', '/v1/pools'),
    summary: 'List pools, by id',
    query: pageQuery,
    reply: json(page(pool)),
  },
  getPool: {
    ...common,
    ...call('GET', '/v1/pools/:pool'),
    summary: 'A pool, its agents and what they run',
    params,
    reply: json(
      pool.extend({
        agents: z.int(),
        running: z.int(),
        prices: z.array(price).meta(about('Those that hold: of each type that it has, and of nodes without accelerators.')),
      }),
    ),
  },
  changePool: {
    ...common,
    ...call('PATCH', '/v1/pools/:pool', json(change)),
    summary: 'Change the settings of a pool',
    description: 'What is absent stays as it is. What runs there goes on; jobs that wait are looked at again.',
    params,
    reply: json(pool),
  },
  deletePool: {
    ...common,
    ...call('DELETE', '/v1/pools/:pool'),
    summary: 'Delete a pool',
    description:
      'Refused (`state_conflict`) while agents are there, unless `force` is true: then what they run is taken from them and waits for other ' +
      'pools. The token of its agents is worth nothing afterwards.',
    params,
    query: z.strictObject({ force: FLAG }),
    reply: json(z.object({ id: z.string(), object: z.literal('pool.deleted'), deleted: z.literal(true) })),
  },
  rotatePoolToken: {
    ...common,
    ...call(
      'POST',
      '/v1/pools/:pool/rotate_token',
      json(z.strictObject({ grace_s: z.int().min(0).max(POOL_LIMITS.poolTokenGraceMaxS).default(3_600) })),
    ),
    summary: 'Replace the token of the agents',
    description:
      'The new token is answered here only; the former is accepted for `grace_s` seconds more, so that agents can be given the new one. Any older ' +
      'one is worth nothing from now on. The same `Idempotency-Key` answers the same token.',
    params,
    reply: json(z.object({ pool: z.string(), object: z.literal('pool.token'), agent_token: z.string(), former_expires_at: unixSeconds })),
    idempotent: true,
  },
  listNodes: {
    ...common,
    ...call('GET', '/v1/pools/:pool/nodes'),
    summary: 'List the nodes of a pool, by id',
    params,
    query: pageQuery,
    reply: json(page(node)),
  },
  cordonNode: {
    ...common,
    ...call('POST', '/v1/pools/:pool/nodes/:node/cordon'),
    summary: 'Give a node no new work',
    description: 'What runs there goes on. It holds for the agent until it is uncordoned; one that registers again is another node.',
    params: nodeParams,
    reply: json(node),
  },
  drainNode: {
    ...common,
    ...call('POST', '/v1/pools/:pool/nodes/:node/drain'),
    summary: 'Empty a node',
    description: 'It is given no new work, and the jobs there are asked to save and leave; they run again elsewhere.',
    params: nodeParams,
    reply: json(node),
  },
  uncordonNode: {
    ...common,
    ...call('POST', '/v1/pools/:pool/nodes/:node/uncordon'),
    summary: 'Let a node that is cordoned or drained take work again',
    params: nodeParams,
    reply: json(node),
  },
  noticeNode: {
    ...common,
    ...call('POST', '/v1/pools/:pool/nodes/:node/notice', json(terminationNotice)),
    summary: 'Say that a node will be taken away, and when',
    description:
      'As a provider says of spot capacity. It is given no new work, and the jobs there are asked to save and leave, each within its grace and before ' +
      'that time; gangs as a whole, and they run again elsewhere. Agents say it by themselves where they learn of it.',
    params: nodeParams,
    reply: json(node),
  },
  setPoolPrice: {
    ...common,
    ...call('POST', '/v1/pools/:pool/prices', json(newPrice)),
    summary: 'State what an accelerator of a pool costs',
    description:
      'What tenants are billed, and what placement, plans, budgets and limits of jobs go by: the price with its margin. An attempt is paid in stretches of up to ten ' +
      'minutes (or as long as it says that it needs), each at the price when it was asked for: a new price holds from the next on. A second price for the same time replaces the first.',
    params,
    reply: json(price),
  },
  listPoolPrices: {
    ...common,
    ...call('GET', '/v1/pools/:pool/prices'),
    summary: 'The prices of a pool: those that hold, those to come, and what the price list says of types that it states none for',
    params,
    reply: json(z.object({ object: z.literal('list'), data: z.array(price) })),
  },
} as const satisfies Record<string, Endpoint>;

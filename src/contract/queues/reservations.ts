import * as z from 'zod';

import { notBoth, someOf } from '../api/presence.ts';
import { about, named } from '../api/api-text.ts';
import { name, page, pageQuery, tenantId, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { POOL_LIMITS } from '../pools/pool-limits.ts';
import { QUEUE_LIMITS } from './queue-limits.ts';
import { acceleratorName } from '../jobs/node-capacity.ts';
import { agentId, poolId } from '../pools/pools.ts';

// Capacity that is a queue's own for some time.

const ofTenant = tenantId.optional().meta(about('The admin names the tenant whose queue it is; a key is for its own.'));

const time = z.int().min(0).max(POOL_LIMITS.unixSecondsMax);

const ofSomething = someOf(
  z.strictObject({
    queue: name.default('default').meta(about('The queue that it is for.', 'nightly')),
    accelerator: acceleratorName.optional().meta(about('A type of accelerator; cores if absent.', 'h100')),
    count: z
      .int()
      .min(1)
      .max(QUEUE_LIMITS.quotaAmountMax)
      .optional()
      .meta(about('How many accelerators, or cores; with `pool`, how many of its nodes. Absent with `nodes`.', 4)),
    pool: poolId.optional().meta(about('Reserves nodes of this pool for jobs of the queue alone. By operators only.')),
    nodes: z
      .array(agentId)
      .min(1)
      .max(QUEUE_LIMITS.reservationNodesMaxCount)
      .meta({ uniqueItems: true })
      .optional()
      .meta(about('Reserves these nodes for jobs of the queue alone. By operators only.')),
    start: time.optional().meta(about('Seconds since the Unix epoch; now if absent or past.')),
    end: time.meta(about('Seconds since the Unix epoch.', 1_900_000_000)),
    tenant: ofTenant,
  }),
  ['count', 'nodes'],
  { path: ['count'], message: 'is needed without nodes' },
);
const ofOne = notBoth(ofSomething, ['count', 'nodes'], { path: ['count'], message: 'is that of the nodes: leave it out' });
const isOfNodes = { path: ['accelerator'], message: 'is that of the nodes: leave it out' };
const create = notBoth(notBoth(ofOne, ['accelerator', 'pool'], isOfNodes), ['accelerator', 'nodes'], isOfNodes).superRefine(
  ({ count, pool, nodes }, context) => {
    const fault = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message, input: undefined });
    if (new Set(nodes).size !== (nodes?.length ?? 0)) fault('nodes', 'names a node twice');
    if (pool !== undefined && (count ?? 0) > QUEUE_LIMITS.reservationNodesMaxCount)
      fault('count', `of nodes is ${QUEUE_LIMITS.reservationNodesMaxCount} at most (reservationNodesMaxCount)`);
  },
);

export type CreateReservation = z.output<typeof create>;

const reservation = named('Reservation', {
  id: z.string(),
  object: z.literal('reservation'),
  tenant: z.string(),
  queue: z.string(),
  accelerator: z.string().nullable().meta(about('Null: cores.')),
  count: z.int().meta(about('Of accelerators or cores; of a reservation of nodes, of those.')),
  pool: z.string().nullable(),
  nodes: z
    .array(z.string())
    .nullable()
    .meta(about('The nodes that it has, or is expected to have when it starts; null: it is of accelerators or cores, wherever they are.')),
  start: unixSeconds,
  end: unixSeconds,
  granted: z.boolean().meta(about('By an operator, on top of what the tenant has; else it is of what the tenant was granted.')),
  state: z.enum(['scheduled', 'active']),
  created_at: unixSeconds,
});

export type ReservationReply = z.infer<typeof reservation>;

const common = { tag: 'Reservations', access: tenantOrAdmin('jobs'), meters: [], status: 200 } as const;
const params = z.strictObject({ reservation: z.string().regex(/^rsv_[0-9a-z]{20}$/, 'must be the id of a reservation') });
const query = z.strictObject({ tenant: ofTenant });

export const reservationEndpoints = {
  createReservation: {
    ...common,
    ...call('POST', '/v1/reservations', json(create)),
    summary: 'Reserve accelerators or cores for a queue, for some time',
    description:
      'From `start` to `end` they are nominal quota of the queue: its jobs start in them, and what others have of them then is taken back, with notice, as ' +
      'soon as a job of the queue needs it. A key reserves of what its tenant was granted; the admin grants more. More than the machines of now have, ' +
      'less what is reserved for the same time, is `limit_exceeded`. With `pool` or `nodes`, which only the admin may name, nodes take jobs of the queue ' +
      'alone for that time: jobs of others that are there when it starts are asked to leave, with notice, and those whose `max_runtime_s` would ' +
      'reach into it are not started there. A reservation that is over is forgotten.',
    status: 201,
    reply: json(reservation),
    idempotent: true,
  },
  listReservations: {
    ...common,
    ...call('GET', '/v1/reservations'),
    summary: 'List the reservations of a tenant, by id',
    query: pageQuery.extend(query.shape),
    reply: json(page(reservation)),
  },
  getReservation: {
    ...common,
    ...call('GET', '/v1/reservations/:reservation'),
    summary: 'A reservation',
    params,
    query,
    reply: json(reservation),
  },
  deleteReservation: {
    ...common,
    ...call('DELETE', '/v1/reservations/:reservation'),
    summary: 'End a reservation',
    description: 'Jobs that run in it go on, and can be made to give back what their queue borrows from then on.',
    params,
    query,
    reply: json(z.object({ id: z.string(), object: z.literal('reservation.deleted'), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;

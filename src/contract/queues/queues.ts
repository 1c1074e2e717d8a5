import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { name, page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { JOB_LIMITS } from '../jobs/job-limits.ts';
import { QUEUE_LIMITS } from './queue-limits.ts';
import type { QueueSettings } from './queue-record.ts';
import { RECLAIM, STOP_POLICIES, WITHIN_QUEUE } from './queue-record.ts';
import { quotas, quotasReply, quotaTableOf, status, weight } from './queue-terms.ts';

// The queues that a tenant divides its jobs into.

const priorityBound = z.int().min(0).max(JOB_LIMITS.jobPriorityMax);

const priority = z
  .strictObject({ min: priorityBound.optional(), max: priorityBound.optional() })
  .meta(about('A job of the queue has a priority within these.'));

const preemption = z
  .strictObject({
    within_queue: z
      .enum(WITHIN_QUEUE)
      .optional()
      .meta(about('Whether a job evicts others of the same queue that have less priority.', 'lower_priority')),
    reclaim: z
      .enum(RECLAIM)
      .optional()
      .meta(about('From which jobs a job that its nominal quota covers takes back what they borrowed of that.', 'any')),
  })
  .meta(about('Which jobs are evicted for those of this queue: asked to save and stop, within their grace, to run again later.'));

const stopPolicy = z
  .enum(STOP_POLICIES)
  .meta(about('`hold`: the queue starts no jobs. `hold_and_drain`: and those that run are asked to save and stop, to run again later.'));

const timeSlice = z
  .strictObject({
    round_s: z
      .int()
      .min(QUEUE_LIMITS.timeSliceRoundMinS)
      .max(QUEUE_LIMITS.timeSliceRoundMaxS)
      .meta(about('The time between two rounds, in seconds.', 360)),
    move_s: z
      .int()
      .min(0)
      .max(QUEUE_LIMITS.timeSliceMoveMaxS)
      .default(0)
      .meta(about('What saving and starting again elsewhere costs a job, in seconds: the more, the longer jobs stay where they are.', 60)),
  })
  .nullable()
  .meta(
    about(
      'Jobs of equal priority take turns on the accelerators of the queue: in every round those run that have attained least, on the types with which all ' +
        'of them together progress most, by `relative_throughput` or as measured. The others are asked to save and stop. Null: jobs keep their nodes.',
    ),
  );

const settings = {
  weight: weight.optional(),
  quotas: quotas
    .optional()
    .meta(
      about('Parts of what an operator granted the tenant, by resource: all of its queues together have no more nominal quota than that.'),
    ),
  priority: priority.optional(),
  preemption: preemption.optional(),
  stop_policy: stopPolicy.optional(),
  time_slice: timeSlice.optional(),
} as const;

const create = z.strictObject({ name, ...settings });
const change = z.strictObject(settings);

export type CreateQueue = z.output<typeof create>;
export type ChangeQueue = z.output<typeof change>;

const queue = named('Queue', {
  object: z.literal('queue'),
  name: z.string(),
  weight,
  quotas,
  priority: z.object({ min: priorityBound, max: priorityBound }),
  preemption: z.object({ within_queue: z.enum(WITHIN_QUEUE), reclaim: z.enum(RECLAIM) }),
  stop_policy: stopPolicy,
  time_slice: z.object({ round_s: z.int(), move_s: z.int() }).nullable(),
  created_at: unixSeconds.nullable().meta(about('Null: of the queue `default`, which is always there.')),
  ...status,
});

export type QueueReply = z.infer<typeof queue>;

/** The settings that a request names, as they are kept. */
export const queueSettingsOf = ({
  weight: given,
  quotas: table,
  priority: bounds,
  preemption: evicts,
  stop_policy,
  time_slice: turns,
}: ChangeQueue): Partial<QueueSettings> => ({
  ...(given === undefined ? {} : { weight: given }),
  ...(table === undefined ? {} : { quotas: quotaTableOf(table) }),
  ...(bounds?.min === undefined ? {} : { priorityMin: bounds.min }),
  ...(bounds?.max === undefined ? {} : { priorityMax: bounds.max }),
  ...(evicts?.within_queue === undefined ? {} : { withinQueue: evicts.within_queue }),
  ...(evicts?.reclaim === undefined ? {} : { reclaim: evicts.reclaim }),
  ...(stop_policy === undefined ? {} : { stop: stop_policy }),
  ...(turns === undefined ? {} : { timeSlice: turns && { roundS: turns.round_s, moveS: turns.move_s } }),
});

/** The settings as they are answered. */
export const replyOfQueueSettings = ({ weight: its, quotas: table, ...rest }: QueueSettings) => ({
  weight: its,
  quotas: quotasReply(table),
  priority: { min: rest.priorityMin, max: rest.priorityMax },
  preemption: { within_queue: rest.withinQueue, reclaim: rest.reclaim },
  stop_policy: rest.stop,
  time_slice: rest.timeSlice ? { round_s: rest.timeSlice.roundS, move_s: rest.timeSlice.moveS } : null,
});

const common = { tag: 'Queues', access: tenant('jobs'), meters: [], status: 200 } as const;
const params = z.strictObject({ queue: name });

export const queueEndpoints = {
  createQueue: {
    ...common,
    ...call('POST', '/v1/queues', json(create)),
    summary: 'Create a queue',
    description:
      'Jobs name the queue that they wait in; those that name none wait in `default`, which every tenant has. The queues of a tenant share what the ' +
      'tenant has by their weights; between tenants they count as one.',
    status: 201,
    reply: json(queue),
    idempotent: true,
  },
  listQueues: {
    ...common,
    ...call('GET', '/v1/queues'),
    summary: 'List queues by name, and how they stand',
    description: 'To get the next page, pass the last `name` as `after`.',
    query: pageQuery,
    reply: json(page(queue)),
  },
  getQueue: {
    ...common,
    ...call('GET', '/v1/queues/:queue'),
    summary: 'A queue, what it has and what it would have in fairness',
    params,
    reply: json(queue),
  },
  changeQueue: {
    ...common,
    ...call('PATCH', '/v1/queues/:queue', json(change)),
    summary: 'Change a queue',
    description:
      'What is absent stays; `quotas` are replaced as a whole. Jobs that run go on, unless a policy that holds from now on has them make room.',
    params,
    reply: json(queue),
  },
  deleteQueue: {
    ...common,
    ...call('DELETE', '/v1/queues/:queue'),
    summary: 'Delete a queue',
    description: 'Refused (`state_conflict`) while it has jobs that are not finished. The queue `default` stays.',
    params,
    reply: json(z.object({ name: z.string(), object: z.literal('queue.deleted'), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;

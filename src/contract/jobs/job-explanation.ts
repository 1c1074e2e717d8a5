import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json } from '../api/endpoint.ts';
import { JOB_STATES, jobCommon, jobParams, submission } from './jobs.ts';
import { PRICE_ID } from '../tenancy/accelerator-prices.ts';
import { nodeCapacity } from './node-capacity.ts';
import { dollarsOut } from '../tenancy/money.ts';
import { deadlineOutlook, startsBetween } from './job-deadline.ts';

// Why a job waits, what would help, and what would become of one.

const WAIT_REASONS = [
  'kind_not_offered',
  'no_free_agent',
  'no_pool',
  'too_expensive',
  'others_first',
  'cell_full',
  'queue_quota',
  /** Nodes that would do are reserved for another queue. */
  'nodes_reserved',
  /** It would not be done by its deadline on nodes that are free, and still can be on others. */
  'deadline',
  /** Its queue starts no jobs. */
  'queue_stopped',
  /** Jobs of its queue take turns, and others have attained less. */
  'next_round',
  /** Jobs that it depends on have not succeeded yet. */
  'dependencies',
  /** As its owner wants. */
  'suspended',
  'tenant_suspended',
  'budget_exhausted',
  /** It has nodes: others have still to leave them, or its first grant is asked for. */
  'being_placed',
  /** It gives all its replicas back while no call comes, and none has come. */
  'scaled_to_zero',
  'not_waiting',
] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

const option = z.int().min(0).meta(about('Which of the `resources`, from 0.'));

const ofOption = <Reason extends string, Shape extends z.core.$ZodLooseShape>(reason: Reason, shape: Shape) =>
  z.object({ option, reason: z.literal(reason), ...shape });

const quota = { resource: z.string(), needed: z.int(), available: z.int() };

/** What stands in the way of one of the ways to run a job. */
const blocker = z.discriminatedUnion('reason', [
  ofOption('no_pool', {}).meta(about('No pool is of a market and region that it accepts, and has what it needs.')),
  ofOption('price', {
    usd_per_hour: dollarsOut.nullable().meta(about('The least that its nodes would cost; null: they are not sold now.')),
    max_usd_per_hour: dollarsOut.nullable(),
  }),
  ofOption('exceeds_quota', quota).meta(about('More than its queue may ever have.')),
  ofOption('quota', quota).meta(about('More than its queue and those that lend to it have left now.')),
  ofOption('exceeds_capacity', {}).meta(about('The nodes would not do if they were all free.')),
  ofOption('no_room', {
    pool: z.string().nullable().meta(about('The one that comes closest.')),
    lacking: z.enum(['accelerators', 'cpu', 'memory', 'topology', 'nodes']).nullable(),
    nodes_free: z.int().nullable(),
    nodes_needed: z.int().nullable(),
  }),
  ofOption('reserved', {
    reservation: z.string().nullable().meta(about('Null: of another tenant.')),
    from: unixSeconds,
    until: unixSeconds,
  }).meta(about('The nodes are reserved for another queue: since `from`, or from then on and the job may take longer.')),
  ofOption('too_late', { runtime_s: z.number() }).meta(
    about(
      'It would run for so long there, and not be done by its deadline. By others of its `resources` it still can be, and waits for them.',
    ),
  ),
  ofOption('held', { for_job: z.string().nullable().meta(about('A job of the tenant; null: one of another tenant.')) }).meta(
    about('What is free is reserved for a job that comes first.'),
  ),
]);

const WHO = ['tenant', 'operator'] as const;

/** A step: who takes it, and by which call. */
const step = <Kind extends string, Shape extends z.core.$ZodLooseShape>(kind: Kind, shape: Shape) =>
  z.object({ kind: z.literal(kind), who: z.enum(WHO), call: z.string(), ...shape });

const steps = z.discriminatedUnion('kind', [
  step('more_quota', {
    option,
    resource: z.string(),
    amount: z.number().meta(about('So much more `nominal` quota than there is.')),
  }).meta(about('Of the queue or cohort that `call` names; `POST /v1/cohorts`: of a cohort for the tenant of the job, which has none.')),
  step('more_nodes', {
    option,
    pool: z.string(),
    by: z.int(),
    node: nodeCapacity.meta(about('What each of them has, at least.')),
    domains: z.record(z.string(), z.string()).meta(about('Where they lie.')),
    runs: z.string().nullable().meta(about('The kind that their operator has to let them run.')),
  }).meta(about('Agents that register with the pool, each for one attempt at a time or as many as the others there.')),
  step('uncordon', { option, pool: z.string(), nodes: z.array(z.string()) }),
  step('end_reservation', { option, reservation: z.string().nullable().meta(about('Null: of another tenant.')) }),
  step('higher_priority', { priority: z.int() }),
  step('allow_eviction', { queue: z.string(), of: z.enum(['borrowers', 'lower_priority']) }).meta(
    about('By the `preemption` of its queue: `reclaim`, or `within_queue`.'),
  ),
  step('suspend_job', { job: z.string() }),
  step('higher_price_limit', { option, max_usd_per_hour: dollarsOut.nullable().meta(about('Null: none, as the pools have no price.')) }),
  step('shorter_runtime', { option, max_runtime_s: z.int() }).meta(
    about('Surely done by then, it goes before the job for which nodes are reserved.'),
  ),
  step('accept_more_pools', { option, market: z.string(), region: z.string() }),
  step('smaller_demand', { option, nodes: z.int(), node: nodeCapacity }),
  step('resume', {}),
  step('start_queue', { queue: z.string() }).meta(about('By its `stop_policy`.')),
  step('lift_suspension', {}),
  step('more_budget', {}).meta(about('`budget` says how much it needs.')),
  step('finish_dependencies', { jobs: z.array(z.string()) }).meta(about('No call does that: they have to succeed.')),
]);

export type RemedyStepReply = z.infer<typeof steps>;

const evicts = z.object({
  jobs: z.array(z.string()).meta(about('Jobs of the tenant that are asked to stop for it.')),
  others: z.int().meta(about('How many of other tenants are.')),
});

const remedies = z.array(
  z.object({
    steps: z
      .array(steps)
      .meta(
        about(
          'To be taken in this order. With `POST /v1/jobs` the job is cancelled and submitted again, with what the step says in place of what it said.',
        ),
      ),
    evicts,
  }),
);

/** Why a job waits; the same of a job that is only planned. */
const waiting = {
  reason: z
    .enum(WAIT_REASONS)
    .meta(
      about(
        '`kind_not_offered`: no agent runs jobs of this kind. `others_first`: an agent is free, and jobs before this one get it. `cell_full`: as many attempts run as may run at once. `queue_quota`: its queue, or a cohort above, has no quota left. `nodes_reserved`: nodes that would do are reserved for another queue. `deadline`: on the nodes that are free it would not be done by its deadline, and on others it still can be: it waits for these. `queue_stopped`: its queue is on hold. `next_round`: jobs of its queue take turns, and all that is free or may be taken from others is taken; see `time_slice`. `budget_exhausted`: a quota or budget is used up, or does not suffice for this job to its end; see `budget`. It is tried again at `retry_at`, when a job of its project ends, and at once when rules or budgets change. `being_placed`: it has its nodes; others have still to leave them, or it is being paid for. `scaled_to_zero`: no call has come, by which it gets a replica (`scaling.min`). Of several ways to run a job, that of the one which comes closest.',
      ),
    ),
  options: z.array(blocker).meta(about('What stands in the way of each of its `resources`.')),
  position: z.int().min(1).nullable().meta(about('Among the waiting jobs of its queue; null when it does not wait in the queue.')),
  ahead: z.array(z.string()).meta(about('The next few of its queue before it, first to last.')),
  waiting_elsewhere: z.int().meta(about('Waiting jobs of other tenants. Agents are shared between tenants, whatever the priorities.')),
  waits_for: z.array(z.string()).meta(about('The jobs that it depends on and that have not succeeded yet.')),
  retry_at: unixSeconds.nullable().meta(about('With `budget_exhausted`: when it is tried again.')),
  room_at: unixSeconds
    .nullable()
    .meta(
      about(
        'When there will be room for it, at the latest, if the jobs that run take as long as they may and none goes before it; null when that is not known. When it will probably start: see `starts_between`.',
      ),
    ),
  starts_between: startsBetween
    .nullable()
    .meta(about('When it will start, as far as that can be known; null when it does not wait for nodes.')),
  agents_lacking: z.int().nullable().meta(about('So many agents more would start it; null when more agents alone would not.')),
  remedies: remedies.meta(
    about('Each of these starts it, as was found by trying it on a copy of what there is: if nothing else happens before.'),
  ),
};

const held = z.object({
  model: z.string(),
  memory_mib: z.int(),
  load_ms: z.int().meta(about('What loading them takes where it has not been measured yet.')),
  nodes: z.int(),
});

const SCALE_REASONS = [
  'load',
  'least',
  'most',
  'scale_down_delay',
  /** There is no node for another one: others wait for what is free, or quota, price or the pool's size allow no more. */
  'no_more_nodes',
  /** None is running, or none has said how much it does. */
  'not_measured',
] as const;
export type ScaleReason = (typeof SCALE_REASONS)[number];

const scaling = z.object({
  replicas: z.int().meta(about('How many there are.')),
  wanted: z.int().meta(about('How many there are to be: within `min` and `max` of its `nodes`.')),
  outstanding: z.number().nullable().meta(about('Requests under way on all of them together, of late and on average.')),
  outstanding_per_replica: z.number(),
  reason: z
    .enum(SCALE_REASONS)
    .meta(
      about(
        '`load`: as many as it takes for each to have `outstanding_per_replica`. `least`, `most`: fewer would do, or more were needed. `scale_down_delay`: fewer would do, and are to be there at `fewer_at`. `no_more_nodes`: more are wanted than there are nodes for. `not_measured`: none has said how much it does.',
      ),
    ),
  fewer_at: unixSeconds.nullable().meta(about('When there will be fewer if the load asks for no more until then.')),
});

const turn = z.object({
  round_s: z.int(),
  next_round_at: unixSeconds.nullable().meta(about('When jobs next take turns; null while none of the queue has nodes.')),
  attained_s: z
    .number()
    .meta(about('How long it has run in all, converted to time on the type that is fastest for it: jobs with the least go first.')),
  ahead: z.int().meta(about('Jobs of its queue that go first: with higher priority, or with equal priority and less attained.')),
});

const budget = z.object({
  needs_usd: dollarsOut.meta(
    about(
      'To its end, as far as that is known, its tokens included: by `max_runtime_s`, or less if jobs like it have taken less, without what it has saved; where that says nothing, what it takes to begin.',
    ),
  ),
  left_usd: dollarsOut.nullable().meta(about('When it was last tried; null: nothing, or what is used up is no budget.')),
});

const explanation = named('JobExplanation', {
  job: z.string(),
  object: z.literal('job_explanation'),
  state: z.enum(JOB_STATES),
  ...waiting,
  budget: budget.nullable().meta(about('With `budget_exhausted`: what it waits for.')),
  reserved: z
    .array(
      z.object({
        resource: z.string(),
        until: unixSeconds,
        reservation: z.string().nullable().meta(about('Null: of another tenant.')),
      }),
    )
    .meta(about('Reservations of other queues for what it asks for: they stand in its way until then, or until they are ended.')),
  weights: held
    .nullable()
    .meta(
      about(
        'Of a job that works with a model and is not over: on how many nodes its weights are now. It goes there, if one of them has room.',
      ),
    ),
  scaling: scaling.nullable().meta(about('Of a job that has as many replicas as its load asks for: why there are so many.')),
  time_slice: turn.nullable().meta(about('For an unfinished job of a queue whose jobs take turns.')),
  deadline: deadlineOutlook.nullable().meta(about('Of an unfinished job with a deadline: whether it will be done by then.')),
  lost_node: z
    .object({ node: z.string(), at: unixSeconds })
    .nullable()
    .meta(about('Of a job that waits again since the node of its last attempt was lost: which, and when.')),
  evicted: z
    .object({
      reason: z.enum(['priority', 'reclaim', 'fair_share', 'time_slice']),
      for_job: z.string().nullable().meta(about('The job that its nodes were taken for; null: one of another tenant.')),
    })
    .nullable()
    .meta(
      about(
        'Of a job that made room for another: `priority`: for one of its queue with more; `reclaim`: for one whose quota it had borrowed; `fair_share`: for one of a queue that had less; `time_slice`: for those of its queue that had attained less (no one job is named).',
      ),
    ),
});

export type JobExplanationReply = z.infer<typeof explanation>;

const plan = named('JobPlan', {
  object: z.literal('job_plan'),
  outcome: z
    .enum(['starts', 'waits'])
    .meta(about('`starts`: it would get its nodes at once; those that are evicted for it leave them first.')),
  placement: z
    .object({
      option,
      pool: z.string(),
      nodes: z.int(),
      start_at: unixSeconds
        .nullable()
        .meta(
          about(
            'At the latest, if the jobs that are evicted take all of their grace; if it waits, if the jobs that run take as long as they may and none goes before it. Null when that is not known.',
          ),
        ),
      usd_per_hour: dollarsOut.meta(
        about(
          'What its time on all its nodes is billed, at the price when it starts as far as that is known: what `max_usd_per_hour` is compared with.',
        ),
      ),
      price: z
        .string()
        .nullable()
        .meta(about('Names the price: one that the pool states, or a price list; null: it is not sold.', PRICE_ID)),
      weights: held.nullable().meta(about('On how many of its nodes the weights of its model are already; null: it needs none.')),
      max_cost_usd: dollarsOut
        .nullable()
        .meta(
          about('The most that one attempt is billed by the prices that are known, its tokens included; null without `max_runtime_s`.'),
        ),
    })
    .nullable()
    .meta(about('Where it would start; if it waits, where there will be room first, if there ever is.')),
  evicts,
  waiting: z.object(waiting).nullable(),
  deadline: deadlineOutlook.nullable().meta(about('Whether it would be done by `deadline_at`; null: it has none.')),
});

export type JobPlanReply = z.infer<typeof plan>;

export const jobExplanationEndpoints = {
  explainJob: {
    ...jobCommon,
    ...call('GET', '/v1/jobs/:job/explain'),
    summary: 'Why a job waits, and what would help',
    description: 'Of the jobs of other tenants it says how many there are, and nothing else.',
    params: jobParams,
    status: 200,
    reply: json(explanation),
  },
  planJob: {
    needsNoMoney: true,
    ...jobCommon,
    ...call('POST', '/v1/jobs:plan', json(submission)),
    summary: 'What would become of a job: where, when, at what cost',
    description:
      'Takes what `POST /v1/jobs` takes, and is refused as that would be. Queues nothing: if nothing else happens, this is what the submission leads to. Whether quotas and budgets pay for it is asked once it is submitted.',
    status: 200,
    reply: json(plan),
  },
} as const satisfies Record<string, Endpoint>;

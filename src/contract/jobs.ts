import * as z from 'zod';

import { about, apiOnly, apiText } from './api-text.ts';
import { FAILURE_REASONS, progress } from './attempt.ts';
import { ownerOrCallers, page, pageQuery, unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenant } from './endpoint.ts';
import { fileId } from './files.ts';
import { LIMITS } from './limits.ts';

const PRIORITIES = ['low', 'normal', 'high'] as const;
export type Priority = (typeof PRIORITIES)[number];

const JOB_STATES = ['pending', 'starting', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

const attempt = apiOnly(() =>
  z.object({
    fence: z.int().min(1).meta(about('Rises with every attempt.')),
    pool: z.string(),
    started_at: unixSeconds,
    ended_at: unixSeconds.nullable(),
    outcome: z.enum(['running', 'succeeded', ...FAILURE_REASONS]),
  }),
);

const job = apiOnly(() =>
  z
    .object({
      id: z.string(),
      object: z.literal('job'),
      kind: z.literal('batch_embedding'),
      model: z.string(),
      input_file: z.string(),
      owner: z.string(),
      priority: z.enum(PRIORITIES),
      state: z.enum(JOB_STATES),
      max_attempts: z.int(),
      attempts: z.array(attempt),
      progress,
      output_file: z.string().nullable(),
      error: z.object({ reason: z.enum(FAILURE_REASONS), message: z.string() }).nullable(),
      created_at: unixSeconds,
      started_at: unixSeconds.nullable(),
      finished_at: unixSeconds.nullable(),
      usage: z.object({ job_tokens: z.int(), accelerator_ms: z.int() }).nullable(),
      cost_usd: z.string().nullable().meta(about('Exact decimal, once the job has finished.')),
    })
    .meta({ id: 'Job' }),
);

export type JobReply = z.infer<typeof job>;

const WAIT_REASONS = ['no_free_agent', 'no_pool', 'others_first', 'cell_full', 'tenant_suspended', 'not_waiting'] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

const explanation = apiOnly(() =>
  z
    .object({
      job: z.string(),
      object: z.literal('job_explanation'),
      state: z.enum(JOB_STATES),
      reason: z
        .enum(WAIT_REASONS)
        .meta(
          about('`others_first`: an agent is free, and jobs before this one get it. `cell_full`: as many attempts run as may run at once.'),
        ),
      position: z.int().min(1).nullable().meta(about('Among the waiting jobs of the tenant; null when the job does not wait.')),
      ahead: z.array(z.string()).meta(about('The next few of the tenant before it, first to last.')),
      waiting_elsewhere: z.int().meta(about('Waiting jobs of other tenants. Agents are shared between tenants, whatever the priorities.')),
      agents_lacking: z.int().nullable().meta(about('So many agents more would bring it closer to a start; null when none would.')),
    })
    .meta({ id: 'JobExplanation' }),
);

export type JobExplanationReply = z.infer<typeof explanation>;

const create = z
  .strictObject({
    kind: z.literal('batch_embedding'),
    model: z.string().min(1).max(LIMITS.nameCharsMax),
    input_file: fileId.meta(about('JSONL: OpenAI batch lines for `/v1/embeddings`, or `{"id","text"}` lines.')),
    owner: ownerOrCallers,
    priority: z.enum(PRIORITIES).default('normal'),
    max_attempts: z.int().min(1).max(LIMITS.jobAttemptsMaxCount).default(LIMITS.jobAttemptsDefaultCount),
  })
  .meta({ id: 'CreateJob' });

export type CreateJob = z.infer<typeof create>;

const jobId = z
  .string()
  .regex(/^job_[0-9a-z]{26}$/, 'must be the id of a job')
  .meta(apiText({ example: 'job_0123456789abcdefghjkmnpqrs' }));

const params = z.strictObject({ job: jobId });

const common = { tag: 'Jobs', access: tenant('jobs'), meters: [] } as const;

export const jobEndpoints = {
  createJob: {
    ...common,
    method: 'POST',
    path: '/v1/jobs',
    summary: apiText('Queue a heavy job for the pools'),
    body: json(create),
    status: 201,
    reply: json(job),
    idempotent: true,
  },
  listJobs: {
    ...common,
    method: 'GET',
    path: '/v1/jobs',
    summary: apiText('List jobs, newest first'),
    description: apiText('To get the next page, pass the `id` of the last job as `after`; it need not be in the state asked for any more.'),
    query: pageQuery.extend({
      state: z.enum(JOB_STATES).optional().meta(about('Jobs that are in this state now; all if absent.')),
    }),
    body: NO_BODY,
    status: 200,
    reply: json(apiOnly(() => page(job))),
  },
  getJob: {
    ...common,
    method: 'GET',
    path: '/v1/jobs/:job',
    summary: apiText('State, progress and cost of a job'),
    params,
    body: NO_BODY,
    status: 200,
    reply: json(job),
  },
  explainJob: {
    ...common,
    method: 'GET',
    path: '/v1/jobs/:job/explain',
    summary: apiText('Why a job waits'),
    params,
    body: NO_BODY,
    status: 200,
    reply: json(explanation),
  },
  cancelJob: {
    ...common,
    method: 'POST',
    path: '/v1/jobs/:job/cancel',
    summary: apiText('Cancel a job'),
    description: apiText('A running job is `cancelling` until its agent has stopped. A finished one is answered unchanged.'),
    params,
    body: NO_BODY,
    status: 200,
    reply: json(job),
  },
} as const satisfies Record<string, Endpoint>;

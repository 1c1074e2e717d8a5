import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import { embeddingEndpoints, embeddingList } from '../embeddings/embeddings.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, NO_BODY } from '../api/endpoint.ts';
import { priority } from './job-terms.ts';
import { attempt, job, jobCommon, jobParams } from './jobs.ts';
import { JOB_LIMITS } from './job-limits.ts';
import { PRICE_ID } from '../tenancy/accelerator-prices.ts';
import { dollarsOut } from '../tenancy/money.ts';
import { wholeText } from '../api/text-number.ts';

// What the owner of a job can have done to it, and what it has cost.

const attempts = z.object({ object: z.literal('list'), data: z.array(attempt), has_more: z.literal(false) });

const segment = z.object({
  attempt: z.int().meta(about('The fence of the attempt.')),
  pool: z.string(),
  nodes: z.int(),
  accelerator: z.string().nullable(),
  started_at: unixSeconds,
  ended_at: unixSeconds,
  ms: z.int(),
  accelerator_ms: z.int().meta(about('What is billed: `ms` times the accelerators held, of a node without any one.')),
  usd_per_hour: dollarsOut.meta(about('The price of one accelerator, or of one node without any.')),
  price: z
    .string()
    .nullable()
    .meta(about('Names that price: one that its pool stated, or a price list; null: charged before prices had names.', PRICE_ID)),
  amount_usd: dollarsOut,
});

const cost = named('JobCost', {
  job: z.string(),
  object: z.literal('job_cost'),
  segments: z
    .array(segment)
    .meta(about('Stretches of attempts on the same nodes, oldest first. One under way is charged within 10 minutes.')),
  earlier_usd: dollarsOut.meta(about(`Of segments before the newest ${JOB_LIMITS.jobSegmentsMaxCount}, which are all that is listed.`)),
  job_tokens: z.int(),
  job_tokens_usd: dollarsOut,
  accelerator_ms: z.int(),
  total_usd: dollarsOut.meta(about('The sum of all of these, to the nano-dollar.')),
});

export type JobCostReply = z.infer<typeof cost>;

const verb = { ...jobCommon, method: 'POST', params: jobParams, status: 200, reply: json(job) } as const;

export const jobControlEndpoints = {
  cancelJob: {
    needsNoMoney: true,
    ...verb,
    path: '/v1/jobs/:job/cancel',
    summary: 'Cancel a job',
    description: 'A running job is `cancelling` until its agent has stopped. A finished one is answered unchanged.',
    body: NO_BODY,
  },
  suspendJob: {
    needsNoMoney: true,
    ...verb,
    path: '/v1/jobs/:job/suspend',
    summary: 'Let a job wait until it is resumed',
    description:
      'A running job is `stopping` until its agent has saved and stopped, within its grace, then `suspended`. A suspended job keeps its place in the queue. ' +
      'One that is finished or being cancelled is refused with `state_conflict`.',
    body: NO_BODY,
  },
  resumeJob: {
    ...verb,
    path: '/v1/jobs/:job/resume',
    summary: 'Let a suspended job go on',
    description:
      'A job that is not suspended is answered unchanged; one that is finished or being cancelled is refused with `state_conflict`.',
    body: NO_BODY,
  },
  preemptJob: {
    ...verb,
    path: '/v1/jobs/:job/preempt',
    summary: 'Take the nodes of a running job, after its grace, and queue it again',
    description: 'A waiting job is answered unchanged; one that is finished or being cancelled is refused with `state_conflict`.',
    query: z.strictObject({
      attempt: wholeText(1)
        .optional()
        .meta(about('The fence of the attempt to stop: a repetition then leaves the next attempt alone. If absent, the one under way.')),
    }),
    body: NO_BODY,
  },
  resizeJob: {
    ...verb,
    path: '/v1/jobs/:job/resize',
    summary: 'Let an elastic job have more or fewer nodes',
    description:
      'Within the range of nodes that it was submitted with. It gives up nodes at once and gets more as they are free. One that is finished or being ' +
      'cancelled is refused with `state_conflict`.',
    body: json(z.strictObject({ nodes: z.int().min(1).max(JOB_LIMITS.jobNodesMaxCount) })),
  },
  reprioritiseJob: {
    ...verb,
    path: '/v1/jobs/:job/reprioritise',
    summary: 'Give a job another priority',
    description: 'One that is finished or being cancelled is refused with `state_conflict`.',
    body: json(z.strictObject({ priority })),
  },
  embedOnJob: {
    ...jobCommon,
    ...call('POST', '/v1/jobs/:job/embeddings', embeddingEndpoints.createEmbeddings.body),
    summary: 'Embed texts on the replicas of a job',
    description:
      'As `POST /v1/embeddings`, by a replica of a job of the kind `online_inference`: the healthy one with the fewest calls under way. `model` is that ' +
      'of the job. While none is healthy the answer is `no_healthy_replica`.',
    meters: ['job_tokens'],
    params: jobParams,
    status: 200,
    reply: json(embeddingList),
  },
  listJobAttempts: {
    ...jobCommon,
    ...call('GET', '/v1/jobs/:job/attempts'),
    summary: 'The attempts at a job, oldest first',
    description: `The newest ${JOB_LIMITS.jobAttemptsKeptCount} that have ended, and the one under way.`,
    params: jobParams,
    status: 200,
    reply: json(attempts),
  },
  getJobCost: {
    ...jobCommon,
    ...call('GET', '/v1/jobs/:job/cost'),
    summary: 'What a job has cost, segment by segment',
    description: 'Exactly what the ledger was charged for it.',
    params: jobParams,
    status: 200,
    reply: json(cost),
  },
} as const satisfies Record<string, Endpoint>;

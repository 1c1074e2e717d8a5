import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { FAILURE_REASONS } from './attempt.ts';
import { progress } from './attempt-report.ts';
import { name, ownerOrCallers, page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { jobId, MARKETS, priority, TERMS } from './job-terms.ts';
import { JOB_KINDS, WORK_SCHEMAS } from './job-work.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { lineFaults } from './attempt-report.ts';
import { dollarsOut } from '../tenancy/money.ts';
import { deadlineOutlook } from './job-deadline.ts';
import { wholeText } from '../api/text-number.ts';

export const JOB_STATES = [
  'pending',
  'suspended',
  'starting',
  'running',
  'stopping',
  'cancelling',
  'succeeded',
  'failed',
  'cancelled',
] as const;
export type JobState = (typeof JOB_STATES)[number];

const exitCode = z.int().nullable().meta(about('Of the program, if it ended by itself and not with 0.'));

/** Why an attempt is asked to stop, or has lost its nodes. */
export const STOP_REASONS = [
  /** For a job of its queue with more priority, one whose quota it had borrowed, or one of a queue that has less. */
  'priority',
  'reclaim',
  'fair_share',
  'spot_notice',
  'node_drain',
  'node_lost',
  'max_duration',
  'deadline',
  'cost_cap',
  'tenant_suspended',
  'queue_stopped',
  /** It takes turns with others of its queue, and these have had less; or it goes on with other nodes. */
  'time_slice',
  /** Its nodes are reserved for another queue. */
  'reserved',
  'budget_exhausted',
  'scaled_to_zero',
  /** As its owner wants: suspended, preempted or cancelled. */
  'suspended',
  'requested',
  'cancelled',
] as const;
export type StopReason = (typeof STOP_REASONS)[number];

export const attempt = z.object({
  fence: z.int().min(1).meta(about('Rises with every attempt.')),
  pool: z.string(),
  started_at: unixSeconds,
  ended_at: unixSeconds.nullable(),
  outcome: z.enum(['running', 'succeeded', ...FAILURE_REASONS]),
  exit_code: exitCode,
  stopped_for: z
    .enum(STOP_REASONS)
    .nullable()
    .meta(
      about(
        'Why it was asked to stop; null when it was not. `priority`, `reclaim` and `fair_share`: for another job. `queue_stopped`: its queue is drained. `time_slice`: jobs of its queue take turns. `suspended` and `requested`: as the owner of the job wanted.',
      ),
    ),
});

/** Why a job failed: as its last attempt did, or by what its owner had set. */
export const JOB_ERRORS = [
  ...FAILURE_REASONS,
  'deadline_exceeded',
  'runtime_exceeded',
  'cost_exceeded',
  /** A job that it depends on did not succeed. */
  'dependency_failed',
] as const;

export type JobErrorReason = (typeof JOB_ERRORS)[number];

const resources = z.object({
  accelerator: z.string().nullable(),
  accelerators_per_node: z.int(),
  accelerator_milli: z.int().meta(about('Thousandths of each accelerator.')),
  cpu_milli: z.int(),
  memory_mib: z.int(),
  nodes: z.object({ min: z.int(), max: z.int(), step: z.int() }),
  markets: z.array(z.enum(MARKETS)),
  regions: z.array(z.string()).nullable(),
  topology: z.object({ level: z.string(), mode: z.enum(['required', 'preferred']), block: z.boolean() }).nullable(),
  throughput: z.number(),
});

const output = z.object({ path: z.string(), file: z.string(), bytes: z.int(), sha256: z.string() });

export const jobError = z
  .object({
    reason: z.enum(JOB_ERRORS),
    message: z.string(),
    exit_code: exitCode,
    lines: lineFaults.optional().meta(about('With `input_invalid`: the first faults of the input.')),
  })
  .nullable();

const jobFields = {
  id: z.string(),
  object: z.literal('job'),
  owner: z.string(),
  name: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  queue: z.string(),
  priority: priority.meta(about('As it was given.')),
  state: z.enum(JOB_STATES),
  nodes: z.int().meta(about('On how many nodes it is now.')),
  nodes_wanted: z.int().nullable().meta(about('How many nodes it was resized to; null: as many as are free, up to its most.')),
  resources: z.array(resources),
  deadline_at: unixSeconds.nullable(),
  deadline: deadlineOutlook
    .nullable()
    .meta(
      about(
        'Whether it will be done by then, and why: before it has nodes, as if it had started when it was submitted, or when that became too late. Null without a deadline, and once it is over.',
      ),
    ),
  deadline_policy: z.enum(['refuse', 'best_effort']),
  work_s: z.number().nullable(),
  max_runtime_s: z.int().nullable(),
  checkpoint_interval_s: z.int().nullable(),
  grace_s: z.int(),
  max_cost_usd: dollarsOut.nullable(),
  max_usd_per_hour: dollarsOut.nullable(),
  depends_on: z.array(z.string()),
  max_attempts: z.int(),
  attempts: z.array(attempt),
  progress,
  output_file: z.string().nullable().meta(about('The first of `outputs`.')),
  outputs: z.array(output).meta(about('What the job has made, once it has succeeded.')),
  registered_model: z
    .string()
    .nullable()
    .meta(about('The version that the outputs were registered as, such as `minilm@2`; null: none, or not yet.')),
  checkpoint: z
    .object({ bytes: z.int(), sha256: z.string() })
    .nullable()
    .meta(about('What its attempts have saved last, until the job has succeeded.')),
  error: jobError,
  created_at: unixSeconds,
  started_at: unixSeconds.nullable(),
  finished_at: unixSeconds.nullable(),
  usage: z.object({ job_tokens: z.int(), accelerator_ms: z.int() }).nullable(),
  cost_usd: z.string().nullable().meta(about('Exact decimal, once the job has finished.')),
};

const replica = z.object({
  number: z.int().meta(about('In the order in which replicas joined; none is used twice in an attempt.')),
  node: z.string(),
  address: z.string().nullable().meta(about('Where it serves; null while it starts.')),
  health: z.enum(['starting', 'healthy', 'unhealthy']),
});

/** What a job does is shown as it was submitted, by the fields of its kind. */
export const job = z
  .discriminatedUnion('kind', [
    named('JobBatchEmbedding', { ...WORK_SCHEMAS.batch_embedding.shape, ...jobFields }),
    named('JobCommand', { ...WORK_SCHEMAS.command.shape, ...jobFields }),
    named('JobTraining', { ...WORK_SCHEMAS.training.shape, ...jobFields }),
    named('JobOnlineInference', { ...WORK_SCHEMAS.online_inference.shape, ...jobFields, replicas: z.array(replica) }),
    named('JobIndexBuild', { ...WORK_SCHEMAS.index_build.shape, ...jobFields }),
    named('JobQuantize', { ...WORK_SCHEMAS.quantize.shape, ...jobFields }),
    named('JobPrune', { ...WORK_SCHEMAS.prune.shape, ...jobFields }),
    named('JobDistill', { ...WORK_SCHEMAS.distill.shape, ...jobFields }),
  ])
  .meta({ id: 'Job' });

export type JobReply = z.infer<typeof job>;

const options = { owner: ownerOrCallers, ...TERMS };

/** Work of some kind, and what it asks of the scheduler: one schema for each kind. */
export const submission = z
  .discriminatedUnion('kind', [
    WORK_SCHEMAS.batch_embedding.extend(options).meta({ id: 'CreateJobBatchEmbedding' }),
    WORK_SCHEMAS.command.extend(options).meta({ id: 'CreateJobCommand' }),
    WORK_SCHEMAS.training.extend(options).meta({ id: 'CreateJobTraining' }),
    WORK_SCHEMAS.online_inference.extend(options).meta({ id: 'CreateJobOnlineInference' }),
    WORK_SCHEMAS.index_build.extend(options).meta({ id: 'CreateJobIndexBuild' }),
    WORK_SCHEMAS.quantize.extend(options).meta({ id: 'CreateJobQuantize' }),
    WORK_SCHEMAS.prune.extend(options).meta({ id: 'CreateJobPrune' }),
    WORK_SCHEMAS.distill.extend(options).meta({ id: 'CreateJobDistill' }),
  ])
  .meta({ id: 'CreateJob' });

export type CreateJob = z.output<typeof submission>;

const unixSecondsQuery = wholeText(0).optional();

export const jobParams = z.strictObject({ job: jobId });

export const jobCommon = { tag: 'Jobs', access: tenant('jobs'), meters: [] } as const;

export const jobEndpoints = {
  createJob: {
    ...jobCommon,
    ...call('POST', '/v1/jobs', json(submission)),
    summary: 'Queue a heavy job for the pools',
    status: 201,
    reply: json(job),
    idempotent: true,
  },
  listJobs: {
    ...jobCommon,
    ...call('GET', '/v1/jobs'),
    summary: 'List jobs, newest first',
    description:
      'To get the next page, pass `next` as `after`. Filters are combined. A page of rare jobs may have fewer than `limit`, or none, and still a `next`.',
    query: pageQuery.extend({
      state: z.enum(JOB_STATES).optional().meta(about('Jobs that are in this state now; all if absent.')),
      kind: z.enum(JOB_KINDS).optional(),
      queue: name.optional(),
      label: z
        .string()
        .regex(/^[^=]+=/, 'must be name=value')
        .max(2 * API_LIMITS.nameCharsMax + 1)
        .optional()
        .meta(about('Jobs with this label.', 'team=search')),
      created_after: unixSecondsQuery.meta(about('Jobs submitted then or later, in seconds since the Unix epoch.')),
      created_before: unixSecondsQuery.meta(about('Jobs submitted before then.')),
    }),
    status: 200,
    reply: json(page(job).extend({ next: z.string().nullable().meta(about('Pass it as `after`; null: there are no more.')) })),
  },
  getJob: {
    ...jobCommon,
    ...call('GET', '/v1/jobs/:job'),
    summary: 'State, progress and cost of a job',
    params: jobParams,
    status: 200,
    reply: json(job),
  },
  getJobLogs: {
    ...jobCommon,
    ...call('GET', '/v1/jobs/:job/logs'),
    summary: 'What the attempts of a job have written',
    description:
      'Text, from byte `offset` on. `x-sluice-log-attempt` names the attempt and `x-sluice-log-next` the offset to read on from. Of each attempt the newest 4 MiB are kept, for 30 days; a line in brackets stands where bytes are missing. With `follow` the answer goes on until the attempt is over: without `attempt`, until the job is; after half an hour at most, and then its last line, in brackets, names the attempt and the offset to go on with.',
    params: jobParams,
    query: z.strictObject({
      attempt: wholeText(1).optional().meta(about('The fence of the attempt; the newest if absent.')),
      rank: wholeText(0).default(0).meta(about('Which of the processes of a gang, in the order in which they joined it.')),
      offset: wholeText(0).default(0),
      follow: z.enum(['true', 'false']).default('false'),
    }),
    status: 200,
    reply: { kind: 'bytes', contentType: 'text/plain; charset=utf-8' },
  },
} as const satisfies Record<string, Endpoint>;

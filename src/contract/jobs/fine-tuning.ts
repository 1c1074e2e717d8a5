import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { metadata } from './batches.ts';
import { page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { fileId } from '../files/files.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';
import { registration } from './registration.ts';

// OpenAI's fine-tuning jobs. Each is a job of the kind `training` that runs the program `sluice-fine-tune`: `ftjob_X` is `job_X`.

const auto = <S extends z.core.$ZodType>(number: S) => z.union([z.literal('auto'), number]).optional();

const hyperparameters = z.strictObject({
  n_epochs: auto(z.int().min(1).max(JOB_LIMITS.tuningEpochsMaxCount)),
  batch_size: auto(z.int().min(2).max(JOB_LIMITS.tuningBatchMaxCount)),
  learning_rate_multiplier: auto(z.number().min(JOB_LIMITS.tuningRateMin).max(JOB_LIMITS.tuningRateMax)),
});

const create = z
  .strictObject({
    model: z.string().min(1).max(API_LIMITS.nameCharsMax).meta(about('The base: a static model of the deployment.', 'glove-sif-100')),
    training_file: fileId.meta(about('JSONL with the purpose `fine-tune`: a line is `{"anchor": "text", "positive": "text"}`.')),
    validation_file: fileId.nullable().optional().meta(about('Lines of the same form, which are measured and never learnt.')),
    suffix: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower-case letters, digits and inner hyphens')
      .max(API_LIMITS.nameCharsMax)
      .nullable()
      .optional()
      .meta(about('Part of the name of the tuned model.', 'support')),
    seed: z
      .int()
      .min(0)
      .max(JOB_LIMITS.tuningSeedMax)
      .nullable()
      .optional()
      .meta(about('Equal seeds and files give the same model; 0 if absent.')),
    hyperparameters: hyperparameters.optional(),
    method: z
      .strictObject({
        type: z.literal('supervised'),
        supervised: z.strictObject({ hyperparameters: hyperparameters.optional() }).optional(),
      })
      .optional()
      .meta(about('Where newer clients have the hyperparameters.')),
    metadata: metadata.nullable().optional(),
    register: registration
      .optional()
      .meta(
        about(
          'Registers the tuned model once it is there: `fine_tuned_model` is then its version, such as `support@1`, which `/v1/embeddings` serves.',
        ),
      ),
  })
  .refine(({ hyperparameters: old, method }) => old === undefined || method?.supervised?.hyperparameters === undefined, {
    path: ['hyperparameters'],
    message: 'are in `method` already',
  })
  .meta({ id: 'CreateFineTuningJob' });

export type CreateTuning = z.output<typeof create>;

const TUNING_STATUSES = ['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'] as const;

export type TuningStatus = (typeof TUNING_STATUSES)[number];

const chosen = z.object({ n_epochs: z.int(), batch_size: z.int(), learning_rate_multiplier: z.number() });

const tuning = named('FineTuningJob', {
  id: z.string(),
  object: z.literal('fine_tuning.job'),
  created_at: unixSeconds,
  finished_at: unixSeconds.nullable(),
  estimated_finish: unixSeconds.nullable(),
  status: z.enum(TUNING_STATUSES).meta(about('`running` until its agent has stopped, also once it is to be cancelled.')),
  model: z.string().meta(about('The base, with its version.')),
  fine_tuned_model: z
    .string()
    .nullable()
    .meta(
      about(
        'Once it has succeeded: the version that it was registered as; without `register` the id in `manifest.json`, one of the outputs of the job.',
      ),
    ),
  organization_id: z.string(),
  training_file: z.string(),
  validation_file: z.string().nullable(),
  result_files: z.array(z.string()).meta(about('Once it has succeeded: the table of what was measured, as CSV.')),
  trained_tokens: z.int().nullable().meta(about('Once it has succeeded; null in lists, and once the result file is gone.')),
  error: z.object({ code: z.string(), message: z.string(), param: z.string().nullable() }).nullable(),
  hyperparameters: chosen,
  method: z.object({ type: z.literal('supervised'), supervised: z.object({ hyperparameters: chosen }) }),
  seed: z.int(),
  integrations: z.array(z.never()),
  metadata: z.record(z.string(), z.string()).nullable(),
});

export type TuningReply = z.infer<typeof tuning>;

const figures = z.record(z.string(), z.number());

const event = z.object({
  id: z.string(),
  object: z.literal('fine_tuning.job.event'),
  created_at: unixSeconds,
  level: z.enum(['info', 'warn', 'error']),
  type: z.enum(['message', 'metrics']),
  message: z.string(),
  data: figures,
});

export type TuningEventReply = z.infer<typeof event>;

const checkpoint = z.object({
  id: z.string(),
  object: z.literal('fine_tuning.job.checkpoint'),
  created_at: unixSeconds,
  fine_tuning_job_id: z.string(),
  fine_tuned_model_checkpoint: z.string(),
  step_number: z.int(),
  metrics: figures,
});

export type TuningCheckpointReply = z.infer<typeof checkpoint>;

const params = z.strictObject({
  tuning: z
    .string()
    .regex(/^ftjob_[0-9a-z]{26}$/, 'must be the id of a fine-tuning job')
    .meta(about('A fine-tuning job.', 'ftjob_0123456789abcdefghjkmnpqrs'))
    .meta({ example: 'ftjob_0123456789abcdefghjkmnpqrs' }),
});

const common = { tag: 'Fine-tuning', access: tenant('jobs'), meters: [], status: 200, reply: json(tuning) } as const;

export const tuningEndpoints = {
  createFineTuningJob: {
    ...common,
    ...call('POST', '/v1/fine_tuning/jobs', json(create)),
    summary: 'Fine-tune a model on pairs of texts',
    description: 'As OpenAI has it, and a job underneath: `/v1/jobs/job_X`, with its logs, cost and outputs, is the job of `ftjob_X`.',
    idempotent: true,
  },
  listFineTuningJobs: {
    ...common,
    ...call('GET', '/v1/fine_tuning/jobs'),
    summary: 'List fine-tuning jobs, newest first',
    query: pageQuery,
    reply: json(page(tuning)),
  },
  getFineTuningJob: {
    ...common,
    ...call('GET', '/v1/fine_tuning/jobs/:tuning'),
    summary: 'Status, model and files of a fine-tuning job',
    params,
  },
  cancelFineTuningJob: {
    needsNoMoney: true,
    ...common,
    ...call('POST', '/v1/fine_tuning/jobs/:tuning/cancel'),
    summary: 'Cancel a fine-tuning job',
    description: 'One that has ended otherwise is refused with `state_conflict`.',
    params,
  },
  pauseFineTuningJob: {
    needsNoMoney: true,
    ...common,
    ...call('POST', '/v1/fine_tuning/jobs/:tuning/pause'),
    summary: 'Pause a fine-tuning job',
    description: 'It gives its node back, and keeps what it has saved. One that has ended is refused with `state_conflict`.',
    params,
  },
  resumeFineTuningJob: {
    ...common,
    ...call('POST', '/v1/fine_tuning/jobs/:tuning/resume'),
    summary: 'Let a fine-tuning job go on that was paused',
    params,
  },
  listFineTuningEvents: {
    ...common,
    ...call('GET', '/v1/fine_tuning/jobs/:tuning/events'),
    summary: 'What has happened to a fine-tuning job, newest first',
    description: 'Once it has succeeded, with what was measured of the base and after each epoch.',
    params,
    query: pageQuery,
    reply: json(page(event)),
  },
  listFineTuningCheckpoints: {
    ...common,
    ...call('GET', '/v1/fine_tuning/jobs/:tuning/checkpoints'),
    summary: 'The models of a fine-tuning job',
    description: 'The one of the last epoch, once it has succeeded: what is saved before lets the job go on, and is no model.',
    params,
    query: pageQuery,
    reply: json(page(checkpoint)),
  },
} as const satisfies Record<string, Endpoint>;

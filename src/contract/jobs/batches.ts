import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { fileId } from '../files/files.ts';
import { FILE_LIMITS } from '../files/file-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';
import { lineFault } from './attempt-report.ts';

// OpenAI's batches. Each is a job of the kind `batch_embedding`, seen through their API: `batch_X` is `job_X`.

const BATCH_STATUSES = ['validating', 'failed', 'in_progress', 'finalizing', 'completed', 'expired', 'cancelling', 'cancelled'] as const;

export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** Of batches whose lines are calls of upstreams. */
export const CALL_ENDPOINTS = ['/v1/chat/completions', '/v1/responses', '/v1/completions', '/v1/moderations', '/v1/messages'] as const;

const moment = unixSeconds.nullable();
const count = z.int().min(0);

const batch = named('Batch', {
  id: z.string(),
  object: z.literal('batch'),
  endpoint: z.string(),
  model: z.string(),
  errors: z
    .object({ object: z.literal('list'), data: z.array(lineFault) })
    .nullable()
    .meta(about('Why the batch failed: of a malformed input, its first malformed lines.')),
  input_file_id: z.string(),
  completion_window: z.string(),
  status: z.enum(BATCH_STATUSES),
  output_file_id: z.string().nullable().meta(about('The answers to the requests that succeeded; null before, and if none did.')),
  error_file_id: z.string().nullable().meta(about('The answers to the requests that failed; null before, and if none did.')),
  created_at: unixSeconds,
  in_progress_at: moment.meta(about('When the input had been validated.')),
  expires_at: unixSeconds,
  finalizing_at: moment.meta(about('When all requests had been answered.')),
  completed_at: moment,
  failed_at: moment,
  expired_at: moment,
  cancelling_at: moment,
  cancelled_at: moment,
  request_counts: z.object({ total: count, completed: count, failed: count }),
  usage: z
    .object({
      input_tokens: count,
      input_tokens_details: z.object({ cached_tokens: count }),
      output_tokens: count,
      output_tokens_details: z.object({ reasoning_tokens: count }),
      total_tokens: count,
    })
    .nullable()
    .meta(about('Once the batch has ended.')),
  metadata: z.record(z.string(), z.string()).nullable(),
});

export type BatchReply = z.infer<typeof batch>;

/** Of a batch or a fine-tuning job, as OpenAI bounds it. */
export const metadata = z
  .record(z.string().max(JOB_LIMITS.batchMetadataKeyCharsMax), z.string().max(JOB_LIMITS.batchMetadataValueCharsMax))
  .refine(
    (pairs) => Object.keys(pairs).length <= JOB_LIMITS.batchMetadataMaxCount,
    `has too many pairs: batchMetadataMaxCount is ${JOB_LIMITS.batchMetadataMaxCount}`,
  );

const create = z
  .strictObject({
    input_file_id: fileId.meta(about('A file of OpenAI batch lines, each with its own `custom_id`.')),
    endpoint: z.enum(['/v1/embeddings', ...CALL_ENDPOINTS]).meta(about('Of all requests in the file.')),
    completion_window: z
      .string()
      .regex(/^[1-9]\d{0,2}h$/, 'must be a number of hours, such as 24h')
      .refine((text) => hoursOf(text) <= JOB_LIMITS.batchWindowHMax, `must be at most ${JOB_LIMITS.batchWindowHMax}h (batchWindowHMax)`)
      .meta(about('A batch that has not finished by then expires.', '24h')),
    metadata: metadata.nullable().optional(),
    output_expires_after: z
      .strictObject({ anchor: z.literal('created_at'), seconds: z.int().min(FILE_LIMITS.fileLifeSMin).max(FILE_LIMITS.fileLifeSMax) })
      .optional()
      .meta(about('When the files that the batch makes expire. If absent, they are kept until they are deleted.')),
  })
  .meta({ id: 'CreateBatch' });

export type CreateBatch = z.output<typeof create>;

export const hoursOf = (window: string): number => Number.parseInt(window, 10);

export const batchId = z
  .string()
  .regex(/^batch_[0-9a-z]{26}$/, 'must be the id of a batch')
  .meta(about('A batch.', 'batch_0123456789abcdefghjkmnpqrs'));

const params = z.strictObject({ batch: batchId });

const common = { tag: 'Batches', access: tenant('jobs'), meters: [], status: 200, reply: json(batch) } as const;

export const batchEndpoints = {
  createBatch: {
    ...common,
    ...call('POST', '/v1/batches', json(create)),
    summary: 'Answer a file of requests',
    description:
      'As OpenAI has it. Of embeddings a job underneath: `/v1/jobs/job_X` is the job of `batch_X`, and the pools answer each line as `POST /v1/embeddings` would. Of other endpoints the gateway makes the call of each line, with the money, the limits and the log of the key that made the batch.',
    idempotent: true,
  },
  listBatches: {
    ...common,
    ...call('GET', '/v1/batches'),
    summary: 'List batches, newest first',
    description: 'Those of embeddings come after the others.',
    query: pageQuery,
    reply: json(page(batch)),
  },
  getBatch: {
    ...common,
    ...call('GET', '/v1/batches/:batch'),
    summary: 'Status, counts and files of a batch',
    params,
  },
  cancelBatch: {
    needsNoMoney: true,
    ...common,
    ...call('POST', '/v1/batches/:batch/cancel'),
    summary: 'Cancel a batch',
    description: 'It is `cancelling` until its agent has stopped. One that has ended otherwise is refused with `state_conflict`.',
    params,
  },
} as const satisfies Record<string, Endpoint>;

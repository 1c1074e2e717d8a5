import * as z from 'zod';

import { anthropicBeta, anthropicVersion } from '../api/anthropic-version.ts';
import { about, apiLines, named } from '../api/api-text.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { COMPLETION_LIMITS } from './completion-limits.ts';
import { loose, message, model } from './completions.ts';

// Anthropic's message batches. Each is a batch of `/v1/batches`, whose lines are messages, seen through their API: `msgbatch_X` is `batch_X`.

const instant = z.string().meta(about('As RFC 3339 has it.', '2026-01-31T12:00:00Z'));
const count = z.int().min(0);

export const messageBatchId = z
  .string()
  .regex(/^msgbatch_[0-9a-z]{26}$/, 'must be the id of a message batch')
  .meta(about('A message batch.', 'msgbatch_0123456789abcdefghjkmnpqrs'));

const messageBatch = named('MessageBatch', {
  id: messageBatchId,
  type: z.literal('message_batch'),
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
  request_counts: z
    .object({ processing: count, succeeded: count, errored: count, canceled: count, expired: count })
    .meta(about('All are processing until the batch has ended.')),
  created_at: instant,
  expires_at: instant,
  ended_at: instant.nullable(),
  cancel_initiated_at: instant.nullable(),
  archived_at: z.null(),
  results_url: z.string().nullable().meta(about('Where the results are, once the batch has ended; below the address of the API.')),
});

export type MessageBatchReply = z.infer<typeof messageBatch>;

const request = z.strictObject({
  custom_id: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, `_` and `-`')
    .meta(about('Names the result.', 'first')),
  params: z
    .looseObject({ model, messages: z.array(message).min(1), max_tokens: z.int().min(1), stream: z.literal(false).nullish() })
    .meta(about('As `POST /v1/messages` takes it.')),
});

const create = z
  .strictObject({ requests: z.array(request).min(1).max(COMPLETION_LIMITS.messageBatchRequestsMaxCount) })
  .superRefine(({ requests }, context) => {
    const ids = new Set<string>();
    requests.forEach(({ custom_id: id }, i) => {
      if (ids.has(id)) context.addIssue({ code: 'custom', message: 'names two requests', path: ['requests', i, 'custom_id'] });
      ids.add(id);
    });
  })
  .meta({ id: 'CreateMessageBatch' });

export type CreateMessageBatch = z.output<typeof create>;

const id = z.string().max(64);
const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(API_LIMITS.pageMaxCount).default(20),
  after_id: id.optional().meta(about('The page behind this batch: older ones.')),
  before_id: id.optional().meta(about('The page before this batch: newer ones.')),
  beta: anthropicBeta,
});

const page = named('MessageBatchPage', {
  data: z.array(messageBatch),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

const failure = z.looseObject({ type: z.literal('error'), error: z.looseObject({ type: z.string(), message: z.string() }) });

const result = named('MessageBatchResult', {
  custom_id: z.string(),
  result: z.discriminatedUnion('type', [
    z.object({ type: z.literal('succeeded'), message: z.looseObject({}) }),
    z.object({ type: z.literal('errored'), error: failure }),
    z.object({ type: z.literal('canceled') }),
    z.object({ type: z.literal('expired') }),
  ]),
});

export type MessageBatchResult = z.infer<typeof result>;

const params = z.strictObject({ message_batch: messageBatchId });
const headers = z.object({ 'anthropic-version': anthropicVersion });

const common = { tag: 'Batches', access: tenant('jobs'), meters: [], status: 200, headers, reply: json(messageBatch) } as const;

export const messageBatchEndpoints = {
  createMessageBatch: {
    ...common,
    ...call('POST', '/v1/messages/batches', loose(create)),
    summary: "Answer many of Anthropic's messages later",
    description: apiLines(
      "Anthropic's shape. Each request is answered as `POST /v1/messages` would, within 24 hours: by any model that serves chats, under the same routes, guardrails, quotas and prices. It is a batch as `/v1/batches` has them: `batch_X` is `msgbatch_X`.",
      '',
      'The results are written into files, which `/v1/files` lists.',
    ),
    idempotent: true,
  },
  listMessageBatches: {
    ...common,
    ...call('GET', '/v1/messages/batches'),
    summary: 'List message batches, newest first',
    query,
    reply: json(page),
  },
  getMessageBatch: {
    ...common,
    ...call('GET', '/v1/messages/batches/:message_batch'),
    summary: 'Status and counts of a message batch',
    params,
  },
  cancelMessageBatch: {
    needsNoMoney: true,
    ...common,
    ...call('POST', '/v1/messages/batches/:message_batch/cancel'),
    summary: 'Cancel a message batch',
    description: 'Requests that are under way are answered; the others are `canceled`. One that has ended is answered as it is.',
    params,
  },
  deleteMessageBatch: {
    needsNoMoney: true,
    ...common,
    ...call('DELETE', '/v1/messages/batches/:message_batch'),
    summary: 'Delete a message batch that has ended, with its requests and results',
    params,
    reply: json(z.object({ id: messageBatchId, type: z.literal('message_batch_deleted') })),
  },
  getMessageBatchResults: {
    ...common,
    ...call('GET', '/v1/messages/batches/:message_batch/results'),
    summary: 'The results of a message batch that has ended, a line each',
    description: 'In no order: `custom_id` says whose result it is.',
    params,
    reply: { kind: 'ndjson', schema: result },
  },
} as const satisfies Record<string, Endpoint>;

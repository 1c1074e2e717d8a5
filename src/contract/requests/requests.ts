import * as z from 'zod';

import { membersFrom } from '../api/presence.ts';
import { REUSE_NAMES } from '../routes/answer-reuse.ts';
import { about, named } from '../api/api-text.ts';
import { keyId, unixSeconds, pageLimit } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { file } from '../files/file-record.ts';
import { HOOK_OUTCOMES } from '../guardrails/guardrails.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { FILE_LIMITS } from '../files/file-limits.ts';
import { REQUEST_LOG_LIMITS } from './request-log-limits.ts';
import { dollarsIn, dollarsOut } from '../tenancy/money.ts';
import { wholeNumber, wholeText } from '../api/text-number.ts';

// The log of requests to upstreams, and feedback on their answers.

const requestId = z
  .string()
  .regex(/^[\w.:-]{1,64}(?:-shadow)?$/, 'must be the `x-request-id` of an answer')
  .meta(
    about(
      'The `x-request-id` of an answer; of the call that a cascade compares it with: that and `-shadow`.',
      'req_6f1e0c3b9a5d48e2b7c1d0f4a8e95b21',
    ),
  );

const params = z.strictObject({ request: requestId });

const KEEPING = ['off', 'sampled', 'full'] as const;
const CACHE = ['hit', 'miss', 'bypass'] as const;
const GROUPS = ['model', 'route', 'target'] as const;

const text = z.string().min(1).max(256).optional();

const filterOf = (whole: typeof wholeText) =>
  ({
    id: requestId.optional(),
    key: keyId.optional(),
    route: text.meta(about('The route that chose the target: `support` for all of its versions, `support@3` for one.', 'support@3')),
    model: text.meta(about('The model or route that the request named, or the model that served, with or without its upstream.', 'gpt-4o')),
    target: text.meta(about('The upstream that served or was asked last, or one of its models.', 'openai/gpt-4o')),
    status: whole(1, 599)
      .refine(
        (value) => (value >= 1 && value <= 5) || (value >= 100 && value <= 599),
        'must be a status such as 429, or its hundreds such as 4',
      )
      .optional()
      .meta({
        ...about('A status such as 429; `4`: all from 400 to 499.'),
        anyOf: [
          { minimum: 1, maximum: 5 },
          { minimum: 100, maximum: 599 },
        ],
      }),
    cost_min_usd: dollarsIn.optional(),
    cost_max_usd: dollarsIn.optional(),
    from: whole(0).optional().meta(about('Seconds since the epoch, included.')),
    to: whole(0).optional().meta(about('Seconds since the epoch, not included.')),
    cache: z.enum(CACHE).optional(),
    reuse: z
      .enum(REUSE_NAMES)
      .optional()
      .meta(about('How the answer was reused: for the same request (`exact`), or for another question.')),
  }) as const;

/** Of a query, whose numbers are text, and of a body. */
const filter = filterOf(wholeText);
const bodyFilter = filterOf(wholeNumber);

const isTrue = z.enum(['true', 'false']).transform((value) => value === 'true');

const attempt = z.object({
  upstream: z.string(),
  model: z.string(),
  status: z.int().nullable(),
  fault: z.string().nullable().meta(about('What happened instead of an answer.', 'first_token_timeout')),
  ms: z.number(),
});

const guardrail = z.object({
  policy: z.string().meta(about('The version of the route.', 'support@3')),
  hook: z.string(),
  side: z.enum(['request', 'answer']),
  outcome: z.enum(HOOK_OUTCOMES).meta(about('`failed`: the hook gave no verdict, and lets the text pass in that case.')),
  count: z.int().meta(about('How many matches it found, or texts it objected to.')),
  tokens: z.int().optional().meta(about('That a classifier has read.')),
  ms: z.number(),
});

const feedbackFields = {
  name: z
    .string()
    .regex(/^[\w.:-]+$/, 'must be letters, digits and . : - _')
    .max(API_LIMITS.nameCharsMax)
    .default('feedback')
    .meta(about('What the score judges. Feedback of the same name by the same key replaces it.', 'faithfulness')),
  score: z.number().min(0).max(1).meta(about('From 0 to 1, the higher the better.')),
  label: z.string().min(1).max(API_LIMITS.nameCharsMax).nullable().default(null),
  comment: z.string().max(REQUEST_LOG_LIMITS.requestFeedbackCommentCharsMax).nullable().default(null),
  version: z
    .string()
    .min(1)
    .max(API_LIMITS.nameCharsMax)
    .nullable()
    .default(null)
    .meta(about('The version of the evaluation that gave the score.')),
} as const;

const feedback = named('RequestFeedback', {
  object: z.literal('request.feedback'),
  ...feedbackFields,
  key: z.string().nullable(),
  created_at: unixSeconds,
});

const facts = {
  id: z.string(),
  object: z.literal('request'),
  created_at: unixSeconds,
  project: z.string(),
  key: z.string(),
  surface: z.string().meta(about('The API that was called.', 'chat')),
  model: z.string().meta(about('The model or route that the request named, or the model that served, with or without its upstream.')),
  route: z.string().nullable(),
  prompt: z.string().nullable().meta(about('The prompt that the request named, with its version.', 'support-reply@3')),
  target: z
    .string()
    .nullable()
    .meta(about('The model that served, or whose answer was reused; of a failed request the one that was asked last, or would have been.')),
  status: z.int(),
  code: z.string().nullable().meta(about('The code of the error, if there was one.')),
  stream: z.boolean(),
  usage: z.enum(['reported', 'counted', 'none']).meta(about('Whether the upstream reported the tokens, or they were counted.')),
  input_tokens: z.int(),
  cached_tokens: z.int().meta(about('The input tokens that the upstream had cached.')),
  output_tokens: z.int(),
  cost_usd: dollarsOut.meta(about('What the ledger was charged for it.')),
  first_token_ms: z.number().nullable(),
  total_ms: z.number(),
  cache: z.enum(CACHE),
  reuse: z.enum(REUSE_NAMES).meta(about('How the answer was reused: for the same request (`exact`), or for another question.')),
  metadata: z.record(z.string(), z.string()),
  request_bytes: z.int(),
  answer_bytes: z.int(),
  attempts: z.array(attempt),
  guardrails: z.array(guardrail).meta(about('What the hooks of the route did. What they found is not logged.')),
} as const;

const entry = z.object(facts).meta({ id: 'LoggedRequest' });

export type RequestReply = z.infer<typeof entry>;

const record = named('LoggedRequestRecord', {
  ...facts,
  bodies: z.object({ request: z.string(), answer: z.string() }).nullable().meta(about('Redacted; null: the policy did not keep them.')),
  feedback: z.array(feedback),
});

export type RequestRecordReply = z.infer<typeof record>;

const policyFields = {
  entries: z.enum(KEEPING).meta(about('Which requests get an entry: what was called, what served, tokens, cost and times.')),
  bodies: z
    .enum(KEEPING)
    .meta(about('Which of these entries also have the bodies of request and answer, without credentials and redacted fields.')),
  sample: z.number().min(0).max(1).meta(about('The share of requests that `sampled` keeps.')),
  retention_days: z.int().min(1).max(REQUEST_LOG_LIMITS.requestLogRetentionDaysMax),
  redact_fields: z
    .array(z.string().min(1).max(API_LIMITS.nameCharsMax))
    .max(REQUEST_LOG_LIMITS.requestLogRedactedMaxCount)
    .meta(about('Names of JSON fields whose values are not kept, at any depth.', ['email'])),
} as const;

const policy = named('RequestPolicy', { object: z.literal('request.policy'), ...policyFields });

const quantiles = z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable();

const line = named('RequestStatsLine', {
  group: z.string().nullable(),
  requests: z.int(),
  errors: z.int(),
  cache_hits: z.int(),
  reused: z.int().meta(about('Answered by what was made for another question.')),
  reuse_saved_usd: dollarsOut.meta(about('What that saved, less what finding and judging such answers has cost.')),
  input_tokens: z.int(),
  cached_tokens: z.int(),
  output_tokens: z.int(),
  cost_usd: dollarsOut,
  total_ms: quantiles.meta(about('Of answered requests, accurate to 2.5 %.')),
  first_token_ms: quantiles,
  feedback: z.record(z.string(), z.object({ count: z.int(), mean: z.number() })),
});

export type RequestStatsReply = z.infer<typeof line>;

const common = { tag: 'Requests', meters: [], status: 200 } as const;
const reading = { ...common, access: tenant('requests:read') } as const;
const writing = { ...common, access: tenant('requests:write') } as const;

export const requestEndpoints = {
  listRequests: {
    ...reading,
    ...call('GET', '/v1/requests'),
    summary: 'Requests to upstreams, newest first',
    description:
      `A page scans at most ${REQUEST_LOG_LIMITS.requestLogScanMaxCount} requests, so it may be empty although more follow: pass \`next\` as \`after\`. A request is listed within a second of its end. ` +
      'A key that is restricted to some resources sees its own requests only.',
    query: z.strictObject({
      ...filter,
      has_feedback: isTrue.optional(),
      limit: pageLimit,
      after: wholeText(0).optional().meta(about('The `next` of the page before.')),
    }),
    reply: json(z.object({ object: z.literal('list'), data: z.array(entry), has_more: z.boolean(), next: z.int().nullable() })),
  },
  requestStats: {
    ...reading,
    ...call('GET', '/v1/requests/stats'),
    summary: 'Requests to upstreams in numbers',
    description: 'By whole hours. They count all requests, those without an entry included.',
    query: z.strictObject({
      by: z.enum(GROUPS).default('model'),
      from: wholeText(0).optional().meta(about('Seconds since the epoch; the last 24 hours if absent.')),
      to: wholeText(0).optional(),
    }),
    reply: json(z.object({ object: z.literal('list'), data: z.array(line), has_more: z.literal(false) })),
  },
  getRequestPolicy: {
    ...reading,
    ...call('GET', '/v1/requests/policy'),
    summary: 'What is kept of requests',
    reply: json(policy),
  },
  setRequestPolicy: {
    ...writing,
    ...call('PUT', '/v1/requests/policy', json(z.strictObject(policyFields))),
    summary: 'Set what is kept of requests',
    description: 'Applies to every request that is logged after this call returns. A shorter retention deletes older entries at once.',
    reply: json(policy),
  },
  deleteRequests: {
    ...writing,
    method: 'POST',
    path: '/v1/requests/delete',
    summary: 'Delete the requests that a filter finds, with bodies and feedback',
    description: 'The numbers in `/v1/requests/stats` and the bills stay.',
    body: json(
      membersFrom(
        z.strictObject({ ...bodyFilter, everything: z.literal(true).optional() }),
        1,
        Infinity,
        'say what to delete, or `everything`',
      ),
    ),
    reply: json(z.object({ object: z.literal('request.deleted'), deleted: z.int() })),
  },
  exportRequests: {
    ...writing,
    access: tenant('requests:read'),
    ...call(
      'POST',
      '/v1/requests/export',
      json(z.strictObject({ ...bodyFilter, filename: z.string().min(1).max(FILE_LIMITS.fileNameCharsMax).default('requests.jsonl') })),
    ),
    summary: 'Write the requests that a filter finds into a file',
    description: 'A line of JSON for each, as `GET /v1/requests/{request}` answers it; the file is one of `/v1/files`.',
    reply: json(file),
  },
  getRequest: {
    ...reading,
    ...call('GET', '/v1/requests/:request'),
    summary: 'One request, with what is kept of it',
    description: 'Callers may give several requests the same id: this returns the newest, `GET /v1/requests?id=` lists all.',
    params,
    reply: json(record),
  },
  deleteRequest: {
    ...writing,
    ...call('DELETE', '/v1/requests/:request'),
    summary: 'Delete all requests of this id, with bodies and feedback',
    params,
    reply: json(z.object({ object: z.literal('request.deleted'), deleted: z.int() })),
  },
  addRequestFeedback: {
    ...common,
    access: tenant('inference'),
    ...call('POST', '/v1/requests/:request/feedback', json(z.strictObject(feedbackFields))),
    summary: 'Give feedback on an answer',
    description: 'From people and evaluations. It is attached to the newest entry with this id.',
    params,
    reply: json(feedback),
  },
} as const satisfies Record<string, Endpoint>;

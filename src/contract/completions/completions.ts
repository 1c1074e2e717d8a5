import * as z from 'zod';

import { tokenIds } from '../embeddings/token-ids.ts';
import { REUSE_HEADER } from '../routes/answer-reuse.ts';
import { about, apiLines } from '../api/api-text.ts';
import { wholeText } from '../api/text-number.ts';
import { cacheControl, cacheTags, TTL_HEADER, ttlMs } from '../api/cache-headers.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { DEADLINE_HEADER } from '../api/reading.ts';
import { call, tenant } from '../api/endpoint.ts';
import { jsonDepth } from '../api/json-value.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { UPSTREAM_LIMITS } from '../upstreams/upstream-limits.ts';
import { COMPLETION_LIMITS } from './completion-limits.ts';
import { UPSTREAM_METERS } from '../api/meter.ts';
import { readPlainChat } from './plain-chat.ts';
import { promptOfCall } from '../prompts/prompts.ts';
import type { QuickReader } from '../api/quick-reader.ts';
import { withQuickReader } from '../api/quick-reader.ts';

/** What OpenAI moderates by where a call names no model. [U189] */
const OPENAI_MODERATION = 'omni-moderation-latest';

export const model = z
  .string()
  .min(1)
  .max(API_LIMITS.completionModelCharsMax)
  .meta(
    about(
      '`model`: from any upstream that the key may use and that serves it; `upstream/model`: from that upstream; the name of a route: what its rules choose.',
    ),
  );

const tokensMax = z.int().min(1).nullish();
const stream = z.boolean().nullish().meta(about('Whether the answer is streamed as server-sent events.'));
const options = z.looseObject({ include_usage: z.boolean().nullish() }).nullish();

/** How a call of an upstream's model uses the cache of answers. */
export const completionCacheHeaders = z.object({
  'cache-control': cacheControl.meta(
    about(
      'Applies with a TTL: `no-cache` calls the upstream again, `no-store` keeps nothing, `max-age` and `min-fresh` (seconds) restrict which entries may answer, `only-if-cached` calls no upstream.',
    ),
  ),
  [TTL_HEADER]: ttlMs(COMPLETION_LIMITS.completionCacheTtlMaxMs).meta(
    about(
      'Uses the cache for this call: an entry of the same request answers it, at no cost in tokens; a new answer is kept for this many milliseconds.',
    ),
  ),
  [REUSE_HEADER]: z
    .enum(['candidate'])
    .optional()
    .meta(about("Takes an answer that was made for a question near this one, where the route's `answer_reuse` offers candidates.")),
  'cache-tag': cacheTags.meta(about('Up to 16 tags, separated by commas, to purge by. Only entries that carry all of them may answer.')),
});

/** How soon a call wants to be served; see `urgencyOf`. */
export const urgencyHeaders = {
  'x-sluice-priority': wholeText(
    -COMPLETION_LIMITS.completionPriorityMax,
    COMPLETION_LIMITS.completionPriorityMax,
    `must be a whole number from -${COMPLETION_LIMITS.completionPriorityMax} to ${COMPLETION_LIMITS.completionPriorityMax}`,
  )
    .optional()
    .meta(
      about(
        'Where calls wait for a place at an upstream, higher ones are served first. Absent: 1 with `service_tier` `priority`, -1 with `flex`, else 0.',
        5,
      ),
    ),
  [DEADLINE_HEADER]: wholeText(1, UPSTREAM_LIMITS.upstreamTotalMsMax, 'must be a number of milliseconds')
    .optional()
    .meta(
      about(
        'How long the answer may take to begin, in milliseconds: then the call ends with `deadline_exceeded`. Absent: the timeout that clients of OpenAI and Anthropic send (`x-stainless-timeout`).',
        20_000,
      ),
    ),
} as const;

export const callHeaders = z.object(urgencyHeaders);

const completionHeaders = completionCacheHeaders.extend(urgencyHeaders);

/** What these endpoints have in common. Their bodies declare only the fields that Sluice reads; all others are passed on unchanged. */
export const common = {
  tag: 'Upstreams',
  access: tenant('inference'),
  // Classifiers of guardrails read texts.
  meters: [...UPSTREAM_METERS, 'embedding_tokens'],
  headers: completionHeaders,
  status: 200,
} as const;

const isShallow = (value: unknown): boolean =>
  jsonDepth(value, COMPLETION_LIMITS.completionDepthMax) <= COMPLETION_LIMITS.completionDepthMax;
const TOO_DEEP = { error: `nests deeper than ${COMPLETION_LIMITS.completionDepthMax} levels (completionDepthMax)` };

/** Whole numbers beyond 2^53 are passed on with all of their digits. */
export function loose<S extends z.ZodObject>(schema: S, read?: QuickReader<z.output<S>>) {
  const shallow = schema.refine(isShallow, TOO_DEEP);
  return {
    kind: 'json',
    schema: read === undefined ? shallow : withQuickReader(shallow, read),
    bytesMax: COMPLETION_LIMITS.completionBodyBytesMax,
    exactIntegers: true,
  } as const;
}

const reply = z.looseObject({}).meta(about('The answer of the upstream.'));
const streamed = { kind: 'completion', schema: reply, event: reply } as const;
const whole = { kind: 'completion', schema: reply } as const;

export const message = z.looseObject({ role: z.string().min(1) });

/** As `checkMessages` has it. */
const SAYS_SOMETHING = {
  allOf: [
    {
      anyOf: [
        { required: ['messages'], properties: { messages: { type: 'array' as const, items: {}, minItems: 1 } } },
        { required: ['prompt'], properties: { prompt: { type: 'object' as const } } },
      ],
    },
  ],
};

/** A call says something itself, or has a prompt say it. */
function checkMessages(
  { messages = [], prompt }: { messages?: unknown[] | undefined; prompt?: unknown },
  context: z.core.$RefinementCtx,
): void {
  if (messages.length > 0 || (prompt !== undefined && prompt !== null)) return;
  context.addIssue({ code: 'custom', message: 'must have at least one message, or `prompt` name a prompt', path: ['messages'] });
}

const TRANSLATED =
  'If the upstream speaks another protocol, Sluice translates the request and the answer. A field that the other protocol cannot express is refused by its name.';
const PLATFORM =
  'Upstreams of the platform get only fields that Sluice knows and that change neither the price, the model, what is kept nor the length of the answer; any other is refused by its name.';
export const ROUTE =
  'The header `x-sluice-route` names the upstream and the model that served, the number of attempts and the reason for the choice; `x-sluice-model` names the model.';

export const completionEndpoints = {
  createChatCompletion: {
    ...common,
    method: 'POST',
    path: '/v1/chat/completions',
    summary: 'Complete a chat',
    description: apiLines(
      "OpenAI's shape. Tools, images, JSON schemas and, to upstreams of the tenant's own, fields that Sluice does not read are passed on unchanged; a stream is passed on as the upstream sends it.",
      '',
      `${TRANSLATED} ${PLATFORM} If a stream breaks off, its last event has an \`error\`.`,
      '',
      ROUTE,
    ),
    body: loose(
      z
        .looseObject({
          model,
          messages: z.array(message).optional(),
          prompt: promptOfCall,
          stream,
          stream_options: options,
          max_tokens: tokensMax,
          max_completion_tokens: tokensMax,
        })
        .superRefine(checkMessages)
        .meta(SAYS_SOMETHING),
      readPlainChat,
    ),
    reply: streamed,
  },
  createCompletion: {
    ...common,
    ...call('POST', '/v1/completions', loose(z.looseObject({ model, stream, stream_options: options, max_tokens: tokensMax }))),
    summary: 'Complete a text',
    description: apiLines("OpenAI's older shape, for models that serve `completions`.", '', ROUTE),
    reply: streamed,
  },
  createResponse: {
    ...common,
    ...call('POST', '/v1/responses', loose(z.looseObject({ model, prompt: promptOfCall, stream, max_output_tokens: tokensMax }))),
    summary: 'Answer as the responses API does',
    description: apiLines(
      `OpenAI's shape. ${TRANSLATED} ${PLATFORM} \`previous_response_id\` goes on from a response that is stored here, whatever the model; references to what an upstream stores are accepted only for models that serve \`responses\`, of upstreams of the tenant's own.`,
      '',
      ROUTE,
    ),
    reply: streamed,
  },
  createMessage: {
    ...common,
    ...call('POST', '/v1/messages', loose(z.looseObject({ model, messages: z.array(message).min(1), max_tokens: z.int().min(1), stream }))),
    summary: "Answer as Anthropic's messages API does",
    description: apiLines(`Anthropic's shape, errors included. ${TRANSLATED} ${PLATFORM}`, '', ROUTE),
    headers: completionHeaders.extend({
      'anthropic-version': z.string().max(64).optional().meta(about('Passed on unchanged to upstreams of the protocol `anthropic`.')),
      'anthropic-beta': z
        .string()
        .max(API_LIMITS.completionModelCharsMax)
        .optional()
        .meta(about('Passed on likewise, to upstreams of the platform only features that cost nothing and keep nothing.')),
    }),
    reply: streamed,
  },
  createUpstreamEmbeddings: {
    ...common,
    ...call('POST', '/v1/upstreams/embeddings', loose(z.looseObject({ model, token_ids: tokenIds.optional() }))),
    summary: 'Embed texts with a model of an upstream',
    description: apiLines(
      "OpenAI's shape, with any fields that the upstream accepts, if it is the tenant's own. `/v1/embeddings` also serves models of upstreams, but accepts only the fields that it declares.",
      '',
      ROUTE,
    ),
    reply: whole,
  },
  createUpstreamRanking: {
    ...common,
    ...call('POST', '/v1/upstreams/rerank', loose(z.looseObject({ model }))),
    summary: 'Rank documents by relevance with a model of an upstream',
    description: apiLines(
      "The shape of Cohere and Jina, with any fields that the upstream accepts, if it is the tenant's own. `/v1/rerank` also serves models of upstreams.",
      '',
      ROUTE,
    ),
    reply: whole,
  },
  createModeration: {
    ...common,
    ...call('POST', '/v1/moderations', loose(z.looseObject({ model: model.default(OPENAI_MODERATION) }))),
    summary: 'Classify texts or images as harmful or not',
    description: apiLines("OpenAI's shape, for models that serve `moderations`.", '', ROUTE),
    reply: whole,
  },
} as const satisfies Record<string, Endpoint>;

import * as z from 'zod';

import { completionCacheHeaders } from './completion-cache.ts';
import { about, apiLines, apiOnly, apiText } from './api-text.ts';
import type { Endpoint } from './endpoint.ts';
import { tenant } from './endpoint.ts';
import { jsonDepth } from './json-value.ts';
import { LIMITS } from './limits.ts';
import { UPSTREAM_METERS } from './meter.ts';

const model = z
  .string()
  .min(1)
  .max(LIMITS.completionModelCharsMax)
  .meta(
    about(
      'A model of any upstream that the key may use; `upstream/model` is that of one; the name of a route asks what the route chooses.',
    ),
  );

const tokensMax = z.int().min(1).nullish();
const stream = z.boolean().nullish().meta(about('Whether the answer comes as server-sent events.'));
const options = z.looseObject({ include_usage: z.boolean().nullish() }).nullish();

/** What these calls have in common: what Sluice reads of them. All else goes to the upstream as it is. */
const common = {
  tag: 'Upstreams',
  access: tenant('inference'),
  meters: UPSTREAM_METERS,
  headers: completionCacheHeaders,
  status: 200,
} as const;

const isShallow = (value: unknown): boolean => jsonDepth(value, LIMITS.completionDepthMax) <= LIMITS.completionDepthMax;
const TOO_DEEP = { error: `nests deeper than ${LIMITS.completionDepthMax} levels (completionDepthMax)` };

/** Whole numbers beyond 2^53 go to the upstream with all of their digits. */
const loose = <S extends z.ZodObject>(schema: S) =>
  ({
    kind: 'json',
    schema: schema.refine(isShallow, TOO_DEEP),
    bytesMax: LIMITS.completionBodyBytesMax,
    exactIntegers: true,
  }) as const;

const reply = apiOnly(() => z.looseObject({}).meta(about('As the upstream answers it.')));
const streamed = { kind: 'completion', schema: reply, event: reply } as const;
const whole = { kind: 'completion', schema: reply } as const;

const message = z.looseObject({ role: z.string().min(1) });

const TRANSLATED = apiText(
  'The model may be one of an upstream of another protocol: then the request and the answer are translated, and a field that cannot be said there is refused by its name.',
);
const ROUTE = apiText(
  'The answer says in `x-sluice-route` which upstream and model served it, after how many attempts and why, and in `x-sluice-model` the model.',
);

export const completionEndpoints = {
  createChatCompletion: {
    ...common,
    method: 'POST',
    path: '/v1/chat/completions',
    summary: apiText('Complete a chat'),
    description: apiLines(
      "OpenAI's shape. Fields that Sluice does not know go to the upstream as they are, as do tools, images and JSON schemas; a stream comes as the upstream sends it.",
      '',
      `${TRANSLATED} A stream that breaks off midway ends with an event that has an \`error\`.`,
      '',
      ROUTE,
    ),
    body: loose(
      z.looseObject({
        model,
        messages: z.array(message).min(1),
        stream,
        stream_options: options,
        max_tokens: tokensMax,
        max_completion_tokens: tokensMax,
      }),
    ),
    reply: streamed,
  },
  createCompletion: {
    ...common,
    method: 'POST',
    path: '/v1/completions',
    summary: apiText('Complete a text'),
    description: apiLines("OpenAI's older shape, for models of upstreams that serve it.", '', ROUTE),
    body: loose(z.looseObject({ model, stream, stream_options: options, max_tokens: tokensMax })),
    reply: streamed,
  },
  createResponse: {
    ...common,
    method: 'POST',
    path: '/v1/responses',
    summary: apiText('Answer by the responses API'),
    description: apiLines(
      `OpenAI's shape. ${TRANSLATED} What an upstream has kept, such as \`previous_response_id\`, only an upstream that serves \`responses\` knows.`,
      '',
      ROUTE,
    ),
    body: loose(z.looseObject({ model, stream, max_output_tokens: tokensMax })),
    reply: streamed,
  },
  createMessage: {
    ...common,
    method: 'POST',
    path: '/v1/messages',
    summary: apiText("Answer by Anthropic's messages API"),
    description: apiLines(`Anthropic's shape, its errors too. ${TRANSLATED}`, '', ROUTE),
    headers: completionCacheHeaders.extend({
      'anthropic-version': z.string().max(64).optional().meta(about('Goes to upstreams of the protocol `anthropic` as it is.')),
      'anthropic-beta': z.string().max(LIMITS.completionModelCharsMax).optional().meta(about('The same.')),
    }),
    body: loose(z.looseObject({ model, messages: z.array(message).min(1), max_tokens: z.int().min(1), stream })),
    reply: streamed,
  },
  createUpstreamEmbeddings: {
    ...common,
    method: 'POST',
    path: '/v1/upstreams/embeddings',
    summary: apiText('Embed texts by a model of an upstream'),
    description: apiLines(
      "OpenAI's shape, with all fields that the upstream knows. `/v1/embeddings` is answered the same where its model is one of an upstream, but takes the fields of its own shape alone.",
      '',
      ROUTE,
    ),
    body: loose(z.looseObject({ model })),
    reply: whole,
  },
  createUpstreamRanking: {
    ...common,
    method: 'POST',
    path: '/v1/upstreams/rerank',
    summary: apiText('Put documents in order of relevance by a model of an upstream'),
    description: apiLines(
      'The shape of Cohere and Jina, with all fields that the upstream knows. `/v1/rerank` is answered the same where its model is one of an upstream.',
      '',
      ROUTE,
    ),
    body: loose(z.looseObject({ model })),
    reply: whole,
  },
  createModeration: {
    ...common,
    method: 'POST',
    path: '/v1/moderations',
    summary: apiText('Say whether texts or images are harmful'),
    description: apiLines("OpenAI's shape, by a model of an upstream that serves `moderations`.", '', ROUTE),
    body: loose(z.looseObject({ model })),
    reply: whole,
  },
} as const satisfies Record<string, Endpoint>;

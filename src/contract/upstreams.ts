import * as z from 'zod';

import { about, apiLines, apiOnly, apiText } from './api-text.ts';
import { name, page, pageQuery, unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenantOrAdmin } from './endpoint.ts';
import { LIMITS } from './limits.ts';

const upstreamName = name.meta(
  about('The name of the upstream: calls say `upstream/model`. Lower-case letters, digits and inner hyphens.', 'openai'),
);

const protocol = z
  .enum(['openai', 'anthropic'])
  .meta(about('Which API the upstream speaks: that of OpenAI, as vLLM, Ollama, Groq and most others do, or that of Anthropic.', 'openai'));

const serves = z.enum(['chat', 'completions', 'responses', 'embeddings', 'rerank', 'moderations']);

const tokens = z.int().min(1).max(LIMITS.upstreamTokensMax);
const price = z
  .int()
  .min(0)
  .max(LIMITS.upstreamPriceNanoMax)
  .meta(about('Nano-dollars per million tokens: 1 USD is 1,000,000,000.', 150_000_000));

const modelText = z
  .string()
  .max(LIMITS.upstreamModelNameCharsMax)
  .regex(
    /^[a-zA-Z0-9](?:[\w.:/-]*[\w.:-])?$/,
    'must begin with a letter or a digit and have letters, digits and any of _ . : / -, with no / at its end',
  );

const model = z.strictObject({
  name: modelText.meta(about('What callers say.', 'gpt-4o-mini')),
  upstream_name: z
    .string()
    .min(1)
    .max(LIMITS.upstreamModelNameCharsMax)
    .optional()
    .meta(about('What the upstream is asked for. Absent: the same.', 'gpt-4o-mini-2024-07-18')),
  serves: z
    .array(serves)
    .min(1)
    .max(serves.options.length)
    .default(['chat'])
    .meta(about('What it can be asked for.', ['chat'])),
  context_tokens: tokens.meta(about('How many tokens its prompt and its answer may have together.', 128_000)),
  output_tokens_max: tokens.meta(about('How many an answer may have at most.', 16_384)),
  image_tokens_max: tokens
    .optional()
    .meta(about('The most tokens that one image can be. Absent: requests with images are refused, as nothing bounds what they cost.')),
  bytes_per_token: z.number().min(0.25).max(64).default(4).meta(about('For counting the tokens of a text whose upstream reports none.')),
  prices: z
    .strictObject({
      input: price.default(0),
      cached_input: price.optional().meta(about('Of input tokens that the upstream had cached. Absent: they cost what others do.')),
      output: price.default(0),
      request: z.int().min(0).max(LIMITS.upstreamPriceNanoMax).default(0).meta(about('Nano-dollars per request.')),
    })
    .default({ input: 0, output: 0, request: 0 })
    .meta(about('What it costs. Absent: nothing.', { input: 150_000_000, cached_input: 75_000_000, output: 600_000_000 })),
});

const models = z.array(model).max(LIMITS.upstreamModelsMaxCount).meta(about('Its models: no others can be called.'));

const secret = z
  .string()
  .min(1)
  .max(LIMITS.upstreamSecretCharsMax)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .meta(
    about(
      'The key that the upstream has given out. It is stored encrypted and never shown again.',
      'sk-the-key-that-the-upstream-gave-out',
    ),
  );

const weight = z
  .number()
  .min(0.001)
  .max(LIMITS.upstreamWeightMax)
  .meta(about('Its share of the load among upstreams that serve the same model, relative to theirs.', 1));

const rate = z.int().min(1).max(LIMITS.upstreamRateMax);
const limits = z.strictObject({
  concurrency: z.int().min(1).max(LIMITS.upstreamConcurrencyMax).nullish().meta(about('Calls under way at once.')),
  requests_per_minute: rate.nullish(),
  tokens_per_minute: rate.nullish(),
});

const within = (max: number) => z.int().min(1).max(max).optional();
const timeouts = z.strictObject({
  connect_ms: within(LIMITS.upstreamConnectMsMax).meta(about('Until the upstream answers with a head.')),
  first_token_ms: within(LIMITS.upstreamAnswerMsMax).meta(about('From there until the first piece of the answer.')),
  idle_ms: within(LIMITS.upstreamAnswerMsMax).meta(about('Between two pieces of the answer.')),
  total_ms: within(LIMITS.upstreamTotalMsMax).meta(about('For the whole answer.')),
});

const baseUrl = z
  .string()
  .min(1)
  .max(LIMITS.upstreamUrlCharsMax)
  .meta(about('Below which the upstream is called: by https, at a host that the deployment allows.', 'https://api.openai.com/v1'));

const create = z.strictObject({
  name: upstreamName,
  protocol,
  base_url: baseUrl,
  models: models.default([]),
  secret: secret.optional(),
  weight: weight.default(1),
  limits: limits.optional().meta(about('How much of it all callers together may use. Absent: as much as they like.')),
  timeouts: timeouts.optional(),
});

const change = z.strictObject({
  base_url: baseUrl.optional(),
  models: models.optional().meta(about('Replaces them all.')),
  secret: secret.nullish().meta(about('null: it is called without one from now on.')),
  weight: weight.optional(),
  limits: limits.optional().meta(about('Those that are named; null lifts one.')),
  timeouts: timeouts.optional().meta(about('Those that are named.')),
});

export type CreateUpstreamBody = z.output<typeof create>;
export type ChangeUpstreamBody = z.output<typeof change>;
export type UpstreamModelBody = z.output<typeof model>;

const upstreamReply = apiOnly(() =>
  z
    .object({
      object: z.literal('upstream'),
      name: z.string(),
      owned_by: z.enum(['platform', 'tenant']),
      protocol: z.string(),
      base_url: z.string(),
      models: z.array(
        z.object({
          name: z.string(),
          upstream_name: z.string(),
          serves: z.array(serves),
          context_tokens: z.int(),
          output_tokens_max: z.int(),
          image_tokens_max: z.int().nullable(),
          bytes_per_token: z.number(),
          prices: z.object({ input: z.int(), cached_input: z.int().nullable(), output: z.int(), request: z.int() }),
        }),
      ),
      secret: z
        .object({ set: z.boolean(), hint: z.string().nullable(), updated_at: unixSeconds.nullable() })
        .meta(about('Whether it has a secret, and the last four characters of a long one: the secret itself is never shown.')),
      weight: z.number(),
      limits: z.object({
        concurrency: z.int().nullable(),
        requests_per_minute: z.int().nullable(),
        tokens_per_minute: z.int().nullable(),
      }),
      timeouts: z.object({ connect_ms: z.int(), first_token_ms: z.int(), idle_ms: z.int(), total_ms: z.int() }),
      created_at: unixSeconds,
      updated_at: unixSeconds,
    })
    .meta({ id: 'Upstream' }),
);

const checkReply = apiOnly(() =>
  z
    .object({
      object: z.literal('upstream.check'),
      name: z.string(),
      verdict: z
        .enum(['ok', 'models_missing', 'not_listed', 'unauthorised', 'redirected', 'failed', 'unreachable', 'timeout', 'too_large'])
        .meta(about('The first thing that is wrong. `not_listed`: it answers, but lists no models, so that no more could be checked.')),
      reachable: z.boolean(),
      authorised: z.boolean().nullable().meta(about('Whether it accepts the secret; null: it could not be determined.')),
      status: z.int().nullable().meta(about('Of its answer; null: there was none.')),
      ms: z.int().meta(about('How long it took.')),
      checked_at: unixSeconds,
      models: z.array(
        z.object({
          name: z.string(),
          upstream_name: z.string(),
          found: z.boolean().nullable().meta(about('Whether the upstream lists it.')),
        }),
      ),
    })
    .meta({ id: 'UpstreamCheck' }),
);

const healthReply = apiOnly(() =>
  z
    .object({
      object: z.literal('upstream.health'),
      name: z.string(),
      models: z.array(
        z.object({
          name: z.string(),
          breaker: z
            .enum(['closed', 'half_open', 'open'])
            .meta(about('`open`: it gets no calls for a while; `half_open`: one probe at a time.')),
          failure_share: z.number().nullable().meta(about('Of the calls of the last seconds; null: too few.')),
          paused_until: unixSeconds.nullable().meta(about('The upstream asked for a pause.')),
          outstanding_calls: z.int(),
          outstanding_tokens: z.int(),
          first_token_p95_ms: z.number().nullable(),
          attempts: z.record(z.string(), z.int()).meta(about('Since the isolate started, by how they ended.')),
        }),
      ),
    })
    .meta({ id: 'UpstreamHealth' }),
);

export type UpstreamHealthReply = z.infer<typeof healthReply>;

export type UpstreamCheckReply = z.infer<typeof checkReply>;

export type UpstreamReply = z.infer<typeof upstreamReply>;

const common = { tag: 'Upstreams', meters: [], status: 200 } as const;
const reading = { ...common, access: tenantOrAdmin('upstreams:read') } as const;
const writing = { ...common, access: tenantOrAdmin('upstreams:write') } as const;
const params = z.strictObject({ upstream: upstreamName });

export const upstreamEndpoints = {
  listUpstreams: {
    ...reading,
    method: 'GET',
    path: '/v1/upstreams',
    summary: apiText('List the upstreams: servers of models that others run'),
    description: apiLines(
      "A tenant's key lists the tenant's own; the admin key those of the platform, which all tenants may use.",
      '',
      'By name; to get the next page, pass the last `name` as `after`.',
    ),
    query: pageQuery,
    body: NO_BODY,
    reply: json(apiOnly(() => page(upstreamReply))),
  },
  createUpstream: {
    ...writing,
    method: 'POST',
    path: '/v1/upstreams',
    summary: apiText('Add an upstream'),
    description: apiText(
      "With a tenant's key it is the tenant's own; with the admin key the platform's, which all tenants may use as far as their keys' model patterns allow. Calls follow within a second.",
    ),
    body: json(create),
    status: 201,
    reply: json(upstreamReply),
    idempotent: true,
  },
  getUpstream: {
    ...reading,
    method: 'GET',
    path: '/v1/upstreams/:upstream',
    summary: apiText('Describe an upstream, all but its secret'),
    params,
    body: NO_BODY,
    reply: json(upstreamReply),
  },
  changeUpstream: {
    ...writing,
    method: 'PATCH',
    path: '/v1/upstreams/:upstream',
    summary: apiText('Change an upstream'),
    description: apiText(
      'What is not named stays. Another scheme, host or port needs the secret anew: a secret is sent to no other server than the one that it was given for.',
    ),
    params,
    body: json(change),
    reply: json(upstreamReply),
  },
  getUpstreamHealth: {
    ...reading,
    method: 'GET',
    path: '/v1/upstreams/:upstream/health',
    summary: apiText('How the calls of an upstream go, by model'),
    description: apiText('As seen by the isolate that answers, of its own calls; `/metrics` has the same of all upstreams together.'),
    params,
    body: NO_BODY,
    reply: json(healthReply),
  },
  checkUpstream: {
    ...writing,
    method: 'POST',
    path: '/v1/upstreams/:upstream/check',
    summary: apiText('Check an upstream: whether it can be reached, accepts its secret and has its models'),
    description: apiText('By one call of its list of models, which costs nothing. Nothing is changed by what is found.'),
    params,
    body: NO_BODY,
    reply: json(checkReply),
  },
  deleteUpstream: {
    ...writing,
    method: 'DELETE',
    path: '/v1/upstreams/:upstream',
    summary: apiText('Delete an upstream with its secret'),
    description: apiText('Calls under way end as they would have.'),
    params,
    body: NO_BODY,
    reply: json(apiOnly(() => z.object({ name: z.string(), object: z.literal('upstream'), deleted: z.literal(true) }))),
  },
} as const satisfies Record<string, Endpoint>;

import * as z from 'zod';

import { about, apiLines, named } from '../api/api-text.ts';
import { name, page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { priceIn } from '../tenancy/money.ts';
import { upstreamFinding } from './upstream-findings.ts';
import { UPSTREAM_LIMITS } from './upstream-limits.ts';
import { attachmentBounds, attachmentBoundsReply, mediaPrices, mediaPricesReply } from './media-settings.ts';
import { KINDS } from '../routes/route-conditions.ts';

const upstreamName = name.meta(
  about('The name of the upstream, as in `upstream/model`. Lower-case letters, digits and inner hyphens.', 'openai'),
);

const protocol = z
  .enum(['openai', 'anthropic', 'workers-ai'])
  .meta(
    about(
      'Which API the upstream speaks: that of OpenAI, as vLLM, Ollama, Groq and most others do, that of Anthropic, or Workers AI by the binding of the deployment, for the admin key alone.',
      'openai',
    ),
  );

const serves = z.enum(KINDS);

const tokens = z.int().min(1).max(UPSTREAM_LIMITS.upstreamTokensMax);
const price = priceIn(UPSTREAM_LIMITS.upstreamPriceNanoMax);
const tokenPrice = price.meta(about('Of a million tokens: US dollars as an exact decimal, or nano-dollars as a whole number.', '0.15'));

const modelText = z
  .string()
  .max(API_LIMITS.upstreamModelNameCharsMax)
  .regex(
    /^[a-zA-Z0-9](?:[\w.:/-]*[\w.:-])?$/,
    'must begin with a letter or a digit and have letters, digits and any of _ . : / -, with no / at its end',
  );

const model = z.strictObject({
  name: modelText.meta(about('The name that callers use.', 'gpt-4o-mini')),
  upstream_name: z
    .string()
    .min(1)
    .max(API_LIMITS.upstreamModelNameCharsMax)
    .optional()
    .meta(about('The name that the upstream uses. Absent: the same.', 'gpt-4o-mini-2024-07-18')),
  serves: z
    .array(serves)
    .min(1)
    .max(serves.options.length)
    .default(['chat'])
    .meta(about('The kinds of calls that it answers.', ['chat'])),
  context_tokens: tokens.meta(about('How many tokens its prompt and its answer may have together.', 128_000)),
  output_tokens_max: tokens
    .optional()
    .meta(about('How many tokens an answer can have at most. May be absent of models that generate none.', 16_384)),
  ...attachmentBounds,
  bytes_per_token: z
    .number()
    .min(0.25)
    .max(64)
    .default(4)
    .meta(about('For estimating the tokens of a prompt before a call, and of texts that can be neither reported nor counted.')),
  prices: z
    .strictObject({
      input: tokenPrice.default(0),
      cached_input: tokenPrice
        .optional()
        .meta(about('The price of input tokens that the upstream had cached. Absent: that of other input tokens.')),
      cache_write: tokenPrice
        .optional()
        .meta(
          about(
            'The price of input tokens that the upstream has put into its cache, as Anthropic reports them. Absent: that of other input tokens.',
          ),
        ),
      output: tokenPrice.default(0),
      request: price.default(0).meta(about('Of a request, however many tokens it has.', '0.0001')),
      ...mediaPrices,
    })
    .default({ input: 0, output: 0, request: 0 })
    .meta(
      about('Its prices. One that is absent is 0: calls cost nothing then, in bills, budgets and quotas.', {
        input: '0.15',
        cached_input: '0.075',
        output: '0.60',
      }),
    ),
});

const models = z.array(model).max(UPSTREAM_LIMITS.upstreamModelsMaxCount).meta(about('Only these models can be called.'));

const secret = z
  .string()
  .min(1)
  .max(UPSTREAM_LIMITS.upstreamSecretCharsMax)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .meta(
    about('The API key that the upstream issued. It is stored encrypted and never shown again.', 'sk-the-key-that-the-upstream-gave-out'),
  );

const weight = z
  .number()
  .min(0.001)
  .max(UPSTREAM_LIMITS.upstreamWeightMax)
  .meta(about('Its share of the load among upstreams that serve the same model, relative to theirs.', 1));

const rate = z.int().min(1).max(UPSTREAM_LIMITS.upstreamRateMax);
const limits = z.strictObject({
  concurrency: z.int().min(1).max(UPSTREAM_LIMITS.upstreamConcurrencyMax).nullish().meta(about('Calls under way at once.')),
  requests_per_minute: rate.nullish(),
  tokens_per_minute: rate.nullish(),
});

const within = (max: number) => z.int().min(1).max(max).optional();
const timeouts = z.strictObject({
  connect_ms: within(UPSTREAM_LIMITS.upstreamConnectMsMax).meta(
    about('Until the headers of a stream arrive; those of a whole answer have `first_token_ms`, if that is longer.'),
  ),
  first_token_ms: within(UPSTREAM_LIMITS.upstreamAnswerMsMax).meta(about('From then until the first piece of the answer.')),
  idle_ms: within(UPSTREAM_LIMITS.upstreamAnswerMsMax).meta(about('Between two pieces of the answer.')),
  total_ms: within(UPSTREAM_LIMITS.upstreamTotalMsMax).meta(about('For the whole answer.')),
});

const baseUrl = z
  .string()
  .min(1)
  .max(API_LIMITS.upstreamUrlCharsMax)
  .meta(
    about(
      'The URL of its API, without the path of a call: https, unless the deployment allows a private host, and a host that the deployment allows. Of Workers AI: `binding:AI`. `replicas:job_...`: the replicas of a job of the tenant of the kind `online_inference` with a `server`, each as ready as its agent says; such an upstream has no secret.',
      'https://api.openai.com/v1',
    ),
  );

const passUsage = z
  .boolean()
  .meta(
    about(
      'Whether callers see the usage of streams that they have not asked for: a last event without choices, on which some clients fail. Sluice asks for it in any case, to bill the call; where it need not take it out again, it passes the stream through unread.',
      false,
    ),
  );

const create = z.strictObject({
  name: upstreamName,
  protocol,
  base_url: baseUrl,
  models: models.default([]),
  secret: secret.optional(),
  weight: weight.default(1),
  limits: limits.optional().meta(about('Limits of all callers together. Absent: none.')),
  timeouts: timeouts.optional(),
  pass_usage: passUsage.default(false),
});

const change = z.strictObject({
  base_url: baseUrl.optional(),
  models: models.optional().meta(about('Replaces all of its models.')),
  secret: secret.nullish().meta(about('null removes it.')),
  weight: weight.optional(),
  limits: limits.optional().meta(about('Changes the limits that are given; null removes one.')),
  timeouts: timeouts.optional().meta(about('Changes the timeouts that are given.')),
  pass_usage: passUsage.optional(),
});

export type CreateUpstreamBody = z.output<typeof create>;
export type ChangeUpstreamBody = z.output<typeof change>;
export type UpstreamModelBody = z.output<typeof model>;

const upstreamReply = named('Upstream', {
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
      ...attachmentBoundsReply,
      bytes_per_token: z.number(),
      prices: z
        .object({
          input: z.int(),
          cached_input: z.int().nullable(),
          cache_write: z.int().nullable(),
          output: z.int(),
          request: z.int(),
          ...mediaPricesReply,
        })
        .meta(about('In nano-dollars, of a million tokens and of a request.')),
    }),
  ),
  unpriced_models: z.array(z.string()).meta(about('Models without any price: their calls cost nothing, in bills, budgets and quotas.')),
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
  pass_usage: z.boolean(),
  created_at: unixSeconds,
  updated_at: unixSeconds,
});

const checkReply = named('UpstreamCheck', {
  object: z.literal('upstream.check'),
  name: z.string(),
  verdict: z
    .enum(['ok', 'models_missing', 'not_listed', 'unauthorised', 'redirected', 'failed', 'unreachable', 'timeout', 'too_large'])
    .meta(about('The first problem that was found. `not_listed`: it answers, but lists no models, so that they could not be checked.')),
  reachable: z.boolean(),
  authorised: z.boolean().nullable().meta(about('Whether it accepts the secret; null: it could not be determined.')),
  status: z.int().nullable().meta(about('The HTTP status of its answer; null: there was none.')),
  ms: z.int().meta(about('How long it took.')),
  checked_at: unixSeconds,
  models: z.array(
    z.object({
      name: z.string(),
      upstream_name: z.string(),
      found: z.boolean().nullable().meta(about('Whether the upstream lists it.')),
    }),
  ),
  findings: z.array(upstreamFinding).meta(about('What calls would still lack, and what mends each; errors first.')),
});

const healthReply = named('UpstreamHealth', {
  object: z.literal('upstream.health'),
  name: z.string(),
  models: z.array(
    z.object({
      name: z.string(),
      address: z.string().nullable().meta(about('Which replica, of an upstream whose servers are the replicas of a job; else null.')),
      breaker: z
        .enum(['closed', 'half_open', 'open'])
        .meta(about('`open`: it gets no calls for a while; `half_open`: one probe at a time.')),
      failure_share: z.number().nullable().meta(about('The share of calls of the last seconds that failed; null: too few calls.')),
      paused_until: unixSeconds.nullable().meta(about('Until when the upstream asked not to be called.')),
      outstanding_calls: z.int(),
      outstanding_tokens: z.int(),
      first_token_p95_ms: z.number().nullable(),
      attempts: z.record(z.string(), z.int()).meta(about('Attempts since the isolate started, by outcome.')),
    }),
  ),
});

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
    ...call('GET', '/v1/upstreams'),
    summary: 'List the upstreams: servers of models that others run',
    description: apiLines(
      "A tenant's key lists the tenant's own; the admin key those of the platform, which all tenants may use.",
      '',
      'By name; to get the next page, pass the last `name` as `after`.',
    ),
    query: pageQuery,
    reply: json(page(upstreamReply)),
  },
  createUpstream: {
    ...writing,
    ...call('POST', '/v1/upstreams', json(create)),
    summary: 'Add an upstream',
    description:
      "With a tenant's key the upstream is the tenant's own; with the admin key it is the platform's, and all tenants may use it as far as their keys' model patterns allow. It can be called within a second.",
    status: 201,
    reply: json(upstreamReply),
    idempotent: true,
  },
  getUpstream: {
    ...reading,
    ...call('GET', '/v1/upstreams/:upstream'),
    summary: 'Describe an upstream, without its secret',
    params,
    reply: json(upstreamReply),
  },
  changeUpstream: {
    ...writing,
    ...call('PATCH', '/v1/upstreams/:upstream', json(change)),
    summary: 'Change an upstream',
    description:
      'Absent fields stay as they are. A change of scheme, host or port needs the secret again: a secret is sent only to the server that it was given for.',
    params,
    reply: json(upstreamReply),
  },
  getUpstreamHealth: {
    ...reading,
    ...call('GET', '/v1/upstreams/:upstream/health'),
    summary: 'Show the health of an upstream, by model',
    description: 'Counts the calls of the isolate that answers; `/metrics` has the sums over all upstreams.',
    params,
    reply: json(healthReply),
  },
  checkUpstream: {
    ...writing,
    ...call('POST', '/v1/upstreams/:upstream/check'),
    summary: 'Check an upstream: whether it can be reached, accepts its secret and has its models',
    description:
      'Calls its list of models once, which costs nothing. The result changes nothing. `findings` say what calls would still lack: a price, limits, a route, a key.',
    params,
    reply: json(checkReply),
  },
  deleteUpstream: {
    ...writing,
    ...call('DELETE', '/v1/upstreams/:upstream'),
    summary: 'Delete an upstream with its secret',
    description: 'Calls under way are completed.',
    params,
    reply: json(z.object({ name: z.string(), object: z.literal('upstream'), deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;

import * as z from 'zod';

import { about, apiLines, apiOnly, apiText } from './api-text.ts';
import { page, pageQuery, unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenantOrAdmin } from './endpoint.ts';

const protocol = z.enum(['openai', 'anthropic', 'workers-ai', 'pool']);
const serves = z.enum(['chat', 'completions', 'responses', 'embeddings', 'rerank', 'moderations']);

const nano = z.int().min(0).meta(about('Nano-dollars per million tokens: 1 USD is 1,000,000,000.', 150_000_000));

const modelReply = apiOnly(() =>
  z.object({
    name: z.string().meta(about('What callers say.')),
    upstream_name: z.string().meta(about('What the upstream is asked for.')),
    serves: z.array(serves),
    context_tokens: z.int(),
    output_tokens_max: z.int(),
    image_tokens_max: z.int().nullable().meta(about('The most tokens that one image can be; null: requests with images are refused.')),
    bytes_per_token: z.number().meta(about('For counting the tokens of a text whose upstream reports none.')),
    prices: z.object({
      input: nano,
      cached_input: nano.nullable().meta(about('Of input tokens that the upstream had cached; null: they cost what others do.')),
      output: nano,
      request: z.int().meta(about('Nano-dollars per request.')),
    }),
  }),
);

const upstreamReply = apiOnly(() =>
  z
    .object({
      object: z.literal('upstream'),
      name: z.string(),
      owned_by: z.enum(['platform', 'tenant']),
      protocol,
      base_url: z.string(),
      models: z.array(modelReply),
      secret: z
        .object({ set: z.boolean(), hint: z.string().nullable(), updated_at: unixSeconds.nullable() })
        .meta(about('Whether the upstream has a secret, and its last four characters: the secret itself is never shown.')),
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

export type UpstreamReply = z.infer<typeof upstreamReply>;

const common = { tag: 'Upstreams', meters: [], status: 200 } as const;
const reading = { ...common, access: tenantOrAdmin('upstreams:read') } as const;

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
} as const satisfies Record<string, Endpoint>;

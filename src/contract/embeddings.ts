import * as z from 'zod';

import { about, apiLines, apiText } from './api-text.ts';
import { embeddingCacheHeaders } from './cache-headers.ts';
import { embeddingInput } from './embedding-input.ts';
import type { Endpoint } from './endpoint.ts';
import { json, tenant } from './endpoint.ts';
import { floatsReply, modelName } from './vector-fields.ts';

const request = z.strictObject({
  input: embeddingInput,
  model: modelName.meta(apiText({ example: 'glove-sif-100' })),
  dimensions: z.int().min(1).optional().meta(about("Length of the vectors: a prefix of the model's own, at unit length again.")),
  encoding_format: z
    .enum(['float', 'base64'])
    .default('float')
    .meta(about('`base64` is that of little-endian 32-bit floats: a quarter of the bytes.')),
  user: z.string().max(512).optional().meta(about('Accepted as OpenAI does; neither used nor kept.')),
});

const embedding = z.object({
  object: z.literal('embedding'),
  index: z.int().min(0).meta(about('Which input this is the vector of.')),
  embedding: z.union([floatsReply, z.string()]),
});

const reply = z
  .object({
    object: z.literal('list'),
    data: z.array(embedding),
    model: z.string(),
    usage: z.object({ prompt_tokens: z.int().min(0), total_tokens: z.int().min(0) }).meta(about('All tokens, cached ones too.')),
  })
  .meta({ id: 'EmbeddingList' });

export const embeddingEndpoints = {
  createEmbeddings: {
    method: 'POST',
    path: '/v1/embeddings',
    tag: 'Inference',
    summary: apiText('Embed texts'),
    description: apiLines(
      'Vectors come in the order of the inputs and have unit length, or are all zeros when no word of a text is known.',
      '',
      'Inputs seen before are answered from the cache of the tenant, at the price of `embedding_cached_tokens`. Floats, base64 and any `dimensions` are made from the one full vector that is kept.',
      '',
      'The answer states in `cache-status` (RFC 9211) what each level of the cache did (`sluice-l1` is the isolate, `sluice-l2` what all isolates share), in `age` how old the oldest vector is, in `etag` which bytes these are, and in `x-sluice-model` the model and its version.',
    ),
    access: tenant('inference'),
    meters: ['embedding_tokens', 'embedding_cached_tokens'],
    headers: embeddingCacheHeaders,
    body: json(request),
    status: 200,
    reply: json(reply),
  },
} as const satisfies Record<string, Endpoint>;

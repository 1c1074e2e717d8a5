import * as z from 'zod';

import { about, apiLines, named } from '../api/api-text.ts';
import { embeddingCacheHeaders } from '../api/cache-headers.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { EMBEDDING_LIMITS } from './embedding-limits.ts';
import { cohereMeta } from './cohere-meta.ts';
import { embeddedText, modelName } from './embedding-fields.ts';
import { truncated, truncateOrFlag } from './truncation.ts';

/** A document as Cohere's and Jina's clients send it: its text, alone or as the member of an object. */
const document = z.union([embeddedText, z.strictObject({ text: embeddedText })], {
  error: 'must be a text that is not empty, or {"text": one}',
});

/** What is put in order, and for what. */
const ranked = {
  model: modelName.meta({ example: 'glove-sif-100' }),
  query: embeddedText.meta({ example: 'who opens the lock?' }),
  documents: z
    .array(document.transform((one) => (typeof one === 'string' ? one : one.text)))
    .min(1)
    .max(EMBEDDING_LIMITS.rerankDocumentsMaxCount)
    .meta(about('What to put in order, each a text or `{"text": ...}`.')),
  top_n: z.int().min(1).nullish().meta(about('How many of the best to answer. Absent: all.')),
  max_tokens_per_doc: z.int().min(1).nullish().meta(about('Changes nothing: documents are read whole.')),
};

const request = z.strictObject({
  ...ranked,
  max_chunks_per_doc: z.int().min(1).nullish().meta(about('Changes nothing: documents are read whole.')),
  truncate: truncateOrFlag,
  return_documents: z
    .boolean()
    .nullish()
    .transform((isWanted) => isWanted === true)
    .meta(about('Whether each result has the text of its document, too.')),
});

const cohereRequest = z.strictObject({
  ...ranked,
  priority: z.int().min(0).max(999).nullish().meta(about('Changes nothing: calls are not queued.')),
});

const result = z.object({
  index: z.int().min(0).meta(about('Which of the documents this is.')),
  relevance_score: z
    .number()
    .meta(about('Higher is more relevant: what a cross-encoder says of the two, or the cosine of their vectors, from -1 to 1.')),
  document: z.object({ text: z.string() }).optional(),
});

const common = {
  access: tenant('inference'),
  meters: ['embedding_tokens', 'embedding_cached_tokens'],
  headers: embeddingCacheHeaders,
  status: 200,
} as const;

export const rerankEndpoints = {
  rerank: {
    ...common,
    ...call('POST', '/v1/rerank', json(request)),
    tag: 'Inference',
    summary: 'Put documents in order of relevance',
    description: apiLines(
      'The shape of Cohere and Jina. Documents come in falling order of relevance to the query; those that are equally relevant in the order they were sent.',
      '',
      'The vectors of the query and of documents seen before come from the cache of the tenant, as with embeddings.',
    ),
    reply: json(
      named('Ranking', {
        object: z.literal('list'),
        model: z.string(),
        results: z.array(result),
        usage: z
          .object({ prompt_tokens: z.int().min(0), total_tokens: z.int().min(0) })
          .meta(about('All tokens that the model saw, cached ones too.')),
        truncated,
      }),
    ),
  },
  cohereRerank: {
    ...common,
    ...call('POST', '/v2/rerank', json(cohereRequest)),
    tag: 'Cohere',
    summary: 'Put documents in order of relevance, as Cohere does',
    description: 'For `ClientV2` of Cohere, and what is built on it. The same as `POST /v1/rerank`.',
    reply: json(named('CohereRanking', { id: z.string(), results: z.array(result.omit({ document: true })), meta: cohereMeta })),
  },
} as const satisfies Record<string, Endpoint>;

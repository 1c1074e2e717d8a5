import * as z from 'zod';

import { notBoth, onlyWith, stated } from '../api/presence.ts';
import { about, named } from '../api/api-text.ts';
import { indexName as name, owner, ownerOrCallers, page, pageQuery, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { fieldsReply, newFields } from './index-fields.ts';
import { METRICS, RECALL_TARGET_DEFAULT } from './index-settings.ts';
import { indexParams } from './index-params.ts';
import { searchSettingsReply } from './search-settings.ts';
import { recallTarget } from './recall-target.ts';
import { INDEX_LIMITS } from './index-limits.ts';
import { modelName, retrievalQuality } from '../embeddings/embedding-fields.ts';

const metric = z
  .enum(METRICS)
  .meta(about('`cosine` and `dot` score higher when closer; `l2` is the Euclidean distance (not squared), lower when closer.'));

const dimensions = z.int().min(INDEX_LIMITS.dimensionsMinCount).max(INDEX_LIMITS.dimensionsMaxCount).meta({ example: 100 });

const recall = recallTarget.meta(
  about('The share of the true nearest neighbours that searches are tuned to find. 0.99 takes nearly twice the memory of 0.95.'),
);

const created = notBoth(
  z.strictObject({
    name,
    dimensions: dimensions.optional().meta(about('Absent, as `model` is: vectors have no values, and are found by their `fields`.', 100)),
    model: modelName.optional().meta(about('Pins the index to this model: it then takes and searches texts, too.')),
    query_model: modelName
      .optional()
      .meta(
        about('Embeds the texts of queries, where that is another model than that of the vectors (two towers). Of as many dimensions.'),
      ),
    metric: metric.default('cosine'),
    // Absent rather than filled in: a repetition of a creation is recognised by its body.
    recall: recall.optional().meta({ default: RECALL_TARGET_DEFAULT }),
    shard_vectors_max: z
      .int()
      .min(INDEX_LIMITS.shardVectorsMinCount)
      .optional()
      .meta(about('Vectors of one shard, from which on it is split in two. Absent, or more than that: half of what its memory holds.')),
    fields: newFields.optional(),
    owner: ownerOrCallers,
  }),
  ['dimensions', 'model'],
  'give either `dimensions` or `model`',
);
const founded = stated(
  created.refine(
    ({ dimensions: count, model, fields = {} }) => count !== undefined || model !== undefined || Object.keys(fields).length > 0,
    'give either `dimensions` or `model`, or `fields` alone for an index without vectors',
  ),
  {
    anyOf: [{ required: ['dimensions'] }, { required: ['model'] }, { required: ['fields'], properties: { fields: { minProperties: 1 } } }],
  },
);
const createBody = onlyWith(founded, 'query_model', 'model', { path: ['query_model'], message: 'goes with `model` only' });

export type CreateIndexBody = z.output<typeof createBody>;

const index = named('Index', {
  object: z.literal('index'),
  id: z.string().meta(about('New with every creation, even under a name that was used before.')),
  name,
  dimensions: dimensions.nullable().meta(about('Null: an index without vectors, which is searched by its `fields`.', 100)),
  metric,
  recall,
  model: z.string().nullable(),
  contract_hash: z.string().nullable().meta(about('The embedding contract that the index is pinned to.')),
  query_model: z.string().nullable().meta(about('What queries are pinned to; as the vectors unless the creation said otherwise.')),
  query_contract_hash: z.string().nullable(),
  retrieval_quality: retrievalQuality,
  shard_vectors_max: z.int().nullable().meta(about('From how many vectors on a shard is split, if the creation said so.')),
  fields: fieldsReply.meta(about('By name. None: an index of vectors alone.')),
  owner,
  created: unixSeconds,
  generation: z.int().min(1),
});

const describedIndex = index.extend({
  search_settings: searchSettingsReply.nullable().meta(about('How it is searched by `auto`, if that is stored.')),
});

const stats = z.object({
  object: z.literal('index.stats'),
  name,
  generation: z.int().min(1),
  lsn: z.int().min(0).meta(about('Number of the last write: every write has a higher one than all that its writer has seen.')),
  vectors: z.int().min(0),
  vectors_max: z.int().min(1).meta(about('How many vectors the index can hold.')),
  shards: z.int().min(1).meta(about('How many shards hold them: an index begins with one, and splits as it grows.')),
  replicas: z
    .int()
    .min(0)
    .meta(about('How many copies of shards answer reads that need not be strong: shards that are read a lot get some.')),
  namespaces: z.int().min(0),
  storage_bytes: z.int().min(0),
  memory_bytes: z.int().min(0).meta(about('What the search engine holds in memory now; 0 until the next query after it was evicted.')),
});

const deleted = z.object({
  object: z.literal('index.deleted'),
  id: z.string(),
  name,
  deleted: z.literal(true),
  vectors: z.int().min(0).meta(about('How many vectors were erased.')),
  objects: z.int().min(1).meta(about('From how many objects, the index itself included.')),
  objects_lost: z.int().min(0).meta(about('How many of them had lost what they stored before: how many vectors those had is not known.')),
  bytes: z.int().min(0).meta(about('How much storage they gave up. `GET /v1/erasures/{id}` proves that nothing is left.')),
});

const common = { tag: 'Indexes', access: tenant('index:read'), meters: [], status: 200 } as const;

export const indexEndpoints = {
  createIndex: {
    ...common,
    ...call('POST', '/v1/indexes', json(createBody)),
    summary: 'Create an index',
    access: tenant('index:write'),
    status: 201,
    reply: json(index),
    idempotent: true,
  },
  listIndexes: {
    ...common,
    ...call('GET', '/v1/indexes'),
    summary: 'List indexes by name',
    description: 'To get the next page, pass the last `name` as `after`.',
    query: pageQuery,
    reply: json(page(index)),
  },
  describeIndex: {
    ...common,
    ...call('GET', '/v1/indexes/:index'),
    summary: 'Describe an index',
    params: indexParams,
    reply: json(describedIndex),
  },
  indexStats: {
    ...common,
    ...call('GET', '/v1/indexes/:index/stats'),
    summary: 'How large an index is',
    params: indexParams,
    reply: json(stats),
  },
  deleteIndex: {
    ...common,
    ...call('DELETE', '/v1/indexes/:index'),
    summary: 'Delete an index and erase its vectors',
    description: 'Answers once everything is erased. An index created later under the same name shares nothing with it.',
    access: tenant('index:write'),
    params: indexParams,
    reply: json(deleted),
  },
} as const satisfies Record<string, Endpoint>;

const count = z.int().min(0);

const erasure = z.object({
  object: z.literal('index.erasure'),
  id: z.string(),
  name: z.string(),
  erased_at: unixSeconds,
  vectors: count,
  objects: count.meta(about('How many objects held something of the index, itself included.')),
  objects_lost: count.meta(about('How many of them had lost what they stored when the index was deleted.')),
  bytes: count.meta(about('Of storage that was given up.')),
  remaining: count.meta(about('How many of them hold something of it now, as their storage says.')),
  verified: z.boolean().meta(about('Whether nothing is left.')),
});

export const erasureEndpoints = {
  verifyIndexErasure: {
    ...call('GET', '/v1/erasures/:erasure'),
    tag: 'Indexes',
    summary: 'Prove that nothing is left of a deleted index',
    description:
      'Asks each object that held something of it to look into its storage. The newest 10,000 deletions of a tenant can be asked about.',
    access: tenant('index:read'),
    meters: [],
    params: z.object({
      erasure: z.string().min(1).max(64).meta(about('The `id` of the index, as its deletion answered it.', 'gen_0123456789abcdef')),
    }),
    status: 200,
    reply: json(erasure),
  },
} as const satisfies Record<string, Endpoint>;

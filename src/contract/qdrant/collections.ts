import * as z from 'zod';

import { indexName } from '../common.ts';
import type { Endpoint } from '../endpoint.ts';
import { json, NO_BODY, tenant } from '../endpoint.ts';
import { LIMITS } from '../limits.ts';
import type { Metric } from '../metric.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG, updateResult } from './envelope.ts';
import { absent } from './selectors.ts';

/** Qdrant's distances that Sluice has. `Euclid` is not squared, and lower is closer. */
const METRIC_BY_DISTANCE = { Cosine: 'cosine', Dot: 'dot', Euclid: 'l2' } as const satisfies Record<string, Metric>;

export const DISTANCE_BY_METRIC = { cosine: 'Cosine', dot: 'Dot', l2: 'Euclid' } as const satisfies Record<Metric, string>;

const distance = z.enum(['Cosine', 'Dot', 'Euclid'], { error: 'must be Cosine, Dot or Euclid' });

const vectorParams = z
  .object({
    size: z.int().min(LIMITS.dimensionsMinCount).max(LIMITS.dimensionsMaxCount),
    distance,
    multivector_config: absent('a point has one vector'),
  })
  .transform(({ size, distance: name }) => ({ dimensions: size, metric: METRIC_BY_DISTANCE[name] }));

const noSparse = z
  .record(z.string(), z.unknown())
  .nullish()
  .refine((vectors) => vectors === undefined || vectors === null || Object.keys(vectors).length === 0, 'no sparse vectors are stored');

const createBody = z
  .object({
    vectors: vectorParams,
    sparse_vectors: noSparse,
    sharding_method: z.literal('auto', 'an index is not divided by shard keys').nullish(),
  })
  .meta({
    description:
      'One unnamed vector a point: `{vectors: {size, distance}}`. What tunes the engine of Qdrant (`hnsw_config`, `optimizers_config`, ' +
      '`quantization_config`, `wal_config`, `on_disk`, shard numbers and the like) is taken and means nothing: an index tunes itself.',
  });

const fieldSchema = z
  .union([z.string(), z.object({ type: z.string() }).transform(({ type }) => type)])
  .nullish()
  .refine((type) => type !== 'text', 'no full text is indexed');

const info = z.object({
  status: z.literal('green'),
  optimizer_status: z.literal('ok'),
  indexed_vectors_count: z.int().min(0),
  points_count: z.int().min(0),
  segments_count: z.int().min(1),
  config: z.object({
    params: z.object({
      vectors: z.object({ size: z.int(), distance: z.enum(['Cosine', 'Dot', 'Euclid']) }),
      shard_number: z.int(),
      replication_factor: z.int(),
      write_consistency_factor: z.int(),
      on_disk_payload: z.boolean(),
    }),
    hnsw_config: z.object({ m: z.int(), ef_construct: z.int(), full_scan_threshold: z.int() }),
    optimizer_config: z.object({ default_segment_number: z.int(), flush_interval_sec: z.int() }),
  }),
  payload_schema: z.object({}).meta({ description: 'Always empty: every property is indexed as it is written.' }),
});

const write = { tag: QDRANT_TAG, access: tenant('index:write'), meters: [], query: callQuery, status: 200 } as const;
const read = { tag: QDRANT_TAG, access: tenant('index:read'), meters: [], query: callQuery, body: NO_BODY, status: 200 } as const;

export const qdrantCollectionEndpoints = {
  qdrantListCollections: {
    ...read,
    method: 'GET',
    path: '/qdrant/collections',
    summary: 'List collections',
    reply: enveloped(z.object({ collections: z.array(z.object({ name: indexName })) })),
  },
  qdrantCollection: {
    ...read,
    method: 'GET',
    path: '/qdrant/collections/:collection',
    summary: 'Describe a collection',
    params: collectionParams,
    reply: enveloped(info),
  },
  qdrantCollectionExists: {
    ...read,
    method: 'GET',
    path: '/qdrant/collections/:collection/exists',
    summary: 'Whether a collection exists',
    params: collectionParams,
    reply: enveloped(z.object({ exists: z.boolean() })),
  },
  qdrantCreateCollection: {
    ...write,
    method: 'PUT',
    path: '/qdrant/collections/:collection',
    summary: 'Create a collection',
    description: 'Owned by the team that owns the key.',
    params: collectionParams,
    body: json(createBody),
    reply: enveloped(z.literal(true)),
  },
  qdrantUpdateCollection: {
    ...write,
    method: 'PATCH',
    path: '/qdrant/collections/:collection',
    summary: 'Tune a collection, which tunes itself: nothing changes',
    params: collectionParams,
    body: json(z.object({})),
    reply: enveloped(z.literal(true)),
  },
  qdrantDeleteCollection: {
    ...write,
    method: 'DELETE',
    path: '/qdrant/collections/:collection',
    summary: 'Delete a collection and erase its points',
    description: 'The result is false if there was none.',
    params: collectionParams,
    body: NO_BODY,
    reply: enveloped(z.boolean()),
  },
  qdrantCreateFieldIndex: {
    ...write,
    method: 'PUT',
    path: '/qdrant/collections/:collection/index',
    summary: 'Index a field of payloads, which all are: nothing changes',
    params: collectionParams,
    body: json(z.object({ field_name: z.string().min(1), field_schema: fieldSchema })),
    reply: enveloped(updateResult),
  },
  qdrantDeleteFieldIndex: {
    ...write,
    method: 'DELETE',
    path: '/qdrant/collections/:collection/index/:field',
    summary: 'No longer index a field of payloads, which all are: nothing changes',
    params: collectionParams.extend({ field: z.string().min(1) }),
    body: NO_BODY,
    reply: enveloped(updateResult),
  },
} as const satisfies Record<string, Endpoint>;

import * as z from 'zod';

import { underNoName } from './described.ts';
import { about } from '../api/api-text.ts';
import { indexName } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, NO_BODY, tenant } from '../api/endpoint.ts';
import type { Metric } from '../indexes/index-settings.ts';
import { INDEX_LIMITS } from '../indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG, updateResult } from './envelope.ts';
import { absent } from './selectors.ts';
import { creationTuning, updatedTuning, vectorTuning } from './tuning.ts';

const action = z.union([
  z.strictObject({ create_alias: z.strictObject({ collection_name: indexName, alias_name: indexName }) }),
  z.strictObject({ delete_alias: z.strictObject({ alias_name: indexName }) }),
  z.strictObject({ rename_alias: z.strictObject({ old_alias_name: indexName, new_alias_name: indexName }) }),
]);

export type QdrantAliasAction = z.output<typeof action>;

const done = z.literal(true);

const aliases = enveloped(z.object({ aliases: z.array(z.object({ alias_name: indexName, collection_name: indexName })) }));

const read = { tag: QDRANT_TAG, access: tenant('index:read'), meters: [], query: callQuery, body: NO_BODY, status: 200 } as const;

export const qdrantAliasEndpoints = {
  qdrantChangeAliases: {
    ...call(
      'POST',
      '/qdrant/collections/aliases',
      json(z.object({ actions: z.array(action).min(1).max(INDEX_LIMITS.aliasActionsMaxCount) })),
    ),
    tag: QDRANT_TAG,
    summary: 'Change aliases, all or none',
    description: 'Answered once every gateway sees the change, after about a second.',
    access: tenant('index:write'),
    meters: [],
    query: callQuery,
    status: 200,
    reply: enveloped(done),
  },
  qdrantAliases: { ...read, method: 'GET', path: '/qdrant/aliases', summary: 'List all aliases', reply: aliases },
  qdrantCollectionAliases: {
    ...read,
    method: 'GET',
    path: '/qdrant/collections/:collection/aliases',
    summary: 'List the aliases of a collection',
    params: collectionParams,
    reply: aliases,
  },
} as const satisfies Record<string, Endpoint>;

/** Qdrant's distances that Sluice has. `Euclid` is not squared, and lower is closer. */
const METRIC_BY_DISTANCE = { Cosine: 'cosine', Dot: 'dot', Euclid: 'l2' } as const satisfies Record<string, Metric>;

export const DISTANCE_BY_METRIC = { cosine: 'Cosine', dot: 'Dot', l2: 'Euclid' } as const satisfies Record<Metric, string>;

const distance = z.enum(['Cosine', 'Dot', 'Euclid'], { error: 'must be Cosine, Dot or Euclid' });

const vectorParams = vectorTuning
  .extend({
    size: z.int().min(INDEX_LIMITS.dimensionsMinCount).max(INDEX_LIMITS.dimensionsMaxCount),
    distance,
    multivector_config: absent('a point has one vector'),
  })
  .transform(({ size, distance: name, multivector_config: _none, ...tuning }) => ({
    space: { dimensions: size, metric: METRIC_BY_DISTANCE[name] },
    tuning,
  }));

/** Also under the vector's name, which is empty. */
const onlyVectorParams = z
  .preprocess(
    (value) => (typeof value === 'object' && value !== null && Object.keys(value).join() === '' && '' in value ? value[''] : value),
    vectorParams,
  )
  .meta({
    override: ({ jsonSchema }) => {
      const params = { ...jsonSchema };
      for (const name of Object.keys(jsonSchema)) delete jsonSchema[name];
      jsonSchema.anyOf = [params, underNoName(params)];
    },
  });

const noSparse = z
  .looseObject({})
  .meta({ maxProperties: 0 })
  .nullish()
  .refine((vectors) => vectors === undefined || vectors === null || Object.keys(vectors).length === 0, 'no sparse vectors are stored');

const createBody = creationTuning
  .extend({
    vectors: onlyVectorParams,
    sparse_vectors: noSparse,
    sharding_method: z.literal('auto', 'an index is not divided by shard keys').nullish(),
  })
  .meta(
    about(
      'One vector a point, whose name is empty: `{vectors: {size, distance}}`, or `{vectors: {"": {size, distance}}}`. What tunes the engine of Qdrant (`hnsw_config`, `optimizers_config`, ' +
        '`quantization_config`, `on_disk` and the like) is kept and shown, and changes nothing: an index tunes itself.',
    ),
  );

const fieldType = z
  .string()
  .meta({ enum: ['keyword', 'integer', 'float', 'geo', 'bool', 'datetime', 'uuid'] })
  .transform((type, context) => {
    if (isFieldType(type)) return type;
    context.issues.push({
      code: 'custom',
      input: type,
      message: type === 'text' ? 'no full text is indexed' : `must be ${FIELD_TYPES.join(', ')}`,
    });
    return z.NEVER;
  });

const FIELD_TYPES = ['keyword', 'integer', 'float', 'geo', 'bool', 'datetime', 'uuid'] as const;
const isFieldType = (type: string): type is (typeof FIELD_TYPES)[number] => (FIELD_TYPES as readonly string[]).includes(type);

const fieldParams = z.union([z.string().max(64), z.number(), z.boolean(), z.null()]);

/** A type, or its parameters with the type among them. Absent: words. */
const fieldSchema = z
  .union([
    fieldType.transform((type) => ({ data_type: type })),
    z
      .object({ type: fieldType })
      .catchall(fieldParams)
      .transform((params) => ({ data_type: params.type, params })),
  ])
  .nullish()
  .transform((schema) => schema ?? { data_type: 'keyword' as const });

const fieldName = z.string().min(1).max(VECTOR_LIMITS.vectorIdBytesMax);

const info = z.object({
  status: z.literal('green'),
  optimizer_status: z.literal('ok'),
  indexed_vectors_count: z.int().min(0),
  points_count: z.int().min(0),
  segments_count: z.int().min(1),
  config: z.object({
    params: z.object({
      vectors: z.looseObject({ size: z.int(), distance: z.enum(['Cosine', 'Dot', 'Euclid']) }),
      shard_number: z.int(),
      replication_factor: z.int(),
      write_consistency_factor: z.int(),
      read_fan_out_factor: z.int().optional(),
      read_fan_out_delay_ms: z.int().optional(),
      on_disk_payload: z.boolean(),
    }),
    hnsw_config: z.looseObject({ m: z.int(), ef_construct: z.int(), full_scan_threshold: z.int() }),
    optimizer_config: z.looseObject({ default_segment_number: z.int(), flush_interval_sec: z.int() }),
    quantization_config: z.looseObject({}).nullable(),
    metadata: z.looseObject({}).optional(),
  }),
  payload_schema: z
    .record(z.string(), z.looseObject({ points: z.int().min(0) }))
    .meta(about('What was declared. Every field is indexed as it is written, declared or not: `points` is how many there are.')),
});

const write = { tag: QDRANT_TAG, access: tenant('index:write'), meters: [], query: callQuery, status: 200 } as const;

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
    ...call('PUT', '/qdrant/collections/:collection', json(createBody)),
    summary: 'Create a collection',
    description: 'Owned by the team that owns the key.',
    params: collectionParams,
    reply: enveloped(done),
  },
  qdrantUpdateCollection: {
    ...write,
    ...call('PATCH', '/qdrant/collections/:collection', json(updatedTuning)),
    summary: 'Tune a collection: kept and shown, but an index tunes itself',
    params: collectionParams,
    reply: enveloped(done),
  },
  qdrantDeleteCollection: {
    ...write,
    ...call('DELETE', '/qdrant/collections/:collection'),
    summary: 'Delete a collection and erase its points',
    description: 'The result is false if there was none.',
    params: collectionParams,
    reply: enveloped(z.boolean()),
  },
  qdrantCreateFieldIndex: {
    ...write,
    ...call('PUT', '/qdrant/collections/:collection/index', json(z.object({ field_name: fieldName, field_schema: fieldSchema }))),
    summary: 'Declare a field of payloads to be indexed, as all are',
    params: collectionParams,
    reply: enveloped(updateResult),
  },
  qdrantDeleteFieldIndex: {
    ...write,
    ...call('DELETE', '/qdrant/collections/:collection/index/:field'),
    summary: 'Withdraw the declaration of a field, which stays indexed',
    params: collectionParams.extend({ field: fieldName }),
    reply: enveloped(updateResult),
  },
} as const satisfies Record<string, Endpoint>;

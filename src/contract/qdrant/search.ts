import * as z from 'zod';

import { about } from '../api/api-text.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { json, tenant } from '../api/endpoint.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { implies } from '../api/presence.ts';
import { withQuickReader } from '../api/quick-reader.ts';
import { floats, FLOATS } from '../vectors/vector-fields.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG } from './envelope.ts';
import { qdrantFilter } from './filter.ts';
import { jsonPath } from './json-path.ts';
import { pointRecord } from './points.ts';
import { readPlainPointQuery, readPlainSearch } from './plain-search.ts';
import type { PointQuery } from './query.ts';
import { pointQuery, recommendation, strategy, vectorInput } from './query.ts';
import { absent, noShardKey, onlyVector, withPayload, withVector } from './selectors.ts';

const { topKMaxCount: matchesMax } = VECTOR_LIMITS;

/** `hnsw_ef`, `quantization` and the like tune another engine. */
const params = z.object({ exact: z.boolean().nullish() }).nullish();

const asked = {
  filter: qdrantFilter,
  params,
  score_threshold: z.number().nullish(),
  with_payload: withPayload(false),
  with_vector: withVector,
  using: onlyVector,
  lookup_from: absent('vectors are looked up in the collection itself'),
  shard_key: noShardKey,
};

const limit = z.int().min(1).max(matchesMax).nullish();
const paged = { ...asked, limit, offset: z.int().min(0).max(VECTOR_LIMITS.queryOffsetMaxCount).nullish() };
const grouped = {
  ...asked,
  limit,
  group_by: jsonPath,
  group_size: z.int().min(1).max(matchesMax).nullish(),
  with_lookup: absent('groups are looked up in no other collection'),
};

const noPrefetch = z
  .array(z.never({ error: 'searches are not combined: ask for each alone' }))
  .meta({ override: { items: { type: 'object' }, maxItems: 0 } })
  .nullish();
const prefetch = z.preprocess(
  (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? [value] : value),
  noPrefetch,
);

/** Also as `{name, vector}`, where the name is empty. */
const searchVector = z
  .unknown()
  .meta({
    anyOf: [FLOATS, { type: 'object', properties: { name: { type: 'string', enum: [''] }, vector: FLOATS }, required: ['name', 'vector'] }],
  })
  .transform((value) => (isNamed(value) ? value.vector : value))
  .pipe(floats);

const isNamed = (value: unknown): value is { readonly vector: unknown } =>
  typeof value === 'object' && value !== null && 'vector' in value && 'name' in value && value.name === '';

const nearestTo = (values: Float32Array<ArrayBuffer>): PointQuery => ({ kind: 'nearest', to: { kind: 'values', values }, mmr: null });

const examples = z.array(vectorInput).max(VECTOR_LIMITS.exampleIdsMaxCount).nullish();
const some = (name: string) => ({ required: [name], properties: { [name]: { type: 'array' as const, items: {}, minItems: 1 } } });
const bySum = { required: ['strategy'], properties: { strategy: { enum: ['sum_scores'] } } };

/** That there is an example: a positive one, unless scores are summed. */
const BY_EXAMPLE = { allOf: [implies(bySum, { anyOf: [some('positive'), some('negative')] }, some('positive'))] };

const exampled = { positive: examples, negative: examples, strategy };

export const queryBody = z.object({ query: pointQuery, prefetch, ...paged });
const searchBody = z.object({ vector: searchVector, ...paged }).transform(({ vector, ...rest }) => ({ ...rest, query: nearestTo(vector) }));
const recommendBody = z
  .object({ ...exampled, ...paged })
  .meta(BY_EXAMPLE)
  .transform(({ positive, negative, strategy: by, ...rest }) => ({ ...rest, query: recommendation(positive, negative, by) }));

export type AskedPoints = Omit<z.output<typeof queryBody>, 'prefetch'>;

const queryGroupsBody = z.object({ query: pointQuery, prefetch, ...grouped });
const searchGroupsBody = z
  .object({ vector: searchVector, ...grouped })
  .transform(({ vector, ...rest }) => ({ ...rest, query: nearestTo(vector) }));
const recommendGroupsBody = z
  .object({ ...exampled, ...grouped })
  .meta(BY_EXAMPLE)
  .transform(({ positive, negative, strategy: by, ...rest }) => ({ ...rest, query: recommendation(positive, negative, by) }));

export type AskedGroups = Omit<z.output<typeof queryGroupsBody>, 'prefetch'>;

const several = <S extends z.core.$ZodType>(body: S) => z.object({ searches: z.array(body).max(VECTOR_LIMITS.batchSearchesMaxCount) });

const scored = pointRecord.extend({
  version: z.int().min(0).meta(about('The write number (LSN) up to which the answer is complete.')),
  score: z.number(),
});
const scoredList = z.array(scored);
const found = z.object({ points: scoredList });
const groups = z.object({
  groups: z.array(z.object({ id: z.unknown().meta({ anyOf: [{ type: 'string' }, { type: 'integer' }] }), hits: scoredList })),
});

const search = {
  method: 'POST',
  tag: QDRANT_TAG,
  access: tenant('index:read'),
  meters: ['vector_queries'],
  params: collectionParams,
  query: callQuery,
  status: 200,
} as const;

const exact = <S extends z.core.$ZodType>(schema: S) => ({ ...json(schema), exactIntegers: true }) as const;

export const qdrantSearchEndpoints = {
  qdrantQuery: {
    ...search,
    path: '/qdrant/collections/:collection/points/query',
    summary: 'Find points',
    body: exact(withQuickReader(queryBody, readPlainPointQuery)),
    reply: enveloped(found),
  },
  qdrantQueryBatch: {
    ...search,
    path: '/qdrant/collections/:collection/points/query/batch',
    summary: 'Find points, several times',
    body: exact(several(queryBody)),
    reply: enveloped(z.array(found)),
  },
  qdrantQueryGroups: {
    ...search,
    path: '/qdrant/collections/:collection/points/query/groups',
    summary: 'Find points, by groups of equal values',
    description:
      'Groups are found among ten times as many matches as they hold, at most `qdrantGroupCandidatesMaxCount`, in up to four searches. Then those ' +
      'that may have more points are filled: at most `batchSearchesMaxCount` groups, and `qdrantGroupCandidatesMaxCount` points of them.',
    body: exact(queryGroupsBody),
    reply: enveloped(groups),
  },
  qdrantSearch: {
    ...search,
    path: '/qdrant/collections/:collection/points/search',
    summary: 'Find points near a vector',
    body: exact(withQuickReader(searchBody, readPlainSearch)),
    reply: enveloped(scoredList),
  },
  qdrantSearchBatch: {
    ...search,
    path: '/qdrant/collections/:collection/points/search/batch',
    summary: 'Find points near several vectors',
    body: exact(several(searchBody)),
    reply: enveloped(z.array(scoredList)),
  },
  qdrantSearchGroups: {
    ...search,
    path: '/qdrant/collections/:collection/points/search/groups',
    summary: 'Find points near a vector, by groups of equal values',
    body: exact(searchGroupsBody),
    reply: enveloped(groups),
  },
  qdrantRecommend: {
    ...search,
    path: '/qdrant/collections/:collection/points/recommend',
    summary: 'Find points like some and unlike others',
    body: exact(recommendBody),
    reply: enveloped(scoredList),
  },
  qdrantRecommendBatch: {
    ...search,
    path: '/qdrant/collections/:collection/points/recommend/batch',
    summary: 'Find points like some and unlike others, several times',
    body: exact(several(recommendBody)),
    reply: enveloped(z.array(scoredList)),
  },
  qdrantRecommendGroups: {
    ...search,
    path: '/qdrant/collections/:collection/points/recommend/groups',
    summary: 'Find points like some and unlike others, by groups of equal values',
    body: exact(recommendGroupsBody),
    reply: enveloped(groups),
  },
} as const satisfies Record<string, Endpoint>;

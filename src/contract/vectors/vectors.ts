import * as z from 'zod';

import { exactlyOneOf, implies, notBoth, someOf, stated } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import { queryCacheHeaders } from '../api/cache-headers.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, jsonOrFrame, tenant, vectorsReply } from '../api/endpoint.ts';
import { narrowingLabels } from '../documents/access-labels.ts';
import { explanation } from './explanation.ts';
import { fieldValues, fieldValuesReply } from './field-values.ts';
import { filter, someFilter } from './filter-syntax.ts';
import { FIELD_LIMITS } from '../indexes/field-limits.ts';
import { indexParams } from '../indexes/index-params.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { readPlainQuery } from './plain-query.ts';
import { withQuickReader } from '../api/quick-reader.ts';
import { consistency, deadlineHeaders, partial } from '../api/reading.ts';
import { floatsReply, modelName } from '../embeddings/embedding-fields.ts';
import { truncate, truncated } from '../embeddings/truncation.ts';
import { examples, metadata, namespace, text, vectorFloats, vectorId, withExamples } from './vector-fields.ts';

const madeBy = modelName
  .optional()
  .meta(about('The model that the vectors come from. An index that is pinned to another embedding contract refuses them.'));

const vector = someOf(
  z.strictObject({
    id: vectorId,
    values: vectorFloats
      .nullable()
      .optional()
      .meta(about('Null, or absent without a `text`: it has none, and is found by its `fields`, its metadata and its id.')),
    text: text
      .optional()
      .meta(about('Embedded with the model of the index, and kept. With `values`, even null, it is kept and not embedded.')),
    namespace,
    metadata: metadata.optional(),
    fields: fieldValues.optional(),
  }),
  ['values', 'text', 'fields'],
  'give `values`, `text` or `fields`; `values: null` stands for no vector',
);

/** A vector to write. Its metadata is JSON text. */
export type NewVector = z.output<typeof vector>;

const upsertOf = (item: z.core.$ZodType<NewVector>) =>
  z.strictObject({
    vectors: z.array(item).min(1).max(VECTOR_LIMITS.upsertCallVectorsMaxCount).superRefine(refuseDuplicates),
    model: madeBy,
    truncate,
  });

const upsertBody = upsertOf(vector);

export function refuseDuplicates(vectors: readonly { readonly id: string; readonly namespace?: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [at, item] of vectors.entries()) {
    // Neither part contains NUL.
    const key = `${item.namespace ?? ''}\0${item.id}`;
    if (seen.has(key)) context.addIssue({ code: 'custom', path: [at, 'id'], message: 'is in the batch twice' });
    seen.add(key);
  }
}

export type UpsertBody = z.output<typeof upsertBody>;

const include = {
  include_values: z.boolean().default(false),
  include_metadata: z.boolean().default(true),
  include_text: z.boolean().default(false),
  include_fields: z.boolean().default(false),
};

const mmr = z
  .strictObject({
    diversity: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .meta(about('What counts: 0 is closeness to the query alone, 1 is unlikeness to the matches chosen before alone.')),
    candidates_limit: z
      .int()
      .min(1)
      .max(VECTOR_LIMITS.mmrCandidatesMaxCount)
      .optional()
      .meta(
        about(
          `The closest so many are chosen from; at least \`top_k\`. Absent: ${VECTOR_LIMITS.mmrCandidatesDefaultFactor} times \`top_k\`.`,
        ),
      ),
  })
  .meta(
    about(
      'Diversifies the matches by maximal marginal relevance: each is the candidate whose closeness to the query, times 1 - `diversity`, ' +
        'less its closeness to the nearest match before, times `diversity`, is greatest. They come in the order in which they were chosen.',
    ),
  );

const queried = z.strictObject({
  field: z
    .string()
    .min(1)
    .max(FIELD_LIMITS.fieldNameCharsMax)
    .optional()
    .meta(about('Searches the vectors of this field of the index, exactly. Absent: the vectors themselves.', 'image')),
  vector: vectorFloats.optional(),
  text: text.optional(),
  id: vectorId.optional().meta(about('Search around this stored vector, which is then among the matches.')),
  ...examples,
  exclude_ids: z.array(vectorId).max(VECTOR_LIMITS.excludeIdsMaxCount).default([]).meta(about('Never among the matches.')),
  top_k: z.int().min(1).max(VECTOR_LIMITS.topKMaxCount).default(VECTOR_LIMITS.topKDefaultCount),
  offset: z.int().min(0).max(VECTOR_LIMITS.queryOffsetMaxCount).default(0).meta(about('Passes over so many of the closest.')),
  namespace,
  filter: filter.optional(),
  labels: narrowingLabels,
  mmr: mmr.optional(),
  exact: z.boolean().default(false).meta(about('Compares the query with every vector, for measuring what searches miss.')),
  explain: z.boolean().default(false).meta(about('Answers an `explanation`, too.')),
  model: madeBy,
  truncate,
  consistency,
  ...include,
});

/** What searches have of vectors themselves alone. */
const NOT_OF_FIELDS = { mmr: 'does not go with `field`: a plan has the stage `mmr` for it', model: 'does not go with `field`' } as const;

const ofOneTarget = exactlyOneOf(
  queried,
  ['vector', 'text', 'id', 'positive_ids'],
  'give exactly one of `vector`, `text`, `id` and `positive_ids`',
);
const ofOneField = (['mmr', 'model'] as const).reduce(
  (schema, name) => notBoth(schema, [name, 'field'], { path: [name], message: NOT_OF_FIELDS[name] }),
  ofOneTarget,
);
const queryBody = withExamples(ofOneField).superRefine(refuseFewCandidates);

/** Matches are chosen among the candidates. */
function refuseFewCandidates(
  { mmr: choice, top_k: topK, offset }: Pick<z.output<typeof queried>, 'mmr' | 'top_k' | 'offset'>,
  context: z.RefinementCtx,
): void {
  const least = topK + offset;
  const candidates = choice?.candidates_limit ?? least;
  if (candidates >= least) return;
  const what = offset === 0 ? '`top_k`' : '`top_k` and `offset` together';
  context.addIssue({ code: 'custom', path: ['mmr', 'candidates_limit'], message: `is ${candidates}; the least is ${what}, ${least}` });
}

export type QueryBody = z.output<typeof queryBody>;

const batchBody = z.strictObject({
  searches: z
    .array(queryBody)
    .min(1)
    .max(VECTOR_LIMITS.batchSearchesMaxCount)
    .meta(about('What single queries have as bodies, each with its own target, filter and options.')),
});

const fetchBody = z.strictObject({
  ids: z.array(vectorId).min(1).max(VECTOR_LIMITS.vectorIdsMaxCount),
  namespace,
  consistency,
  ...include,
  include_values: z.boolean().default(true),
});

export type FetchBody = z.output<typeof fetchBody>;

const ofSome = exactlyOneOf(
  z.strictObject({
    ids: z.array(vectorId).min(1).max(VECTOR_LIMITS.vectorIdsMaxCount).optional(),
    filter: someFilter.optional(),
    all: z.literal(true).optional().meta(about('Every vector of every namespace.')),
    namespace,
  }),
  ['ids', 'filter', 'all'],
  { path: ['ids'], message: 'give exactly one of `ids`, `filter` and `all`' },
);
const deleteBody = stated(
  ofSome.refine(({ all, namespace: named }) => all === undefined || named === '', {
    path: ['namespace'],
    message: '`all` is every vector of every namespace',
  }),
  implies({ required: ['all'] }, { properties: { namespace: { enum: [''] } } }),
);

export type DeleteBody = z.output<typeof deleteBody>;

export const lsn = z.int().min(0).meta(about('The write up to which the answer is complete: no earlier write is missing.'));

const stored = {
  id: z.string(),
  values: floatsReply.nullable().optional().meta(about('Null: it has none.')),
  metadata: z.record(z.string(), z.unknown()).nullable().optional(),
  text: z.string().nullable().optional(),
  fields: fieldValuesReply.nullable().optional(),
};

export const storedVector = z.object(stored);

export type StoredVectorReply = z.input<typeof storedVector>;

const count = z.int().min(0);

const queryReply = z.object({
  matches: z.array(z.object({ ...stored, score: z.number() })),
  lsn,
  ...partial,
  truncated,
  explanation: explanation.optional(),
});

const CHUNKS_AS_THEY_ARE = 'Those that hold chunks of documents are among them as they are, whichever version is served.';

const MIB = (bytes: number): number => bytes / 1024 / 1024;

const common = { tag: 'Vectors', access: tenant('index:read'), status: 200 } as const;

export const vectorEndpoints = {
  upsertVectors: {
    ...common,
    method: 'POST',
    path: '/v1/indexes/:index/upsert',
    summary: 'Write vectors',
    description:
      'A vector replaces the one with the same id and namespace. Once answered, every later query sees them. All are checked before the ' +
      `first is written. Up to ${VECTOR_LIMITS.upsertVectorsMaxCount.toLocaleString('en')} vectors, and ${MIB(VECTOR_LIMITS.upsertSliceBytesMax)} MiB of them (4 bytes a ` +
      'number, 2 a character), are written all or none; more are written in such slices, in their order, and should one fail, the error ' +
      'says under `applied` how many vectors were written before: repeat the call, with the same `Idempotency-Key` if it had one. ' +
      'Ids and metadata as chunks of documents have them (`$document`, `$labels`) are refused.',
    access: tenant('index:write'),
    meters: ['vectors_written', 'embedding_tokens', 'embedding_cached_tokens'],
    params: indexParams,
    body: {
      kind: 'json',
      schema: upsertBody,
      bytesMax: VECTOR_LIMITS.upsertBodyBytesMax,
      rows: { list: 'vectors', field: 'values' },
      streamed: {
        arrays: [{ path: ['vectors'], item: vector, countMax: VECTOR_LIMITS.upsertCallVectorsMaxCount }],
        whole: upsertOf(z.custom<NewVector>()),
      },
    },
    reply: json(z.object({ upserted: count, truncated, lsn })),
    idempotent: true,
  },
  queryVectors: {
    ...common,
    heedsLabels: true,
    ...call('POST', '/v1/indexes/:index/query', jsonOrFrame(withQuickReader(queryBody, readPlainQuery), { field: 'vector' })),
    summary: 'Find the closest vectors',
    description:
      'Finds the share of the true nearest that the index was created for (`recall`), or all of them with `exact`. ' +
      'Closest first, unless `mmr` is asked for; equal scores in the order of their ids. Of documents, the versions that are served are found.\n\n' +
      'With `x-sluice-cache-ttl-ms` the same query of the same state of the index is answered from before, at the price of ' +
      '`vector_cached_queries`: any write makes it miss, so an answer is never older than the last acknowledged write. It is kept in the ' +
      'memory of an isolate; a purge of everything, of its tags, its model or by age takes it, and so does a document that is served, replaced or removed.',
    meters: ['vector_queries', 'vector_cached_queries', 'embedding_tokens', 'embedding_cached_tokens'],
    params: indexParams,
    headers: queryCacheHeaders.extend(deadlineHeaders.shape),
    reply: vectorsReply(queryReply),
  },
  queryVectorsBatch: {
    ...common,
    heedsLabels: true,
    ...call('POST', '/v1/indexes/:index/query/batch', jsonOrFrame(batchBody, { list: 'searches', field: 'vector' })),
    summary: 'Find the closest vectors, several times in one call',
    description:
      `Up to ${VECTOR_LIMITS.batchSearchesMaxCount} searches, answered in their order, each as a single query would be; a shard is called once for all that go to it. ` +
      'Each counts as one of `vector_queries`. All are checked before the first is made, and one that is refused refuses the call, naming ' +
      '`searches[i]` and the field. Together they find at most `batchMatchesMaxCount` matches. The headers apply to each of them.',
    meters: ['vector_queries', 'vector_cached_queries', 'embedding_tokens', 'embedding_cached_tokens'],
    params: indexParams,
    headers: queryCacheHeaders.extend(deadlineHeaders.shape),
    reply: vectorsReply(z.object({ results: z.array(queryReply).meta(about('One of each search, in their order.')) })),
  },
  fetchVectors: {
    ...common,
    ...call('POST', '/v1/indexes/:index/fetch', json(fetchBody)),
    summary: 'Read vectors by id',
    description: `In the order asked for; ids that are not there are left out. ${CHUNKS_AS_THEY_ARE}`,
    meters: [],
    params: indexParams,
    reply: vectorsReply(z.object({ vectors: z.array(storedVector), lsn })),
  },
  deleteVectors: {
    ...common,
    ...call('POST', '/v1/indexes/:index/delete', json(deleteBody)),
    summary: 'Delete vectors by id or by filter, or all of them',
    description:
      `All, or up to ${VECTOR_LIMITS.vectorIdsSliceMaxCount.toLocaleString('en')} ids: all or none. More ids, or by a filter: in slices, each all or none; repeat the ` +
      'call when it was interrupted. ' +
      'Whether vectors that are written meanwhile go too is not said. Those that hold chunks of documents go with these: naming them, or `all` of an index with documents, ' +
      'is refused, and a filter leaves them.',
    access: tenant('index:write'),
    meters: [],
    params: indexParams,
    reply: json(z.object({ deleted: count, lsn })),
  },
} as const satisfies Record<string, Endpoint>;

const listBody = z.strictObject({
  namespace,
  filter: filter.optional(),
  after: vectorId.optional().meta(about('The last id of the page before, whether or not that vector is still there.')),
  limit: z.int().min(1).max(VECTOR_LIMITS.listMaxCount).default(API_LIMITS.pageDefaultCount),
  include_values: z.boolean().default(false),
  include_metadata: z.boolean().default(true),
  include_text: z.boolean().default(false),
  include_fields: z.boolean().default(false),
});

const countBody = z.strictObject({ namespace, filter: filter.optional() });

export const vectorListingEndpoints = {
  listVectors: {
    ...call('POST', '/v1/indexes/:index/list', json(listBody)),
    tag: 'Vectors',
    summary: 'List vectors by id',
    description:
      'In the order of their ids: whole numbers without leading zeros by value, then the others by code points. Vectors that are written or ' +
      `deleted between two pages are there or not as of the page they belong to; no other is missing or comes twice. ${CHUNKS_AS_THEY_ARE}`,
    access: tenant('index:read'),
    meters: [],
    params: indexParams,
    status: 200,
    reply: vectorsReply(z.object({ vectors: z.array(storedVector), has_more: z.boolean(), lsn })),
  },
  countVectors: {
    ...call('POST', '/v1/indexes/:index/count', json(countBody)),
    tag: 'Vectors',
    summary: 'Count the vectors of a namespace, or those that a filter accepts',
    description: CHUNKS_AS_THEY_ARE,
    access: tenant('index:read'),
    meters: [],
    params: indexParams,
    status: 200,
    reply: json(z.object({ count: z.int().min(0), lsn })),
  },
} as const satisfies Record<string, Endpoint>;

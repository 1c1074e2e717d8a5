import * as z from 'zod';

import { orNull, underNoName } from './described.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import type { FieldPath } from '../api/field-path.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { floatsReply } from '../embeddings/embedding-fields.ts';
import { floats, FLOATS, metadata } from '../vectors/vector-fields.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG, updateResult } from './envelope.ts';
import { qdrantFilter } from './filter.ts';
import { nextPointId, newPointId, pointId, pointIdReply } from './point-id.ts';
import { absent, noShardKey, pointsSelector, withPayload, withVector } from './selectors.ts';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The vector of a point, also where it is given under its name, which is empty. */
export const pointVector = z
  .unknown()
  .meta({ anyOf: [FLOATS, underNoName(FLOATS)], description: 'A vector, also under its name, which is empty.' })
  .transform((value, context): unknown => {
    if (!isObject(value)) return value;
    if (Object.keys(value).join() === '') return value[''];
    context.issues.push({ code: 'custom', input: value, message: 'names vectors: a point has one, which is dense and has no name' });
    return z.NEVER;
  })
  .pipe(floats);

const { qdrantPointsMaxCount: pointsMax } = VECTOR_LIMITS;

/** A point to write. Its payload is JSON text. */
export interface NewPoint {
  readonly id: string;
  readonly values: Float32Array<ArrayBuffer>;
  readonly payload: string | undefined;
  /** Where its vector stands in the request. */
  readonly path: FieldPath;
}

type Floats = Float32Array<ArrayBuffer>;
type Payload = string | undefined;

const payload = z.preprocess((value) => value ?? undefined, metadata.optional()).meta({ override: orNull });

const point = z.object({ id: newPointId, vector: pointVector, payload });

type Point = z.output<typeof point>;

const pointsOf = (item: z.core.$ZodType<Point>) =>
  z
    .array(item)
    .max(pointsMax)
    .transform((points): NewPoint[] =>
      points.map(({ id, vector: values, payload: text }, i) => ({ id, values, payload: text, path: ['points', i, 'vector'] as const })),
    );

const ARRAY = { type: 'array' as const, items: FLOATS };

const batchOf = (vector: z.core.$ZodType<Floats>, text: z.core.$ZodType<Payload>) =>
  z
    .object({
      ids: z.array(newPointId).max(pointsMax),
      vectors: z.preprocess(unnamed, z.array(vector)).meta({
        override: { type: undefined, items: undefined, anyOf: [ARRAY, underNoName(ARRAY)] } as object,
      }),
      payloads: z.array(text).nullish(),
    })
    .refine(
      ({ ids, vectors, payloads }) => ids.length === vectors.length && ids.length === (payloads ?? ids).length,
      'must have as many vectors and payloads as ids',
    )
    .transform(({ ids, vectors, payloads }): NewPoint[] =>
      ids.flatMap((id, i) => {
        const values = vectors[i];
        return values === undefined ? [] : [{ id, values, payload: payloads?.[i], path: ['batch', 'vectors', i] }];
      }),
    );

/** The vectors of a batch, also under their name, which is empty. */
function unnamed(value: unknown): unknown {
  return isObject(value) && Object.keys(value).join() === '' ? value[''] : value;
}

const upsertOf = (item: z.core.$ZodType<Point>, vector: z.core.$ZodType<Floats>, text: z.core.$ZodType<Payload>) =>
  z
    .object({
      points: pointsOf(item).optional(),
      batch: batchOf(vector, text).optional(),
      shard_key: noShardKey,
      update_filter: absent('a point is written whatever was there'),
      update_mode: z.literal('upsert', 'a point is written whether or not it is there').nullish(),
    })
    .meta({ allOf: [{ oneOf: [{ required: ['points'] }, { required: ['batch'] }] }] })
    .refine((body) => (body.points === undefined) !== (body.batch === undefined), 'give either `points` or `batch`')
    .transform((body): readonly NewPoint[] => body.points ?? body.batch ?? []);

export const upsertPoints = upsertOf(point, floats, payload);

export const streamedUpsert = {
  arrays: [
    { path: ['points'], item: point, countMax: pointsMax },
    { path: ['batch', 'vectors'], item: floats, countMax: pointsMax },
    { path: ['batch', 'vectors', ''], item: floats, countMax: pointsMax },
    { path: ['batch', 'payloads'], item: payload, countMax: pointsMax },
  ],
  whole: upsertOf(z.custom<Point>(), z.custom<Floats>(), z.custom<Payload>()),
} as const;

const newVector = z.object({ id: pointId, vector: pointVector });

const updateOf = (item: z.core.$ZodType<z.output<typeof newVector>>) =>
  z.object({
    points: z
      .array(item)
      .max(pointsMax)
      .transform((points) => points.map((changed, i) => ({ ...changed, path: ['points', i, 'vector'] as const }))),
    shard_key: noShardKey,
    update_filter: absent('a vector is written whatever was there'),
  });

export const updateVectors = updateOf(newVector);

export const streamedVectors = {
  arrays: [{ path: ['points'], item: newVector, countMax: pointsMax }],
  whole: updateOf(z.custom<z.output<typeof newVector>>()),
} as const;

const scrollBody = z.object({
  offset: pointId.nullish(),
  limit: z.int().min(1).max(pointsMax).nullish(),
  filter: qdrantFilter,
  with_payload: withPayload(true),
  with_vector: withVector,
  order_by: absent('points are listed in the order of their ids'),
  shard_key: noShardKey,
});

const retrieveBody = z.object({
  ids: z.array(pointId).max(VECTOR_LIMITS.vectorIdsMaxCount),
  with_payload: withPayload(true),
  with_vector: withVector,
  shard_key: noShardKey,
});

const countBody = z.object({ filter: qdrantFilter, exact: z.boolean().nullish(), shard_key: noShardKey });

export const pointRecord = z.object({
  id: pointIdReply,
  payload: z
    .unknown()
    .meta({ type: ['object', 'null'], description: 'Whole numbers have all their digits.' })
    .optional(),
  vector: floatsReply.optional(),
});

const shared = { tag: QDRANT_TAG, params: collectionParams, query: callQuery, status: 200 } as const;
const read = { ...shared, access: tenant('index:read'), meters: [] } as const;
const write = { ...shared, access: tenant('index:write'), reply: enveloped(updateResult) } as const;

export const qdrantPointEndpoints = {
  qdrantUpsertPoints: {
    ...write,
    ...call('PUT', '/qdrant/collections/:collection/points', {
      kind: 'json',
      schema: upsertPoints,
      bytesMax: VECTOR_LIMITS.upsertBodyBytesMax,
      exactIntegers: true,
      streamed: streamedUpsert,
    }),
    summary: 'Write points, in slices',
    description: 'Of points with the same id the last one counts. Once answered, every later read sees them.',
    meters: ['vectors_written'],
  },
  qdrantRetrievePoints: {
    ...read,
    ...call('POST', '/qdrant/collections/:collection/points', { ...json(retrieveBody), exactIntegers: true }),
    summary: 'Read points by id',
    reply: enveloped(z.array(pointRecord)),
  },
  qdrantRetrievePoint: {
    ...read,
    ...call('GET', '/qdrant/collections/:collection/points/:id'),
    summary: 'Read a point',
    params: collectionParams.extend({ id: z.string().min(1).max(VECTOR_LIMITS.vectorIdBytesMax) }),
    reply: enveloped(pointRecord),
  },
  qdrantDeletePoints: {
    ...write,
    ...call('POST', '/qdrant/collections/:collection/points/delete', { ...json(pointsSelector), exactIntegers: true }),
    summary: 'Delete points by id or by filter',
    description: 'An empty filter is every point.',
    meters: [],
  },
  qdrantScrollPoints: {
    ...read,
    ...call('POST', '/qdrant/collections/:collection/points/scroll', { ...json(scrollBody), exactIntegers: true }),
    summary: 'List points in the order of their ids',
    reply: enveloped(z.object({ points: z.array(pointRecord), next_page_offset: nextPointId })),
  },
  qdrantCountPoints: {
    ...read,
    ...call('POST', '/qdrant/collections/:collection/points/count', { ...json(countBody), exactIntegers: true }),
    summary: 'Count points',
    description: 'Exactly, whether or not that is asked for.',
    reply: enveloped(z.object({ count: z.int().min(0) })),
  },
  qdrantUpdateVectors: {
    ...write,
    ...call('PUT', '/qdrant/collections/:collection/points/vectors', {
      kind: 'json',
      schema: updateVectors,
      bytesMax: VECTOR_LIMITS.upsertBodyBytesMax,
      exactIntegers: true,
      streamed: streamedVectors,
    }),
    summary: 'Give points new vectors',
    meters: ['vectors_written'],
  },
  qdrantDeleteVectors: {
    ...write,
    ...call('POST', '/qdrant/collections/:collection/points/vectors/delete', json(z.looseObject({}))),
    summary: 'Refused: a point is nothing without its vector',
    meters: [],
  },
} as const satisfies Record<string, Endpoint>;

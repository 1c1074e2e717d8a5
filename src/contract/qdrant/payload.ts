import * as z from 'zod';

import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { metadata } from '../vectors/vector-fields.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG, updateResult } from './envelope.ts';
import { qdrantFilter } from './filter.ts';
import { jsonPath } from './json-path.ts';
import { noShardKey, pointIds, pointsSelector, SELECTING, selectionOf } from './selectors.ts';

const selected = { points: pointIds.nullish(), filter: qdrantFilter, shard_key: noShardKey };

export const setPayload = z
  .object({ payload: metadata, key: jsonPath.nullish(), ...selected })
  .meta(SELECTING)
  .transform((body, context) => ({ payload: body.payload, at: body.key ?? [], selection: selectionOf(body, context) }));

export const deletePayload = z
  .object({ keys: z.array(jsonPath).max(VECTOR_LIMITS.metadataPathsMaxCount), ...selected })
  .meta(SELECTING)
  .transform((body, context) => ({ paths: body.keys, selection: selectionOf(body, context) }));

const change = {
  tag: QDRANT_TAG,
  access: tenant('index:write'),
  meters: ['vectors_written'],
  params: collectionParams,
  query: callQuery,
  status: 200,
  reply: enveloped(updateResult),
} as const;

export const qdrantPayloadEndpoints = {
  qdrantSetPayload: {
    ...change,
    ...call('POST', '/qdrant/collections/:collection/points/payload', { ...json(setPayload), exactIntegers: true }),
    summary: 'Set members of payloads',
  },
  qdrantOverwritePayload: {
    ...change,
    ...call('PUT', '/qdrant/collections/:collection/points/payload', { ...json(setPayload), exactIntegers: true }),
    summary: 'Replace payloads',
    description: 'With `key`, as setting members does.',
  },
  qdrantDeletePayload: {
    ...change,
    ...call('POST', '/qdrant/collections/:collection/points/payload/delete', { ...json(deletePayload), exactIntegers: true }),
    summary: 'Remove members of payloads',
  },
  qdrantClearPayload: {
    ...change,
    ...call('POST', '/qdrant/collections/:collection/points/payload/clear', { ...json(pointsSelector), exactIntegers: true }),
    summary: 'Remove payloads',
  },
} as const satisfies Record<string, Endpoint>;

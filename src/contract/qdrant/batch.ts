import * as z from 'zod';

import type { Endpoint, StreamedItems } from '../api/endpoint.ts';
import { tenant } from '../api/endpoint.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG, updateResult } from './envelope.ts';
import { deletePayload, setPayload } from './payload.ts';
import { streamedUpsert, streamedVectors, updateVectors, upsertPoints } from './points.ts';
import { pointsSelector } from './selectors.ts';

const operationOf = (upsert: typeof upsertPoints, vectors: typeof updateVectors) =>
  z.union([
    z.strictObject({ upsert }),
    z.strictObject({ delete: pointsSelector }),
    z.strictObject({ set_payload: setPayload }),
    z.strictObject({ overwrite_payload: setPayload }),
    z.strictObject({ delete_payload: deletePayload }),
    z.strictObject({ clear_payload: pointsSelector }),
    z.strictObject({ update_vectors: vectors }),
  ]);

const operationsOf = (operation: ReturnType<typeof operationOf>) =>
  z.object({ operations: z.array(operation).max(VECTOR_LIMITS.qdrantOperationsMaxCount) });

const operation = operationOf(upsertPoints, updateVectors);

/** One change of the points of a collection. */
export type PointOperation = z.output<typeof operation>;

type Streamed = StreamedItems['arrays'];

const inEach = (name: string, arrays: Streamed): Streamed =>
  arrays.map((array) => ({ ...array, path: ['operations', null, name, ...array.path] }));

const streamed: StreamedItems = {
  arrays: [...inEach('upsert', streamedUpsert.arrays), ...inEach('update_vectors', streamedVectors.arrays)],
  whole: operationsOf(operationOf(streamedUpsert.whole, streamedVectors.whole)),
  restLimit: 'qdrantOperationsBytesMax',
};

export const qdrantBatchEndpoints = {
  qdrantUpdateBatch: {
    method: 'POST',
    path: '/qdrant/collections/:collection/points/batch',
    tag: QDRANT_TAG,
    summary: 'Change points in several ways, one after another',
    description: 'What was done before an operation that is refused stays done.',
    access: tenant('index:write'),
    meters: ['vectors_written'],
    params: collectionParams,
    query: callQuery,
    body: {
      kind: 'json',
      schema: operationsOf(operation),
      bytesMax: VECTOR_LIMITS.upsertBodyBytesMax,
      exactIntegers: true,
      streamed,
    },
    status: 200,
    reply: enveloped(z.array(updateResult)),
  },
} as const satisfies Record<string, Endpoint>;

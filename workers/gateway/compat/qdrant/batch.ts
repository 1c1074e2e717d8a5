import { qdrantBatchEndpoints } from '../../../../src/contract/qdrant/batch.ts';
import type { Route } from '../../serve.ts';
import { route } from '../../serve.ts';
import { enveloped, updated } from './answer.ts';
import { doOperations } from './do-operations.ts';

export const qdrantBatchRoutes: readonly Route[] = [
  route(qdrantBatchEndpoints.qdrantUpdateBatch, async (call) => {
    const { done, written } = await doOperations(call, call.params.collection, call.body.operations);
    const used = { vectors_written: written };
    if (!done.ok) return { ...done, used };
    const results = done.value.map((lsn) => updated(call, lsn));
    return { ok: true, reply: enveloped(call, results), used };
  }),
];

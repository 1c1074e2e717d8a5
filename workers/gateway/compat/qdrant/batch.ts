import type { Handlers } from '../../serve.ts';
import { enveloped, updated } from './answer.ts';
import { doOperations } from './do-operations.ts';

export const qdrantBatchHandlers = {
  qdrantUpdateBatch: async (call) => {
    const { done, written } = await doOperations(call, call.params.collection, call.body.operations);
    const used = { vectors_written: written };
    if (!done.ok) return { ...done, used };
    const results = done.value.map((lsn) => updated(call, lsn));
    return { ok: true, reply: enveloped(call, results), used };
  },
} satisfies Partial<Handlers>;

import type { Refusal } from '../../../../src/contract/api/errors.ts';
import type { PointOperation } from '../../../../src/contract/qdrant/batch.ts';
import { err, ok } from '../../../../src/kernel/result.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { WritingCall } from './call.ts';
import { enveloped, inPart, updated } from './call.ts';
import { cleared, overwritten, payloadSet, unset } from './payload.ts';
import type { PointWrite } from './write-points.ts';
import { writePoints, writtenOf } from './write-points.ts';

export const qdrantBatchHandlers = {
  qdrantUpdateBatch: async (call) => {
    const { done, written } = await doOperations(call, call.params.collection, call.body.operations);
    const used = { vectors_written: written };
    if (!done.ok) return { ...done, used };
    const results = done.value.map((lsn) => updated(call, lsn));
    return { ok: true, reply: enveloped(call, results), used };
  },
} satisfies Partial<Handlers>;

/** One after another, in one collection. What was done of a batch that is refused stays done, and counts as written. [Q34] [Q35] */
export async function doOperations(call: WritingCall, collection: string, operations: readonly PointOperation[]) {
  let written = 0;
  const done = await call.gateway.retrieval.indexes.onOne(call.principal, collection, async (pin) => {
    const lsns: number[] = [];
    for (const [i, operation] of operations.entries()) {
      const write = writeOf(operation);
      const wrote = await writePoints(call, pin, write);
      written += wrote.ok ? wrote.value.written : writtenOf(write, wrote.error);
      if (!wrote.ok) return inOperation(wrote.error, i, operation);
      lsns.push(wrote.value.lsn);
    }
    return ok(lsns);
  });
  return { done, written };
}

/** A refused operation names itself and how many operations were done before it. */
function inOperation(error: Refusal, i: number, operation: PointOperation) {
  const { applied, ...refused } = inPart(error, ['operations', i, ...Object.keys(operation)]).error;
  // Of the first one, part of what it writes may be written.
  return err(i > 0 ? { ...refused, applied: i } : { ...refused, ...(applied === undefined ? {} : { applied }) });
}

function writeOf(operation: PointOperation): PointWrite {
  if ('upsert' in operation) return { kind: 'upsert', points: operation.upsert };
  if ('delete' in operation) return { kind: 'delete', selection: operation.delete };
  if ('set_payload' in operation) return payloadSet(operation.set_payload);
  if ('overwrite_payload' in operation) return overwritten(operation.overwrite_payload);
  if ('delete_payload' in operation) return unset(operation.delete_payload);
  if ('clear_payload' in operation) return cleared(operation.clear_payload);
  return { kind: 'values', points: operation.update_vectors.points };
}

import type { PointOperation } from '../../../../src/contract/qdrant/batch.ts';
import { qdrantBatchEndpoints } from '../../../../src/contract/qdrant/batch.ts';
import type { Route } from '../../serve.ts';
import { route } from '../../serve.ts';
import { enveloped, updated } from './answer.ts';
import { cleared, overwritten, payloadSet, unset } from './payload-writes.ts';
import type { PointWrite } from './write-points.ts';
import { writePoints } from './write-points.ts';

export const qdrantBatchRoutes: readonly Route[] = [
  route(qdrantBatchEndpoints.qdrantUpdateBatch, async (call) => {
    const results = [];
    let written = 0;
    for (const operation of call.body.operations) {
      const done = await writePoints(call, call.params.collection, writeOf(operation));
      if (!done.ok) return done;
      results.push(updated(call, done.value.lsn));
      written += done.value.written;
    }
    return { ok: true, reply: enveloped(call, results), used: { vectors_written: written } };
  }),
];

function writeOf(operation: PointOperation): PointWrite {
  if ('upsert' in operation) return { kind: 'upsert', points: operation.upsert };
  if ('delete' in operation) return { kind: 'delete', selection: operation.delete };
  if ('set_payload' in operation) return payloadSet(operation.set_payload);
  if ('overwrite_payload' in operation) return overwritten(operation.overwrite_payload);
  if ('delete_payload' in operation) return unset(operation.delete_payload);
  if ('clear_payload' in operation) return cleared(operation.clear_payload);
  return { kind: 'values', points: operation.update_vectors.points };
}

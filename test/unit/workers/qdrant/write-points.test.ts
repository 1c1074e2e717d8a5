import { expect, it } from 'vitest';

import { upsertPoints } from '../../../../src/contract/qdrant/points.ts';
import type { UpsertCall } from '../../../../src/gateway/vectors/upserts.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { WritingCall } from '../../../../workers/gateway/compat/qdrant/call.ts';
import { writePoints } from '../../../../workers/gateway/compat/qdrant/write-points.ts';

/** The upsert that a request is translated to. */
async function asked(body: object): Promise<UpsertCall | undefined> {
  let seen: UpsertCall | undefined;
  const upsert = async (_caller: unknown, _index: string, call: UpsertCall) => {
    seen = call;
    return ok({ lsn: 1, count: call.vectors.length });
  };
  const indexes = { onOne: (_user: unknown, index: string, work: (pin: string) => unknown) => work(index) };
  const call = {
    gateway: { retrieval: { indexes, upserts: { upsert } } },
    principal: { tenantId: 'tn_1' },
    reserve: async () => ok(undefined),
  };
  await writePoints(call as unknown as WritingCall, 'c', { kind: 'upsert', points: upsertPoints.parse(body) });
  return seen;
}

const placesOf = (call: UpsertCall | undefined) => call?.vectors.map(({ id }, at) => [id, call.pathsOf?.(at).values]);

it('[Q30] points are named by their position in the request, also duplicates', async () => {
  const points = [1, 2, 1, 3].map((id) => ({ id, vector: [id, 1] }));
  expect(placesOf(await asked({ points }))).toEqual([
    ['1', ['points', 2, 'vector']],
    ['2', ['points', 1, 'vector']],
    ['3', ['points', 3, 'vector']],
  ]);
  const batch = { ids: [1, 2, 1], vectors: [[1], [2], [3]].map(([x = 0]) => [x, 1]) };
  expect(placesOf(await asked({ batch }))).toEqual([
    ['1', ['batch', 'vectors', 2]],
    ['2', ['batch', 'vectors', 1]],
  ]);
});

import { expect, it } from 'vitest';

import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { queryBody } from '../../../../src/contract/qdrant/search.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { findPoints } from '../../../../workers/gateway/compat/qdrant/find-points.ts';
import type { PointCall } from '../../../../workers/gateway/compat/qdrant/call.ts';

/** A call whose search finds one vector and lacks the given shards. */
function callOf(missing: readonly number[] | undefined): PointCall {
  const found = {
    ids: ['7'],
    values: null,
    metadata: null,
    texts: null,
    scores: [0.5],
    lsn: 3,
  };
  const search = async () =>
    ok({ found: [{ ...found, ...(missing === undefined ? {} : { missing }) }], manifest: { dimensions: 2, metric: 'dot' } });
  return callOn(search);
}

function callOn(search: (...asked: readonly unknown[]) => unknown, timeout?: number): PointCall {
  const gateway = { clock: { nowMs: () => 5_000 }, retrieval: { searches: { search } } };
  return { gateway, principal: { tenantId: 'tn_1' }, query: { timeout } } as unknown as PointCall;
}

it('[Q45] a search that lacks shards is refused as late', async () => {
  const asked = [{ asked: queryBody.parse({ query: [1, 2] }), at: [] }];
  expect(await findPoints(callOf(undefined), 'c', asked)).toMatchObject({ ok: true, value: [{ ids: ['7'], scores: [0.5] }] });
  expect(await findPoints(callOf([4]), 'c', asked)).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
});

it.each([
  [undefined, undefined],
  [2, 7_000],
  [60, 5_000 + API_LIMITS.queryDeadlineMaxMs],
])('[Q45] a search has its `timeout` of %s s, up to the longest deadline', async (timeout, deadlineMs) => {
  const seen: unknown[] = [];
  const late = async (...asked: readonly unknown[]) => {
    seen.push(asked[3]);
    return refuse('deadline_exceeded', 'no time');
  };
  expect(await findPoints(callOn(late, timeout), 'c', [{ asked: queryBody.parse({ query: [1, 2] }), at: [] }])).toMatchObject({
    ok: false,
  });
  expect(seen).toEqual([deadlineMs]);
});

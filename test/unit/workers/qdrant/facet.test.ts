import { expect, it } from 'vitest';

import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { qdrantFacetEndpoints } from '../../../../src/contract/qdrant/facet.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { facetPoints } from '../../../../workers/gateway/compat/qdrant/facet.ts';
import type { PointCall } from '../../../../workers/gateway/compat/qdrant/call.ts';

/** A collection of `total` points that reports `counted` of them. */
function callOn(total: number, counted = total, payloadOf = (id: number): string => JSON.stringify({ k: id % 7 }), hitsMax = 3) {
  let read = 0;
  const list = async (_user: unknown, _index: unknown, { start, limit: most }: { start: { id: string } | null; limit: number }) => {
    const from = Number(start?.id ?? 0);
    const ids = Array.from({ length: Math.min(most, total - from) }, (_, i) => String(from + i));
    read += ids.length;
    const next = from + most;
    return ok({ ids, metadata: ids.map((id) => payloadOf(Number(id))), following: next < total ? String(next) : null });
  };
  const listing = { list, count: async () => ok({ count: counted }) };
  const call = { gateway: { retrieval: { listing } }, principal: { tenantId: 'tn_1' } } as unknown as PointCall;
  const asked = qdrantFacetEndpoints.qdrantFacet.body.schema.parse({ key: 'k', limit: hitsMax });
  return { hits: () => facetPoints(call, 'c', asked), read: () => read };
}

it('[Q54] all points are counted, page by page, and equal counts are ordered by value', async () => {
  const { hits } = callOn(VECTOR_LIMITS.facetPointsMaxCount);
  // 10,000 is 7 times 1,428, plus 4.
  expect(await hits()).toEqual(ok([0, 1, 2].map((value) => ({ value, count: 1_429 }))));
});

it('[Q54] more points than facetPointsMaxCount are refused, if possible before any is read', async () => {
  const refused = { error: { code: 'limit_exceeded', path: ['filter'], message: expect.stringContaining('facetPointsMaxCount') } };
  const many = callOn(VECTOR_LIMITS.facetPointsMaxCount + 1);
  expect([await many.hits(), many.read()]).toMatchObject([refused, 0]);
  const grown = callOn(VECTOR_LIMITS.facetPointsMaxCount * 3, 1);
  expect(await grown.hits()).toMatchObject(refused);
  expect(grown.read()).toBeLessThan(VECTOR_LIMITS.facetPointsMaxCount * 1.1);
});

it('[Q82] values that are equally frequent are ordered by kind, and numbers by size', async () => {
  const values = ['true', '10', '"b"', '9', '-3', '18446744073709551615', '2', '9007199254740993', '"a!"', 'false', '"a"', '100'];
  const { hits } = callOn(values.length, undefined, (id) => `{"k":${values[id]}}`, values.length);
  const found = await hits();
  expect(found.ok && found.value.map(({ value }) => JSON.stringify(value))).toEqual([
    '"a"',
    '"a!"',
    '"b"',
    '-3',
    '2',
    '9',
    '10',
    '100',
    '9007199254740993',
    '18446744073709551615',
    'false',
    'true',
  ]);
});

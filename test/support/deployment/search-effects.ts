import { expect } from 'vitest';

import type { ApiClient } from './api-client.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

/** What the calls about searches by plans must have done in the tour of the examples. */
export const searchEffects = (tenant: () => ApiClient) => ({
  queryVectorsBatch: ({ results }: Body) =>
    expect(results.map(({ matches }: Body) => matches.map(({ id }: Body) => id))).toEqual([['lock'], ['weir']]),
  searchIndexBatch: ({ results }: Body) =>
    expect(results.map(({ matches }: Body) => matches.map(({ id }: Body) => id))).toEqual([['lock'], ['weir']]),
  searchIndex: ({ matches, fusion }: Body) => expect([matches.map(({ id }: Body) => id), fusion.kind]).toEqual([['lock', 'weir'], 'sum']),
  evaluateIndex: ({ judged, measures }: Body) => expect([judged, measures.map(({ plans }: Body) => plans[0].mean)]).toEqual([2, [1, 1]]),
  setSearchSettings: async ({ state, evidence }: Body) => {
    expect({ state, evidence }).toEqual({ state: 'used', evidence: null });
    const { body } = await tenant().post('/v1/indexes/articles/search', { text: 'who opens the lock?' });
    expect(body.fusion).toMatchObject({ weights: [0.3, 0.7], basis: 'tuned', search_settings: 'used' });
  },
  deleteSearchSettings: async () => expect((await tenant().get('/v1/indexes/articles')).body.search_settings).toBe(null),
});

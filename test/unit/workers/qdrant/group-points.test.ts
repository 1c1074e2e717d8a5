import { describe, expect, it } from 'vitest';

import { accepts } from '../../../../src/ann/filter/accepts.ts';
import type { JsonValue } from '../../../../src/contract/api/json-value.ts';
import { qdrantSearchEndpoints } from '../../../../src/contract/qdrant/search.ts';
import type { Filter } from '../../../../src/contract/vectors/filter.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { PointCall } from '../../../../workers/gateway/compat/qdrant/call.ts';
import { groupPoints } from '../../../../workers/gateway/compat/qdrant/group-points.ts';

/** Points by their ids, closest first: the payload of each. */
type Payloads = readonly JsonValue[];

interface Asked {
  readonly body: { readonly top_k: number; readonly filter: Filter | undefined };
}

/** Groups of a search that finds exactly the points in the order of their ids. */
async function groupsOf(payloads: Payloads, asked: object) {
  const sizes: number[] = [];
  const search = async (_user: unknown, _index: unknown, searches: readonly Asked[]) => {
    sizes.push(searches.length);
    const found = searches.map(({ body: { top_k: limit, filter } }) => {
      const ids = payloads
        .flatMap((payload, i) => (filter === undefined || accepts(filter, payload, String(i)) ? [i] : []))
        .slice(0, limit);
      const metadata = ids.map((i) => JSON.stringify(payloads[i]));
      return { ids: ids.map(String), values: null, metadata, texts: null, scores: ids.map((i) => -i), lsn: 1 };
    });
    return ok({ found, manifest: { dimensions: 2, metric: 'dot' } });
  };
  const call = { gateway: { retrieval: { searches: { search } } }, principal: { tenantId: 'tn_1' } } as unknown as PointCall;
  const read = qdrantSearchEndpoints.qdrantQueryGroups.body.schema.parse({ query: [1, 0], ...asked });
  const groups = await groupPoints(call, 'c', read);
  if (!groups.ok) throw new Error(groups.error.message);
  return { groups: groups.value.map(({ id, hits }) => [id, hits.map((hit) => Number(JSON.stringify(hit.id)))] as const), sizes };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('[Q86] groups', () => {
  it('are filled, however far their points lie apart: 100 groups of ten', async () => {
    const payloads = range(1_000).map((i) => ({ doc: `d${i % 100}` }));
    const { groups, sizes } = await groupsOf(payloads, { group_by: 'doc', limit: 5, group_size: 5 });
    expect(groups).toEqual(range(5).map((doc) => [`d${doc}`, range(5).map((i) => doc + 100 * i)]));
    expect(sizes).toEqual([1, 5]);
  });

  it('are found behind the many points of others', async () => {
    const payloads = [...range(900).map(() => ({ n: 1 })), ...range(900).map(() => ({ n: 2 })), { n: 3 }, {}, { n: [3, 1] }];
    const { groups } = await groupsOf(payloads, { group_by: 'n', limit: 3, group_size: 2 });
    expect(groups).toEqual([
      [1, [0, 1]],
      [2, [900, 901]],
      [3, [1_800, 1_802]],
    ]);
  });

  it('are as large as all of their points, where those are few, in one search', async () => {
    const { groups, sizes } = await groupsOf([{ n: 'a' }, { n: 'b' }, { n: ['a', 'b'] }], { group_by: 'n' });
    expect([groups, sizes]).toEqual([
      [
        ['a', [0, 2]],
        ['b', [1, 2]],
      ],
      [1],
    ]);
  });
});

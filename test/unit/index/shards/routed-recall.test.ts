import { expect, it } from 'vitest';

import { NO_COST } from '../../../../src/ann/search-cost.ts';
import type { ShardQuery, ShardRecall } from '../../../../src/ann/shard-protocol.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { ShardSet } from '../../../../src/index/shards/index-shards.ts';
import { measureRouted } from '../../../../src/index/shards/routed-recall.ts';
import { ok } from '../../../../src/kernel/result.ts';

/** Scores that a search around an id finds, and those of its nearest; or what one of them refuses. */
type Found = readonly [found: readonly number[] | 'unavailable', nearest: readonly number[] | 'unavailable' | 'vector_not_found'];

async function measured(of: Record<string, Found>, metric: IndexManifest['metric'] = 'dot') {
  const asked: object[] = [];
  const query = async ({ target, exact, ...rest }: Omit<ShardQuery, 'routeVersion'>) => {
    asked.push({ ...rest, exact });
    const id = target.kind === 'id' ? target.id : '';
    const scores = of[id]?.[exact ? 1 : 0] ?? [];
    if (typeof scores === 'string') return refuse(scores, 'as the test says');
    return ok({ scores, explanation: { ...NO_COST, codesScanned: exact ? 100 : 7 } });
  };
  const manifest = { metric } as IndexManifest;
  const recall = { indexId: 'ix_1', namespace: 'n', topK: 3, filter: null, ids: Object.keys(of) } as unknown as ShardRecall;
  return { asked, answer: await measureRouted({ query } as unknown as Pick<ShardSet, 'query'>, manifest, recall) };
}

it('counts what is as close as the last of the nearest, whichever of those that tie was found, and what both searches took', async () => {
  const { asked, answer } = await measured({
    a: [
      [9, 5, 4],
      [9, 5, 5],
    ],
    b: [
      [8, 7, 7],
      [8, 7, 7],
    ],
  });
  expect(answer).toEqual(
    ok({
      samples: [
        { id: 'a', found: 2, of: 3 },
        { id: 'b', found: 3, of: 3 },
      ],
      taken: 2,
      cost: { ...NO_COST, codesScanned: 14 },
      exactCost: { ...NO_COST, codesScanned: 200 },
    }),
  );
  expect(asked[0]).toMatchObject({ namespace: 'n', topK: 3, excludeIds: ['a'], exact: undefined });
  expect(asked[1]).toMatchObject({ excludeIds: ['a'], exact: true });
  // Distances: the smaller, the closer.
  expect(
    (
      await measured(
        {
          a: [
            [1, 2, 6],
            [1, 2, 3],
          ],
        },
        'l2',
      )
    ).answer,
  ).toMatchObject({ value: { samples: [{ found: 2 }] } });
});

it('leaves out what was deleted since it was drawn and what has no neighbours, and takes four at a time', async () => {
  const gone: Found = ['unavailable', 'vector_not_found'];
  const { answer } = await measured({ a: gone, b: [[], []], c: [[1], [1]], d: gone, e: [[1], [1]] });
  expect(answer).toMatchObject({ ok: true, value: { samples: [{ id: 'c', found: 1, of: 1 }], taken: 4 } });
});

it.each<[string, Found]>([
  ['the search', ['unavailable', [1]]],
  ['the exact search', [[1], 'unavailable']],
])('refuses as %s does', async (_, found) => {
  expect((await measured({ a: found })).answer).toMatchObject({ ok: false, error: { code: 'unavailable' } });
});

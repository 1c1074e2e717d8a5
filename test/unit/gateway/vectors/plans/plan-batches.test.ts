import { describe, expect, it } from 'vitest';

import { PLAN_LIMITS } from '../../../../../src/contract/vectors/plans/plan-limits.ts';
import { foundOr, PlanWorld } from '../../../../support/worlds/plan-world.ts';

const VECTOR = { kind: 'vector', vector: [1, 0] };
const WORDS = { kind: 'text', text: 'lock' };

describe('[TX281] texts of plans', () => {
  it('are encoded once by each model, for what is searched for, pinned to the index', async () => {
    const world = new PlanWorld();
    const legs = [
      { kind: 'vector', text: 'lock' },
      { kind: 'sparse', field: 'terms', text: 'lock' },
      { kind: 'vector', text: 'lock' },
    ];
    const stages = [{ kind: 'max_sim', field: 'tokens', text: 'lock' }];
    const found = await world.searchAll([
      { legs, stages },
      {
        legs: [
          { kind: 'vector', text: 'lock' },
          { kind: 'vector', text: 'weir' },
        ],
      },
    ]);
    expect(found).toMatchObject({ ok: true, value: { tokens: 4 } });
    // They are begun in the same moment, in whatever order.
    const embedded = world.embedded.toSorted((a, b) => (a.model < b.model ? -1 : 1));
    expect(embedded).toEqual(
      (['dense', 'sparse', 'tokens'] as const).map((model) => ({
        model,
        output: model,
        contractHash: `hash-${model}`,
        texts: model === 'dense' ? ['lock', 'weir'] : ['lock'],
        isTruncating: false,
        use: 'queries',
      })),
    );
    const targets = world.asked.flatMap(({ search }) => ('target' in search ? [search.target] : []));
    expect(targets).toEqual([4, 4, 4, 4].map((length) => ({ kind: 'values', values: Float32Array.of(length, 1) })));
    const sparse = world.asked.flatMap(({ search }) => ('query' in search ? [search.query] : []));
    expect(sparse).toEqual([{ kind: 'sparse', field: 'terms', indices: [1], values: [4] }]);
  });

  it('are read at the same time, and a leg waits for its own alone', async () => {
    const world = new PlanWorld();
    Object.assign(world.delays, { 'encode:dense': 300, 'encode:sparse': 400, text: 100 });
    const legs = [{ kind: 'vector', text: 'a' }, { kind: 'sparse', field: 'terms', text: 'a' }, WORDS];
    const found = await world.search({ legs, explain: true });
    const took = found.ok ? found.value.explanation?.legs.map(({ tookMs }) => tookMs) : [];
    expect(took).toEqual([300, 400, 100]);
  });

  it('leave their leg late, if their model is, and nothing is reserved for them later', async () => {
    const world = new PlanWorld();
    world.delays['encode:dense'] = 5_000;
    const found = await world.search({ legs: [{ kind: 'vector', text: 'a' }, WORDS] });
    expect(found).toMatchObject({ value: { page: { ids: ['c', 'd'] }, cutParts: [['legs', 0]], tokens: 0 } });
    await world.time.run(world.time.sleep(10_000));
    expect(world.reserved).toEqual([{ vector_queries: 2 }]);
  });

  it('are refused where they stand, whichever leg met them, or cut and counted by their plan', async () => {
    const world = new PlanWorld();
    const long = 'x'.repeat(25);
    const plans = [{ legs: [{ kind: 'vector', text: 'a' }] }, { legs: [{ kind: 'plan', legs: [WORDS, { kind: 'vector', text: long }] }] }];
    const path = ['searches', 1, 'legs', 0, 'legs', 1, 'text'];
    expect(foundOr(await world.searchAll(plans))).toEqual({ code: 'limit_exceeded', path });
    expect(foundOr(await world.searchAll([{ text: long }]))).toEqual({ code: 'limit_exceeded', path: ['searches', 0, 'text'] });
    expect(foundOr(await world.search({ text: long }))).toEqual({ code: 'limit_exceeded', path: ['text'] });
    const stages = [{ kind: 'max_sim', field: 'tokens', text: long }];
    const cut = await world.searchAll([{ text: 'a' }, { legs: [VECTOR, { kind: 'vector', text: 'a' }], stages, truncate: 'end' }]);
    expect(cut).toMatchObject({ value: { found: [{ cut: [] }, { cut: [{ index: 1, tokens: 5 }] }] } });
  });
});

describe('plans of one call', () => {
  it('[TX282] are answered in their order, each as alone', async () => {
    const world = new PlanWorld();
    const plans = [
      { legs: [VECTOR], include_metadata: false },
      { legs: [WORDS, VECTOR], fusion: { kind: 'rrf' }, top_k: 2, offset: 1 },
      { legs: [WORDS], stages: [{ kind: 'order_by', property: 'page', direction: 'descending' }], include_text: true },
      { text: 'lock', highlight: {}, facets: [{ property: 'id' }] },
    ];
    const together = await world.searchAll(plans);
    const alone = [];
    for (const plan of plans) alone.push(await new PlanWorld().search(plan));
    const { found = [] } = together.ok ? together.value : {};
    for (const [i, one] of alone.entries()) {
      const { tokens: _, cachedTokens: __, manifest: ___, ...rest } = one.ok ? one.value : ({} as never);
      expect({ ...found[i], page: { ...found[i]?.page, versions: undefined } }).toEqual({
        ...rest,
        page: { ...rest.page, versions: undefined },
      });
    }
  });

  it('[TX282] are checked before any is made, and refused by their place', async () => {
    const world = new PlanWorld();
    const bad = { legs: [{ kind: 'sparse', field: 'term', text: 'a' }] };
    expect(foundOr(await world.searchAll([{ legs: [VECTOR] }, bad]))).toEqual({
      code: 'invalid_value',
      path: ['searches', 1, 'legs', 0, 'field'],
    });
    const misfit = { legs: [{ kind: 'vector', vector: [1, 2, 3] }] };
    expect(foundOr(await world.searchAll([{ legs: [VECTOR] }, misfit]))).toEqual({
      code: 'dimension_mismatch',
      path: ['searches', 1, 'legs', 0, 'vector'],
    });
    expect([world.asked, world.embedded, world.reserved]).toEqual([[], [], []]);
  });

  it('[TX283] ask a shard once for what their legs search at the same moment', async () => {
    const world = new PlanWorld();
    await world.searchAll([{ legs: [VECTOR, { kind: 'vector', text: 'a' }] }, { legs: [{ kind: 'plan', legs: [VECTOR] }, WORDS] }]);
    const readings = world.asked.flatMap(({ search, reading }) => ('target' in search ? [reading] : []));
    // Those that wait for no text, and those that do: one call each.
    expect([readings.length, new Set(readings).size]).toEqual([3, 2]);
    expect(readings.every(({ part }) => part !== undefined)).toBe(true);
  });

  it('[TX283] read their matches together where they include the same', async () => {
    const world = new PlanWorld();
    const found = await world.searchAll([{ legs: [VECTOR] }, { legs: [WORDS] }, { legs: [WORDS], include_text: true }]);
    expect(world.fetches.map(({ ids, include }) => [ids, include.text])).toEqual([
      [['a', 'b', 'c', 'd'], false],
      [['c', 'd'], true],
    ]);
    const pages = found.ok
      ? found.value.found.map(({ page }) => page.metadata?.map((json) => (JSON.parse(json ?? '{}') as { id: string }).id))
      : [];
    expect(pages).toEqual([
      ['a', 'b', 'c'],
      ['c', 'd'],
      ['c', 'd'],
    ]);
  });

  it.each([
    ['planBatchLegsMaxCount', Array.from({ length: 26 }, () => ({ legs: Array.from({ length: 8 }, () => ({ ...WORDS, limit: 1 })) })), 25],
    ['batchMatchesMaxCount', Array.from({ length: 21 }, () => ({ legs: [{ ...WORDS, limit: 1_000 }] })), 20],
    [
      'planBatchCandidatesMaxCount',
      Array.from({ length: 21 }, () => ({ legs: [VECTOR], stages: [{ kind: 'group', by: 'a', depth: 1_000 }] })),
      20,
    ],
  ])('[TX284] are bounded together by %s', async (limit, plans, at) => {
    const world = new PlanWorld();
    expect(await world.searchAll(plans)).toMatchObject({
      error: { code: 'limit_exceeded', limit: { name: limit }, path: ['searches', at] },
    });
    expect(world.asked).toEqual([]);
    expect(await world.searchAll(plans.slice(0, at))).toMatchObject({ ok: true });
  });

  it('[TX286] count as many searches as they have legs that search by themselves', async () => {
    const world = new PlanWorld();
    const nested = {
      legs: [
        { kind: 'plan', legs: [VECTOR, { ...WORDS, prefetch: { legs: [VECTOR] } }] },
        { kind: 'ids', ids: ['a'] },
      ],
    };
    const found = await world.searchAll([nested, { text: 'lock' }]);
    expect(found.ok && found.value.found.map(({ searches }) => searches)).toEqual([4, 3]);
    expect(world.reserved[0]).toEqual({ vector_queries: 7 });
  });
});

describe('[TX280] one deadline holds for all of a plan', () => {
  const stages = [{ kind: 'order_by', property: 'page', direction: 'descending' }];

  it('a late stage leaves the ranking as it was, late facets and highlights are left out, and each is named', async () => {
    const world = new PlanWorld();
    world.delays.fetch = Infinity;
    const bare = { legs: [VECTOR], include_metadata: false };
    const found = await world.search({ ...bare, stages, facets: [{ property: 'id' }] });
    expect(found).toMatchObject({ value: { page: { ids: ['a', 'b', 'c'] }, cutParts: [['stages', 0], ['facets']], facets: [] } });
    const group = { ...bare, stages: [{ kind: 'group', by: 'id', depth: 1 }] };
    expect(await world.search(group)).toMatchObject({ value: { page: { ids: ['a', 'b', 'c'] } } });
    world.delays.highlight = Infinity;
    const marked = await world.search({ legs: [WORDS], include_metadata: false, highlight: {} });
    expect(marked).toMatchObject({ value: { page: { ids: ['c', 'd'] }, cutParts: [['highlight']] } });
    expect(marked.ok && marked.value.page.highlights).toBe(undefined);
  });

  it('a late leg leaves time to read the page, and late columns refuse the search', async () => {
    const world = new PlanWorld();
    Object.assign(world.delays, { text: Infinity, fetch: 50 });
    const start = world.time.nowMs();
    const found = await world.search({ legs: [VECTOR, WORDS] });
    expect(found).toMatchObject({ value: { page: { ids: ['a', 'b', 'c'] }, cutParts: [['legs', 1]] } });
    expect(world.time.nowMs() - start).toBeLessThanOrEqual(1_000);
    world.delays.fetch = Infinity;
    expect(foundOr(await world.search({ legs: [VECTOR] }))).toEqual({ code: 'deadline_exceeded', path: undefined });
  });

  it('a model of a stage that is late leaves the ranking as it was', async () => {
    const world = new PlanWorld();
    world.delays['encode:tokens'] = Infinity;
    const found = await world.search({ legs: [VECTOR], stages: [{ kind: 'max_sim', field: 'tokens', text: 'a' }] });
    expect(found).toMatchObject({ value: { page: { ids: ['a', 'b', 'c'] }, cutParts: [['stages', 0]] } });
  });

  it('a model that never answers holds up no other leg of a call', async () => {
    const world = new PlanWorld();
    world.delays['encode:dense'] = Infinity;
    const found = await world.searchAll([{ legs: [VECTOR] }, { legs: [{ kind: 'vector', text: 'a' }, VECTOR] }]);
    expect(found).toMatchObject({ value: { found: [{ cutParts: [] }, { cutParts: [['legs', 0]], page: { ids: ['a', 'b', 'c'] } }] } });
  });

  it('of a millisecond refuses what it cannot hold', async () => {
    const world = new PlanWorld();
    world.delays.vector = 5;
    expect(foundOr(await world.search({ legs: [VECTOR] }, 1))).toMatchObject({ code: 'deadline_exceeded' });
  });
});

it('[TX284] comparisons of all stages of a call are bounded together', async () => {
  const { MaxSimWork } = await import('../../../../../src/gateway/vectors/plans/stages/max-sim-work.ts');
  const work = new MaxSimWork();
  const codes = Buffer.alloc(2_000).toString('base64');
  const rows = Array.from({ length: 500 }, () => JSON.stringify({ tokens: { codes, scales: Array.from({ length: 1_000 }, () => 1) } }));
  const asked = { query: new Float32Array(2 * 100), field: 'tokens', dimensions: 2, at: ['stages', 0] };
  expect(work.scores(rows, asked)).toMatchObject({ ok: true });
  expect(work.scores(rows, asked)).toMatchObject({
    error: { limit: { name: 'maxSimProductsMaxCount', bound: PLAN_LIMITS.maxSimProductsMaxCount } },
  });
});

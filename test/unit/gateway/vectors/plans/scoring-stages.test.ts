import { expect, it } from 'vitest';

import type { ShardFetch, ShardHighlight } from '../../../../../src/ann/shard-protocol.ts';
import { parse } from '../../../../../src/contract/api/parse.ts';
import { PLAN_LIMITS } from '../../../../../src/contract/vectors/plans/plan-limits.ts';
import { planEndpoints } from '../../../../../src/contract/vectors/plans/plans.ts';
import type { RerankRequest } from '../../../../../src/gateway/embeddings/rerank.ts';
import { ManifestCache } from '../../../../../src/gateway/indexes/manifest-cache.ts';
import { Plans } from '../../../../../src/gateway/vectors/plans/plans.ts';
import { VectorSpace } from '../../../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';
import { servedRows } from '../../../../support/fakes/served-rows.ts';

interface Stored {
  readonly values?: readonly [number, number];
  readonly text?: string;
  /** One vector of the field `tokens`, in whole numbers. */
  readonly tokens?: readonly [number, number];
}

/** An index whose rows are given; a model ranks texts by how long they are, `sliceMs` a call. */
function world(rows: Readonly<Record<string, Stored>>, sliceMs = 0) {
  let nowMs = 0;
  const fetches: ShardFetch[] = [];
  const highlighted: ShardHighlight[] = [];
  const manifest = {
    id: 'ix_1',
    dimensions: 2,
    metric: 'cosine',
    generation: 1,
    embedding: null,
    fields: {
      body: { kind: 'text', weight: 1, source: 'text' },
      title: { kind: 'text', weight: 1, source: 'field' },
      tokens: { kind: 'multi_vector', dimensions: 2, model: null },
    },
  } as unknown as IndexManifest;
  const fetch = async (_: IndexManifest, asked: ShardFetch) => {
    fetches.push(asked);
    const { include } = asked;
    const ids = asked.ids.filter((id) => rows[id] !== undefined);
    const all = ids.map((id) => rows[id] ?? {});
    const contents = all.map(({ tokens }) =>
      tokens === undefined
        ? null
        : JSON.stringify({ tokens: { codes: Buffer.from(Int8Array.from(tokens).buffer).toString('base64'), scales: [1] } }),
    );
    return ok({
      ids,
      values: include.values ? Float32Array.from(all.flatMap(({ values = [1, 0] }) => [...values])) : null,
      metadata: include.metadata ? ids.map(() => null) : null,
      texts: include.text ? all.map(({ text = null }) => text) : null,
      ...(include.contents === true ? { contents } : {}),
      lsn: 7,
    });
  };
  const highlight = async (_: IndexManifest, asked: ShardHighlight) => {
    highlighted.push(asked);
    const { ids } = asked;
    const fragments = [{ text: 'a lock', start: 0, matches: [{ begin: 2, end: 6 }] }];
    return ok({ rows: ids.map((id) => ({ id, fields: [{ name: 'body', fragments }] })), lsn: 7 });
  };
  const searchFields = async () => ok({ ids: [], scores: [], values: null, metadata: null, texts: null, lsn: 7 });
  const rerank = async ({ documents }: RerankRequest) => {
    nowMs += sliceMs;
    const results = documents.map((text, index) => ({ index, score: text.length }));
    return ok({ results, model: 'm', version: '1', tokens: documents.length, cut: [], cachedTokens: 0, report: undefined });
  };
  const clock = { nowMs: () => nowMs };
  const plans = new Plans({
    served: servedRows(),
    qualities: new Map(),
    manifests: new ManifestCache({ describe: async () => ok(manifest) } as never, clock),
    shards: indexShards({ fetch, highlight, searchFields }),
    space: new VectorSpace({} as never),
    embedder: {} as never,
    reranker: { rerank },
    clock,
    timer: { after: () => () => undefined },
  });
  const caller = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };
  const search = async (more: object, budgetMs?: number) => {
    const body = parse(planEndpoints.searchIndex.body.schema, { legs: [{ kind: 'ids', ids: Object.keys(rows) }], ...more });
    if (!body.ok) throw new Error(body.error.message);
    const found = await plans.search(caller, 'notes', body.value, budgetMs);
    if (!found.ok) throw new Error(found.error.message);
    return found.value;
  };
  return { search, fetches, highlighted };
}

it('[TX271] max_sim scores by the vectors of a field; rows without any follow as they were', async () => {
  const { search } = world({ none: {}, far: { tokens: [0, 9] }, empty: {}, near: { tokens: [5, 0] }, lower: { tokens: [2, 8] } });
  const { page, explanation } = await search({ stages: [{ kind: 'max_sim', field: 'tokens', vectors: [[1, 0]] }], explain: true });
  expect(page.ids).toEqual(['near', 'lower', 'far', 'none', 'empty']);
  expect(page.scores.slice(0, 3)).toEqual([5, 2, 0].map((score) => expect.closeTo(score, 5) as number));
  expect(explanation?.stages).toMatchObject([{ candidatesIn: 5, lookedAt: 3, isCut: false }]);
});

it('[TX272] rerank scores texts in slices; those without one, or without time, follow as they were', async () => {
  const count = 3 * PLAN_LIMITS.rerankSliceCount;
  const texts = Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, { text: 'x'.repeat(i + 1) }]));
  const stages = [{ kind: 'rerank', model: 'm', text: 'which?', depth: count + 1 }];
  const whole = await world({ none: {}, ...texts }).search({ stages, top_k: 100 });
  expect([whole.page.ids[0], whole.page.ids.at(-1), whole.tokens, whole.cutParts]).toEqual([`t${count - 1}`, 'none', count, []]);
  // The second slice would end past the deadline.
  const cut = await world(texts, 60).search({ stages, top_k: 100 }, 100);
  const first = Array.from({ length: PLAN_LIMITS.rerankSliceCount }, (_, i) => `t${PLAN_LIMITS.rerankSliceCount - 1 - i}`);
  expect(cut.page.ids.slice(0, first.length + 1)).toEqual([...first, `t${first.length}`]);
  expect([cut.page.ids.length, cut.tokens, cut.cutParts]).toEqual([count, first.length, [['stages', 0]]]);
});

it('[TX273] mmr prefers what is unlike the matches before, by the dense vectors', async () => {
  const { search } = world({ a: { values: [1, 0] }, twin: { values: [1, 0] }, other: { values: [0, 1] } });
  expect((await search({ stages: [{ kind: 'mmr', diversity: 0.9 }] })).page.ids).toEqual(['a', 'other', 'twin']);
  expect((await search({ stages: [{ kind: 'mmr', diversity: 0 }] })).page.ids).toEqual(['a', 'twin', 'other']);
});

it('[TX277] a page is what is behind the offset, with columns and highlights of its matches alone', async () => {
  const { search, fetches } = world({ a: {}, b: { text: 'bee' }, c: {} });
  const legs = [
    { kind: 'ids', ids: ['a', 'gone', 'b', 'c'] },
    { kind: 'text', text: 'lock' },
  ];
  const terms = { fusion: { kind: 'rrf' }, offset: 1, top_k: 1, include_text: true, highlight: {}, explain: true };
  const { page, candidates } = await search({ legs, ...terms });
  expect([page.ids, page.texts, candidates]).toEqual([['b'], ['bee'], 3]);
  expect(fetches.at(-1)?.ids).toEqual(['b']);
  expect([...(page.highlights?.keys() ?? [])]).toEqual(['b']);
  expect(page.legScores).toEqual([[{ at: ['legs', 0], rank: 2, score: expect.closeTo(2 / 3, 12) as number }]]);
});

it('[TX279] highlights show what every text leg asks for, nested ones too', async () => {
  const { search, highlighted } = world({ a: {} });
  const ids = { kind: 'ids', ids: ['a'] };
  const title = { kind: 'text', query: { phrase: 'lock gate' }, fields: { title: 1 } };
  const body = { kind: 'text', text: 'keeper', fields: { body: 1 } };
  await search({ legs: [ids, title, { kind: 'plan', legs: [ids, body] }], highlight: {} });
  await search({ legs: [ids, title, body], highlight: { fields: ['body'] } });
  await search({ legs: [ids, title], highlight: {} });
  const both = { should: [{ phrase: 'lock gate' }, 'keeper'] };
  expect(highlighted.map(({ query, fields }) => [query, fields])).toEqual([
    [both, ['title', 'body']],
    [both, ['body']],
    [{ should: [{ phrase: 'lock gate' }] }, ['title']],
  ]);
});

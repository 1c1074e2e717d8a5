import { describe, expect, it } from 'vitest';

import type { ShardFetch, ShardFieldSearch, ShardQuery } from '../../../../../src/ann/shard-protocol.ts';
import { parse } from '../../../../../src/contract/api/parse.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import { planEndpoints } from '../../../../../src/contract/vectors/plans/plans.ts';
import { ManifestCache } from '../../../../../src/gateway/indexes/manifest-cache.ts';
import { Plans } from '../../../../../src/gateway/vectors/plans/plans.ts';
import { VectorSpace } from '../../../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { indexShards } from '../../../../support/fakes/index-shards.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';
import { servedRows } from '../../../../support/fakes/served-rows.ts';

const bodyOf = (body: unknown) => parse(planEndpoints.searchIndex.body.schema, body);

const FOUND: Readonly<Record<string, readonly string[]>> = { vector: ['a', 'b', 'c'], text: ['c', 'd'] };

/** An index of one vector and one text field whose legs find what is above; `late`: the kind of leg that misses every deadline. */
function world(late?: string, metric = 'cosine', embedding: IndexManifest['embedding'] = null) {
  const manifest = {
    id: 'ix_1',
    name: 'notes',
    dimensions: 2,
    metric,
    generation: 1,
    embedding,
    fields: { body: { kind: 'text', weight: 2, source: 'field' } },
  } as unknown as IndexManifest;
  const asked: (ShardQuery | ShardFieldSearch)[] = [];
  const answer = async (kind: string, search: ShardQuery | ShardFieldSearch) => {
    asked.push(search);
    if (kind === late) return refuse('deadline_exceeded', 'too late');
    const ids = FOUND[kind] ?? [];
    return ok({ ids, scores: ids.map((_, i) => 1 - i / 10), values: null, metadata: null, texts: null, lsn: 5 });
  };
  const fetch = async (_: IndexManifest, { ids }: ShardFetch) => {
    const metadata = ids.map((id) => JSON.stringify({ of: id < 'c' ? 'first' : 'last', likes: id.charCodeAt(0) }));
    return ok({ ids, values: null, metadata, texts: null, lsn: 6 });
  };
  const shards = indexShards({
    query: (_: IndexManifest, search: ShardQuery) => answer('vector', search),
    searchFields: (_: IndexManifest, search: ShardFieldSearch) => answer('text', search),
    fetch,
  });
  const clock = { nowMs: () => 0 };
  const plans = new Plans({
    served: servedRows(),
    qualities: new Map([['h-table', 0.6]]),
    manifests: new ManifestCache({ describe: async () => ok(manifest) } as never, clock),
    shards,
    space: new VectorSpace({} as never),
    embedder: {} as never,
    reranker: {} as never,
    clock,
    timer: { after: () => () => undefined },
  });
  const caller = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };
  const search = async (written: unknown) => {
    const body = bodyOf(written);
    if (!body.ok) return body;
    return plans.search(caller, 'notes', body.value);
  };
  return { search, asked };
}

const VECTOR = { kind: 'vector', vector: [1, 0] };
const TEXT = { kind: 'text', text: 'lock' };
const idsIn = (found: Awaited<ReturnType<ReturnType<typeof world>['search']>>) => (found.ok ? found.value.page.ids : found.error);

describe('a plan', () => {
  it('[TX260] answers an id once, by the sums of what its legs give it, the same each time', async () => {
    const { search } = world();
    const plan = { legs: [VECTOR, TEXT], fusion: { kind: 'rrf' } };
    const found = await search(plan);
    expect(idsIn(found)).toEqual(['c', 'a', 'b', 'd']);
    expect(await search(plan)).toEqual(found);
    expect(found).toMatchObject({ value: { candidates: 4, searches: 2, lsn: 5 } });
  });

  it('[M213] weighs vectors by what their index says of the model, else by what the deployment does', async () => {
    const weightOf = async (embedding: IndexManifest['embedding']) => {
      const { search } = world(undefined, 'cosine', embedding);
      const found = await search({ legs: [VECTOR, TEXT] });
      return (found.ok ? found.value.decision.weights[0] : undefined) ?? 0;
    };
    const model = 'm';
    const encoder = await weightOf(null);
    const table = await weightOf({ model, contractHash: 'h-table' });
    expect(await weightOf({ model, contractHash: 'h-other' })).toBe(encoder);
    expect(encoder / (1 - encoder) / (table / (1 - table))).toBeCloseTo((1.05 / 0.6) ** 5, 6);
    const pinned = await weightOf({ model, contractHash: 'h-table', retrievalQuality: 1.05 });
    expect(pinned).toBe(encoder);
  });

  it('[TX262] leaves a late leg out and names it, and is refused where all are late', async () => {
    const { search } = world('text');
    const found = await search({ legs: [VECTOR, TEXT] });
    expect(idsIn(found)).toEqual(['a', 'b', 'c']);
    expect(found).toMatchObject({ value: { cutParts: [['legs', 1]] } });
    expect(await search({ legs: [TEXT] })).toMatchObject({ error: { code: 'deadline_exceeded' } });
  });

  it('[TX260] has larger scores for what is nearer, where the index has distances', async () => {
    const { search } = world(undefined, 'l2');
    // Shards answer distances as they are: here the last is the nearest.
    const found = await search({ legs: [VECTOR] });
    expect(found).toMatchObject({ value: { page: { ids: ['c', 'b', 'a'], scores: [-0.8, -0.9, -1] } } });
  });

  it('[TX261] searches a leg by its filter and that of the plan together', async () => {
    const { search, asked } = world();
    await search({ filter: { page: 3 }, legs: [{ ...TEXT, filter: { lang: 'en' } }, VECTOR] });
    const [page, lang] = [3, 'en'].map((value) => expect.objectContaining({ values: [value] }) as object);
    expect(asked.map(({ filter }) => filter)).toEqual([{ kind: 'and', of: [page, lang] }, page]);
  });

  it('[TX270] leaves what is behind the depth of a stage as it was, but for a group', async () => {
    const { search } = world();
    const order = { kind: 'order_by', property: 'likes', direction: 'descending', depth: 2 };
    expect(idsIn(await search({ legs: [VECTOR], stages: [order] }))).toEqual(['b', 'a', 'c']);
    expect(idsIn(await search({ legs: [VECTOR], stages: [{ kind: 'group', by: 'of', depth: 2 }] }))).toEqual(['a']);
  });

  it('[TX264] of a text alone has the legs that the index is made for', async () => {
    const { search, asked } = world();
    expect(idsIn(await search({ text: 'lock' }))).toEqual(['c', 'd']);
    expect(asked).toMatchObject([{ query: { kind: 'text', fields: [{ name: 'body', weight: 2 }] } }]);
  });

  it('[TX265] is refused by the path of what does not fit the index', async () => {
    const { search, asked } = world();
    const unknown = { legs: [{ ...TEXT, fields: { boddy: 1 } }] };
    expect(await search(unknown)).toMatchObject({ error: { path: ['legs', 0, 'fields', 'boddy'], didYouMean: 'body' } });
    const misfit = { legs: [{ kind: 'vector', vector: [1, 2, 3] }] };
    expect(await search(misfit)).toMatchObject({ error: { code: 'dimension_mismatch', path: ['legs', 0, 'vector'] } });
    const leg = { kind: 'formula', score: { kind: 'score', leg: 1 } };
    expect(await search({ legs: [VECTOR], stages: [leg] })).toMatchObject({ error: { path: ['stages', 0, 'score', 'leg'] } });
    expect(asked).toEqual([]);
  });

  it('[TX270] puts the ranking through its stages, one after another, and counts what the legs found', async () => {
    const { search } = world();
    const likes = { kind: 'formula', score: { kind: 'property', property: 'likes' } };
    const found = await search({ legs: [VECTOR, TEXT], stages: [likes, { kind: 'group', by: 'of' }], facets: [{ property: 'of' }] });
    expect(idsIn(found)).toEqual(['d', 'b']);
    const values = ['first', 'last'].map((value) => ({ value, count: 2 }));
    expect(found).toMatchObject({ value: { facets: [{ property: 'of', values, others: 0 }], candidates: 4 } });
  });

  it('[TX266] ranks what was prefetched alone', async () => {
    const { search, asked } = world();
    await search({ legs: [{ ...VECTOR, prefetch: { legs: [TEXT] } }] });
    expect(asked.map(({ filter }) => filter)).toEqual([null, { kind: 'ids', ids: ['c', 'd'] }]);
  });
});

describe('[TX267] a plan is refused beyond a limit', () => {
  const nested = (depth: number): object => (depth === 0 ? TEXT : { kind: 'plan', legs: [nested(depth - 1)] });

  it.each([
    ['legs', { legs: Array.from({ length: 9 }, () => TEXT) }, 'legs'],
    ['levels of legs', { legs: [nested(3)] }, 'legs'],
    ['a negative weight', { legs: [{ ...TEXT, weight: -1 }] }, 'legs'],
    [
      'numbers of a sparse vector',
      { legs: [{ kind: 'sparse', field: 's', indices: Array.from({ length: 10_000 }, (_, i) => i) }] },
      'legs',
    ],
    ['the range of float32', { legs: [{ kind: 'sparse', field: 's', indices: [1], values: [1e39] }] }, 'legs'],
    ['depth of JSON', { legs: [nested(60)] }, undefined],
  ])('of %s', (_, body, first) => {
    const read = bodyOf(body);
    expect(read.ok ? 'read' : read.error.path?.[0]).toBe(first);
  });
});

import { describe, expect, it } from 'vitest';

import type { QueryTarget, ShardFetch, ShardQuery } from '../../../../src/ann/shard-protocol.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { vectorEndpoints } from '../../../../src/contract/vectors/vectors.ts';
import { planEndpoints } from '../../../../src/contract/vectors/plans/plans.ts';
import type { EmbedTexts } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import { FieldPoints } from '../../../../src/gateway/vectors/field-points.ts';
import { Plans } from '../../../../src/gateway/vectors/plans/plans.ts';
import { Searches } from '../../../../src/gateway/vectors/searches.ts';
import { VectorSpace } from '../../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { IndexFieldSearch } from '../../../../src/index/shards/index-shards.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import { contentsOf } from '../../../support/worlds/vector-fields-world.ts';
import { servedRows } from '../../../support/fakes/served-rows.ts';

const MANIFEST: IndexManifest = {
  id: 'ix_1' as IndexId,
  tenantId: principal('tn_one').tenantId,
  name: 'notes',
  dimensions: 2,
  metric: 'cosine',
  embedding: null,
  fields: {
    image: { kind: 'vector', dimensions: 3, metric: 'l2', model: null },
    title: { kind: 'vector', dimensions: 2, metric: 'cosine', model: 'm', contractHash: 'h' },
    terms: { kind: 'sparse', idf: false, model: null },
  },
  owner: 'search',
  createdS: 1,
  generation: 1,
};
const STORED: Readonly<Record<string, string | null>> = {
  a: contentsOf({ image: Float32Array.of(1, 2, 3) }),
  b: contentsOf({ title: Float32Array.of(1, 2) }),
  c: null,
  d: contentsOf({ image: Float32Array.of(3, 2, 1) }),
  e: contentsOf({ image: Float32Array.of(0, 2, 5) }),
  f: contentsOf({ image: Float32Array.of(2, 4, 6.5) }),
};

/** An index whose shards find `a` and `c`, the scores of which are distances. */
function world(found = { ids: ['a', 'c'], scores: [1, 4] }) {
  const asked: IndexFieldSearch[] = [];
  const embedded: EmbedTexts[] = [];
  const searchFields = async (_: IndexManifest, search: IndexFieldSearch) => {
    asked.push(search);
    return ok({ ...found, values: null, metadata: null, texts: null, lsn: 5 });
  };
  const fetch = async (_: IndexManifest, { ids }: ShardFetch) => {
    const there = ids.filter((id) => Object.hasOwn(STORED, id));
    return ok({ ids: there, values: null, metadata: null, texts: null, contents: there.map((id) => STORED[id] ?? null), lsn: 5 });
  };
  const targets: QueryTarget[] = [];
  const query = async (_: IndexManifest, { target }: ShardQuery) => {
    targets.push(target);
    return ok({ ids: ['first'], scores: [1], values: null, metadata: null, texts: null, lsn: 5 });
  };
  const embedder = {
    contractOf: async () => ok({ id: 'm', contractHash: 'h', dimensions: 2, version: '1' }),
    embed: async (request: EmbedTexts) => {
      embedded.push(request);
      return ok({
        vectors: Float32Array.of(7, 8),
        dimensions: 2,
        contractHash: 'h',
        tokens: 3,
        cut: [{ index: 0, tokens: 1 }],
        cachedTokens: 1,
      });
    },
  };
  const clock = { nowMs: () => 0 };
  const manifests = new ManifestCache({ describe: async () => ok(MANIFEST) } as never, clock);
  const shards = indexShards({ query, searchFields, fetch });
  const fieldPoints = new FieldPoints({ embedder, shards });
  const space = new VectorSpace(embedder);
  const countInputs = () => undefined;
  const searches = new Searches({ manifests, shards, space, fieldPoints, served: servedRows(), countInputs });
  const others = { qualities: new Map(), embedder, reranker: {} as never, timer: { after: () => () => undefined } };
  const plans = new Plans({ manifests, shards, space, clock, served: servedRows(), ...others });
  const caller = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };
  const search = async (...bodies: readonly object[]) => {
    const read = parse(vectorEndpoints.queryVectorsBatch.body.schema, { searches: bodies });
    if (!read.ok) return read;
    return searches.search(
      caller,
      'notes',
      read.value.searches.map((body, i) => ({ body, at: ['searches', i] })),
    );
  };
  const plan = async (body: object) => {
    const read = parse(planEndpoints.searchIndex.body.schema, body);
    return read.ok ? plans.search(caller, 'notes', read.value) : read;
  };
  return { asked, targets, embedded, search, plan };
}

const shown = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'ok' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;

describe('queries of a field', () => {
  it('[TX259] ask the shards for what is closest in it, beside those of first vectors', async () => {
    const { asked, search } = world();
    const filter = { tag: 'x' };
    const more = { top_k: 3, offset: 2, filter, exclude_ids: ['b'], namespace: 'n', explain: true, include_metadata: false };
    const found = await search({ vector: [1, 2] }, { field: 'image', vector: [1, 0, 2], ...more });
    expect(found).toMatchObject({ ok: true, value: { found: [{ ids: ['first'] }, { ids: [] }], tokens: 0 } });
    expect(asked).toMatchObject([
      {
        query: { kind: 'vector', field: 'image', vector: Float32Array.of(1, 0, 2) },
        topK: 5,
        namespace: 'n',
        excludeIds: ['b'],
        explain: true,
      },
    ]);
    expect(asked[0]?.filter).not.toBe(null);
  });

  it('[TX259] search around a stored vector of the field', async () => {
    const { asked, search } = world();
    expect(shown(await search({ field: 'image', id: 'a' }))).toBe('ok');
    expect(asked[0]?.query).toEqual({ kind: 'vector', field: 'image', vector: Float32Array.of(1, 2, 3) });
  });

  it('[TX259] search for the like of stored vectors of the field, by its metric, and do not find them', async () => {
    const { asked, search } = world();
    const given = { field: 'image', positive_ids: ['a', 'd'], negative_ids: ['e'], exclude_ids: ['x'] };
    expect(shown(await search({ ...given, negative_ids: undefined }, given))).toBe('ok');
    // Twice the mean of the former less the latter.
    const vectors = asked.map(({ query }) => query.kind === 'vector' && [...query.vector]);
    expect(vectors).toEqual([
      [2, 2, 2],
      [4, 2, -1],
    ]);
    expect(asked.map(({ excludeIds }) => excludeIds)).toEqual([
      ['x', 'a', 'd'],
      ['x', 'a', 'd', 'e'],
    ]);
    // By their directions only.
    const titles = await search({ field: 'title', positive_ids: ['b'] });
    expect([shown(titles), asked[2]?.query]).toMatchObject(['ok', { vector: Float32Array.of(1 / Math.sqrt(5), 2 / Math.sqrt(5)) }]);
  });

  it('[TX259] embed a text by the model of the field, as what is searched for', async () => {
    const { asked, embedded, search } = world();
    const found = await search({ field: 'image', vector: [1, 0, 2] }, { field: 'title', text: 'lock', truncate: 'end' });
    expect(found).toMatchObject({ ok: true, value: { tokens: 3, cachedTokens: 1, cut: [{ index: 1, tokens: 1 }] } });
    expect(asked[1]?.query).toMatchObject({ field: 'title', vector: Float32Array.of(7, 8) });
    expect(embedded).toMatchObject([{ model: 'm', contractHash: 'h', texts: ['lock'], use: 'queries', isTruncating: true }]);
  });

  const IMAGE = { field: 'image', vector: [1, 0, 2] };
  it.each<[string, object, string]>([
    [
      'an unknown field',
      { ...IMAGE, field: 'imag' },
      'field: is "imag"; the vector fields of the index: "image", "title": did you mean "image"?',
    ],
    ['a field of another kind', { ...IMAGE, field: 'terms' }, 'field: is "terms"; the vector fields of the index: "image", "title"'],
    ['other dimensions', { ...IMAGE, vector: [1, 2] }, 'vector: has 2 numbers; the field "image" has 3 dimensions'],
    ['a text without a model', { field: 'image', text: 'x' }, 'text: the field "image" has no model: give `vector`'],
    ['an id that is not there', { field: 'image', id: 'none' }, 'id: no vector of the namespace has this id and a vector in "image"'],
    ['an id without such a vector', { field: 'image', id: 'b' }, 'id: no vector of the namespace has this id and a vector in "image"'],
    ['an id without any field', { field: 'image', id: 'c' }, 'id: no vector of the namespace has this id and a vector in "image"'],
    ['a model', { ...IMAGE, model: 'm' }, 'model: does not go with `field`'],
    ['diversity', { ...IMAGE, mmr: {} }, 'mmr: does not go with `field`: a plan has the stage `mmr` for it'],
    [
      'an example without such a vector',
      { field: 'image', positive_ids: ['a', 'b'] },
      'positive_ids[1]: no vector of the namespace has this',
    ],
    ['what is unlike alone', { field: 'image', vector: [1, 2, 3], negative_ids: ['a'] }, 'negative_ids: goes with `positive_ids` only'],
    ['a number that is none', { ...IMAGE, vector: [1, null, 2] }, 'vector[1]: must be a finite number in the range of float32'],
  ])('[TX249] [TX259] %s is refused by its place', async (_, body, refusal) => {
    const { asked, search } = world();
    expect(shown(await search({ vector: [1, 2] }, body))).toContain(` searches[1].${refusal}`);
    expect(asked).toEqual([]);
  });
});

describe('legs near vectors of a field', () => {
  it('[TX264] search it by a vector, a text or a stored vector; the least distance is the best', async () => {
    const { asked, plan } = world();
    const legs = [{ vector: [1, 0, 2] }, { id: 'a' }].map((point) => ({ kind: 'vector', field: 'image', ...point }));
    const found = await plan({ legs: [...legs, { kind: 'vector', field: 'title', text: 'lock' }], fusion: { kind: 'rrf' } });
    expect(found).toMatchObject({ ok: true, value: { page: { ids: ['a', 'c'] }, tokens: 3 } });
    const vectors = asked.map(({ query }) => query.kind === 'vector' && [query.field, [...query.vector]]);
    expect(vectors).toEqual([
      ['image', [1, 0, 2]],
      ['image', [1, 2, 3]],
      ['title', [7, 8]],
    ]);
    const [single] = legs;
    expect(await plan({ legs: [single] })).toMatchObject({ ok: true, value: { page: { ids: ['a', 'c'], scores: [-1, -4] } } });
  });

  it('[TX264] are those that a plan of a text has, of fields with a model', async () => {
    const { asked, plan } = world();
    expect(shown(await plan({ text: 'lock' }))).toBe('ok');
    expect(asked.map(({ query }) => query)).toMatchObject([{ kind: 'vector', field: 'title' }]);
  });

  it('[TX288] search for the like of stored vectors, of a field or of the first', async () => {
    const { asked, plan } = world();
    const like = { kind: 'vector', positive_ids: ['a', 'd'], negative_ids: ['e'] };
    expect(shown(await plan({ legs: [{ ...like, field: 'image' }] }))).toBe('ok');
    expect(asked[0]).toMatchObject({ query: { vector: Float32Array.of(4, 2, -1) }, excludeIds: ['a', 'd', 'e'] });
    const { plan: ofFirst, targets } = world();
    expect(shown(await ofFirst({ legs: [like] }))).toBe('ok');
    expect(targets).toEqual([{ kind: 'examples', positive: ['a', 'd'], negative: ['e'] }]);
    const lost = shown(await plan({ legs: [{ ...like, field: 'image', negative_ids: ['e', 'c'] }] }));
    expect(lost).toContain('vector_not_found legs[0].negative_ids[1]: no vector of the namespace has this id');
    expect(shown(await plan({ legs: [{ ...like, id: 'a' }] }))).toContain('give exactly one of `vector`, `text`, `id` and `positive_ids`');
  });

  it('[TX273] are diversified by the vectors of a field', async () => {
    // What is nearest to `a` is `f`, which is its like; the others are as near as the query has them.
    const ranking = { ids: ['a', 'f', 'd', 'c'], scores: [1, 1.1, 2, 3] };
    const { plan } = world(ranking);
    const legs = [{ kind: 'vector', field: 'image', vector: [1, 0, 2] }];
    const idsAt = async (diversity: number) => {
      const found = await plan({ legs, stages: [{ kind: 'mmr', field: 'image', diversity }], top_k: 3 });
      return found.ok ? found.value.page.ids : found.error;
    };
    expect(await idsAt(0)).toEqual(['a', 'f', 'd']);
    expect(await idsAt(0.7)).toEqual(['a', 'c', 'd']);
    const refused = async (stage: object) => shown(await plan({ legs, stages: [{ kind: 'mmr', ...stage }] }));
    expect(await refused({ field: 'imag' })).toContain('stages[0].field: is "imag"; the vector fields of the index: "image", "title"');
    expect(await refused({ field: 'terms' })).toContain('stages[0].field: is "terms"');
  });

  it('[TX265] are refused by the place of what does not fit', async () => {
    const { plan } = world();
    const refused = async (leg: object) =>
      shown(
        await plan({
          legs: [
            { kind: 'ids', ids: ['a'] },
            { kind: 'vector', ...leg },
          ],
        }),
      );
    expect(await refused({ field: 'none', vector: [1, 2] })).toContain('legs[1].field: is "none"');
    expect(await refused({ field: 'image', vector: [1, 2] })).toContain('dimension_mismatch legs[1].vector: has 2 numbers');
    expect(await refused({ field: 'image', text: 'x' })).toContain('legs[1].text: the field "image" has no model');
    expect(await refused({ field: 'image', id: 'c' })).toContain('vector_not_found legs[1].id');
  });
});

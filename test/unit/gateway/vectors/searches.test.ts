import { describe, expect, it } from 'vitest';

import type { ShardFetch, ShardMatches, ShardQuery } from '../../../../src/ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { vectorEndpoints } from '../../../../src/contract/vectors/vectors.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import { FieldPoints } from '../../../../src/gateway/vectors/field-points.ts';
import { Searches } from '../../../../src/gateway/vectors/searches.ts';
import { VectorSpace } from '../../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import { servedRows } from '../../../support/fakes/served-rows.ts';

const CALLER = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };

/** An index of two dimensions whose shard answers `top_k` matches of this much metadata, and its embedder. */
function world(metadataChars = 1, dimensions = 2, metric = 'dot') {
  const counted: unknown[] = [];
  const queries: ShardQuery[] = [];
  const fetches: ShardFetch[] = [];
  const embedded: (readonly string[])[] = [];
  const manifest = {
    id: 'ix_1' as IndexId,
    name: 'notes',
    generation: 3,
    dimensions,
    metric,
    embedding: { model: 'm', contractHash: 'h' },
  } as unknown as IndexManifest;
  const query = async (_: IndexManifest, asked: ShardQuery): Promise<Outcome<ShardMatches>> => {
    queries.push(asked);
    if (asked.target.kind === 'id') return refuse('vector_not_found', 'there is none', 'id');
    if (asked.filter !== null) return refuse('overloaded', 'too many reads');
    const ids = Array.from({ length: asked.topK }, (__, i) => `v${i}`);
    const isBare = asked.columnsBytesMax !== undefined && 2 * metadataChars * ids.length > asked.columnsBytesMax;
    const metadata = asked.include.metadata && !isBare ? ids.map(() => 'x'.repeat(metadataChars)) : null;
    return ok({ ids, scores: ids.map(() => 1), values: null, metadata, texts: null, lsn: 5, ...(isBare ? { isBare } : {}) });
  };
  const fetch = async (_: IndexManifest, asked: ShardFetch) => {
    fetches.push(asked);
    return ok({ ids: asked.ids, values: null, metadata: asked.ids.map(() => 'x'.repeat(metadataChars)), texts: null, lsn: 5 });
  };
  const embedder = {
    contractOf: async () => ok({ id: 'm', contractHash: 'h', dimensions, version: '1' }),
    embed: async ({ texts }: { texts: readonly string[] }) => {
      embedded.push(texts);
      const vectors = Float32Array.from(texts.flatMap((text) => Array.from({ length: dimensions }, () => text.length)));
      return ok({ vectors, dimensions, contractHash: 'h', tokens: 3 * texts.length, cut: cutOf(texts), cachedTokens: 1 });
    },
  };
  const shards = indexShards({ query, fetch });
  const searches = new Searches({
    served: servedRows(),
    manifests: new ManifestCache({ describe: async () => ok(manifest) } as never, { nowMs: () => 0 }),
    shards,
    space: new VectorSpace(embedder),
    fieldPoints: new FieldPoints({ embedder, shards }),
    countInputs: ({ tenantId }, ...rest) => void counted.push([tenantId, ...rest]),
  });
  const search = async (...bodies: readonly object[]) => {
    const parsed = parse(vectorEndpoints.queryVectorsBatch.body.schema, { searches: bodies });
    if (!parsed.ok) throw new Error(parsed.error.message);
    const asked = parsed.value.searches.map((body, i) => ({ body, at: ['searches', i] }));
    return searches.search(CALLER, 'notes', asked);
  };
  return { queries, fetches, embedded, counted, search };
}

/** Texts of more than nine characters have lost the rest. */
const cutOf = (texts: readonly string[]) =>
  texts.map((text, index) => ({ index, tokens: text.length - 9 })).filter(({ tokens }) => tokens > 0);

const refused = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : [outcome.error.code, outcome.error.path]);

it('[D80] the first score of each search around a vector or text is counted, of cosines alone', async () => {
  const { search, counted } = world(1, 2, 'cosine');
  await search({ text: 'abc' }, { vector: [1, 2], offset: 2 }, { positive_ids: ['v1'] });
  await search({ id: 'absent' });
  expect(counted).toEqual([['tn_one', 'best-score', 'index:notes@3', [1, 1]]]);
  const dot = world();
  await dot.search({ text: 'abc' });
  expect(dot.counted).toEqual([]);
});

it('[M156] a text that was cut is named by its search, whatever the others search around', async () => {
  const { search } = world();
  const found = await search({ positive_ids: ['v1'] }, { text: 'abc' }, { text: 'twelve chars', truncate: 'end' });
  expect(found.ok && found.value.cut).toEqual([{ index: 2, tokens: 3 }]);
});

describe('[V190] the searches of a request', () => {
  it('are embedded together and made each with its own vector', async () => {
    const { search, queries, embedded } = world();
    const found = await search({ text: 'abc' }, { vector: [1, 2] }, { text: 'de', top_k: 3 }, { positive_ids: ['v1'] });
    expect(found).toMatchObject({ ok: true, value: { tokens: 6, cachedTokens: 1, manifest: { id: 'ix_1' } } });
    expect(embedded).toEqual([['abc', 'de']]);
    expect(queries.map(({ target, topK }) => [target, topK])).toEqual([
      [{ kind: 'values', values: Float32Array.of(3, 3) }, 10],
      [{ kind: 'values', values: Float32Array.of(1, 2) }, 10],
      [{ kind: 'values', values: Float32Array.of(2, 2) }, 3],
      [{ kind: 'examples', positive: ['v1'], negative: [] }, 10],
    ]);
    // RPC sends the whole buffer of a view.
    for (const { target } of queries) if (target.kind === 'values') expect(target.values.buffer.byteLength).toBe(8);
  });

  it.each([
    ['a vector that does not fit', { vector: [1, 2, 3] }, ['dimension_mismatch', ['searches', 1, 'vector']]],
    ['too large an answer', { vector: [1, 2], top_k: 10_000, include_values: true }, ['limit_exceeded', ['searches', 1, 'top_k']], 101],
    [
      'too dear a choice',
      { text: 'a', top_k: 1_000, mmr: { candidates_limit: 1_000 } },
      ['limit_exceeded', ['searches', 1, 'mmr', 'candidates_limit']],
      101,
    ],
  ])('are refused for %s in one of them before any is made', async (_, bad, expected, dimensions = 2) => {
    const { search, queries, embedded } = world(1, dimensions);
    const good = { text: 'abc' };
    expect(refused(await search(good, bad, good))).toEqual(expected);
    expect([queries, embedded]).toEqual([[], []]);
  });

  it('are refused as the shard refuses one, naming it, but for what any call may meet', async () => {
    const { search } = world();
    expect(refused(await search({ vector: [1, 2] }, { id: 'absent' }))).toEqual(['vector_not_found', ['searches', 1, 'id']]);
    expect(refused(await search({ vector: [1, 2] }, { vector: [1, 2], filter: { a: 1 } }))).toEqual(['overloaded', undefined]);
  });

  it('are bounded together in what they find, answer and choose from', async () => {
    const { search, queries } = world(1, 101);
    const vector = Array.from({ length: 101 }, () => 1);
    const matches = { vector, top_k: 10_000, offset: 0 };
    expect(refused(await search(matches, matches))).toBe('ok');
    const tooMany = await search(matches, matches, { vector, top_k: 1 });
    expect(tooMany).toMatchObject({
      error: { limit: { name: 'batchMatchesMaxCount', bound: 20_000 }, value: 20_001, path: ['searches', 2, 'top_k'] },
    });
    const values = { vector, top_k: 5_000, include_values: true };
    expect(await search(values, values)).toMatchObject({
      error: { limit: { name: 'retrievalReplyFloatsMaxCount' }, path: ['searches', 1, 'top_k'] },
    });
    const diverse = { vector, top_k: 10, mmr: { candidates_limit: 1_000 } };
    expect(refused(await search(...Array.from({ length: 10 }, () => diverse)))).toEqual(['limit_exceeded', ['searches', 9, 'top_k']]);
    expect(queries).toHaveLength(2);
  });

  it('read what is included where it was too much for a shared call, up to what one answer holds', async () => {
    const chars = VECTOR_LIMITS.vectorMetadataBytesMax;
    const { search, fetches } = world(chars);
    const share = Math.floor(VECTOR_LIMITS.fanOutReplyBytesMax / 2);
    const few = Math.floor(share / (2 * chars));
    const found = await search({ vector: [1, 2], top_k: few + 1 }, { vector: [1, 2], top_k: few });
    expect(found).toMatchObject({ ok: true });
    if (found.ok)
      expect(found.value.found.map(({ metadata, isBare }) => [metadata?.length, isBare])).toEqual([
        [few + 1, undefined],
        [few, undefined],
      ]);
    expect(fetches.map(({ ids }) => ids.length)).toEqual([few + 1]);
    const all = Math.floor(VECTOR_LIMITS.retrievalReplyBytesMax / (2 * chars));
    expect(refused(await search({ vector: [1, 2], top_k: all }, { vector: [1, 2], top_k: 1 }))).toEqual([
      'limit_exceeded',
      ['searches', 1],
    ]);
    // A search alone is bounded by its shard.
    expect(refused(await search({ vector: [1, 2], top_k: all + 1 }))).toBe('ok');
  });

  it('page by themselves', async () => {
    const { search, queries, fetches } = world();
    const found = await search({ vector: [1, 2], top_k: 2, offset: 3 }, { vector: [1, 2], top_k: 1 });
    expect(queries.map(({ topK, include }) => [topK, include.metadata])).toEqual([
      [5, false],
      [1, true],
    ]);
    expect(fetches.map(({ ids }) => ids)).toEqual([['v3', 'v4']]);
    if (found.ok) expect(found.value.found.map(({ ids }) => ids)).toEqual([['v3', 'v4'], ['v0']]);
  });
});

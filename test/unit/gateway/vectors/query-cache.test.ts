import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { ANY_FRESH, parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import { CACHE_LIMITS } from '../../../../src/contract/caches/cache-limits.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import type { QueryBody } from '../../../../src/contract/vectors/vectors.ts';
import { vectorEndpoints } from '../../../../src/contract/vectors/vectors.ts';
import type { CacheEvent } from '../../../../src/gateway/caches/cache-stats.ts';
import type { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import { CacheHoldings } from '../../../../src/gateway/caches/cache-holdings.ts';
import { QueryCache, searchDigest } from '../../../../src/gateway/vectors/query-cache.ts';
import { queryKind } from '../../../../src/gateway/vectors/query-kind.ts';
import type { AnswerTerms } from '../../../../src/gateway/caches/answer-cache.ts';
import type { TextEmbedder } from '../../../../src/gateway/embeddings/text-embedder.ts';
import type { AskedSearch } from '../../../../src/gateway/vectors/searches.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import { MemoryCacheWorld, principal, sha256 } from '../../../support/worlds/memory-cache-world.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { indexShards } from '../../../support/fakes/index-shards.ts';

const body = (fields: object): QueryBody => {
  const parsed = parse(vectorEndpoints.queryVectors.body.schema, fields);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
};

const TEXT = body({ text: 'weir' });
const terms = (more: Partial<AnswerTerms> = {}): AnswerTerms => ({ ttlMs: 60_000, directives: ANY_FRESH, tags: [], ...more });

const matchesOf = (id: string, edition: number | null = null) => ({
  ids: [id],
  scores: [1],
  values: null,
  metadata: null,
  texts: null,
  edition,
});

/** One isolate over an index that counts its searches and returns the count as the match. */
function isolate() {
  const world = new MemoryCacheWorld();
  const fields = { image: { kind: 'vector', dimensions: 2, metric: 'dot', model: 'pictures', contractHash: sha256('pictures') } };
  const embedding = { model: 'remote', contractHash: sha256('remote') };
  const index = { id: 'ix_1', name: 'notes', generation: 1, lsn: 1, embedding, fields };
  const events: CacheEvent[] = [];
  const lsnsRead = { count: 0 };
  /** Of the documents of the index: as searches meet it, and as the index was found to have it. */
  const editions: { met: number | null; now: number | null } = { met: null, now: null };
  const searches = { count: 0, before: Promise.resolve(), gate: Promise.resolve(), textChars: 0, fieldChars: 0 };
  const batches: (readonly AskedSearch[])[] = [];
  const manifest = () => index as unknown as IndexManifest;
  const one = async () => {
    searches.count += 1;
    await searches.before;
    const [nth, lsn] = [searches.count, index.lsn];
    await searches.gate;
    const found = {
      ...matchesOf(`match ${nth}`, editions.met),
      texts: ['x'.repeat(searches.textChars)],
      contents: ['x'.repeat(searches.fieldChars)],
      lsn,
    };
    return ok({ found: [found], tokens: 2, cut: [], cachedTokens: 1, manifest: manifest() });
  };
  const made = {
    search: async (_: unknown, __: unknown, asked: readonly AskedSearch[]) => {
      if (asked[0]?.at.length === 0) return one();
      batches.push(asked);
      const found = asked.map(({ body: { top_k: topK } }) => ({ ...matchesOf(`top ${topK}`, editions.met), lsn: index.lsn }));
      return ok({ found, tokens: 2 * asked.length, cut: [], cachedTokens: 1, manifest: manifest() });
    },
  };
  const cache = new QueryCache({
    served: { editionOf: async () => ok(editions.now) },
    kind: queryKind(made),
    bounds: { entriesMax: VECTOR_LIMITS.queryCacheEntriesMax, bytesMax: VECTOR_LIMITS.queryCacheBytesMax },
    holdings: new CacheHoldings(),
    manifests: {
      using: async (_: unknown, __: unknown, work: (of: IndexManifest) => unknown) => work(manifest()),
    } as unknown as ManifestCache,
    // The only methods of the shard that it may call.
    shards: indexShards({
      lsn: async () => {
        // Several shards have none, and are not asked.
        if ('routeVersion' in index) return ok(null);
        lsnsRead.count += 1;
        return ok(index.lsn);
      },
    }),
    embedder: { contractOf: async (_: unknown, id: string) => ok({ id, version: '1' }) } as unknown as TextEmbedder,
    purges: new PurgeViews({ logs: world.logs, clock: world.clock, wakeUps: new DirectWakeUps() }),
    clock: world.clock,
    sha256,
    count: (_, event) => events.push(event),
    wakeUps: new DirectWakeUps(),
  });
  const ask = async (query: QueryBody = TEXT, of: AnswerTerms | null = terms(), tenant = 'tn_one', more: object = {}) => {
    const caller = { principal: principal(tenant, more), authority: IN_FORCE, reserve: async () => ok(undefined) };
    const answered = await cache.query(caller, 'notes', query, of ?? undefined);
    if (!answered.ok) return answered.error.code;
    const { answers, tokens, report } = answered.value;
    return { match: answers[0]?.found.ids[0], tokens, source: report?.sources[0], forwarded: report?.forwarded };
  };
  const askAll = async (queries: readonly QueryBody[], of: AnswerTerms | null = terms(), more: object = {}) => {
    const caller = { principal: principal('tn_one', more), authority: IN_FORCE, reserve: async () => ok(undefined) };
    const asked = queries.map((query, i) => ({ body: query, at: ['searches', i] }));
    const answered = await cache.search(caller, 'notes', asked, of ?? undefined);
    if (!answered.ok) return answered.error.code;
    const { answers, tokens, report } = answered.value;
    return { ids: answers.map(({ found: { ids } }) => ids[0]), tokens, sources: report?.sources, forwarded: report?.forwarded };
  };
  return { world, index, events, searches, batches, lsnsRead, editions, cache, ask, askAll };
}

const HIT = { match: 'match 1', tokens: 0, source: 'memory', forwarded: undefined };
const SEARCHED = { tokens: 2, source: 'computed', forwarded: 'miss' };

describe('search results', () => {
  it('[C90] are cached only for queries that request it', async () => {
    const { ask, events } = isolate();
    const without = { match: 'match 1', tokens: 2, source: undefined, forwarded: undefined };
    expect(await ask(TEXT, null)).toEqual(without);
    expect(await ask(TEXT, null)).toEqual({ ...without, match: 'match 2' });
    expect(events).toEqual([]);
  });

  it('[T55] of a text are refused to a key that must not use its model, without naming the model', async () => {
    const { ask, searches } = isolate();
    await ask();
    expect(await ask(TEXT, terms(), 'tn_one', { resources: ['model/other'] })).toBe('scope_denied');
    expect(await ask(TEXT, terms(), 'tn_one', { resources: ['index/other'] })).toBe('scope_denied');
    expect(await ask(TEXT, terms(), 'tn_one', { resources: ['model/remote', 'index/notes'] })).toEqual(HIT);
    expect(searches.count).toBe(1);
  });

  it('[T55] [TX259] of a text near a field are refused to a key that must not use the model of the field', async () => {
    const { ask, searches } = isolate();
    const near = body({ text: 'weir', field: 'image' });
    await ask();
    await ask(near);
    expect(searches.count).toBe(2);
    expect(await ask(near, terms(), 'tn_one', { resources: ['model/remote', 'index/notes'] })).toBe('scope_denied');
    expect(await ask(near, terms(), 'tn_one', { resources: ['model/pictures', 'index/notes'] })).toEqual({ ...HIT, match: 'match 2' });
    expect(searches.count).toBe(2);
  });

  it('[C90] answer the same query until their TTL ends, and cost no tokens', async () => {
    const { ask, world, events } = isolate();
    expect(await ask()).toEqual({ ...SEARCHED, match: 'match 1' });
    world.nowMs += 59_999;
    expect(await ask()).toEqual(HIT);
    world.nowMs += 1;
    expect(await ask()).toMatchObject({ match: 'match 2' });
    expect(events.map(({ cache, sources, agesMs }) => [cache, sources[0], agesMs[0]])).toEqual([
      ['queries', 'computed', undefined],
      ['queries', 'memory', 59_999],
      ['queries', 'computed', undefined],
    ]);
  });

  it('[C102] make the shard read one row, and none if they could answer no other call', async () => {
    const { ask, index, lsnsRead, searches } = isolate();
    await ask();
    for (let hit = 0; hit < 5; hit++) expect(await ask()).toEqual(HIT);
    expect([lsnsRead.count, searches.count]).toEqual([6, 1]);
    await ask(body({ text: 'weir', explain: true }));
    Object.assign(index, { routeVersion: 3 });
    const alone = { source: 'computed', forwarded: 'bypass' };
    expect([await ask(), await ask()]).toMatchObject([alone, alone]);
    expect([lsnsRead.count, searches.count]).toEqual([6, 4]);
  });

  it('[C91] miss after any write, and under another index of the name', async () => {
    const { ask, index } = isolate();
    await ask();
    index.lsn += 1;
    expect(await ask()).toMatchObject({ match: 'match 2' });
    expect(await ask()).toMatchObject({ match: 'match 2', source: 'memory' });
    index.id = 'ix_2';
    expect(await ask()).toMatchObject({ match: 'match 3' });
  });

  it('[C91] are cached under their own LSN, not under the requested one', async () => {
    const { ask, index, searches } = isolate();
    const gate = deferred<void>();
    searches.gate = gate.promise;
    const early = ask();
    await setImmediate();
    index.lsn += 1;
    gate.resolve();
    await early;
    // That search ran before the write, so its result must not be served after it.
    expect(await ask()).toMatchObject({ match: 'match 2', source: 'computed' });
  });

  it('[C91] answer after a write that came before their search', async () => {
    const { ask, index, searches } = isolate();
    const gate = deferred<void>();
    searches.before = gate.promise;
    const early = ask();
    await setImmediate();
    index.lsn += 1;
    gate.resolve();
    await early;
    expect(await ask()).toMatchObject({ match: 'match 1', source: 'memory' });
  });

  it('[C92] are distinguished by tenant and by every field of the query', async () => {
    const { ask } = isolate();
    await ask();
    expect(await ask(TEXT, terms(), 'tn_two')).toMatchObject({ source: 'computed' });
    const questions = [
      { text: 'weir', top_k: 3 },
      { text: 'weir', namespace: 'x' },
      { text: 'weir', include_values: true },
      { text: 'weir', exact: true },
      { text: 'weir', exclude_ids: ['a'] },
      { text: 'weir', mmr: { diversity: 0.1 } },
      { vector: [1, 2] },
      { vector: [1, 2.5] },
      { id: 'weir' },
      { text: 'weir', filter: { size: { $lt: 5 } } },
      { text: 'weir', filter: { size: { $lte: 5 } } },
      { text: 'weir', filter: { size: '5' } },
      { text: 'weir', filter: { size: 5 } },
      { text: 'weir', filter: { size: null } },
    ].map(body);
    for (const question of questions) expect(await ask(question)).toMatchObject({ source: 'computed' });
    for (const question of questions) expect(await ask(question)).toMatchObject({ source: 'memory' });
    expect(new Set(questions.map((question) => searchDigest(sha256, 'query', question))).size).toBe(questions.length);
  });

  it('[C93] obey cache-control; an explanation always belongs to a search of its own', async () => {
    const { ask, world } = isolate();
    const directed = (header: string) => ask(TEXT, terms({ directives: parseCacheControl(header) }));
    expect(await directed('only-if-cached')).toBe('not_cached');
    expect(await directed('no-store')).toMatchObject({ match: 'match 1' });
    expect(await ask()).toMatchObject({ match: 'match 2', source: 'computed' });
    expect(await directed('no-cache')).toMatchObject({ match: 'match 3', forwarded: 'request' });
    world.nowMs += 1500;
    expect(await directed('max-age=1')).toMatchObject({ match: 'match 4' });
    expect(await directed('only-if-cached')).toMatchObject({ match: 'match 4', source: 'memory' });
    expect(await directed('min-fresh=61')).toMatchObject({ match: 'match 5' });
    for (const nth of [6, 7])
      expect(await ask(body({ text: 'weir', explain: true }))).toMatchObject({ match: `match ${nth}`, forwarded: 'bypass' });
  });

  it('[C94] are purged with everything, by their tags and by their model, but not by texts', async () => {
    const { ask, world } = isolate();
    const tagged = terms({ tags: ['docs/1'] });
    await ask(TEXT, tagged);
    world.purge({ digests: [sha256('weir')] });
    world.purge({ tags: ['docs/2'] });
    world.purge({ model: 'local' });
    expect(await ask(TEXT, tagged)).toMatchObject({ match: 'match 1', source: 'memory' });
    for (const predicate of [
      { tags: ['docs/1'] },
      { model: 'remote' },
      { model: 'remote', modelVersion: '1' },
      { tagPrefix: 'docs/' },
      {},
    ]) {
      world.purge(predicate);
      expect(await ask(TEXT, tagged), JSON.stringify(predicate)).toMatchObject({ source: 'computed' });
      expect(await ask(TEXT, tagged)).toMatchObject({ source: 'memory' });
    }
    expect(await ask(TEXT, terms({ tags: ['docs/3'] }))).toMatchObject({ source: 'computed' });
  });

  it('[C94] are not cached while the purge log is unreachable', async () => {
    const { ask, world } = isolate();
    await ask();
    world.logReachable = false;
    world.nowMs += CACHE_LIMITS.purgeLeaseMs;
    expect(await ask()).toMatchObject({ match: 'match 2', forwarded: 'bypass' });
  });

  it('[C95] are searched for once for all concurrent requests', async () => {
    const { ask, searches } = isolate();
    const gate = deferred<void>();
    searches.gate = gate.promise;
    const all = Array.from({ length: 50 }, () => ask());
    await setImmediate();
    gate.resolve();
    const answers = await Promise.all(all);
    expect(searches.count).toBe(1);
    expect(answers.filter((answer) => typeof answer !== 'string' && answer.source === 'joined' && answer.tokens === 0)).toHaveLength(49);
  });
});

it('[C90] are not cached if they are too large, and report that', async () => {
  const { cache, ask, searches } = isolate();
  searches.textChars = VECTOR_LIMITS.queryCacheEntryBytesMax / 2;
  await ask();
  expect(cache.held).toEqual({ entries: 0, bytes: 0 });
  [searches.textChars, searches.fieldChars] = [1000, searches.textChars - 1000];
  await ask();
  expect(cache.held.entries).toBe(0);
  searches.fieldChars -= 1000;
  await ask();
  expect(cache.held.bytes).toBeGreaterThan(VECTOR_LIMITS.queryCacheEntryBytesMax - 2000);
  expect(await ask()).toMatchObject({ source: 'memory', match: 'match 3' });
});

describe('[C103] several searches of one request', () => {
  const queries = [1, 2, 3].map((topK) => body({ text: 'weir', top_k: topK }));
  const IDS = ['top 1', 'top 2', 'top 3'];

  it('are searched for together, but for those that are cached', async () => {
    const { askAll, batches, lsnsRead, events } = isolate();
    expect(await askAll(queries.slice(0, 2))).toEqual({
      ids: IDS.slice(0, 2),
      tokens: 4,
      sources: ['computed', 'computed'],
      forwarded: 'miss',
    });
    expect(await askAll(queries)).toEqual({ ids: IDS, tokens: 2, sources: ['memory', 'memory', 'computed'], forwarded: 'partial' });
    expect(await askAll(queries)).toEqual({ ids: IDS, tokens: 0, sources: ['memory', 'memory', 'memory'], forwarded: undefined });
    // Each names where it stands in its request.
    expect(batches.map((asked) => asked.map(({ at }) => at[1]))).toEqual([[0, 1], [2]]);
    expect(lsnsRead.count).toBe(3);
    expect(events.map(({ sources }) => sources)).toEqual([
      ['computed', 'computed'],
      ['memory', 'memory', 'computed'],
      ['memory', 'memory', 'memory'],
    ]);
  });

  it('and single ones answer each other from the cache, until a write', async () => {
    const { ask, askAll, index } = isolate();
    await askAll(queries);
    expect(await ask(queries[1])).toEqual({ match: 'top 2', tokens: 0, source: 'memory', forwarded: undefined });
    index.lsn += 1;
    expect(await askAll(queries)).toMatchObject({ tokens: 6, sources: ['computed', 'computed', 'computed'] });
  });

  it('keep to the terms of the request, and are not cached without any', async () => {
    const { askAll, batches, events } = isolate();
    const only = terms({ directives: parseCacheControl('only-if-cached') });
    expect(await askAll(queries, only)).toBe('not_cached');
    expect(batches).toEqual([]);
    expect(await askAll(queries, null)).toMatchObject({ ids: IDS, tokens: 6, sources: undefined });
    expect(events).toEqual([]);
    expect(await askAll(queries, terms(), { resources: ['model/other'] })).toBe('scope_denied');
  });

  it('do not share the answers of those that are to be explained', async () => {
    const { askAll } = isolate();
    const explained = body({ text: 'weir', top_k: 1, explain: true });
    await askAll([explained, queries[1]!]);
    expect(await askAll([explained, queries[1]!])).toMatchObject({ sources: ['computed', 'memory'] });
  });
});

describe('[DC92] answers of an index with documents', () => {
  it('are kept by the edition that they met, whichever was asked for', async () => {
    const { editions, ask } = isolate();
    editions.met = 4;
    expect(await ask()).toMatchObject({ match: 'match 1', source: 'computed' });
    editions.now = 4;
    expect(await ask()).toMatchObject({ match: 'match 1', source: 'memory' });
    [editions.met, editions.now] = [5, 5];
    expect(await ask()).toMatchObject({ match: 'match 2', source: 'computed' });
    // Another version is served between the question and the search.
    [editions.met, editions.now] = [7, 6];
    expect(await ask()).toMatchObject({ match: 'match 3', source: 'computed' });
    editions.now = 7;
    expect(await ask()).toMatchObject({ match: 'match 3', source: 'memory' });
  });

  it('are kept by the edition that was asked for where they met no rows of documents', async () => {
    const { editions, ask, askAll } = isolate();
    editions.now = 4;
    expect(await ask()).toMatchObject({ source: 'computed' });
    expect(await ask()).toMatchObject({ source: 'memory' });
    editions.now = 5;
    expect(await ask()).toMatchObject({ source: 'computed' });
    const batch = [body({ text: 'a' }), body({ text: 'b' })];
    expect(await askAll(batch)).toMatchObject({ sources: ['computed', 'computed'] });
    expect(await askAll(batch)).toMatchObject({ sources: ['memory', 'memory'] });
    editions.now = 6;
    expect(await askAll(batch)).toMatchObject({ sources: ['computed', 'computed'] });
  });
});

it('[DC96] keys with other labels share no answers', async () => {
  const { ask } = isolate();
  const asked = (more: object) => ask(TEXT, terms(), 'tn_one', more);
  expect(await asked({})).toMatchObject({ source: 'computed' });
  expect(await asked({ labels: ['staff'] })).toMatchObject({ source: 'computed' });
  expect(await asked({ labels: [] })).toMatchObject({ source: 'computed' });
  expect(await asked({ labels: ['staff'] })).toMatchObject({ source: 'memory' });
});

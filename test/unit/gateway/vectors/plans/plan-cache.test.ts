import { describe, expect, it } from 'vitest';

import { ANY_FRESH, parseCacheControl } from '../../../../../src/cache/cache-directives.ts';
import type { PurgePredicate } from '../../../../../src/cache/purge-predicate.ts';
import { VECTOR_LIMITS } from '../../../../../src/contract/vectors/vector-limits.ts';
import type { AnswerTerms } from '../../../../../src/gateway/caches/answer-cache.ts';
import { CacheHoldings } from '../../../../../src/gateway/caches/cache-holdings.ts';
import type { CacheEvent } from '../../../../../src/gateway/caches/cache-stats.ts';
import { PurgeViews } from '../../../../../src/gateway/caches/purge-views.ts';
import { planKind } from '../../../../../src/gateway/vectors/plans/plan-kind.ts';
import type { QueryAnswers } from '../../../../../src/gateway/vectors/query-cache.ts';
import { QueryCache } from '../../../../../src/gateway/vectors/query-cache.ts';
import type { FoundPlan } from '../../../../../src/gateway/vectors/plans/plans.ts';
import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import { DirectWakeUps } from '../../../../../src/kernel/wake-ups.ts';
import { MemoryCacheWorld, sha256 } from '../../../../support/worlds/memory-cache-world.ts';
import { planOf, PlanWorld } from '../../../../support/worlds/plan-world.ts';
import { searchMeters } from '../../../../../workers/gateway/routes/vectors/search-replies.ts';
import { servedRows } from '../../../../support/fakes/served-rows.ts';

const TERMS: AnswerTerms = { ttlMs: 60_000, directives: ANY_FRESH, tags: ['night'] };

const shown = (answered: Outcome<QueryAnswers<FoundPlan>>) => {
  if (!answered.ok) return answered.error.code;
  const { answers, report, tokens } = answered.value;
  return { ids: answers.map(({ found }) => found.page.ids), sources: report?.sources, tokens };
};

/** One isolate over a world of plans. */
function isolate() {
  const world = new PlanWorld();
  const caches = new MemoryCacheWorld();
  const events: CacheEvent[] = [];
  const { manifests, shards, embedder, reranker, plans, time: clock } = world;
  const cache = new QueryCache({
    served: servedRows(),
    kind: planKind({ plans, embedder, reranker, clock }),
    bounds: { entriesMax: VECTOR_LIMITS.queryCacheEntriesMax, bytesMax: VECTOR_LIMITS.queryCacheBytesMax },
    holdings: new CacheHoldings(),
    manifests,
    shards,
    embedder,
    purges: new PurgeViews({ logs: caches.logs, clock, wakeUps: new DirectWakeUps() }),
    clock,
    sha256,
    count: (_, event) => events.push(event),
    wakeUps: new DirectWakeUps(),
  });
  const asked = (work: () => Promise<Outcome<QueryAnswers<FoundPlan>>>) => {
    caches.nowMs = clock.nowMs();
    return clock.run(work());
  };
  const ask = async (body: object, terms = TERMS, caller = world.caller) =>
    shown(await asked(() => cache.query(caller, 'notes', planOf(body), terms)));
  const askAll = (bodies: readonly object[], terms: AnswerTerms | null = TERMS) => {
    const searches = bodies.map((body, i) => ({ body: planOf(body), at: ['searches', i] }));
    return asked(() => cache.search(world.caller, 'notes', searches, terms ?? undefined));
  };
  /** Purges, and lets time pass until that has taken effect. */
  const purge = async (predicate: PurgePredicate) => {
    caches.nowMs = clock.nowMs();
    caches.purge(predicate);
    await clock.run(clock.sleep(caches.nowMs - clock.nowMs()));
  };
  return { world, caches, cache, events, ask, askAll, purge };
}

const VECTOR = { kind: 'vector', vector: [1, 0] };
const WORDS = { kind: 'text', text: 'lock' };
const MODELS = {
  legs: [
    { kind: 'vector', text: 'a' },
    { kind: 'sparse', field: 'terms', text: 'a' },
  ],
  stages: [
    { kind: 'max_sim', field: 'tokens', text: 'a' },
    { kind: 'rerank', model: 'ranker' },
  ],
};
const HIT = { sources: ['memory'], tokens: 0 };

describe('[TX285] plans in the cache of searches', () => {
  it('are answered from before, with all of their page, without shards, models and tokens', async () => {
    const { world, cache, askAll, events } = isolate();
    const rich = { ...MODELS, facets: [{ property: 'page' }], include_text: true, truncate: 'end' };
    const first = await askAll([rich]);
    expect(first).toMatchObject({ value: { tokens: 7, report: { sources: ['computed'] } } });
    const before = [world.asked.length, world.fetches.length, world.embedded.length];
    const second = await askAll([rich]);
    expect(second).toMatchObject({ value: { tokens: 0, report: { sources: ['memory'] } } });
    expect(second.ok && second.value.answers.map(({ found }) => found)).toEqual(first.ok && first.value.answers.map(({ found }) => found));
    expect([world.asked.length, world.fetches.length, world.embedded.length]).toEqual(before);
    expect(events.map(({ cache: name, sources }) => [name, sources])).toEqual([
      ['queries', ['computed']],
      ['queries', ['memory']],
    ]);
    expect(cache.held).toMatchObject({ entries: 1 });
  });

  it('count by their legs: those that were made, and those that the cache has answered', async () => {
    const { askAll } = isolate();
    const first = { legs: [VECTOR, WORDS] };
    await askAll([first]);
    const both = await askAll([{ legs: [VECTOR, WORDS, { kind: 'plan', legs: [WORDS] }] }, first]);
    expect(both.ok && searchMeters(both.value, ({ searches }) => searches)).toEqual({ vector_queries: 3, vector_cached_queries: 2 });
    const uncached = await askAll([first, first], null);
    expect(uncached).toMatchObject({ ok: true, value: { report: undefined } });
    expect(uncached.ok && searchMeters(uncached.value, ({ searches }) => searches).vector_cached_queries).toBe(0);
  });

  it('are other plans by anything that their bodies hold', async () => {
    const { ask } = isolate();
    const legs = [VECTOR, { kind: 'plan', legs: [VECTOR, WORDS] }];
    const inner = (leg: object) => ({ legs: [VECTOR, { kind: 'plan', legs: [leg, WORDS] }] });
    const plans = [
      { legs },
      inner({ ...VECTOR, vector: [0, 1] }),
      inner({ ...VECTOR, vector: [1, -0] }),
      inner({ ...VECTOR, weight: 2 }),
      inner({ ...VECTOR, prefetch: { legs: [WORDS] } }),
      inner({ ...VECTOR, filter: { page: 1 } }),
      { legs: legs.toReversed() },
      { legs, fusion: { kind: 'rrf' } },
      { legs, namespace: 'other' },
      { legs, top_k: 11 },
      { legs, offset: 1 },
      { legs, k1: 1.5 },
      { legs, statistics: 'exact' },
      { legs, highlight: {} },
      { legs, include_text: true },
      { legs, facets: [{ property: 'page' }] },
      { legs, stages: [{ kind: 'order_by', property: 'page' }] },
      { legs, stages: [{ kind: 'max_sim', field: 'tokens', vectors: [[1, 0]] }] },
      { legs, stages: [{ kind: 'max_sim', field: 'tokens', vectors: [[0, 1]] }] },
      { legs, consistency: 'eventual' },
    ];
    for (const plan of plans) expect([plan, await ask(plan)]).toEqual([plan, expect.objectContaining({ sources: ['computed'] })]);
    for (const plan of plans) expect([plan, await ask(plan)]).toEqual([plan, expect.objectContaining(HIT)]);
  });

  it('miss after any write, of another generation, and by another tenant', async () => {
    const { world, ask } = isolate();
    const plan = { legs: [VECTOR] };
    await ask(plan);
    expect(await ask(plan)).toMatchObject(HIT);
    world.lsn += 1;
    expect(await ask(plan)).toMatchObject({ sources: ['computed'] });
    expect(await ask(plan)).toMatchObject(HIT);
    world.manifest = { ...world.manifest, generation: 2 };
    await world.time.run(world.time.sleep(3_600_000));
    expect(await ask(plan)).toMatchObject({ sources: ['computed'] });
    expect(await ask(plan, TERMS, world.callerOf('tn_two'))).toMatchObject({ sources: ['computed'] });
  });

  it('[TX325] miss once search settings are stored, changed or deleted, in whatever order', async () => {
    const { world, ask } = isolate();
    const both = { legs: [VECTOR, WORDS] };
    const legs = [
      { kind: 'vector', field: '', weight: 0 },
      { kind: 'text', weight: 1 },
    ] as const;
    const used = { legs, fusion: { kind: 'dbsf' }, k1: null, b: null, evidence: null, createdMs: 1, generation: 1, state: 'used' } as const;
    const all = [undefined, used, { ...used, k1: 2 }, { ...used, state: 'other_fields' } as const];
    for (const searchSettings of all) {
      const { searchSettings: _, ...bare } = world.manifest;
      world.manifest = searchSettings === undefined ? bare : { ...bare, searchSettings };
      await world.time.run(world.time.sleep(VECTOR_LIMITS.indexManifestTtlMs));
      const found = await ask(both);
      expect([searchSettings, found]).toEqual([searchSettings, expect.objectContaining({ sources: ['computed'] })]);
      expect(await ask(both)).toEqual(found && { ...(found as object), ...HIT });
    }
  });

  it('are not kept where a leg, a stage, facets or highlights are late', async () => {
    const parts = [
      [{ legs: [VECTOR, WORDS] }, 'text'],
      [{ legs: [VECTOR], include_metadata: false, stages: [{ kind: 'order_by', property: 'page' }] }, 'fetch'],
      [{ legs: [VECTOR], include_metadata: false, facets: [{ property: 'page' }] }, 'fetch'],
      [{ legs: [WORDS], include_metadata: false, highlight: {} }, 'highlight'],
    ] as const;
    for (const [plan, late] of parts) {
      const { world, cache, ask } = isolate();
      world.delays[late] = Infinity;
      expect([late, await ask(plan)]).toEqual([late, expect.objectContaining({ sources: ['computed'] })]);
      expect(cache.held.entries).toBe(0);
      delete world.delays[late];
      expect([late, await ask(plan)]).toEqual([late, expect.objectContaining({ sources: ['computed'] })]);
      expect([late, await ask(plan)]).toEqual([late, expect.objectContaining(HIT)]);
    }
  });

  it('that are explained are searched always', async () => {
    const { ask, cache } = isolate();
    const plan = { legs: [VECTOR], explain: true };
    expect(await ask(plan)).toMatchObject({ sources: ['computed'] });
    expect(await ask(plan)).toMatchObject({ sources: ['computed'] });
    expect(cache.held.entries).toBe(0);
  });

  it.each(['dense', 'sparse', 'tokens', 'ranker'])('are purged by the model %s, and by its version', async (model) => {
    const { ask, purge } = isolate();
    await ask(MODELS);
    await ask({ legs: [VECTOR], namespace: 'modelless' });
    for (const name of [model, `${model}@1`]) {
      expect(await ask(MODELS)).toMatchObject(HIT);
      await purge({ models: [name] });
      expect(await ask(MODELS)).toMatchObject({ sources: ['computed'] });
    }
    await purge({ models: [`${model}@2`] });
    expect(await ask(MODELS)).toMatchObject(HIT);
    await purge({ tags: ['night'] });
    expect(await ask(MODELS)).toMatchObject({ sources: ['computed'] });
  });

  it('are others with another version of any model that reads for them', async () => {
    const { world, ask } = isolate();
    await ask(MODELS);
    for (const model of ['sparse', 'tokens', 'ranker']) {
      world.versions[model] = '2';
      expect([model, await ask(MODELS)]).toEqual([model, expect.objectContaining({ sources: ['computed'] })]);
      expect([model, await ask(MODELS)]).toEqual([model, expect.objectContaining(HIT)]);
    }
  });

  it('[T55] are refused to a key that must not use one of their models', async () => {
    const { world, ask } = isolate();
    await ask(MODELS);
    const all = ['index/notes', 'model/dense', 'model/sparse', 'model/tokens', 'model/ranker'];
    expect(await ask(MODELS, TERMS, world.callerOf('tn_one', { resources: all }))).toMatchObject(HIT);
    for (const left of all.slice(1)) {
      const resources = all.filter((one) => one !== left);
      expect([left, await ask(MODELS, TERMS, world.callerOf('tn_one', { resources }))]).toEqual([left, 'scope_denied']);
    }
  });

  it('of one call that are not kept are searched for together, each kept as a single one is', async () => {
    const { world, ask, askAll } = isolate();
    const plans = [{ legs: [VECTOR] }, { legs: [WORDS] }, { legs: [VECTOR], top_k: 2 }];
    await ask(plans[0] ?? {});
    const reserved = world.reserved.length;
    expect(shown(await askAll(plans))).toMatchObject({ sources: ['memory', 'computed', 'computed'] });
    expect(world.reserved.slice(reserved)).toEqual([{ vector_queries: 2 }]);
    for (const plan of plans) expect(await ask(plan)).toMatchObject(HIT);
    const directives = parseCacheControl('only-if-cached');
    expect(await ask({ legs: [VECTOR], top_k: 3 }, { ...TERMS, directives })).toBe('not_cached');
    expect(shown(await askAll([...plans, { legs: [VECTOR], top_k: 3 }], { ...TERMS, directives }))).toBe('not_cached');
  });

  it('that are refused name their place, cached neighbours or not', async () => {
    const { ask, askAll } = isolate();
    await ask({ legs: [VECTOR] });
    const refused = await askAll([{ legs: [VECTOR] }, { legs: [{ kind: 'sparse', field: 'absent', text: 'a' }] }]);
    expect(refused).toMatchObject({ error: { code: 'invalid_value', path: ['searches', 1, 'legs', 0, 'field'] } });
  });
});

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { ANY_FRESH } from '../../../src/cache/cache-directives.ts';
import type { CacheDirectives } from '../../../src/cache/cache-directives.ts';
import { inputDigest } from '../../../src/cache/cache-key.ts';
import { ok } from '../../../src/kernel/result.ts';
import { IN_FORCE } from '../../support/fakes/in-force.ts';
import { MemoryCacheWorld, principal, sha256, tokensOf, vectorOf } from '../../support/worlds/memory-cache-world.ts';
import { effort } from '../../support/fixtures/effort.ts';

const TEXTS = ['a', 'b', 'ab', 'ba', 'abc', 'zz', 'q', 'cab'];
const TENANT = principal('tn_one');
const VECTORS = new Map(TEXTS.map((text) => [text, vectorOf(tokensOf(text))]));
const DIGESTS = new Map(TEXTS.map((text) => [text, sha256(text)]));
const digestOf = (text: string | Uint8Array): string => (typeof text === 'string' ? DIGESTS.get(text) : undefined) ?? sha256(text);

/** Asserts only on differences: assertions on every value would take longer than the history. */
function expectSame<T>(actual: ArrayLike<T>, expected: readonly T[]): void {
  if (actual.length !== expected.length || expected.some((value, i) => value !== actual[i])) expect(Array.from(actual)).toEqual(expected);
}

type Step =
  | { kind: 'embed'; texts: string[]; directives: CacheDirectives; ttlMs: number | undefined; tags: string[]; isolate: number }
  | { kind: 'together'; batches: string[][] }
  | { kind: 'pass'; ms: number }
  | { kind: 'purge'; texts: string[] | undefined };

const batch = fc.array(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 10 });
const directives = fc.oneof(
  { weight: 5, arbitrary: fc.constant(ANY_FRESH) },
  {
    weight: 2,
    arbitrary: fc.record({
      bypass: fc.boolean(),
      store: fc.boolean(),
      onlyIfCached: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
      ageMsMax: fc.option(fc.nat({ max: 3000 }), { nil: undefined }),
      freshMsMin: fc.constantFrom(0, 0, 0, 500),
      staleMsMax: fc.constantFrom(0, 0, 0, 1000, Infinity),
    }),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('embed' as const),
      texts: batch,
      directives,
      ttlMs: fc.option(fc.integer({ min: 1, max: 4000 }), { nil: undefined, freq: 2 }),
      tags: fc.constantFrom<string[]>([], [], [], ['x'], ['y'], ['x', 'y']),
      isolate: fc.nat({ max: 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('together' as const), batches: fc.array(batch, { minLength: 2, maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 2000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('purge' as const),
      texts: fc.option(fc.uniqueArray(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 3 }), { nil: undefined, freq: 3 }),
    }),
  },
);

interface Entry {
  storedAtMs: number;
  expiresAtMs: number;
  tags: string[];
}

/** How often each kind of event happened over all runs: without hits, the property would prove nothing. */
const seen = {
  batches: 0,
  hits: 0,
  computed: 0,
  duplicates: 0,
  purged: 0,
  expired: 0,
  joined: 0,
  tooOld: 0,
  tooShort: 0,
  stale: 0,
  untagged: 0,
  refused: 0,
};

/** Two isolates over one second level, compared with a model of what each level stores, since when and until when. */
async function history(steps: readonly Step[], model: 'local' | 'remote'): Promise<void> {
  const { Embedder } = await import('../../../src/gateway/embeddings/embed.ts');
  const { EmbeddingCache } = await import('../../../src/gateway/embeddings/embedding-cache.ts');
  const { PurgeViews } = await import('../../../src/gateway/caches/purge-views.ts');
  const world = new MemoryCacheWorld();
  const isolates = [0, 1].map(() => {
    const purges = new PurgeViews({ logs: world.logs, clock: world.clock, wakeUps: new DirectWakeUps() });
    const cache = new EmbeddingCache({ clock: world.clock, purges, secondLevel: world.secondLevel, wakeUps: new DirectWakeUps() });
    return new Embedder({ models: world.models, cache, sha256: digestOf, count: () => {}, countInputs: () => {} });
  });
  // A static model is cached by each isolate separately, so its history uses one isolate.
  const isolateOf = (i: number) => isolates[model === 'local' ? 0 : i]!;
  const memories = [new Map<string, Entry>(), new Map<string, Entry>()];
  const shared = new Map<string, Entry>();
  const levelsOf = (isolate: number) => (model === 'local' ? [memories[0]!] : [memories[isolate]!, shared]);

  const embed = async (texts: string[], of: CacheDirectives, ttlMs: number | undefined, tags: string[] = [], isolate = 0) => {
    const inputs = texts.map((text) => ({ kind: 'text' as const, text }));
    const acting = { principal: TENANT, authority: IN_FORCE };
    const request = { ...acting, model, inputs, directives: of, ttlMs, tags, reserve: async () => ok(undefined) };
    const embedded = await isolateOf(isolate).embedInputs(request);
    if (!embedded.ok) {
      expect(embedded.error.code).toBe('not_cached');
      return undefined;
    }
    expectSame(
      embedded.value.vectors,
      texts.flatMap((text) => VECTORS.get(text) ?? []),
    );
    expectSame([embedded.value.tokens], [texts.join('').length]);
    return embedded.value;
  };
  const serves = (entry: Entry | undefined, of: CacheDirectives, tags: string[], keepsStale: boolean): boolean => {
    if (entry === undefined || of.bypass) return false;
    const [ageMs, overMs] = [world.nowMs - entry.storedAtMs, world.nowMs - entry.expiresAtMs];
    if (overMs >= 0 && !keepsStale) return false;
    if (!tags.every((tag) => entry.tags.includes(tag))) seen.untagged += 1;
    else if (ageMs > (of.ageMsMax ?? Infinity)) seen.tooOld += 1;
    else if (overMs < 0 && -overMs < of.freshMsMin) seen.tooShort += 1;
    else if (overMs >= 0 && (of.staleMsMax === 0 || overMs > of.staleMsMax)) seen.expired += 1;
    else return true;
    return false;
  };
  /** The texts to be computed, each with the tags it will carry: those requested and those of an entry that could not be used. */
  const misses = (texts: Iterable<string>, of: CacheDirectives, tags: string[] = [], isolate = 0): Map<string, string[]> => {
    const missed = new Map<string, string[]>();
    for (const text of new Set(texts)) {
      const [memory, second] = levelsOf(isolate);
      const [near, far] = [memory!.get(text), second?.get(text)];
      if (serves(near, of, tags, true)) {
        if (near!.expiresAtMs <= world.nowMs) seen.stale += 1;
      } else if (!serves(far, of, tags, false)) {
        const isSeen = far !== undefined && far.expiresAtMs > world.nowMs;
        const replaced = of.bypass ? undefined : (near ?? (isSeen ? far : undefined));
        missed.set(text, [...new Set([...tags, ...(replaced?.tags ?? [])])]);
      } else if (of.store) memory!.set(text, far!);
    }
    return missed;
  };
  const store = (missed: Map<string, string[]>, ttlMs: number | undefined, isolate = 0) => {
    const expiresAtMs = ttlMs === undefined ? Infinity : world.nowMs + ttlMs;
    for (const level of levelsOf(isolate)) {
      for (const [text, tags] of missed) level.set(text, { storedAtMs: world.nowMs, expiresAtMs, tags });
    }
  };

  const embedAlone = async (one: Extract<Step, { kind: 'embed' }>): Promise<void> => {
    const { texts, directives: of, ttlMs, tags, isolate } = one;
    const expected = misses(texts, of, tags, isolate);
    const embedded = await embed(texts, of, ttlMs, tags, isolate);
    const isRefused = of.onlyIfCached && expected.size > 0;
    expectSame([embedded === undefined], [isRefused]);
    expectSame(world.computed, isRefused ? [] : [...expected.keys()]);
    seen.batches += 1;
    if (embedded === undefined) {
      seen.refused += 1;
      return;
    }
    const { tokens, cachedTokens, report } = embedded;
    expectSame([tokens - cachedTokens], [[...expected.keys()].join('').length]);
    seen.hits += report.sources.filter((source) => source === 'memory' || source === 'shared').length;
    seen.duplicates += report.sources.filter((source) => source === 'duplicate').length;
    seen.computed += expected.size;
    if (of.store) store(expected, ttlMs, isolate);
  };

  for (const next of steps) {
    world.computed.length = 0;
    if (next.kind === 'pass') world.nowMs += next.ms;
    if (next.kind === 'purge') {
      const digests = next.texts?.map((text) => inputDigest(digestOf, { kind: 'text', text }));
      world.purge(digests === undefined ? {} : { digests });
      for (const level of [...memories, shared]) for (const text of next.texts ?? TEXTS) if (level.delete(text)) seen.purged += 1;
    }
    if (next.kind === 'embed') await embedAlone(next);
    if (next.kind === 'together') {
      const expected = misses(next.batches.flat(), ANY_FRESH);
      const answers = await Promise.all(next.batches.map((texts) => embed(texts, ANY_FRESH, undefined)));
      expectSame(world.computed.toSorted(), [...expected.keys()].toSorted());
      seen.joined += answers.flatMap((answer) => answer?.report.sources ?? []).filter((source) => source === 'joined').length;
      store(expected, undefined);
    }
  }
}

const check = (numRuns: number) =>
  fc.check(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
      fc.constantFrom('local' as const, 'remote' as const),
      history,
    ),
    { seed: 20_261_124, numRuns },
  );

describe('batches over the cache', () => {
  afterEach(() => {
    vi.doUnmock('../../../src/cache/batch-plan.ts');
    vi.resetModules();
  });

  it('[C3] [C10] [C11] [C12] [C20] answer in order and compute only what is missing, once', async () => {
    const details = await check(effort(1_000, 120_000));
    expect(details.failed, fc.defaultReportMessage(details) ?? '').toBe(false);
    expect(seen.batches).toBeGreaterThan(15_000);
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(20);
  });

  it.each<[string, object]>([
    [
      'gives an input the row of another',
      {
        scatterRows: (rows: Float32Array[], slots: Int32Array, dimensions: number) =>
          broken(rows, slots, dimensions, (slot) => Math.max(0, slot - 1)),
      },
    ],
    [
      'forgets that duplicates share a row',
      {
        scatterRows: (rows: Float32Array[], slots: Int32Array, dimensions: number) =>
          broken(rows, slots, dimensions, (_, i) => i % rows.length),
      },
    ],
    [
      'computes the wrong input for a key',
      {
        planBatch: (keys: string[]) => {
          const distinct = [...new Set(keys)];
          return { distinct, slotOf: Int32Array.from(keys, (key) => distinct.indexOf(key)), inputOf: Int32Array.from(distinct.keys()) };
        },
      },
    ],
  ])('[C10] fail this test if the mapping %s', async (_, mutation) => {
    vi.resetModules();
    vi.doMock('../../../src/cache/batch-plan.ts', async (original) => ({ ...(await original<object>()), ...mutation }));
    expect((await check(100)).failed).toBe(true);
  });
});

function broken(
  rows: Float32Array[],
  slots: Int32Array,
  dimensions: number,
  mapping: (slot: number, input: number) => number,
): Float32Array {
  const vectors = new Float32Array(slots.length * dimensions);
  slots.forEach((slot, input) => vectors.set(rows[mapping(slot, input)]!, input * dimensions));
  return vectors;
}

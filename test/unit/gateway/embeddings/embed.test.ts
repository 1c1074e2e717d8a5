import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { CACHE_LIMITS } from '../../../../src/contract/caches/cache-limits.ts';
import { EMBEDDING_LIMITS } from '../../../../src/contract/embeddings/embedding-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import type { CachedInput } from '../../../../src/cache/cache-key.ts';
import type { CountInputs } from '../../../../src/contract/tenancy/input-tally.ts';
import { Embedder } from '../../../../src/gateway/embeddings/embed.ts';
import type { EmbedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import { EmbeddingCache } from '../../../../src/gateway/embeddings/embedding-cache.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { MemoryCacheWorld, principal, sha256, vectorOf } from '../../../support/worlds/memory-cache-world.ts';
import { faultOf } from '../../../support/fixtures/fault-of.ts';

const text = (value: string): CachedInput => ({ kind: 'text', text: value });
const tokens = (...ids: number[]): CachedInput => ({ kind: 'tokens', ids: Int32Array.from(ids) });

function isolate(world = new MemoryCacheWorld()) {
  const purges = new PurgeViews({ logs: world.logs, clock: world.clock, wakeUps: new DirectWakeUps() });
  const cache = new EmbeddingCache({ clock: world.clock, purges, secondLevel: world.secondLevel, wakeUps: new DirectWakeUps() });
  const counted: unknown[] = [];
  const countInputs: CountInputs = ({ tenantId }, ...rest) => void counted.push([tenantId, ...rest]);
  const embedder = new Embedder({ models: world.models, cache, sha256, count: () => {}, countInputs });
  const embed = (inputs: CachedInput[], more: Partial<EmbedInputs> = {}) =>
    embedder.embedInputs({
      principal: principal('tn_one'),
      authority: IN_FORCE,
      model: 'remote',
      inputs,
      directives: ANY_FRESH,
      reserve: async () => ok(undefined),
      ...more,
    });
  return { world, embedder, embed, counted };
}

const value = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
};

describe('Embedder', () => {
  it('refuses an unknown model and names the available ones', async () => {
    expect(await isolate().embed([text('a')], { model: 'gpt' })).toMatchObject({
      error: { code: 'model_not_found', path: ['model'], message: expect.stringContaining('local@1, remote@1') },
    });
  });

  it('[D80] says which share of the words of each text that it computed the vocabulary lacks', async () => {
    const { embed, counted } = isolate();
    await embed([text('?aaa'), text('bbbb'), text('?aaa'), text(''), tokens(1, 2)]);
    await embed([text('?aaa'), text('????')]);
    await embed([text('bbbb')]);
    expect(counted).toEqual([
      ['tn_one', 'unknown-words', 'remote@1', [0.25, 0]],
      ['tn_one', 'unknown-words', 'remote@1', [1]],
      ['tn_one', 'unknown-words', 'remote@1', []],
    ]);
  });

  it('[T55] embeds nothing with a model that the key must not use, however it is named', async () => {
    const { embed, world } = isolate();
    const narrow = principal('tn_one', { resources: ['model/local'] });
    expect(await embed([text('a')], { principal: narrow })).toMatchObject({ error: { code: 'scope_denied' } });
    expect(world.computed).toEqual([]);
    expect(await embed([text('a')], { principal: principal('tn_one', { resources: ['model/rem*'] }) })).toMatchObject({ ok: true });
  });

  it.each([
    [[text('a'), text('x'.repeat(201))], 'limit_exceeded', 'input[1]'],
    [[text('a'), tokens(1, 1000)], 'invalid_value', 'input[1]'],
    [[tokens(-1)], 'invalid_value', 'input[0]'],
  ])('refuses an input that the model cannot embed, naming it', async (inputs, code, param) => {
    const { embed, world } = isolate();
    expect(faultOf(await embed(inputs))).toMatchObject({ code, param });
    expect(world.computed).toEqual([]);
  });

  it('refuses more tokens than one call may have', async () => {
    const inputs = Array.from({ length: EMBEDDING_LIMITS.embeddingTokensMaxCount / 200 }, () => text('x'.repeat(200)));
    expect(await isolate().embed(inputs)).toMatchObject({ ok: true });
    expect(await isolate().embed([...inputs, text('x')])).toMatchObject({
      error: { code: 'limit_exceeded', path: ['input'], limit: { name: 'embeddingTokensMaxCount' } },
    });
  });

  it('refuses more dimensions than the model has', async () => {
    expect(await isolate().embed([text('a')], { dimensions: 4 })).toMatchObject({ error: { code: 'invalid_value', path: ['dimensions'] } });
  });

  it('[C20] reserves all tokens before it computes any, and computes nothing if that is refused', async () => {
    const { embed, world } = isolate();
    const asked: unknown[] = [];
    const reserve = async (quantities: unknown) => {
      asked.push(quantities);
      return refuse('rate_limit_exceeded', 'no');
    };
    expect(await embed([text('abc'), text('abc')], { reserve })).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
    expect(asked).toEqual([{ embedding_tokens: 6 }]);
    expect(world.computed).toEqual([]);
  });

  it('[C1] derives shorter vectors from the full one, at unit length', async () => {
    const { embed, world } = isolate();
    await embed([text('ab')]);
    const { vectors, dimensions, report } = value(await embed([text('ab')], { dimensions: 2 }));
    const [x = 0, y = 0] = vectorOf([97, 98]);
    expect(dimensions).toBe(2);
    expect(vectors[0]! / vectors[1]!).toBeCloseTo(x / y, 5);
    expect(Math.hypot(...vectors)).toBeCloseTo(1, 6);
    expect([report.sources, world.computed]).toEqual([['memory'], ['ab']]);
  });

  it('[C1] never shares entries between tenants, models, or texts and token ids', async () => {
    const { embed, world } = isolate();
    await embed([text('ab')]);
    await embed([text('ab')], { principal: principal('tn_two') });
    await embed([text('ab')], { model: 'local' });
    await embed([tokens(97, 98)]);
    expect(world.computed).toEqual(['ab', 'ab', 'ab', 'ab']);
  });

  it('[C88] shares entries between tenants of an organisation that allows it, and with no other', async () => {
    const { embed, world } = isolate();
    const of = (tenantId: string, organisationId: string, more: object = {}) => principal(tenantId, { organisationId, ...more });
    const sharing = { sharesCache: true };
    const askers = [
      [of('tn_one', 'org_a'), 'computed'],
      [of('tn_two', 'org_a'), 'computed'],
      [of('tn_two', 'org_a', { sharesCache: false }), 'memory'],
      [of('tn_one', 'org_a', sharing), 'computed'],
      [of('tn_two', 'org_a', sharing), 'memory'],
      [of('tn_three', 'org_b', sharing), 'computed'],
      [of('tn_three', 'org_b'), 'computed'],
    ] as const;
    for (const [asker, source] of askers) {
      expect(value(await embed([text('ab')], { principal: asker })).report.sources).toEqual([source]);
      expect(value(await isolate(world).embed([text('ab')], { principal: asker })).report.sources).toEqual(['shared']);
    }
  });

  it('[T71] shares nothing that was computed for a tenant erased in the meantime', async () => {
    const { world, embed } = isolate();
    const gate = deferred<void>();
    world.modelGate = gate.promise;
    let isErased = false;
    const authority = { lease: async () => (isErased ? refuse('tenant_suspended', 'erased') : IN_FORCE.lease()) };
    const computing = embed([text('a')], { authority });
    isErased = true;
    gate.resolve();
    expect(value(await computing).report.sources).toEqual(['computed']);
    expect(value(await isolate(world).embed([text('a')])).report.sources).toEqual(['computed']);
    expect(value(await isolate(world).embed([text('a')])).report.sources).toEqual(['shared']);
  });
});

describe('the cache when its dependencies fail', () => {
  it('[C13] computes without a lease while the log is unreachable, and serves again afterwards', async () => {
    const { embed, world } = isolate();
    await embed([text('a')]);
    world.logReachable = false;
    world.nowMs += CACHE_LIMITS.purgeLeaseMs - 1;
    expect(value(await embed([text('a')])).report.sources).toEqual(['memory']);
    world.nowMs += 1;
    expect(value(await embed([text('a')])).report.sources).toEqual(['computed']);
    world.logReachable = true;
    expect(value(await embed([text('a')])).report.sources).toEqual(['computed']);
    world.nowMs += CACHE_LIMITS.purgeLeaseWaitMaxMs;
    expect(value(await embed([text('a')])).report.sources).toEqual(['memory']);
  });

  it('[C13] does not serve entries that were filled and purged while the log was unreachable', async () => {
    const { embed, world } = isolate();
    await embed([text('a')]);
    world.nowMs += 10_000;
    world.logReachable = false;
    world.purge({});
    await embed([text('a')]);
    world.nowMs += 1_000;
    world.logReachable = true;
    // Filled after the purge, but by an isolate that did not know of it.
    expect(value(await embed([text('a')])).report.sources).toEqual(['computed']);
    expect(value(await embed([text('a')])).report.sources).toEqual(['memory']);
  });

  it('[C14] computes when the second level does not answer, and shares again when it does', async () => {
    const { embed, world } = isolate();
    world.sharedReachable = false;
    expect(value(await embed([text('a')])).report.sources).toEqual(['computed']);
    world.sharedReachable = true;
    await embed([text('b')]);
    const other = isolate(world);
    expect(value(await other.embed([text('b'), text('a')])).report.sources).toEqual(['shared', 'computed']);
  });

  it('[C11] caches no failure: the next call computes', async () => {
    const { embed, world } = isolate();
    world.modelRefuses = true;
    expect(await embed([text('a')])).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    world.modelRefuses = false;
    expect(value(await embed([text('a')])).report.sources).toEqual(['computed']);
  });

  it('[C6] [C16] neither joins nor caches a computation that began before a purge', async () => {
    const { embed, world } = isolate();
    const gate = deferred<void>();
    world.modelGate = gate.promise;
    const first = embed([text('a')]);
    await setImmediate();
    world.purge({});
    world.modelGate = Promise.resolve();
    expect(value(await embed([text('a')], { ttlMs: 5000 })).report.sources).toEqual(['computed']);
    gate.resolve();
    await first;
    expect(value(await embed([text('a')])).report.sources).toEqual(['memory']);
    expect(value(await isolate(world).embed([text('a')])).report.sources).toEqual(['shared']);
    world.nowMs += 5000;
    // The older fill had no TTL: if it had replaced the newer one, this would be a hit.
    expect(value(await embed([text('a')])).report.sources).toEqual(['computed']);
  });

  it('[C11] joins a computation in progress', async () => {
    const { embed, world } = isolate();
    const gate = deferred<void>();
    world.modelGate = gate.promise;
    const first = embed([text('a'), text('b')]);
    await setImmediate();
    const second = embed([text('b'), text('b')]);
    await setImmediate();
    gate.resolve();
    expect(value(await first).report.sources).toEqual(['computed', 'computed']);
    expect(value(await second)).toMatchObject({ report: { sources: ['joined', 'joined'] }, cachedTokens: 2 });
    expect(world.computed).toEqual(['a', 'b']);
  });
});

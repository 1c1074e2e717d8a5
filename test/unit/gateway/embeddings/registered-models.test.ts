import { beforeEach, describe, expect, it } from 'vitest';

import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { EmbeddedInputs, EmbedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import { Embedder } from '../../../../src/gateway/embeddings/embed.ts';
import { EmbeddingCache } from '../../../../src/gateway/embeddings/embedding-cache.ts';
import { AnyEmbedder } from '../../../../src/gateway/embeddings/any-embedder.ts';
import type { ModelRegistryCalls } from '../../../../src/gateway/models/model-registries.ts';
import { ModelRunners } from '../../../../src/gateway/models/model-runners.ts';
import { ModelRoutes } from '../../../../src/gateway/models/model-routes.ts';
import { RegisteredEmbedder } from '../../../../src/gateway/embeddings/registered-embedder.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import type { EmbedTexts } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { WHOLE_PPM } from '../../../../src/inference/registry/model-record.ts';
import { ModelRegistry } from '../../../../src/inference/registry/model-registry.ts';
import type { ModelRef } from '../../../../src/inference/served-manifest.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { manifestOf, versionOf } from '../../../support/fixtures/model-versions.ts';
import { EDGE_ROOM } from '../../../../src/inference/served/model-room.ts';
import { MemoryCacheWorld, principal, sha256 } from '../../../support/worlds/memory-cache-world.ts';

const acting = { actor: 'key_1', lease: undefined };
const passed = { atMs: 1, refusal: null, measured: {} };
const TENANT = 'tn_one';

let cacheWorld: MemoryCacheWorld;
let registries: Map<string, ModelRegistry>;
let asked: number;
let isReachable: boolean;
/** Texts that were computed, with the version that did it. */
let computed: string[];
/** Versions whose files are gone. */
let gone: Set<string>;
let reserved: number[];

function at(owner: string) {
  const known = registries.get(owner) ?? new ModelRegistry(new NodeSql(), cacheWorld.clock);
  registries.set(owner, known);
  return known;
}

/** Four numbers a text: 0.5 each, so that any prefix is told from zero. One token a word, and one in front. */
const inference = {
  embedTexts: async (ref: ModelRef, texts: readonly string[], inputType?: string) => {
    if (gone.has(ref.version)) return refuse('unavailable', 'a file of the version is not there');
    const bad = texts.findIndex((text) => text.includes('bad'));
    if (bad !== -1) return refuse('invalid_value', 'has no token', ['input', bad]);
    computed.push(...texts.map((text) => `${ref.version}:${inputType ?? ''}:${text}`));
    const vectors = new Float32Array(texts.length * ref.manifest.dimensions).fill(0.5);
    return ok({ vectors, tokens: Int32Array.from(texts, (text) => 1 + text.split(' ').length), sharedTexts: 0 });
  },
};

function embedder(): AnyEmbedder {
  const { clock, logs, secondLevel, models } = cacheWorld;
  const purges = new PurgeViews({ logs, clock, wakeUps: new DirectWakeUps() });
  const cache = new EmbeddingCache({ clock, purges, secondLevel, wakeUps: new DirectWakeUps() });
  const parts = { cache, sha256, count: () => {}, countInputs: () => {} };
  const none = {
    replicaModels: async () => ok({ ready: [], asleep: [] }),
    wakeReplica: async () => undefined,
    embedOnReplica: async () => refuse('no_healthy_replica', 'none', 'model'),
  };
  const runners = new ModelRunners({ inference, replicas: none, clock, standsBy: false, room: EDGE_ROOM });
  const route = async (...call: Parameters<ModelRegistry['route']>) => {
    asked += 1;
    if (!isReachable) throw new Error('not reachable');
    return at(call[0]).route(...call);
  };
  return new AnyEmbedder({
    builtin: models.manifests,
    own: new Embedder({ models, ...parts }),
    registered: new RegisteredEmbedder({ runners, ...parts }),
    routes: new ModelRoutes(() => ({ route }) as unknown as ModelRegistryCalls, clock),
  });
}

const caller = () => ({
  principal: principal(TENANT),
  authority: IN_FORCE,
  reserve: async ({ embedding_tokens: tokens }: { readonly embedding_tokens: number }) => {
    reserved.push(tokens);
    return ok(undefined);
  },
});

function isolate(): (
  model: string,
  texts: readonly string[],
  more?: Partial<EmbedInputs>,
  type?: 'query' | 'passage',
) => Promise<Outcome<EmbeddedInputs>> {
  const any = embedder();
  return (model, texts, more = {}, type) => {
    const inputs = texts.map((text) => ({ kind: 'text' as const, text }));
    return any.embedInputs({ ...caller(), model, inputs, directives: ANY_FRESH, ...more }, type);
  };
}

/** Registers a version that passed its checks, under the contract of the first. */
function add(owner: string, model: string, seed: string, contract: string | null = null): number {
  const made = at(owner).register(versionOf(model, seed), null, acting);
  const version = made.ok ? made.value.version.version : 0;
  at(owner).check(model, version, passed, contract, acting);
  return version;
}

const serve = (owner: string, model: string, version: number, ppm = WHOLE_PPM) => at(owner).promote(model, version, ppm, acting);
const versionsOf = (outcome: Outcome<EmbeddedInputs>): string =>
  outcome.ok ? `${outcome.value.manifest.id}@${outcome.value.manifest.version}` : outcome.error.code;

beforeEach(() => {
  cacheWorld = new MemoryCacheWorld();
  registries = new Map();
  [asked, isReachable, computed, gone, reserved] = [0, true, [], new Set(), []];
});

it('[M40] a name of an upstream is no registered one: no registry is asked for it', async () => {
  expect(await isolate()('lab/small', ['weir'])).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
  expect(asked).toBe(0);
  await isolate()('small', ['weir']);
  expect(asked).toBe(2);
});

describe('a registered model', () => {
  it('[M42] is charged the tokens that the model saw, cached ones at their own price in any isolate', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const first = await isolate()('minilm', ['one two', 'three', 'one two']);
    expect(first).toMatchObject({ value: { tokens: 8, cachedTokens: 3, dimensions: 4 } });
    expect(first.ok && [...first.value.vectors]).toEqual(Array.from({ length: 12 }, () => 0.5));
    const again = await isolate()('minilm', ['one two', 'three', 'four']);
    expect(again).toMatchObject({ value: { tokens: 7, cachedTokens: 5 } });
    expect(computed).toEqual(['1::one two', '1::three', '1::four']);
  });

  it('[M42] reserves a bound before it computes, and what was not covered before it answers', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const embed = isolate();
    await embed('minilm', ['a b']);
    expect(reserved).toEqual([7]);
    const many = await embed('minilm', [' '.repeat(40)], {
      reserve: async ({ embedding_tokens: n }) => (n > 16 ? refuse('insufficient_quota', 'none') : ok(undefined)),
    });
    expect(many).toMatchObject({ error: { code: 'insufficient_quota' } });
    const refused = await embed('minilm', ['c'], { reserve: async () => refuse('insufficient_quota', 'none') });
    expect(refused).toMatchObject({ error: { code: 'insufficient_quota' } });
    expect(computed).not.toContain('1::c');
  });

  it("[M40] is its tenant's alone, before one of the platform; keys must be allowed what a name means", async () => {
    serve('platform', 'shared', add('platform', 'shared', 'p'));
    add(TENANT, 'shared', 'z');
    serve(TENANT, 'shared', add(TENANT, 'shared', 'a'));
    serve(TENANT, 'mine', add(TENANT, 'mine', 'b'));
    const embed = isolate();
    const other = { principal: principal('tn_two') };
    await embed('shared', ['x']);
    await embed('shared', ['y'], other);
    expect(computed, 'the second version of its own, and the first of the platform').toEqual(['2::x', '1::y']);
    expect(versionsOf(await embed('mine', ['x'], other))).toBe('model_not_found');
    expect(versionsOf(await embed('local', ['x']))).toBe('local@1');
    at(TENANT).putAlias({ alias: 'text-embedding-3-small', model: 'mine', version: null }, false, acting);
    at(TENANT).putAlias({ alias: 'words', model: 'local', version: null }, true, acting);
    expect(versionsOf(await embed('text-embedding-3-small', ['x']))).toBe('mine@1');
    expect(versionsOf(await embed('words', ['x']))).toBe('local@1');
    const narrow = { principal: principal(TENANT, { resources: ['model/text-*'] }) };
    expect(versionsOf(await embed('text-embedding-3-small', ['x'], narrow))).toBe('scope_denied');
  });

  it('[M34] [M35] is canaried and rolled back while requests run: none fails, and all have one contract', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const next = add(TENANT, 'minilm', 'b', 'contract-a');
    const isolates = [isolate(), isolate()];
    const seen = new Map<string, number>();
    let sent = 0;
    const load = async (count: number) => {
      const answers = await Promise.all(Array.from({ length: count }, (_, i) => isolates[i % 2]!('minilm', [`text ${(sent += 1)}`])));
      for (const answer of answers) {
        expect(answer).toMatchObject({ ok: true, value: { manifest: { contractHash: 'contract-a' } } });
        seen.set(versionsOf(answer), (seen.get(versionsOf(answer)) ?? 0) + 1);
      }
      cacheWorld.nowMs += MODEL_LIMITS.modelRouteFreshMs;
    };
    await load(100);
    expect([...seen.keys()]).toEqual(['minilm@1']);
    serve(TENANT, 'minilm', next, WHOLE_PPM / 10);
    await load(500);
    expect(seen.get('minilm@2')).toBeGreaterThan(20);
    expect(seen.get('minilm@2')).toBeLessThan(100);
    serve(TENANT, 'minilm', next);
    seen.clear();
    await load(100);
    expect([...seen.keys()]).toEqual(['minilm@2']);
    at(TENANT).rollback('minilm', acting);
    seen.clear();
    await load(100);
    expect([...seen.keys()]).toEqual(['minilm@1']);
  });

  it('[M41] follows a change within a second, asks no more often, and goes on without the registry', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const embed = isolate();
    expect(versionsOf(await embed('minilm', ['a']))).toBe('minilm@1');
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'b', 'contract-a'));
    cacheWorld.nowMs += MODEL_LIMITS.modelRouteFreshMs - 1;
    expect(versionsOf(await embed('minilm', ['b']))).toBe('minilm@1');
    expect(asked).toBe(2);
    cacheWorld.nowMs += 1;
    expect(versionsOf(await embed('minilm', ['c']))).toBe('minilm@2');
    isReachable = false;
    cacheWorld.nowMs += MODEL_LIMITS.modelRouteStaleMs - 1;
    expect(versionsOf(await embed('minilm', ['d']))).toBe('minilm@2');
    cacheWorld.nowMs += 1;
    expect(versionsOf(await embed('minilm', ['e']))).toBe('unavailable');
    expect(versionsOf(await embed('never-seen', ['e']))).toBe('unavailable');
  });

  it('[M41] asks again where the version that it knows is gone', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const embed = isolate();
    await embed('minilm', ['a']);
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'b', 'contract-a'));
    gone.add('1');
    expect(versionsOf(await embed('minilm', ['b']))).toBe('minilm@2');
  });

  it('[M42] keeps queries and passages apart where the model has prompts for them', async () => {
    const manifest = manifestOf('a', { prompts: { query: 'query: ' } });
    at(TENANT).register(versionOf('e5', 'a', { manifest }), null, acting);
    at(TENANT).check('e5', 1, passed, null, acting);
    serve(TENANT, 'e5', 1);
    const embed = isolate();
    for (const type of ['query', 'passage', undefined] as const) await embed('e5', ['x'], {}, type);
    expect(computed).toEqual(['1:query:x', '1:passage:x']);
  });

  it('[M42] names the input that is at fault, in the order of the request, and takes no token ids', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const embed = isolate();
    await embed('minilm', ['cached']);
    expect(await embed('minilm', ['cached', 'fine', 'bad'])).toMatchObject({ error: { path: ['input', 2] } });
    const ids = { inputs: [{ kind: 'tokens' as const, ids: Int32Array.of(1) }] };
    expect(await embed('minilm', [], ids)).toMatchObject({ error: { code: 'invalid_value', path: ['input', 0] } });
    expect(await embed('minilm', ['x'], { dimensions: 5 })).toMatchObject({ error: { path: ['dimensions'] } });
    expect(await embed('minilm', ['x'], { dimensions: 2 })).toMatchObject({ value: { dimensions: 2 } });
  });
});

describe('an index with a registered model', () => {
  const tenantId = principal(TENANT).tenantId;
  const pinned = (contractHash: string, more: Partial<EmbedTexts> = {}): EmbedTexts => ({
    ...caller(),
    model: 'minilm',
    contractHash,
    texts: ['x'],
    use: 'items',
    isTruncating: false,
    ...more,
  });

  it('[M44] is pinned to the contract of what its name means: a version, an alias, or what serves', async () => {
    const any = embedder();
    expect(await any.contractOf(tenantId, 'minilm')).toMatchObject({ error: { code: 'model_not_found', path: ['model'] } });
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    add(TENANT, 'minilm', 'b');
    at(TENANT).putAlias({ alias: 'fixed', model: 'minilm', version: 2 }, false, acting);
    at(TENANT).putAlias({ alias: 'words', model: 'local', version: null }, true, acting);
    const contract = { id: 'minilm', dimensions: 4 };
    expect(await any.contractOf(tenantId, 'minilm')).toEqual(ok({ ...contract, version: '1', contractHash: 'contract-a' }));
    for (const name of ['minilm@2', 'fixed'])
      expect(await any.contractOf(tenantId, name)).toEqual(ok({ ...contract, version: '2', contractHash: 'contract-b' }));
    expect(await any.contractOf(tenantId, 'words')).toMatchObject({ value: { id: 'local', version: '1' } });
    expect(await any.contractOf(principal('tn_two').tenantId, 'minilm')).toMatchObject({ error: { code: 'model_not_found' } });
    expect(computed).toEqual([]);
  });

  it('[M44] takes no model that makes no vectors', async () => {
    const manifest = manifestOf('c', { task: 'classifier', labels: ['good'] });
    at(TENANT).register(versionOf('judge', 'c', { manifest }), null, acting);
    at(TENANT).check('judge', 1, passed, null, acting);
    serve(TENANT, 'judge', 1);
    expect(await embedder().contractOf(tenantId, 'judge')).toMatchObject({ error: { code: 'invalid_value', path: ['model'] } });
  });

  it('[M44] goes on with its contract, whatever serves under the name or takes it', async () => {
    serve('platform', 'minilm', add('platform', 'minilm', 'p'));
    const any = embedder();
    expect(await any.embed(pinned('contract-p'))).toMatchObject({ value: { contractHash: 'contract-p' } });
    add(TENANT, 'minilm', 'b');
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    cacheWorld.nowMs += MODEL_LIMITS.modelRouteFreshMs;
    expect(await any.contractOf(tenantId, 'minilm')).toMatchObject({ value: { contractHash: 'contract-a' } });
    for (const seed of ['p', 'a', 'b']) {
      const contractHash = `contract-${seed}`;
      expect(await any.contractOf(tenantId, 'minilm', contractHash)).toMatchObject({ value: { contractHash } });
      expect(await any.embed(pinned(contractHash, { texts: [seed] }))).toMatchObject({ value: { contractHash } });
    }
    // A version that is named is that one.
    expect(await any.contractOf(tenantId, 'minilm@2', 'contract-b')).toMatchObject({ value: { contractHash: 'contract-a' } });
    computed = [];
    for (const contractHash of ['contract-c', 'contract-b'])
      expect(await any.embed(pinned(contractHash, { model: 'minilm@2' }))).toMatchObject({ error: { code: 'contract_mismatch' } });
    const other = pinned('contract-a', { principal: principal('tn_two') });
    expect(await any.embed(other)).toMatchObject({ error: { code: 'contract_mismatch' } });
    expect(await any.embed({ ...other, model: 'local' })).toMatchObject({ error: { code: 'contract_mismatch' } });
    expect(computed).toEqual([]);
  });

  it('[M44] is embedded for by variants under its contract, with a canary and after a promotion', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const next = add(TENANT, 'minilm', 'b', 'contract-a');
    const any = embedder();
    const load = async (from: number) => {
      const texts = Array.from({ length: 100 }, (_, i) => `text ${from + i}`);
      const answers = await Promise.all(texts.map((text) => any.embed(pinned('contract-a', { texts: [text] }))));
      for (const answer of answers) expect(answer).toMatchObject({ value: { contractHash: 'contract-a' } });
      cacheWorld.nowMs += MODEL_LIMITS.modelRouteFreshMs;
      return new Set(computed.splice(0).map((line) => line.slice(0, 1)));
    };
    expect(await load(0)).toEqual(new Set(['1']));
    serve(TENANT, 'minilm', next, WHOLE_PPM / 2);
    expect(await load(100)).toEqual(new Set(['1', '2']));
    serve(TENANT, 'minilm', next);
    expect(await load(200)).toEqual(new Set(['2']));
    gone.add('2');
    at(TENANT).rollback('minilm', acting);
    expect(await load(300), 'a version that is gone is asked for again').toEqual(new Set(['1']));
  });

  it('[M45] embeds what is kept as passages and what is searched for as queries', async () => {
    const manifest = manifestOf('a', { prompts: { query: 'query: ', passage: 'passage: ' } });
    at(TENANT).register(versionOf('minilm', 'a', { manifest }), null, acting);
    at(TENANT).check('minilm', 1, passed, null, acting);
    serve(TENANT, 'minilm', 1);
    const any = embedder();
    for (const use of ['items', 'queries', 'items'] as const) await any.embed(pinned('contract-a', { use }));
    expect(computed).toEqual(['1:passage:x', '1:query:x']);
  });

  it('[M42] pays for the tokens that the model saw; refusals name the text', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const any = embedder();
    expect(await any.embed(pinned('contract-a', { texts: ['one two'] }))).toMatchObject({ value: { tokens: 3, cachedTokens: 0 } });
    const again = await any.embed(pinned('contract-a', { texts: ['one two', 'three'] }));
    expect(again).toMatchObject({ value: { tokens: 5, cachedTokens: 3, dimensions: 4 } });
    expect(await any.embed(pinned('contract-a', { texts: ['a', 'bad'] }))).toMatchObject({ error: { path: ['input', 1] } });
    const refused = pinned('contract-a', { texts: ['new'], reserve: async () => refuse('insufficient_quota', 'none') });
    expect(await any.embed(refused)).toMatchObject({ error: { code: 'insufficient_quota' } });
    expect(computed).not.toContain('1:passage:new');
  });

  it('[T55] embeds nothing with a model that the key must not use, of the deployment or registered', async () => {
    serve(TENANT, 'minilm', add(TENANT, 'minilm', 'a'));
    const any = embedder();
    const narrow = { principal: principal(TENANT, { resources: ['model/other'] }) };
    const local = cacheWorld.models.manifests.find(({ id }) => id === 'local')!;
    for (const model of [pinned('contract-a', narrow), pinned(local.contractHash, { ...narrow, model: 'local' })])
      expect(await any.embed(model)).toMatchObject({ error: { code: 'scope_denied' } });
    expect(await any.embed(pinned(local.contractHash, { model: 'local' }))).toMatchObject({ value: { contractHash: local.contractHash } });
    expect(computed).toEqual([]);
  });
});

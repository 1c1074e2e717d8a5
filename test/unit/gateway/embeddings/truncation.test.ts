import { beforeEach, expect, it } from 'vitest';

import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';
import { refuseBeyond } from '../../../../src/contract/limits/limit-refusal.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import { AnyEmbedder } from '../../../../src/gateway/embeddings/any-embedder.ts';
import type { EmbeddedInputs, EmbedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import { Embedder } from '../../../../src/gateway/embeddings/embed.ts';
import { EmbeddingCache } from '../../../../src/gateway/embeddings/embedding-cache.ts';
import { packCounts, packRow, unpackCounts, unpackRows } from '../../../../src/gateway/embeddings/packed-rows.ts';
import { RegisteredEmbedder } from '../../../../src/gateway/embeddings/registered-embedder.ts';
import { ModelRunners } from '../../../../src/gateway/models/model-runners.ts';
import type { InputType, TextOptions } from '../../../../src/inference/served/model-calls.ts';
import { EDGE_ROOM } from '../../../../src/inference/served/model-room.ts';
import type { ModelRef } from '../../../../src/inference/served-manifest.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { manifestOf } from '../../../support/fixtures/model-versions.ts';
import { MemoryCacheWorld, principal, sha256 } from '../../../support/worlds/memory-cache-world.ts';

const TOKENS_MAX = 4;
const MANIFEST = manifestOf('minilm', { dimensions: 2, pooling: 'mean', tokensMax: TOKENS_MAX });

let world: MemoryCacheWorld;
let computed: string[];

beforeEach(() => {
  world = new MemoryCacheWorld();
  computed = [];
});

/** A token a character; the vector is of the first characters that are taken. */
const inference = {
  embedTexts: async (_ref: ModelRef, texts: readonly string[], _type?: InputType, { isTruncating = false, output }: TextOptions = {}) => {
    computed.push(...texts.map((text) => `${isTruncating ? 'end' : 'none'}:${text}`));
    await world.modelGate;
    const at = texts.findIndex((text) => text.length > TOKENS_MAX);
    if (at >= 0 && !isTruncating)
      return refuseBeyond({ path: ['input', at], limit: { bound: TOKENS_MAX }, value: TOKENS_MAX + 1, what: 'has too many tokens' });
    const kept = texts.map((text) => text.slice(0, TOKENS_MAX));
    const cutTokens = Int32Array.from(texts, ({ length }) => Math.max(0, length - TOKENS_MAX));
    const lengths = output === 'tokens' ? { lengths: Int32Array.from(kept, ({ length }) => 2 * length) } : {};
    const vectors = Float32Array.from(
      kept.flatMap((text) => (output === 'tokens' ? Array.from(text).flatMap(() => [1, 0]) : [text.length, 0])),
    );
    return ok({ vectors, ...lengths, tokens: Int32Array.from(kept, ({ length }) => length), cutTokens, sharedTexts: 0 });
  },
};

function isolate() {
  const { clock, logs, secondLevel, models } = world;
  const wakeUps = new DirectWakeUps();
  const cache = new EmbeddingCache({ clock, purges: new PurgeViews({ logs, clock, wakeUps }), secondLevel, wakeUps });
  const parts = { cache, sha256, count: () => {}, countInputs: () => {} };
  const replicas = {
    replicaModels: async () => ok({ ready: [], asleep: [] }),
    wakeReplica: async () => undefined,
    embedOnReplica: async () => refuse('no_healthy_replica', 'none', 'model'),
  };
  const serving = { version: 1, manifest: MANIFEST, contractHash: MANIFEST.contractHash, createdAtMs: 0, runBoundMs: undefined };
  const routes = {
    find: async (_tenant: string, model: string) =>
      ok({ kind: 'registered', owner: 'tn_one', model, isPinned: false, serving, canary: null }),
  };
  const runners = new ModelRunners({ inference, replicas, clock, standsBy: false, room: EDGE_ROOM });
  const own = new Embedder({ models, ...parts });
  const registered = new RegisteredEmbedder({ runners, ...parts });
  const any = new AnyEmbedder({ builtin: models.manifests, own, registered, routes: routes as never });
  return (
    model: string,
    texts: readonly string[],
    isTruncating: boolean,
    more: Partial<EmbedInputs> = {},
  ): Promise<Outcome<EmbeddedInputs>> => {
    const inputs = texts.map((text) => ({ kind: 'text' as const, text }));
    const caller = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined) };
    return any.embedInputs({ ...caller, model, inputs, isTruncating, directives: ANY_FRESH, ...more }, undefined);
  };
}

const shown = (outcome: Outcome<EmbeddedInputs>) =>
  outcome.ok
    ? { vectors: [...outcome.value.vectors], tokens: outcome.value.tokens, cut: outcome.value.cut, sources: outcome.value.report.sources }
    : `${outcome.error.code} ${paramOf(outcome.error)}`;

it('[M157] a cut text is cached as one: calls that allow it get it, others are refused as for a new one', async () => {
  const [embed, elsewhere] = [isolate(), isolate()];
  expect(shown(await embed('minilm', ['ab', 'abcdefg'], false))).toBe('limit_exceeded input[1]');
  const cut = [{ index: 1, tokens: 3 }];
  const wanted = { vectors: [2, 0, 4, 0], tokens: 6, cut };
  expect(shown(await embed('minilm', ['ab', 'abcdefg'], true))).toEqual({ ...wanted, sources: ['computed', 'computed'] });
  expect(shown(await embed('minilm', ['ab', 'abcdefg'], true))).toEqual({ ...wanted, sources: ['memory', 'memory'] });
  expect(shown(await elsewhere('minilm', ['ab', 'abcdefg'], true))).toEqual({ ...wanted, sources: ['shared', 'shared'] });
  for (const one of [embed, elsewhere]) expect(shown(await one('minilm', ['ab', 'abcdefg'], false))).toBe('limit_exceeded input[1]');
  expect(shown(await embed('minilm', ['ab'], false))).toMatchObject({ sources: ['memory'], cut: [] });
});

it('[M157] calls under way share a computation only with those that allow the same', async () => {
  const embed = isolate();
  const gate = Promise.withResolvers<void>();
  world.modelGate = gate.promise;
  const under = [embed('minilm', ['abcdefg'], false), embed('minilm', ['abcdefg'], true), embed('minilm', ['abcdefg'], true)];
  await expect.poll(() => computed.length).toBe(2);
  gate.resolve();
  const answers = (await Promise.all(under)).map(shown);
  expect(answers).toMatchObject(['limit_exceeded input[0]', { tokens: 4 }, { tokens: 4, sources: ['joined'] }]);
  expect(computed.toSorted()).toEqual(['end:abcdefg', 'none:abcdefg']);
});

it('[M155] vectors of tokens are those of the tokens that stay, one each', async () => {
  const embedded = await isolate()('minilm', ['abcdefg', 'ab'], true, { output: 'tokens' });
  expect(embedded.ok && embedded.value.rows.map(({ length }) => length)).toEqual([8, 4]);
  expect(shown(embedded)).toMatchObject({ tokens: 6, cut: [{ index: 0, tokens: 3 }] });
});

it('[M155] a static model cuts ids and texts alike, and counts words that stay', async () => {
  const embed = isolate();
  const [{ tokensMax } = { tokensMax: 0 }] = world.models.manifests;
  const long = 'x'.repeat(tokensMax + 2);
  expect(shown(await embed('local', [long], false))).toBe('limit_exceeded input[0]');
  const asText = await embed('local', ['x', long], true);
  expect(shown(asText)).toMatchObject({ tokens: tokensMax + 1, cut: [{ index: 1, tokens: 2 }] });
  const ids = { kind: 'tokens' as const, ids: Int32Array.from({ length: tokensMax + 3 }, () => 120) };
  const asIds = await embed('local', [], true, { inputs: [ids] });
  expect(shown(asIds)).toMatchObject({ tokens: tokensMax, cut: [{ index: 0, tokens: 3 }] });
  expect(shown(await embed('local', [], false, { inputs: [ids] }))).toBe('limit_exceeded input[0]');
});

it('[M157] counts of tokens come back from behind a vector, and rows of before are whole texts', () => {
  for (const tokensMax of [1, 32, 512, 8_192]) {
    for (const tokens of [0, 1, tokensMax - 1, tokensMax])
      for (const cutTokens of [0, 1, 7, 900]) {
        const row = packRow(Float32Array.of(0.5, -0.5), { tokens, cutTokens }, tokensMax);
        const { vectors, packed } = unpackRows(row, 2);
        expect([[...vectors], unpackCounts(packed[0] ?? 0, tokensMax)]).toEqual([[0.5, -0.5], { tokens, cutTokens }]);
      }
    const most = { tokens: tokensMax, cutTokens: 262_144 };
    expect(unpackCounts(Math.fround(packCounts(most, tokensMax)), tokensMax)).toEqual(most);
    const many = unpackCounts(Math.fround(packCounts({ tokens: 0, cutTokens: 262_144 }, tokensMax)), tokensMax);
    expect([many.tokens, many.cutTokens > 900]).toEqual([0, true]);
    expect(unpackCounts(tokensMax, tokensMax)).toEqual({ tokens: tokensMax, cutTokens: 0 });
  }
});

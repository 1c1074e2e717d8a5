import { beforeEach, expect, it } from 'vitest';

import { paramOf } from '../../../../src/contract/api/errors.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { ModelRoutes } from '../../../../src/gateway/models/model-routes.ts';
import { GraphCalls, tokensOfTensors } from '../../../../src/gateway/models/graph-calls.ts';
import { WHOLE_PPM } from '../../../../src/inference/registry/model-record.ts';
import type { ModelRef } from '../../../../src/inference/served-manifest.ts';
import type { NamedTensor } from '../../../../src/inference/tensor.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { versionOf } from '../../../support/fixtures/model-versions.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import { BUILTIN, ModelWorld } from '../../../support/worlds/model-world.ts';

const acting = { actor: 'key_1', lease: undefined };
const passed = { atMs: 1, refusal: null, measured: {} };
const TENANT = 'tn_one';
const INPUT: NamedTensor = { name: 'x', type: 'float32', shape: [1, 3], data: Float32Array.of(1, 2, 3) };

let world: ModelWorld;
let calls: GraphCalls;
/** Versions that ran, or whose graphs were described. */
let ran: string[];
/** Versions whose files are gone. */
let gone: Set<string>;

beforeEach(() => {
  world = new ModelWorld();
  ran = [];
  gone = new Set();
  const answer = <T>({ owner, model, version }: ModelRef, value: T): Outcome<T> => {
    if (gone.has(version)) return refuse('unavailable', 'a file of the version is not there');
    ran.push(`${owner}/${model}@${version}`);
    return ok(value);
  };
  calls = new GraphCalls({
    builtin: BUILTIN,
    routes: new ModelRoutes(world.registries, { nowMs: () => world.nowMs }),
    inference: {
      verify: async (ref) =>
        answer(ref, { inputs: [{ name: 'x', type: 'float32', shape: ['n', 3] }], outputs: [], memoryBytes: 1, loadMs: 1 } as never),
      infer: async (ref, inputs) => answer(ref, inputs),
      classify: async (ref, texts) =>
        answer(ref, {
          labels: ['no', 'yes'],
          scores: new Float32Array(2 * texts.length),
          tokens: Int32Array.from(texts, () => 20),
          sharedTexts: 0,
        }),
    },
  });
});

/** Registers the next version of a model, and has it serve. */
async function serve(owner: string, model: string, seed: string, sharePpm = WHOLE_PPM): Promise<void> {
  const registry = world.registries(owner);
  const made = await registry.register(versionOf(model, seed), null, acting);
  if (!made.ok) throw new Error(made.error.message);
  const { version } = made.value.version;
  await registry.check(model, version, passed, null, acting);
  const promoted = await registry.promote(model, version, sharePpm, acting);
  if (!promoted.ok) throw new Error(promoted.error.message);
}

const infer = (model: string, requestKey = 'r', of = principal(TENANT)) =>
  calls.infer({ principal: of, model, requestKey, inputs: [INPUT], outputs: undefined });

it("[M47] a tenant's own model answers before one of the platform with its name; another tenant's never", async () => {
  await serve('platform', 'ocr', 'a');
  await serve(TENANT, 'ocr', 'b');
  const [own, others] = [await infer('ocr'), await infer('ocr', 'r', principal('tn_two'))];
  expect([own.ok && own.value.value, others.ok]).toEqual([[INPUT], true]);
  expect(ran).toEqual([`${TENANT}/ocr@1`, 'platform/ocr@1']);
  await serve('tn_three', 'theirs', 'c');
  const strange = await infer('theirs');
  expect(strange.ok ? 'ran' : [strange.error.code, paramOf(strange.error)]).toEqual(['model_not_found', 'model']);
});

it('[M47] a version that is named answers, whichever serves; one that was never checked does not', async () => {
  await serve(TENANT, 'ocr', 'a');
  await world.registries(TENANT).register(versionOf('ocr', 'a', { compatibleWith: 1 }), null, acting);
  expect((await infer('ocr@1')).ok).toBe(true);
  const unchecked = await infer('ocr@2');
  expect(unchecked.ok ? 'ran' : unchecked.error.code).toBe('model_not_found');
  const ports = await calls.ports({ principal: principal(TENANT), model: 'ocr', requestKey: 'r' });
  expect(ports.ok && ports.value.value.inputs).toEqual([{ name: 'x', type: 'float32', shape: ['n', 3] }]);
});

it('[M47] a key that may not use what an alias stands for is refused; a built-in model has no tensors', async () => {
  await serve(TENANT, 'ocr', 'a');
  await world.registries(TENANT).putAlias({ alias: 'reader', model: 'ocr', version: null }, false, acting);
  await world.registries(TENANT).putAlias({ alias: 'words', model: 'glove-sif-100', version: null }, true, acting);
  const bound = { ...principal(TENANT), resources: ['model/reader'] };
  const denied = await infer('reader', 'r', bound);
  expect(denied.ok ? 'ran' : denied.error.code).toBe('scope_denied');
  expect((await infer('reader')).ok).toBe(true);
  const words = await infer('words');
  expect(words.ok ? 'ran' : words.error.code).toBe('invalid_value');
});

it('[M110] a model of the deployment is meant by name or alias, and kept from keys that may not use it', async () => {
  await serve(TENANT, 'ocr', 'a');
  await world.registries(TENANT).putAlias({ alias: 'words', model: 'glove-sif-100', version: null }, true, acting);
  const deployed = async (model: string, of = principal(TENANT)) => {
    const found = await calls.deployed({ principal: of, model, requestKey: 'r' });
    return found.ok ? found.value?.id : found.error.code;
  };
  expect(await Promise.all(['glove-sif-100', 'words', 'ocr', 'nonesuch'].map((name) => deployed(name)))).toEqual([
    'glove-sif-100',
    'glove-sif-100',
    undefined,
    undefined,
  ]);
  expect(await deployed('words', { ...principal(TENANT), resources: ['model/words'] })).toBe('scope_denied');
});

it('[M41] a call that meets a version that is gone asks again which one serves', async () => {
  await serve(TENANT, 'ocr', 'a');
  await infer('ocr');
  await serve(TENANT, 'ocr', 'a');
  gone.add('1');
  const answered = await infer('ocr');
  expect(answered.ok && answered.value.ref.version).toBe('2');
});

it('[M47] a call of tensors counts the values of its largest input', () => {
  const ids: NamedTensor = { name: 'ids', type: 'int64', shape: [2, 4], data: new BigInt64Array(8) };
  expect(tokensOfTensors([ids, INPUT])).toBe(8);
  expect(tokensOfTensors([])).toBe(0);
});

it('[M48] a classifier answers once all tokens that it saw are reserved', async () => {
  await serve(TENANT, 'mood', 'a');
  const reserved: number[] = [];
  const classify = (limit: number) =>
    calls.classify({
      principal: principal(TENANT),
      model: 'mood',
      requestKey: 'r',
      texts: ['fine', 'a text of more bytes than the model takes tokens'],
      reserve: async ({ embedding_tokens: tokens }) => {
        reserved.push(tokens);
        return reserved.length > limit ? refuse('rate_limit_exceeded', 'no more tokens') : ok(undefined);
      },
    });
  const answered = await classify(2);
  expect(answered.ok && answered.value.value.labels).toEqual(['no', 'yes']);
  // Four bytes and four special tokens; 16 tokens at most, says the manifest. The model saw 20 of each.
  expect(reserved).toEqual([8 + 16, 40 - 24]);
  reserved.length = 0;
  const refused = await classify(1);
  expect(refused.ok ? 'answered' : refused.error.code).toBe('rate_limit_exceeded');
});

import { env, exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModelFile } from '../../../src/inference/model-manifest.ts';
import type { StaticModel } from '../../../src/inference/static/static-model.ts';
import { openStaticModel } from '../../../src/inference/static/static-model.ts';
import type { TokenBatch } from '../../../src/inference/token-batch.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { assetFiles, MODEL_CATALOGUE } from '../../../workers/inference/deployed-models.ts';
import type { InferenceService } from '../../../workers/inference/inference-service.ts';
import type { InferenceEnv } from '../../../workers/inference/loaded-models.ts';
import { paramOf } from '../../../src/contract/api/errors.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';

const MODEL = 'glove-sif-100-onnx';
const service = (exports as unknown as { InferenceService: Service<typeof InferenceService> }).InferenceService;
const embed = (batch: TokenBatch, model = MODEL) => service.embed(model, batch.ids, batch.offsets);

const manifest = MODEL_CATALOGUE.findLast(({ id }) => id === 'glove-sif-100')!;
let twin: StaticModel;

beforeAll(async () => {
  const file = await readModelFile(assetFiles((env as unknown as InferenceEnv).ASSETS), manifest);
  if (!file.ok) throw new Error(file.error.message);
  const model = openStaticModel(manifest, file.value);
  if (!model.ok) throw new Error(model.error.reason);
  twin = model.value;
});

const batchOf = (texts: readonly string[]): TokenBatch => tokenBatch(texts.map((text) => twin.tokeniser.tokenise(text).ids));

describe('the inference Worker', () => {
  it('[M12] agrees with the encoder of the gateway, also on texts without a known word', async () => {
    const texts = ['the cat sat on the mat', '', '日本語 😀', 'zzqx vvkw', 'a long text of common words '.repeat(300), 'retrieval'];
    const answer = await embed(batchOf(texts));
    const expected = twin.encoder.embed(batchOf(texts));
    if (!answer.ok) throw new Error(answer.error.message);
    expect(answer.value).toHaveLength(texts.length * manifest.dimensions);
    answer.value.forEach((x, at) => expect(x).toBeCloseTo(expected[at]!, 5));
    expect(answer.value.subarray(100, 200).every((x) => x === 0)).toBe(true);
    expect(answer.value.subarray(200, 300).some((x) => x !== 0)).toBe(true);
  });

  it('[M12] serves calls that arrive together, each with its own vectors', async () => {
    const words = ['river', 'bank', 'music', 'engine', 'planet', 'bread', 'winter', 'law'];
    const answers = await Promise.all(words.map((word) => embed(batchOf([word]))));
    answers.forEach((answer, at) => {
      const expected = twin.encoder.embed(batchOf([words[at]!]));
      expect(answer.ok && answer.value[0]).toBeCloseTo(expected[0]!, 5);
    });
  });

  it('[M65] runs the version that a name states, and the newest for a name without one', async () => {
    const text = batchOf(['retrieval']);
    const answers = await Promise.all([embed(text), embed(text, `${MODEL}@2`), embed(text, `${MODEL}@1`), embed(text, `${MODEL}@3`)]);
    expect(answers[0]).toEqual(answers[1]);
    // Words of the vocabulary have the same rows in both.
    expect(answers[0]).toEqual(answers[2]);
    expect(answers[3]).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
    const unknown = { ids: Int32Array.of(manifest.vocabularySize - 1), offsets: Int32Array.of(0, 1) };
    expect((await embed(unknown)).ok).toBe(true);
    expect(await embed(unknown, `${MODEL}@1`)).toMatchObject({ ok: false, error: { code: 'invalid_value' } });
  });

  it('[M13] refuses what it cannot do, with a typed error', async () => {
    const one = Int32Array.of(1);
    const refusals = await Promise.all([
      embed({ ids: one, offsets: Int32Array.of(0, 1) }, 'no-such-model'),
      embed({ ids: one, offsets: Int32Array.of(0, 1) }, 'glove-sif-100'),
      embed({ ids: Int32Array.of(1, manifest.vocabularySize), offsets: Int32Array.of(0, 1, 2) }),
      embed({ ids: Int32Array.of(-1), offsets: Int32Array.of(0, 1) }),
      embed({ ids: one, offsets: Int32Array.of(0, 2) }),
      embed({ ids: one, offsets: new Int32Array(0) }),
      embed({ ids: new Int32Array(MODEL_LIMITS.onnxRunTokensMax + 1), offsets: Int32Array.of(0, MODEL_LIMITS.onnxRunTokensMax + 1) }),
    ]);
    expect(refusals.map((answer) => (answer.ok ? 'embedded' : `${answer.error.code} ${paramOf(answer.error)}`))).toEqual([
      'model_not_found model',
      'model_not_found model',
      'invalid_value input[1]',
      'invalid_value input[0]',
      'invalid_value offsets',
      'invalid_value offsets',
      'limit_exceeded input[0]',
    ]);
    expect((await embed(batchOf(['still', 'alive']))).ok).toBe(true);
  });

  it('[M13] embeds the longest text it accepts', async () => {
    const longest = new Int32Array(MODEL_LIMITS.onnxRunTokensMax).fill(5);
    const answer = await embed({ ids: longest, offsets: Int32Array.of(0, longest.length) });
    expect(answer.ok && answer.value.every(Number.isFinite)).toBe(true);
  });

  it('measures what a call costs', async () => {
    const batch = batchOf(Array.from({ length: 64 }, (_, i) => `sentence number ${i} about rivers and the towns along them`));
    const ROUNDS = 20;
    const began = performance.now();
    for (let round = 0; round < ROUNDS; round++) expect((await embed(batch)).ok).toBe(true);
    console.log(`inference Worker: ${(((performance.now() - began) * 1000) / ROUNDS / 64).toFixed(1)} us a text in batches of 64`);
  });
});

import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { staticModel } from '../../../workers/gateway/adapters/embeddings/embedding-models.ts';
import { STATIC_MODEL } from '../../../workers/inference/deployed-models.ts';
import type { InferenceEnv } from '../../../workers/inference/loaded-models.ts';

const { ASSETS } = env as unknown as InferenceEnv;
const clock = { nowMs: () => performance.now() };
const ignore = () => undefined;

/** The assets, with the answers to the first requests replaced. */
function flaky(...answers: (() => Response)[]) {
  const fetcher = {
    requests: 0,
    fetch: async (input: RequestInfo | URL) => {
      const answer = answers[fetcher.requests++];
      return answer === undefined ? ASSETS.fetch(input) : answer();
    },
  };
  return fetcher as typeof fetcher & Pick<Fetcher, 'fetch'>;
}

it('[M9] many callers share one load, and its duration is reported', async () => {
  const assets = flaky();
  const loads: number[] = [];
  const model = staticModel(assets, clock, (loadMs) => loads.push(loadMs));
  const answers = await Promise.all(Array.from({ length: 20 }, () => model.get()));
  expect(answers.every((answer) => answer === answers[0] && answer.ok)).toBe(true);
  expect(assets.requests).toBe(1);
  expect(loads).toHaveLength(1);
  console.log(`static model: loaded in ${loads[0]!.toFixed(0)} ms`);
});

it('[M9] a missing, shortened or altered file is refused, and the next caller tries again', async () => {
  const altered = new Uint8Array(STATIC_MODEL.file.bytes);
  const assets = flaky(
    () => new Response('not found', { status: 404 }),
    () => new Response('short'),
    () => new Response(altered),
    () => {
      throw new Error('connection lost');
    },
  );
  // Each reading of the clock is later by the pause between retries.
  let nowMs = 0;
  const model = staticModel(assets, { nowMs: () => (nowMs += MODEL_LIMITS.modelRetryMs) }, ignore);
  for (let attempt = 0; attempt < 3; attempt++) expect(await model.get()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  await expect(model.get()).rejects.toThrow('connection lost');
  expect((await model.get()).ok).toBe(true);
});

it('measures what a text costs', async () => {
  const model = await staticModel(ASSETS, clock, ignore).get();
  if (!model.ok) throw new Error(model.error.message);
  const { tokeniser, encoder } = model.value;
  const texts = Array.from({ length: 20_000 }, (_, i) => `sentence number ${i} about the rivers and the towns that lie along them`);
  const embedAll = () => texts.forEach((text) => encoder.embed(tokenBatch([tokeniser.tokenise(text).ids])));
  embedAll();
  expect(encoder.embed(tokenBatch([tokeniser.tokenise('warm').ids])).some((x) => x !== 0)).toBe(true);
  const began = performance.now();
  embedAll();
  console.log(`static model: ${(((performance.now() - began) * 1000) / texts.length).toFixed(1)} us a text`);
});

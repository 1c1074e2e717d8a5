import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ModelRef } from '../../../src/inference/served-manifest.ts';
import { systemTimer } from '../../../durable-objects/system-time.ts';
import { ModelHost } from '../../../src/inference/served/model-host.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { agentOnnx } from '../../../workers/agent/agent-onnx.ts';
import { AttemptModel } from '../../../workers/agent/attempt-model.ts';
import { GatewayModels } from '../../../workers/agent/gateway-models.ts';
import type { PoolClient } from '../../../workers/agent/pool-client.ts';
import { Refused } from '../../../workers/agent/pool-client.ts';
import { RegisteredThreads } from '../../../workers/agent/registered-threads.ts';
import type { BertFolder } from '../../support/models/model-folder.ts';
import { bertFolder, MemoryBucket, modelRef, servedFiles } from '../../support/models/model-folder.ts';

const TEXTS = ['river lock', 'the keeper opens the gate', 'a', 'rain floods the low bank of the canal'];
const attempt = { attempt: 'att_x_1', fence: 1 };
const refused = (code: 'model_not_found' | 'file_not_found') =>
  new Refused({ error: { message: 'why', type: '', param: null, code }, request_id: 'req' });

/** Models as the inference Worker has them, by the runtime of the edge: what all runners are measured by. */
const bucket = new MemoryBucket();
let edge: ModelHost;
let folder = '';
const outside = process.env['TMPDIR'];
beforeAll(async () => {
  // A folder for the files of this process alone.
  folder = process.env['TMPDIR'] = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  const { start } = await agentOnnx(1, 'wasm');
  edge = new ModelHost({
    bucket,
    start,
    isShared: true,
    clock: { nowMs: () => 0 },
    timer: systemTimer,
    wakeUps: new DirectWakeUps(),
    retryMs: 1,
  });
});
afterAll(async () => {
  // Other files of tests share this process.
  if (outside === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = outside;
  await rm(folder, { recursive: true, force: true });
});

async function described({ files }: BertFolder, model = 'canal-bert'): Promise<ModelRef> {
  await bucket.put(files);
  const read = await edge.readFolder('tenant', await servedFiles(files));
  if (!read.ok) throw new Error(read.error.message);
  return { ...(await modelRef(files, read.value.reading)), model };
}

/** A gateway that has one registered model for the attempt. */
function gatewayOf(ref: ModelRef, tamper: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (bytes) => bytes) {
  const reads: string[] = [];
  const client = {
    model: async () => ref,
    modelFile: async (_: unknown, sha256: string) => {
      reads.push(sha256);
      const bytes = bucket.files.get(`models/tenant/${sha256}`);
      if (bytes === undefined) throw refused('file_not_found');
      return new Response(tamper(bytes));
    },
  } as unknown as PoolClient;
  return { reads, model: new AttemptModel(client, attempt, new AbortController().signal) };
}

const line = (input: unknown, more: object = {}, model = 'canal-bert') =>
  JSON.stringify({ custom_id: 'c', method: 'POST', url: '/v1/embeddings', body: { model, input, ...more } });

interface Answered {
  readonly response: { status_code: number; body: { data: { embedding: number[] }[]; model: string; usage: object; error?: object } };
}
const read = (answers: readonly { json: string }[]): Answered => JSON.parse(answers[0]?.json ?? '') as Answered;

let models: GatewayModels;
const start = (weightsMaxMib = 64) => (models = new GatewayModels({ files: { read: async () => undefined }, weightsMaxMib }));
afterEach(() => models?.close());

const hasNative = (() => {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
})();

describe.each(hasNative ? (['wasm', 'native'] as const) : (['wasm'] as const))('an agent with the runtime %s', (runtime) => {
  const threads: RegisteredThreads[] = [];
  afterAll(() => Promise.all(threads.map((one) => one.stop())));

  it.each(['mean_tokens', 'cls_token'])('[P113] has the vectors and the tokens of the edge (%s)', async (pooling) => {
    const ref = await described(bertFolder('embedding', { pooling }));
    const files = await gatewayOf(ref).model.download(ref);
    const started = files.ok ? await RegisteredThreads.start('canal-bert', ref, files.value, { runtime }) : files;
    if (!started.ok) throw new Error(started.error.message);
    threads.push(started.value);
    expect(started.value.runtime).toBe(runtime);
    for (const inputType of [undefined, 'query', 'passage'] as const) {
      const more = inputType === undefined ? {} : { input_type: inputType };
      const { body } = read(await started.value.answer([line(TEXTS, more)], 'id', 0, 'openai')).response;
      const expected = await edge.embedTexts(ref, TEXTS, inputType);
      if (!expected.ok) throw new Error(expected.error.message);
      const { dimensions } = ref.manifest;
      for (const [row, { embedding }] of body.data.entries())
        for (const [d, x] of embedding.entries()) expect(x).toBeCloseTo(expected.value.vectors[row * dimensions + d] ?? 9, 4);
      const tokens = expected.value.tokens.reduce((sum, count) => sum + count, 0);
      expect(body.usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
    }
  });
});

describe('[P113] registered models of an agent', () => {
  it('are loaded once, answer under the name of the job, and are said to be held by that name', async () => {
    const ref = await described(bertFolder());
    const { reads, model } = gatewayOf(ref);
    start();
    const used = await models.use('text-embedding-3-small', model);
    if (!used.ok) throw new Error(used.error.message);
    const { response } = read(await used.value.answerer.answer([line('river', {}, 'text-embedding-3-small')], 'id', 0, 'openai'));
    expect([response.status_code, response.body.model]).toEqual([200, 'canal-bert']);
    expect(models.held()).toMatchObject([{ model: 'text-embedding-3-small', inUse: true }]);
    const again = await models.use('text-embedding-3-small', model);
    expect(again.ok && again.value.answerer).toBe(used.value.answerer);
    const computing = ref.manifest.files.filter(({ path }) =>
      ['onnx/model.onnx', 'tokenizer.json', 'tokenizer_config.json'].includes(path),
    );
    expect(reads.toSorted()).toEqual(computing.map(({ sha256 }) => sha256).toSorted());
  });

  it('of one name and different files do not mix, and leave together on an order', async () => {
    const [one, other] = await Promise.all([described(bertFolder()), described(bertFolder('embedding', { seed: 2 }))]);
    start();
    const [first, second] = [await models.use('m', gatewayOf(one).model), await models.use('m', gatewayOf(other).model)];
    if (!first.ok || !second.ok) throw new Error('both load');
    const vectors = await Promise.all(
      [first, second].map(
        async ({ value }) => read(await value.answerer.answer([line('river', {}, 'm')], 'id', 0, 'openai')).response.body.data,
      ),
    );
    expect(vectors[0]).not.toEqual(vectors[1]);
    const held = models.held();
    expect(held).toHaveLength(1);
    await first.value.release();
    await second.value.release();
    await models.unload(['m']);
    expect(models.held()).toEqual([]);
  });

  it('are refused where a file has another content, is gone, or the manifest has another hash; nothing is left', async () => {
    const ref = await described(bertFolder());
    const folders = () => readdir(folder);
    start();
    const before = await folders();
    const flipped = gatewayOf(ref, (bytes) => bytes.map((byte, at) => (at === 100 ? byte ^ 1 : byte)));
    expect(await models.use('m', flipped.model)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    const gone = { ...ref, manifest: { ...ref.manifest, files: ref.manifest.files.map((file) => ({ ...file, sha256: 'f'.repeat(64) })) } };
    expect(await models.use('m', gatewayOf(gone).model)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    const renamed = { ...ref, manifest: { ...ref.manifest, pooling: 'cls' as const } };
    expect(await models.use('m', gatewayOf(renamed).model)).toMatchObject({ ok: false, error: { code: 'invalid_value' } });
    expect(models.held()).toEqual([]);
    expect(await folders()).toEqual(before);
  });

  it('refuse ids that are no tokens, texts that are too long by their place, and other names', async () => {
    const ref = await described(bertFolder());
    start();
    const used = await models.use('canal-bert', gatewayOf(ref).model);
    if (!used.ok) throw new Error(used.error.message);
    const errorOf = async (text: string) => read(await used.value.answerer.answer([text], 'id', 0, 'openai')).response.body.error;
    expect(await errorOf(line([[1, 2], [100_300]]))).toMatchObject({ code: 'limit_exceeded', param: 'input[1][0]' });
    const texts = Array.from({ length: 70 }, (_, i) => (i === 66 ? 'river '.repeat(40) : 'river'));
    expect(await errorOf(line(texts))).toMatchObject({ param: 'input[66]' });
    expect(await errorOf(line('river', {}, 'other'))).toMatchObject({ code: 'model_not_found' });
    expect(await errorOf(line('river', { dimensions: 17 }))).toMatchObject({ param: 'dimensions' });
  });

  it('[P114] are those that the gateway has for the attempt, or nothing', async () => {
    start();
    const client = { model: async () => Promise.reject(refused('model_not_found')) } as unknown as PoolClient;
    const none = new AttemptModel(client, attempt, new AbortController().signal);
    expect(await none.find()).toBeUndefined();
    expect(await models.use('m', none)).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
  });
});

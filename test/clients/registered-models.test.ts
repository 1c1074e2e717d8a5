import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { bertReference } from '../support/models/bert-reference.ts';
import { encodeModel, modelOf, node, port } from '../support/models/bert-graph.ts';
import type { Folder } from '../support/models/model-folder.ts';
import { bertFolder, VOCABULARY } from '../support/models/model-folder.ts';

const FLOAT = 1;
const TEXTS = ['river lock', 'the keeper opens the gate', 'a boat'];

const server = sharedDeployment();
let client: ApiClient;
let stranger: ApiClient;
const encoder = bertFolder();

beforeAll(async () => {
  const scopes = ['inference', 'files', 'models:write', 'index:read', 'index:write'];
  ({ client } = await createTenant(server, { scopes }));
  stranger = (await createTenant(server, { scopes })).client;
  await serve('encoder', encoder.files);
  await serve('cross', bertFolder('cross-encoder').files);
  await serve('mood', bertFolder('classifier').files);
  const halves = modelOf({
    node: [node('Add', ['x', 'x'], 'y')],
    input: [port('x', FLOAT, ['n', 2])],
    output: [port('y', FLOAT, ['n', 2])],
  });
  await serve('doubles', new Map([['model.onnx', encodeModel(halves)]]), { task: 'graph', graph: 'model.onnx' });
});

const register = (name: string, folder: Folder, stated?: object) => registerModel(client, name, folder, stated);
const promote = (name: string, version: number, share: number) => promoteModel(client, name, version, share);

const serve = async (name: string, folder: Folder, stated: object = {}): Promise<void> =>
  promote(name, await register(name, folder, stated), 1);

/** The vector that a plain implementation of the encoder makes of a text of known words. */
function reference(text: string): number[] {
  const ids = [2, ...text.split(' ').map((word) => VOCABULARY[word] ?? 1), 3];
  const states = bertReference(
    encoder.shape,
    encoder.weights,
    ids,
    ids.map(() => 0),
  );
  const [first] = states;
  if (first === undefined) throw new Error('a state for each token');
  const sum = first.map((_, d) => states.reduce((total, state) => total + (state[d] ?? 0), 0));
  const length = Math.hypot(...sum);
  return sum.map((x) => x / length);
}

const cosine = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

describe('registered models over HTTP', () => {
  it('[M40] [M42] [M56] an encoder embeds as a plain implementation of it does, and is charged what it saw', async () => {
    const { status, body, headers } = await client.post('/v1/embeddings', { model: 'encoder', input: TEXTS });
    expect(status, JSON.stringify(body)).toBe(200);
    for (const [i, { embedding }] of body.data.entries()) expect(cosine(embedding, reference(TEXTS[i] ?? ''))).toBeGreaterThan(0.9999);
    expect(body.usage.total_tokens).toBe(TEXTS.reduce((sum, text) => sum + text.split(' ').length + 2, 0));
    expect([headers.get('x-sluice-model'), headers.get('x-sluice-route')]).toEqual(['encoder@1', 'inference; reason=no_replica']);
    expect((await stranger.post('/v1/embeddings', { model: 'encoder', input: 'a boat' })).body.error.code).toBe('model_not_found');
  });

  it('[M20] a cross-encoder ranks each document by the pair, and an encoder by its prompts', async () => {
    const ask = (model: string) => client.post('/v1/rerank', { model, query: 'river', documents: TEXTS });
    for (const model of ['cross', 'encoder']) {
      const { status, body, headers } = await ask(model);
      expect(status, JSON.stringify(body)).toBe(200);
      const scores = body.results.map(({ relevance_score: score }: { relevance_score: number }) => score);
      expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a));
      expect(body.results.map(({ index }: { index: number }) => index).toSorted()).toEqual([0, 1, 2]);
      expect(headers.get('x-sluice-model')).toBe(`${model}@1`);
    }
    expect((await ask('mood')).body.error.code).toBe('invalid_value');
  });

  it('[M48] a classifier answers its labels in falling order, cut to top_k', async () => {
    const { status, body } = await client.post('/v1/classify', { model: 'mood', input: TEXTS, top_k: 2 });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.results).toHaveLength(3);
    for (const { labels } of body.results) {
      expect(labels).toHaveLength(2);
      expect(labels[0].score).toBeGreaterThanOrEqual(labels[1].score);
      expect(labels[0].label).toMatch(/^label [012]$/);
    }
    expect((await client.post('/v1/classify', { model: 'encoder', input: 'a boat' })).body.error.code).toBe('invalid_value');
  });

  it('[M47] [M27] a graph runs on tensors, as JSON and as bytes behind it', async () => {
    const metadata = await client.get('/v2/models/doubles');
    expect(metadata.body).toEqual({
      name: 'doubles',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    });
    expect((await client.get('/v2/models/doubles/versions/1/ready')).body).toEqual({ name: 'doubles', ready: true });
    const input = { name: 'x', shape: [2, 2], datatype: 'FP32' };
    const json = await client.post('/v2/models/doubles/infer', {
      id: 'one',
      inputs: [
        {
          ...input,
          data: [
            [1, 2],
            [3, 4.5],
          ],
        },
      ],
    });
    expect(json.body).toEqual({
      model_name: 'doubles',
      model_version: '1',
      id: 'one',
      outputs: [{ name: 'y', shape: [2, 2], datatype: 'FP32', data: [2, 4, 6, 9] }],
    });

    const head = JSON.stringify({ inputs: [{ ...input, parameters: { binary_data_size: 16 } }], parameters: { binary_data_output: true } });
    const answer = await fetch(`${server.urls[0]}/v2/models/doubles/versions/1/infer`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${client.apiKey}`,
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(Buffer.byteLength(head)),
      },
      body: Buffer.concat([Buffer.from(head), Buffer.from(Float32Array.of(1, 2, 3, 4.5).buffer)]),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const jsonBytes = Number(answer.headers.get('inference-header-content-length'));
    expect(JSON.parse(bytes.subarray(0, jsonBytes).toString()).outputs).toEqual([
      { name: 'y', shape: [2, 2], datatype: 'FP32', parameters: { binary_data_size: 16 } },
    ]);
    expect([...new Float32Array(bytes.buffer.slice(bytes.byteOffset + jsonBytes, bytes.byteOffset + bytes.length))]).toEqual([2, 4, 6, 9]);
  });

  it("[M47] refusals have KServe's shape, and name the field", async () => {
    const infer = (inputs: object[], model = 'doubles') => client.post(`/v2/models/${model}/infer`, { inputs });
    const wide = await infer([{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] }]);
    expect([wide.status, typeof wide.body.error, wide.body.code]).toEqual([400, 'string', 'dimension_mismatch']);
    const short = await infer([{ name: 'x', shape: [2, 2], datatype: 'FP32', data: [1, 2, 3] }]);
    expect(short.body).toMatchObject({ code: 'invalid_value', param: 'inputs[0].data' });
    expect((await infer([{ name: 'x', shape: [1, 2], datatype: 'FP16', data: [1, 2] }])).body.param).toBe('inputs[0].datatype');
    const numbers = await infer([{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2] }], 'glove-sif-100');
    expect(numbers.body).toMatchObject({ code: 'invalid_value', param: 'inputs' });
    expect((await client.get('/v2/models/none')).body.code).toBe('model_not_found');
    const cut = await fetch(`${server.urls[0]}/v2/models/doubles/infer`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${client.apiKey}`,
        'content-type': 'application/octet-stream',
        'inference-header-content-length': '1000',
      },
      body: '{}',
    });
    expect(await cut.json()).toMatchObject({ code: 'invalid_value', param: 'inference-header-content-length' });
  });

  it('[M33] [M34] [M35] a version is canaried, promoted and rolled back under load; no request fails', async () => {
    await serve('busy', bertFolder('embedding').files);
    const stop = new AbortController();
    const statuses = new Map<string, number>();
    const crowd = Array.from({ length: 3 }, async (_, worker) => {
      for (let turn = 0; !stop.signal.aborted; turn += 1) {
        const input = `a boat ${worker} ${turn}`;
        const { status, headers } = await client.post('/v1/embeddings', { model: 'busy', input });
        const key = `${status} ${headers.get('x-sluice-model')}`;
        statuses.set(key, (statuses.get(key) ?? 0) + 1);
      }
    });
    const seen = (key: string) => expect.poll(() => statuses.get(key) ?? 0, { timeout: 60_000 });
    await seen('200 busy@1').toBeGreaterThan(3);
    const again = bertFolder('embedding').files;
    const version = await register('busy', again, { compatible_with: 1 });
    await promote('busy', version, 0.5);
    await seen(`200 busy@${version}`).toBeGreaterThan(3);
    await promote('busy', version, 1);
    const before = statuses.get(`200 busy@${version}`) ?? 0;
    await seen(`200 busy@${version}`).toBeGreaterThan(before + 3);
    expect((await client.post('/v1/models/busy/rollback', {})).status).toBe(200);
    const old = statuses.get('200 busy@1') ?? 0;
    await seen('200 busy@1').toBeGreaterThan(old + 3);
    stop.abort();
    await Promise.all(crowd);
    expect([...statuses.keys()].toSorted()).toEqual(['200 busy@1', `200 busy@${version}`]);
  });
});

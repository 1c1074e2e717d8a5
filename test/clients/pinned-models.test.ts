import { beforeAll, expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { bertModel, encodeModel } from '../support/models/bert-graph.ts';
import { bertReference } from '../support/models/bert-reference.ts';
import { bertFolder, VOCABULARY } from '../support/models/model-folder.ts';

const SCOPES = ['models:write', 'inference', 'index:read', 'index:write', 'keys:write', 'files', 'usage:read'];
const TEXTS = ['river lock', 'a boat', 'the keeper opens the gate', 'weir', 'low water'];

const server = sharedDeployment();
const { files, shape, weights } = bertFolder();
let tenant: TestTenant;
let client: ApiClient;
/** A client of the same tenant at another gateway isolate. */
let elsewhere: ApiClient;

/** What the model makes of words, computed without the code that serves it. */
function vectorOf(text: string): number[] {
  const ids = [2, ...text.split(' ').map((word) => VOCABULARY[word]!), 3];
  const types = ids.map(() => 0);
  const states = bertReference(shape, weights, ids, types);
  const mean = states[0]!.map((_, d) => states.reduce((sum, state) => sum + state[d]!, 0));
  return mean.map((x) => x / Math.hypot(...mean));
}
const passage = (text: string): number[] => vectorOf(`of ${text}`);
const query = (text: string): number[] => vectorOf(`the ${text}`);
const product = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, d) => sum + x * b[d]!, 0);

/** Registers a version of `canal-bert`; its number and contract. */
async function register(graph: Uint8Array<ArrayBuffer>, more: object = {}): Promise<{ version: number; contract_hash: string }> {
  const uploaded = await Promise.all(
    [...files].map(async ([path, bytes]) => {
      const form = new FormData();
      form.set('purpose', 'model');
      form.set('file', new Blob([path === 'onnx/model.onnx' ? graph : bytes]), path.replaceAll('/', '-'));
      return { path, file: (await client.post('/v1/files', form)).body.id };
    }),
  );
  const { body } = await client.post('/v1/models', {
    name: 'canal-bert',
    task: 'embedding',
    files: uploaded,
    graph: 'onnx/model.onnx',
    tokens_max: 32,
    dimensions: 16,
    pooling: 'mean',
    normalised: true,
    prompts: { query: 'the ', passage: 'of ' },
    ...more,
  });
  expect(body).toMatchObject({ model: 'canal-bert', checks: { error: null } });
  return body;
}

const graphOf = (seed: number, producerName = 'first') =>
  encodeModel({ ...bertModel(shape, seed === 1 ? weights : bertFolder('embedding', { seed }).weights), producerName });
const promote = (version: number, share = 1) => client.post('/v1/models/canal-bert/promote', { version, share });
const create = (name: string, model: string, by = client) => by.post('/v1/indexes', { name, owner: 'search-team', model });
const upsert = (index: string, texts: readonly string[], by = client) =>
  by.post(`/v1/indexes/${index}/upsert`, { vectors: texts.map((text) => ({ id: text, text })) });

/** The score of each match is that of the query's and the passage's own vectors. */
async function expectOwnVectors(index: string, text: string, by = client): Promise<void> {
  const { status, body } = await by.post(`/v1/indexes/${index}/query`, { text, top_k: TEXTS.length }, { 'cache-control': 'no-store' });
  expect({ status, ids: body.matches.map(({ id }: { id: string }) => id).toSorted() }).toEqual({ status: 200, ids: TEXTS.toSorted() });
  for (const { id, score } of body.matches) expect(score).toBeCloseTo(product(query(text), passage(id)), 2);
}

let first: { version: number; contract_hash: string };

beforeAll(async () => {
  tenant = await createTenant(server, { scopes: SCOPES });
  ({ client } = tenant);
  elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
  first = await register(graphOf(1));
  expect(await create('early', 'canal-bert')).toMatchObject({ status: 404, body: { error: { code: 'model_not_found', param: 'model' } } });
  expect((await promote(first.version)).status).toBe(200);
  expect((await client.put('/v1/models/canal-bert/aliases/house-model', {})).status).toBe(200);
});

it('[M44] [M45] an index embeds by a registered model what it keeps and what it is asked', async () => {
  const created = await create('articles', 'house-model');
  expect(created).toMatchObject({ status: 201, body: { model: 'canal-bert', contract_hash: first.contract_hash, dimensions: 16 } });
  expect(await upsert('articles', TEXTS.slice(0, 3))).toMatchObject({ status: 200 });
  const stream = new BulkStream(elsewhere, '/v1/indexes/articles/import?model=house-model');
  await stream.send(
    TEXTS.slice(3)
      .map((text) => `${JSON.stringify({ id: text, text })}\n`)
      .join(''),
  );
  stream.end();
  await stream.read();
  expect(stream.news.at(-1)).toMatchObject({ status: 'done', written: 2 });
  const fetched = await client.post('/v1/indexes/articles/fetch', { ids: TEXTS, include_values: true });
  expect(fetched.body.vectors).toHaveLength(TEXTS.length);
  for (const { id, values } of fetched.body.vectors) for (const [d, x] of passage(id).entries()) expect(values[d]).toBeCloseTo(x, 2);
  for (const by of [client, elsewhere]) await expectOwnVectors('articles', 'keeper', by);
  // [CLS], the prompt, the words and [SEP]: what the model saw.
  const words = TEXTS.reduce((sum, text) => sum + text.split(' ').length, 0);
  const embeddedTokens = async () => {
    const { body } = await client.get('/v1/usage?group_by=model');
    const lines = body.data as { meter: string; model?: string; quantity: number }[];
    const own = lines.filter(({ meter, model }) => meter.startsWith('embedding_') && model === 'canal-bert');
    return own.reduce((sum, { quantity }) => sum + quantity, 0);
  };
  // The other isolate reports its usage a little later.
  await expect.poll(embeddedTokens).toBe(words + 3 * TEXTS.length + 2 * 4);
});

it('[M40] [T55] another tenant finds no such model, and a key must be allowed what an alias means', async () => {
  const other = await createTenant(server);
  for (const model of ['canal-bert', `canal-bert@${first.version}`, 'house-model'])
    expect(await create('stolen', model, other.client)).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } });
  const scopes = ['inference', 'index:read', 'index:write'];
  const { body } = await client.post('/v1/keys', { name: 'narrow', scopes, resources: ['index/*', 'model/house-*'] });
  const narrow = new ApiClient(client.url, body.key);
  expect(await create('narrow', 'house-model', narrow)).toMatchObject({ status: 403, body: { error: { code: 'scope_denied' } } });
  expect((await create('guarded', 'canal-bert')).status).toBe(201);
  expect(await upsert('guarded', ['weir'], narrow)).toMatchObject({ status: 403, body: { error: { code: 'scope_denied' } } });
});

it('[M33] [M34] [M44] a variant is canaried, promoted and rolled back under queries', async () => {
  expect((await create('under-load', 'canal-bert')).status).toBe(201);
  expect((await upsert('under-load', TEXTS)).status).toBe(200);
  const variant = await register(graphOf(1, 'variant'), { compatible_with: first.version });
  const load = { asked: 0, isOver: false };
  const words = Object.keys(VOCABULARY).filter((word) => /^[a-z]+$/.test(word));
  const querying = [client, elsewhere].map(async (by, at) => {
    for (let i = at; !load.isOver || i < 10; i += 2) {
      await expectOwnVectors('under-load', `${words[i % words.length]} ${words[(7 * i) % words.length]}`, by);
      load.asked += 1;
    }
  });
  /** The next step follows once both isolates have answered some more. */
  const answered = async (count: number) => {
    const from = load.asked;
    await expect.poll(() => load.asked - from, { timeout: 60_000 }).toBeGreaterThanOrEqual(count);
  };
  const changing = (async () => {
    for (const change of [
      () => promote(variant.version, 0.5),
      () => promote(variant.version),
      () => client.post('/v1/models/canal-bert/rollback', {}),
    ]) {
      expect((await change()).status).toBe(200);
      await answered(10);
    }
  })().finally(() => (load.isOver = true));
  await Promise.all([changing, ...querying]);
  expect(load.asked).toBeGreaterThanOrEqual(30);
});

it('[M33] [M46] another contract never serves; what an index needs is not retired', async () => {
  const { version, contract_hash: hash } = await register(graphOf(2));
  expect(hash).not.toBe(first.contract_hash);
  expect(await promote(version)).toMatchObject({ status: 409, body: { error: { code: 'contract_mismatch' } } });
  expect(await create('second', `canal-bert@${version}`)).toMatchObject({
    status: 201,
    body: { model: 'canal-bert', contract_hash: hash },
  });
  expect((await upsert('second', ['weir'])).status).toBe(200);
  const asked = await elsewhere.post('/v1/indexes/second/query', { text: 'weir', top_k: 1 });
  expect(asked).toMatchObject({ status: 200, body: { matches: [{ id: 'weir' }] } });
  // Scores by the model that serves under the name would be these.
  expect(Math.abs(asked.body.matches[0].score - product(query('weir'), passage('weir')))).toBeGreaterThan(0.02);
  for (const path of [`canal-bert/versions/${version}`, 'canal-bert'])
    expect(await client.delete(`/v1/models/${path}`)).toMatchObject({ status: 409, body: { error: { code: 'state_conflict' } } });
  expect((await client.delete('/v1/indexes/second')).status).toBe(200);
  expect((await client.delete(`/v1/models/canal-bert/versions/${version}`)).status).toBe(200);
});

it('[B32] [M45] a generation embeds the texts of an index again by a registered model, and serves', async () => {
  expect((await create('anew', 'glove-sif-100')).status).toBe(201);
  expect((await upsert('anew', TEXTS)).status).toBe(200);
  expect((await client.post('/v1/indexes/anew/generations', { model: 'house-model' })).status).toBe(201);
  const state = async () => (await client.get('/v1/indexes/anew/generations')).body.data[1];
  await expect.poll(state, { timeout: 120_000, interval: 100 }).toMatchObject({ state: 'following' });
  expect((await client.post('/v1/indexes/anew/generations/activate', {})).status).toBe(200);
  expect((await client.get('/v1/indexes/anew')).body).toMatchObject({ model: 'canal-bert', contract_hash: first.contract_hash });
  await expectOwnVectors('anew', 'keeper');
});

it('[M198] a new index by the default model, beside one that was made with the one before', async () => {
  const texts = ['the lock keeper opens the gates at dawn', 'a weir holds back the river', 'the mill grinds flour'];
  for (const [index, model, dimensions] of [
    ['pieces', 'bge-static-256', 256],
    ['words', 'glove-sif-100', 100],
  ] as const) {
    expect(await create(index, model)).toMatchObject({ status: 201, body: { model, dimensions } });
    expect((await upsert(index, texts)).status).toBe(200);
    const asked = await elsewhere.post(`/v1/indexes/${index}/query`, { text: 'who opens the lock?', top_k: 1 });
    expect(asked).toMatchObject({ status: 200, body: { matches: [{ id: texts[0] }] } });
  }
  // Vectors of the one are none of the other.
  const moved = { vectors: [{ id: 'x', text: 'a weir' }], model: 'glove-sif-100' };
  expect(await client.post('/v1/indexes/pieces/upsert', moved)).toMatchObject({
    status: 409,
    body: { error: { code: 'contract_mismatch' } },
  });
  const embedded = await client.post('/embed', { inputs: 'a weir' });
  expect(embedded.body[0]).toHaveLength(256);
});

it('[M210] an index by the model of many languages answers in German and Chinese', async () => {
  const model = 'multilingual-e5-static-256';
  const german = ['Der Schleusenwärter öffnet die Tore.', 'Brot wird aus Mehl und Wasser gebacken.'];
  const chinese = ['船闸管理员打开闸门。', '面包是用面粉和水烤制的。'];
  expect(await create('languages', model)).toMatchObject({ status: 201, body: { model, dimensions: 256 } });
  expect((await upsert('languages', [...german, ...chinese])).status).toBe(200);
  for (const [question, id] of [
    ['Woraus besteht Brot?', german[1]],
    ['谁打开船闸？', chinese[0]],
  ]) {
    const asked = await elsewhere.post('/v1/indexes/languages/query', { text: question, top_k: 1 });
    expect(asked).toMatchObject({ status: 200, body: { matches: [{ id }] } });
  }
  const embedded = await client.post('/v1/embeddings', { model, input: ['Woraus besteht Brot?', '谁打开船闸？'] });
  expect(embedded.body.data.map(({ embedding }: { embedding: number[] }) => embedding.length)).toEqual([256, 256]);
});

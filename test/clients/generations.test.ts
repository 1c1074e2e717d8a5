import { beforeAll, describe, expect, it } from 'vitest';

import type { ImportProgress } from '../../src/contract/vectors/bulk.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const MODEL = 'glove-sif-100';

interface Routed {
  readonly route: string;
}

const server = sharedDeployment();
let client: ApiClient;
/** A client of the same tenant at another gateway isolate, which caches which generation serves. */
let elsewhere: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
  elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
});

const texts = Array.from(
  { length: 300 },
  (_, n) => `text number ${n} tells of ${['rivers', 'locks', 'barges', 'tides', 'mills'][n % 5]} and ${n * 7}`,
);

async function filled(name: string, options: object): Promise<string> {
  const index = `/v1/indexes/${name}`;
  expect((await client.post('/v1/indexes', { name, owner: 'search', ...options })).status).toBe(201);
  const vectors = texts.map((text, n) => ({ id: `t${n}`, text, metadata: { n }, namespace: n % 10 === 0 ? 'tens' : '' }));
  expect((await client.post(`${index}/upsert`, { vectors })).status).toBe(200);
  return index;
}

const lines = (from: number, until: number, to = 1): string =>
  Array.from({ length: until - from }, (_, i) => `${JSON.stringify({ id: `l${from + i}`, values: [from + i, to] })}\n`).join('');

async function imported(through: ApiClient, index: string, text: string, query = ''): Promise<ImportProgress | undefined> {
  const stream = new BulkStream(through, `${index}/import${query}`);
  await stream.send(text);
  stream.end();
  await stream.read();
  return stream.news.at(-1);
}

const generationsOf = async (index: string, by = client) => (await by.get(`${index}/generations`)).body.data;

const following = (index: string, by = client) =>
  expect.poll(async () => (await generationsOf(index, by))[1], { timeout: 120_000, interval: 100 }).toMatchObject({ state: 'following' });

describe('generations over HTTP', () => {
  it('[B30][B32][B33][B45][T78] embed again, are compared, serve at every gateway, and can be rolled back', async () => {
    const index = await filled('anew', { model: MODEL });
    const created = await client.post(`${index}/generations`, { model: `${MODEL}-onnx`, recall: 0.99 }, { 'idempotency-key': 'second' });
    expect(created).toMatchObject({
      status: 201,
      body: {
        data: [
          { generation: 1, state: 'serving' },
          { generation: 2, served_before: false },
        ],
      },
    });
    expect(
      (await client.post(`${index}/generations`, { model: `${MODEL}-onnx`, recall: 0.99 }, { 'idempotency-key': 'second' })).status,
    ).toBe(201);
    expect(await client.post(`${index}/generations`, { metric: 'l2' })).toMatchObject({
      status: 409,
      body: { error: { code: 'state_conflict' } },
    });
    await following(index);
    const [, second] = await generationsOf(index);
    expect(second).toMatchObject({ model: `${MODEL}-onnx`, recall: 0.99, comparison: { overlap_at_10: 1, ndcg_at_10: 1 } });
    expect(second.comparison.samples).toBeGreaterThan(50);
    expect(second.progress.copied).toBeGreaterThanOrEqual(300);
    // Both gateways have cached the serving generation before it changes.
    const [before] = await Promise.all([client.get(index), elsewhere.post(`${index}/query`, { text: 'barges', top_k: 3 })]);
    const early = () =>
      client.post(`${index}/upsert`, { vectors: [{ id: 't1', text: 'replaced at first' }] }, { 'idempotency-key': 'early' });
    const answered = await early();
    await client.post(`${index}/upsert`, { vectors: [{ id: 't1', text: 'replaced meanwhile' }] });
    await client.post(`${index}/delete`, { ids: ['t2'] });
    const activated = await client.post(`${index}/generations/activate`, {});
    expect(activated).toMatchObject({
      status: 200,
      body: {
        data: [
          { generation: 2, state: 'serving' },
          { generation: 1, served_before: true },
        ],
      },
    });
    const written = await client.post(`${index}/upsert`, { vectors: [{ id: 'new', text: 'written to the second' }] });
    expect(written.headers.get('x-sluice-index-generation')).toBe('2');
    expect(written.body.lsn, 'writes are numbered on').toBeGreaterThan(3);
    // Embedding for the shadow generation is billed under another route, and continues.
    const billed = async () => {
      const { body: usage } = await client.get('/v1/usage?group_by=route');
      return usage.data.filter(({ route }: Routed) => route.endsWith('/upsert'));
    };
    const used = await billed();
    expect(used).not.toEqual([]);
    expect([(await early()).body, await billed()]).toEqual([answered.body, used]);
    const fetched = await elsewhere.post(`${index}/fetch`, { ids: ['t1', 't2', 'new'], include_text: true, include_values: false });
    expect(fetched.headers.get('x-sluice-index-generation')).toBe('2');
    expect(fetched.body.vectors.map(({ id, text }: { id: string; text: string }) => [id, text])).toEqual([
      ['t1', 'replaced meanwhile'],
      ['new', 'written to the second'],
    ]);
    expect((await client.get(index)).body).toMatchObject({ generation: 2, model: `${MODEL}-onnx`, created: before.body.created });
    expect((await client.get('/v1/indexes')).body.data[0]).toMatchObject({ name: 'anew', generation: 2 });
    expect((await client.get(`${index}/stats`)).body.vectors).toBe(300);

    const back = await client.post(`${index}/generations/rollback`, {});
    expect(back).toMatchObject({ status: 200, body: { data: [{ generation: 1, state: 'serving' }, { generation: 2 }] } });
    expect([(await early()).body, await billed()]).toEqual([answered.body, used]);
    const again = await elsewhere.post(`${index}/fetch`, { ids: ['new', 't2'], include_values: false, include_text: true });
    expect(again.body.vectors).toMatchObject([{ id: 'new', text: 'written to the second' }]);
    expect(await client.delete(`${index}/generations`)).toMatchObject({ status: 200, body: { data: [{ generation: 1 }] } });
    expect(await client.post(`${index}/generations/rollback`, {})).toMatchObject({
      status: 409,
      body: { error: { code: 'state_conflict' } },
    });
    const late = await client.post(`${index}/generations`, { model: `${MODEL}-onnx`, recall: 0.99 }, { 'idempotency-key': 'second' });
    expect(late).toMatchObject({ status: 409, body: { error: { code: 'idempotency_key_spent', spent: { id: second.id } } } });
    expect(await generationsOf(index)).toHaveLength(1);
    const { body } = await client.get('/v1/usage?group_by=model');
    expect(JSON.stringify(body)).toContain(`${MODEL}-onnx`);
    const deleted = await client.delete(index);
    expect(deleted.body).toMatchObject({ vectors: 300, objects: 2 });
    expect(deleted.body.bytes).toBeGreaterThan(100_000);
    expect(await elsewhere.get(`/v1/erasures/${deleted.body.id}`)).toMatchObject({
      status: 200,
      body: { object: 'index.erasure', name: 'anew', vectors: 300, objects: 2, bytes: deleted.body.bytes, remaining: 0, verified: true },
    });
    const stranger = (await createTenant(server)).client;
    expect(await stranger.get(`/v1/erasures/${deleted.body.id}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'erasure_not_found' } },
    });
  });

  it('[B32] copy vectors unchanged if only settings change; one that would change nothing is refused', async () => {
    const index = await filled('settings', { model: MODEL, metric: 'cosine' });
    expect(await client.post(`${index}/generations`, { metric: 'cosine' })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_value' } },
    });
    expect(await client.post(`${index}/generations`, { model: 'nonesuch' })).toMatchObject({ status: 404 });
    expect(await client.post(`${index}/generations/rollback`, {})).toMatchObject({ status: 409 });
    expect((await client.post(`${index}/generations`, { metric: 'l2' })).status).toBe(201);
    await following(index);
    const activated = await client.post(`${index}/generations/activate`, {});
    expect(activated.body.data).toMatchObject([
      { generation: 2, metric: 'l2' },
      { generation: 1, metric: 'cosine' },
    ]);
    expect(activated.body.data[1].progress.embedding_tokens).toBe(0);
    const { body } = await elsewhere.post(`${index}/query`, { id: 't3', top_k: 1 });
    expect(body.matches[0].score, 'a distance now').toBe(0);
    // Deletes the index with both generations.
    await client.delete(index);
    expect((await client.get(`${index}/generations`)).status).toBe(404);
  });

  it('[B4][B45] an import continues from its token in another generation, and repeats nothing written', async () => {
    const index = '/v1/indexes/imported';
    const { client: own } = await createTenant(server);
    const atOther = new ApiClient(server.urls[1] ?? '', own.apiKey);
    expect((await own.post('/v1/indexes', { name: 'imported', owner: 'search', dimensions: 2, metric: 'cosine' })).status).toBe(201);
    const first = await imported(own, index, `${lines(0, 10)}{"id": 7}\n`);
    expect(first).toMatchObject({ status: 'stopped', lines: 10, written: 10 });
    const goOn = () => imported(atOther, index, lines(10, 25), `?token=${first?.token}`);
    const begun = await goOn();
    expect(begun).toMatchObject({ status: 'done', import: first?.import, lines: 25, written: 15 });
    await own.post(`${index}/upsert`, { vectors: [{ id: 'l12', values: [5, 5] }] });
    await own.post(`${index}/delete`, { ids: ['l13'] });
    expect((await own.post(`${index}/generations`, { metric: 'l2' })).status).toBe(201);
    await following(index, own);
    expect((await own.post(`${index}/generations/activate`, {})).status).toBe(200);
    const used = async () =>
      (await own.get('/v1/usage')).body.data.find(({ meter }: { meter: string }) => meter === 'vectors_written').quantity;
    // Usage is counted some time after the answer.
    await expect.poll(used).toBe(26);
    expect(await goOn()).toEqual(begun);
    expect(await imported(own, index, lines(25, 30), `?token=${begun?.token}`)).toMatchObject({ lines: 30, written: 5 });
    expect((await own.get(`${index}/stats`)).body.vectors).toBe(29);
    await expect.poll(used).toBe(31);
    const { body } = await own.post(`${index}/fetch`, { ids: ['l11', 'l12', 'l13', 'l29'], include_values: true });
    expect(body.vectors.map(({ values }: { values: number[] }) => values)).toEqual([
      [11, 1],
      [5, 5],
      [29, 1],
    ]);
  });
});

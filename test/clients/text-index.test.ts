import { beforeAll, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const COUNT = 400;
const BUDGET = 100;
const FIELDS = { body: { kind: 'text', source: 'text' }, title: { kind: 'text' }, terms: { kind: 'sparse' } };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const INDEX = '/v1/indexes/texts';

const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
  const created = { name: 'texts', owner: 'search', fields: FIELDS, shard_vectors_max: BUDGET };
  expect((await client.post('/v1/indexes', created)).status).toBe(201);
});

const rowOf = (n: number) => ({ id: `d${n}`, text: `page number${n} of the book`, fields: { terms: { indices: [n % 7], values: [1] } } });

async function idsBy(leg: object, topK = COUNT): Promise<string[]> {
  const { status, body } = await client.post(`${INDEX}/search`, { legs: [leg], top_k: topK, include_metadata: false });
  expect([status, body.partial]).toEqual([200, undefined]);
  return body.matches.map(({ id }: { id: string }) => id);
}

const linesOf = async (index: string): Promise<string[]> =>
  ((await client.get(`${index}/export`)).body as string).split('\n').filter((line) => line !== '' && !line.startsWith('{"export"'));

it('[TX208] [TX214] an index of texts alone grows over shards, and is found, changed and copied whole', async () => {
  for (let from = 0; from < COUNT; from += 100) {
    const vectors = Array.from({ length: 100 }, (_, i) => rowOf(from + i));
    expect((await client.post(`${INDEX}/upsert`, { vectors })).status).toBe(200);
  }
  // Also while shards divide the ids by hash.
  const isGrown = async () => {
    expect(await idsBy({ kind: 'text', text: 'number123' })).toEqual(['d123']);
    return (await client.get(`${INDEX}/stats`)).body.shards;
  };
  await expect.poll(isGrown, { timeout: 120_000, interval: 200 }).toBeGreaterThanOrEqual(COUNT / BUDGET);
  expect(new Set(await idsBy({ kind: 'text', text: 'pages' })).size).toBe(COUNT);
  expect(await idsBy({ kind: 'sparse', field: 'terms', indices: [3], values: [1] })).toHaveLength(Math.ceil((COUNT - 3) / 7));

  const ids = ['d5', 'd105', 'd205', 'd305', 'none'];
  const changed = await client.post(`${INDEX}/fields`, { ids, set: { title: 'Renamed' }, unset: ['terms'] });
  expect(changed.body).toMatchObject({ updated: 4 });
  expect((await idsBy({ kind: 'text', text: 'renamed' })).toSorted()).toEqual(ids.slice(0, 4).toSorted());
  expect((await client.post(`${INDEX}/fetch`, { ids: ['d5'], include_fields: true, include_text: true })).body.vectors).toEqual([
    { id: 'd5', values: null, metadata: null, text: rowOf(5).text, fields: { title: 'Renamed' } },
  ]);
  expect((await client.get(`${INDEX}/stats`)).body.vectors).toBe(COUNT);

  const exported = await linesOf(INDEX);
  expect(exported).toHaveLength(COUNT);
  await client.post('/v1/indexes', { name: 'copied', owner: 'search', fields: FIELDS });
  const imported = await client.call('POST', '/v1/indexes/copied/import', new Blob([exported.join('\n')]), NDJSON);
  expect((imported.body as string).trim().split('\n').at(-1)).toMatch(`"status":"done"`);
  expect(await linesOf('/v1/indexes/copied')).toEqual(exported);
});

it('[TX258] a generation with a model gives it vectors of its texts, and can be gone back from', async () => {
  const name = '/v1/indexes/small';
  await client.post('/v1/indexes', { name: 'small', owner: 'search', fields: FIELDS });
  const vectors = [
    { id: 'lock', text: 'the lock keeper opens the gates' },
    { id: 'bare', fields: { title: 'Bare' } },
  ];
  await client.post(`${name}/upsert`, { vectors });
  expect((await client.post(`${name}/generations`, { model: 'bge-static-256' })).body.data).toMatchObject([
    { dimensions: null },
    { dimensions: 256 },
  ]);
  const states = async () => (await client.get(`${name}/generations`)).body.data.map(({ state }: { state: string }) => state);
  await expect.poll(states, { timeout: 60_000, interval: 100 }).toEqual(['serving', 'following']);
  expect((await client.post(`${name}/generations/activate`, {})).status).toBe(200);
  const near = await client.post(`${name}/query`, { text: 'who opens the lock?' });
  expect(near.body.matches.map(({ id }: { id: string }) => id)).toEqual(['lock']);
  await client.post(`${name}/upsert`, { vectors: [{ id: 'weir', text: 'a weir holds back the river' }] });
  await expect.poll(states, { timeout: 60_000, interval: 100 }).toEqual(['serving', 'following']);
  expect((await client.post(`${name}/generations/rollback`, {})).status).toBe(200);
  expect((await client.post(`${name}/query`, { text: 'lock' })).body.error.param).toBe('text');
  const listed = (await client.post(`${name}/list`, { include_values: true, include_text: true })).body.vectors;
  expect(listed).toMatchObject([
    { id: 'bare', values: null, text: null },
    { id: 'lock', values: null, text: vectors[0]!.text },
    { id: 'weir', values: null, text: 'a weir holds back the river' },
  ]);
});

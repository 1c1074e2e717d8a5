import { beforeAll, expect, it } from 'vitest';

import { SluiceClient } from '../../workers/client/sluice-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let client: SluiceClient;

beforeAll(async () => {
  const tenant = await createTenant(server);
  client = new SluiceClient({ url: tenant.client.url, apiKey: tenant.client.apiKey });
});

const MODEL = 'glove-sif-100';
const floats = (i: number) => Float32Array.of(Math.cos(i / 50), Math.sin(i / 50), i / 1_000);

it('[G72] the client creates, imports, searches, reads, deletes and erases, with vectors to the bit', async () => {
  expect(await client.createIndex({ name: 'points', dimensions: 3, metric: 'dot' })).toMatchObject({ name: 'points', dimensions: 3 });
  const points = client.index('points');
  const vectors = Array.from({ length: 1_200 }, (_, i) => ({ id: `p${i}`, values: floats(i), metadata: { even: i % 2 === 0 } }));
  const written: number[] = [];
  for await (const count of points.import(vectors, { idempotencyKey: 'points' })) written.push(count);
  expect(written).toEqual([1_000, 1_200]);
  const found = await points.query({ vector: floats(10), top_k: 3, include_values: true });
  for (const { id, values } of found.matches) expect(values).toEqual(floats(Number(id.slice(1))));
  const [first, second] = await points.queryAll([
    { vector: floats(10), top_k: 3, include_values: true },
    { id: 'p7', top_k: 1, filter: { even: true } },
  ]);
  expect(first).toEqual(found);
  expect(second?.matches).toHaveLength(1);
  expect(await points.fetch(['p3', 'none', 'p1'])).toMatchObject([
    { id: 'p3', values: floats(3) },
    { id: 'p1', values: floats(1) },
  ]);
  expect(await points.delete({ filter: { even: true } })).toMatchObject({ deleted: 600 });
  await expect(points.query({ vector: [1, 2] })).rejects.toMatchObject({ code: 'dimension_mismatch', path: 'vector', status: 400 });
  await expect(points.query({ vector: floats(1), top_k: 10_001 })).rejects.toMatchObject({ limit: { bound: 10_000 }, value: 10_001 });
  await client.deleteIndex('points');
  await expect(points.query({ vector: floats(1) })).rejects.toMatchObject({
    code: 'index_not_found',
    requestId: expect.stringMatching(/^req_/),
  });
});

it('[G72] the client embeds as rows, and purges', async () => {
  const [canal, lock, again] = await client.embed(['canal', 'lock', 'canal'], { model: MODEL });
  expect([canal?.length, canal, lock]).toEqual([100, again, expect.not.objectContaining(canal ?? {})]);
  expect(await client.embed(['canal'], { model: MODEL, dimensions: 10 })).toMatchObject([{ length: 10 }]);
  expect(await client.purge({ text: ['canal'], model: MODEL })).toMatchObject({ purge_id: expect.any(String) });
  await client.createIndex({ name: 'texts', model: MODEL });
  expect(await client.index('texts').upsert([{ id: '1', text: 'the lock keeper' }], { model: MODEL })).toMatchObject({ upserted: 1 });
});

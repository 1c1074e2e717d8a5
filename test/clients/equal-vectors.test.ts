import { beforeAll, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const DIMENSIONS = 8;
const COUNT = 600;
const BUDGET = 100;
const EQUAL = Array.from({ length: DIMENSIONS }, (_, axis) => Math.fround(Math.sin(axis)));

const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
});

it.each([
  ['all', 1],
  ['most', 0.6],
])('[RT16, RT17] an index in which %s vectors are equal splits, finds top_k of them, and deletes', async (name, share) => {
  const random = new Seeded(5);
  const index = `/v1/indexes/${name}`;
  const created = { name, dimensions: DIMENSIONS, metric: 'l2', owner: 'growth', shard_vectors_max: BUDGET };
  expect((await client.post('/v1/indexes', created)).status).toBe(201);
  const isEqual = Array.from({ length: COUNT }, () => random.next() < share);
  const valuesOf = (n: number) => (isEqual[n] === true ? EQUAL : EQUAL.map((x) => x + 6 * random.next() - 3));
  const equalIds = new Set(isEqual.flatMap((is, n) => (is ? [`v${n}`] : [])));
  for (let from = 0; from < COUNT; from += 100) {
    const vectors = Array.from({ length: 100 }, (_, i) => ({ id: `v${from + i}`, values: valuesOf(from + i) }));
    expect((await client.post(`${index}/upsert`, { vectors })).status).toBe(200);
  }
  const found = async (topK: number): Promise<string[]> => {
    const { body } = await client.post(`${index}/query`, { vector: EQUAL, top_k: topK });
    expect(body.partial).toBe(undefined);
    const ids = body.matches.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(body.matches.every(({ score }: { score: number }) => score === 0)).toBe(true);
    return ids;
  };
  // Also while the shards divide the ids by hash.
  const isGrown = async () => {
    expect(await found(20)).toEqual([...equalIds].toSorted().slice(0, 20));
    return (await client.get(`${index}/stats`)).body.shards;
  };
  await expect.poll(isGrown, { timeout: 120_000, interval: 200 }).toBeGreaterThanOrEqual(COUNT / BUDGET);
  expect(new Set(await found(equalIds.size))).toEqual(equalIds);

  const gone = await found(equalIds.size - 30);
  expect((await client.post(`${index}/delete`, { ids: gone })).body.deleted).toBe(gone.length);
  for (const id of gone) equalIds.delete(id);
  expect(await found(30)).toEqual([...equalIds].toSorted());
  expect((await client.get(`${index}/stats`)).body.vectors).toBe(COUNT - gone.length);
  expect((await client.delete(index)).body.vectors).toBe(COUNT - gone.length);
});

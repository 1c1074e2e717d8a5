import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import { deployReachable } from '../support/deployment/deployment.ts';
import type { ReachableDeployment } from '../support/deployment/deployment.ts';
import { isSplitting, routeState, untilMoved } from '../support/deployment/route-watch.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const COUNT = 400;
const DIMENSIONS = 8;
const INDEX = '/v1/indexes/grown';

let server: ReachableDeployment;
let tenant: string;
let client: ApiClient;
/** The answers to the first writes. */
const early: unknown[] = [];

beforeAll(async () => {
  server = await deployReachable();
  ({ client, id: tenant } = await createTenant(server));
  const created = { name: 'grown', dimensions: DIMENSIONS, metric: 'l2', owner: 'growth', shard_vectors_max: 40 };
  expect((await client.post('/v1/indexes', created)).status).toBe(201);
});

afterAll(() => server.stop());

/** A vector near one of twenty centres. */
const valuesOf = (n: number): number[] =>
  Array.from({ length: DIMENSIONS }, (_, axis) => Math.fround(3 * Math.sin((n % 20) * 31 + axis) + Math.sin(n * 13 + axis) / 4));

const vectorOf = (n: number) => ({ id: `v${n}`, values: valuesOf(n), metadata: { n } });

/** Written first, while there is one shard, each under a key. */
const EARLY = Array.from({ length: 10 }, (_, n) => ({ ...vectorOf(n), metadata: { n: 'early' } }));
const upsertEarly = () => client.post(`${INDEX}/upsert`, { vectors: EARLY }, { 'idempotency-key': 'early-upsert' });

async function importEarly() {
  const stream = new BulkStream(client, `${INDEX}/import`, { 'idempotency-key': 'early-import' });
  await stream.send(EARLY.map((vector) => `${JSON.stringify({ ...vector, id: `i${vector.id}` })}\n`).join(''));
  stream.end();
  await stream.read();
  return stream.news.at(-1);
}

async function vectorsBilled(): Promise<number> {
  const { body } = await client.get('/v1/usage');
  return body.data.find(({ meter }: { meter: string }) => meter === 'vectors_written').quantity;
}

describe('an index of several shards, over HTTP', () => {
  it('[RT2] splits by itself, and reports its number of shards and how many a query asked', async () => {
    early.push((await upsertEarly()).body, await importEarly());
    expect(early).toMatchObject([{ upserted: 10 }, { status: 'done', written: 10 }]);
    await client.post(`${INDEX}/delete`, { ids: EARLY.map(({ id }) => `i${id}`) });
    for (let from = 0; from < COUNT; from += 100) {
      const vectors = Array.from({ length: 100 }, (_, i) => vectorOf(from + i));
      expect((await client.post(`${INDEX}/upsert`, { vectors })).status).toBe(200);
    }
    await expect.poll(async () => (await client.get(`${INDEX}/stats`)).body.shards, { timeout: 120_000 }).toBeGreaterThan(8);
    const { body } = await client.post(`${INDEX}/query`, { vector: valuesOf(7), top_k: 3, explain: true });
    expect(body.matches[0]).toMatchObject({ id: 'v7', score: 0 });
    const { shards } = (await client.get(`${INDEX}/stats`)).body;
    expect(body.explanation.shards_asked).toBeGreaterThanOrEqual(1);
    expect(body.explanation.shards_asked).toBeLessThan(shards);
    const all = await client.post(`${INDEX}/query`, { vector: valuesOf(7), top_k: COUNT, exact: true, explain: true });
    expect(all.body.matches).toHaveLength(COUNT);
    expect(all.body.explanation.shards_asked).toBeGreaterThanOrEqual(shards);
    // The index may split between the two calls.
    const shardsNotTold = async () => {
      const { body: collection } = await client.get('/qdrant/collections/grown');
      return (await client.get(`${INDEX}/stats`)).body.shards - collection.result.config.params.shard_number;
    };
    await expect.poll(shardsNotTold).toBe(0);
    const recall = await client.post(`${INDEX}/recall`, { samples: 20, top_k: 5 });
    expect(recall.body.recall).toBeGreaterThan(0.9);
    expect(recall.body.exact_search.shards_asked).toBeGreaterThan(recall.body.search.shards_asked);
  });

  it('[RT39] repeats a write or an import from before the first split without changing or billing', async () => {
    const before = await vectorsBilled();
    expect([(await upsertEarly()).body, await importEarly()]).toEqual(early);
    expect(await vectorsBilled()).toBe(before);
    const ids = EARLY.flatMap(({ id }) => [id, `i${id}`]);
    const { body } = await client.post(`${INDEX}/fetch`, { ids, include_metadata: true, include_values: false });
    expect(body.vectors.map(({ metadata }: { metadata: { n: unknown } }) => metadata.n)).toEqual(EARLY.map((_, n) => n));
  });

  it('[F3] gives successive writes rising LSNs, whichever shards they go to', async () => {
    const lsns: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      const wrote =
        n % 8 === 7
          ? await client.post(`${INDEX}/delete`, { ids: [`v${n}`] })
          : await client.post(`${INDEX}/upsert`, { vectors: [vectorOf(n)] });
      lsns.push(wrote.body.lsn);
    }
    expect(lsns).toEqual([...new Set(lsns)].toSorted((a, b) => a - b));
    for (let n = 7; n < 40; n += 8) await client.post(`${INDEX}/upsert`, { vectors: [vectorOf(n)] });
  });

  it('[F34] states at least the acknowledged LSN with a strong answer, whichever shards it asked', async () => {
    for (let n = 0; n < 40; n += 1) {
      const { lsn } = (await client.post(`${INDEX}/upsert`, { vectors: [vectorOf(n)] })).body;
      const { body } = await client.post(`${INDEX}/query`, { vector: vectorOf((n * 7) % 40).values, top_k: 1 });
      expect(body.lsn).toBeGreaterThanOrEqual(lsn);
    }
  });

  it('[RT4] writes, deletes, counts, lists and exports as if it had one shard', async () => {
    const even = Array.from({ length: COUNT / 2 }, (_, i) => `v${2 * i}`);
    expect((await client.post(`${INDEX}/delete`, { ids: even })).body.deleted).toBe(COUNT / 2);
    expect((await client.post(`${INDEX}/upsert`, { vectors: [{ ...vectorOf(1), metadata: { n: -1 } }] })).status).toBe(200);
    expect((await client.get(`${INDEX}/stats`)).body.vectors).toBe(COUNT / 2);
    expect((await client.post(`${INDEX}/count`, { filter: { n: { $gt: 200 } } })).body.count).toBe(100);
    expect((await client.post(`${INDEX}/count`, { filter: { n: -1 } })).body.count).toBe(1);
    // Twice: the second time after vectors that were moving have arrived.
    for (const look of ['first', 'second']) {
      if (look === 'second') await untilMoved(server.objects, tenant, 'grown');
      const { body } = await client.get(`${INDEX}/export`);
      const lines = (body as string)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { id?: string });
      const ids = lines.flatMap(({ id }) => id ?? []);
      expect(ids.length).toBe(new Set(ids).size);
      expect(new Set(ids)).toEqual(new Set(Array.from({ length: COUNT / 2 }, (_, i) => `v${2 * i + 1}`)));
    }
  });

  it('[RT15] bills each keyed write once, even if several have the same LSN', async () => {
    const before = await vectorsBilled();
    const writes = 40;
    // Concurrently, so that no write has seen another's LSN.
    const answered = await Promise.all(
      Array.from({ length: writes }, async (_, i): Promise<number> => {
        const write = () => client.post(`${INDEX}/upsert`, { vectors: [vectorOf(2 * i + 1)] }, { 'idempotency-key': `billed-${i}` });
        const [first, second] = [await write(), await write()];
        expect([first.status, second.body]).toEqual([200, first.body]);
        return first.body.lsn;
      }),
    );
    const lsns = new Set(answered);
    expect(lsns.size, 'some of them have the same LSN').toBeLessThan(writes);
    expect(await vectorsBilled()).toBe(before + writes);
  });

  it('[RT9] deletes everything, and verifies that nothing is left', async () => {
    const { shards } = (await client.get(`${INDEX}/stats`)).body;
    const { body } = await client.delete(INDEX);
    expect(body).toMatchObject({ object: 'index.deleted', vectors: COUNT / 2 });
    expect(body.objects).toBeGreaterThan(shards);
    const erasure = await client.get(`/v1/erasures/${body.id}`);
    expect(erasure.body).toMatchObject({ remaining: 0, verified: true });
    expect((await client.post(`${INDEX}/query`, { vector: valuesOf(7), top_k: 3 })).body.error.code).toBe('index_not_found');
  });

  // During the first split, and with many shards and concurrent writes.
  it.each([
    ['of its only shard', (shards: number) => shards >= 0],
    ['of one shard of many', (shards: number) => shards >= 4],
  ])('[B40] [B41] [RT9] is deleted during a split %s; nothing is left, and its name can be used again', async (stage, isStage) => {
    const index = '/v1/indexes/torn';
    const made = { name: 'torn', dimensions: DIMENSIONS, metric: 'l2', owner: 'growth', shard_vectors_max: 40 };
    const upsert = (from: number, count: number) =>
      client.post(`${index}/upsert`, { vectors: Array.from({ length: count }, (_, i) => vectorOf(from + i)) });
    const { body: old } = await client.post('/v1/indexes', made);
    expect((await upsert(0, 200)).status).toBe(200);
    const isSeen = async (): Promise<boolean> => {
      const state = await routeState(server.objects, tenant, 'torn');
      return isSplitting(state) && isStage(state?.shards.length ?? 0);
    };
    await expect.poll(isSeen, { timeout: 120_000, interval: 1 }).toBe(true);
    // Each concurrent write either succeeds before the deletion or is refused.
    const late = stage === 'of one shard of many' ? Array.from({ length: 8 }, (_, n) => upsert(1_000 + n * 10, 10)) : [];
    const { status, body: deleted } = await client.delete(index);
    expect({ status, deleted }).toMatchObject({ status: 200, deleted: { id: old.id, deleted: true, objects_lost: 0 } });
    for (const answer of await Promise.all(late)) expect(answer.status).toBeOneOf([200, 404, 503]);
    expect(deleted.vectors).toBeGreaterThanOrEqual(200);
    if (late.length === 0) expect(deleted.vectors).toBe(200);
    else expect(deleted.vectors).toBeLessThanOrEqual(200 + 80);
    // The locators, the shard that was splitting and those that it was splitting into.
    expect(deleted.objects).toBeGreaterThan(3);
    const verified = async () => (await client.get(`/v1/erasures/${deleted.id}`)).body;
    expect(await verified()).toMatchObject({ vectors: deleted.vectors, objects: deleted.objects, remaining: 0, verified: true });

    expect(await client.get(index)).toMatchObject({ status: 404, body: { error: { code: 'index_not_found' } } });
    const { status: again, body: next } = await client.post('/v1/indexes', made);
    expect([again, next.id === old.id]).toEqual([201, false]);
    expect((await client.get(`${index}/stats`)).body).toMatchObject({ vectors: 0, shards: 1 });
    expect((await client.post(`${index}/upsert`, { vectors: [{ ...vectorOf(7), id: 'new' }] })).status).toBe(200);
    const found = await client.post(`${index}/query`, { vector: valuesOf(7), top_k: 100, exact: true });
    expect(found.body.matches.map(({ id }: { id: string }) => id)).toEqual(['new']);
    // Rows that were moving do not come back either.
    expect(await verified()).toMatchObject({ remaining: 0, verified: true });
    expect((await client.delete(index)).body).toMatchObject({ id: next.id, vectors: 1 });
  });
});

import { beforeAll, describe, expect, it } from 'vitest';

import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import { shardBudget } from '../../src/index/resharding/shard-budget.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const MODEL = 'glove-sif-100';

const server = sharedDeployment();
let tenant: TestTenant;
/** A client of the same tenant at another gateway isolate. */
let elsewhere: ApiClient;
let serial = 0;

beforeAll(async () => {
  tenant = await createTenant(server);
  elsewhere = new ApiClient(server.urls[1] ?? '', tenant.client.apiKey);
});

/** Creates an index; returns the path of its calls. */
async function createIndex(options: Record<string, unknown> = { dimensions: 3 }): Promise<string> {
  const name = `index-${(serial += 1)}`;
  const created = await tenant.client.post('/v1/indexes', { name, owner: 'search-team', ...options });
  expect(created.status).toBe(201);
  return `/v1/indexes/${name}`;
}

const refused = (status: number, code: string, param: string | null) => ({ status, body: { error: { code, param } } });

describe('the index API', () => {
  it('[M65] an index pinned to the first version of its model goes on with it; new ones have the second', async () => {
    // What an index made before the second version has stored is what naming the first version stores now.
    const old = await createIndex({ model: `${MODEL}@1` });
    const now = await createIndex({ model: MODEL });
    const hashOf = async (path: string) => (await tenant.client.get(path)).body.contract_hash;
    const { body: models } = await tenant.client.get('/v1/models');
    const contractOf = (id: string) => models.data.find((model: { id: string }) => model.id === id).contract_hash;
    expect([await hashOf(old), await hashOf(now)]).toEqual([contractOf(`${MODEL}@1`), contractOf(MODEL)]);
    const upsert = (path: string, body: object) => tenant.client.post(`${path}/upsert`, body);
    const vectors = [
      { id: 'river', text: 'the river bank' },
      { id: 'code', text: 'kubectl 12345' },
    ];
    // The name without a version is the index's own, for texts.
    for (const path of [old, now]) expect((await upsert(path, { vectors, model: MODEL })).status).toBe(200);
    const qualities = await Promise.all([old, now].map(async (path) => (await tenant.client.get(path)).body.retrieval_quality));
    expect(qualities).toEqual([0.62, 0.69]);
    const scoreOf = async (path: string, text: string) => {
      const { body } = await tenant.client.post(`${path}/query`, { text, top_k: 1 });
      return [body.matches[0].id, Number(body.matches[0].score.toFixed(4))];
    };
    expect(await scoreOf(old, 'a river bank')).toEqual(['river', expect.closeTo(1, 1)]);
    // The first version knows no such word: every vector is as far from none.
    expect((await scoreOf(old, 'kubectl 12345'))[1]).toBe(0);
    expect(await scoreOf(now, 'kubectl 12345')).toEqual(['code', 1]);
    const values = (await tenant.client.post('/v1/embeddings', { model: MODEL, input: 'a weir' })).body.data[0].embedding;
    expect(await upsert(old, { vectors: [{ id: 'own', values }], model: MODEL })).toMatchObject({
      status: 409,
      body: { error: { code: 'contract_mismatch', accepted: [{ model: `${MODEL}@1`, contract_hash: contractOf(`${MODEL}@1`) }] } },
    });
    expect((await upsert(old, { vectors: [{ id: 'own', values }], model: `${MODEL}@1` })).status).toBe(200);
    const zeros = await tenant.client.post('/v1/embeddings', { model: `${MODEL}@1`, input: 'kubectl' });
    expect([zeros.headers.get('x-sluice-model'), Math.max(...zeros.body.data[0].embedding)]).toEqual([`${MODEL}@1`, 0]);
  });

  it('[V17] creates, describes, lists in pages, counts and deletes', async () => {
    const owner = await createTenant(server);
    for (const name of ['b', 'a', 'c']) await owner.client.post('/v1/indexes', { name, dimensions: 4, metric: 'l2', owner: 'search-team' });
    const described = await owner.client.get('/v1/indexes/a');
    expect(described).toMatchObject({
      status: 200,
      body: {
        object: 'index',
        name: 'a',
        dimensions: 4,
        metric: 'l2',
        model: null,
        contract_hash: null,
        owner: 'search-team',
        generation: 1,
      },
    });
    expect(described.body.id).toMatch(/^ix_[0-9a-z]{16}$/);
    expect(Math.abs(described.body.created - Date.now() / 1000)).toBeLessThan(60);
    const page = await owner.client.get('/v1/indexes?limit=2');
    expect([page.body.data.map((index: { name: string }) => index.name), page.body.has_more]).toEqual([['a', 'b'], true]);
    const rest = await owner.client.get('/v1/indexes?limit=2&after=b');
    expect([rest.body.data.map((index: { name: string }) => index.name), rest.body.has_more]).toEqual([['c'], false]);

    await owner.client.post('/v1/indexes/a/upsert', { vectors: [{ id: 'x', values: [1, 2, 3, 4], namespace: 'n' }] });
    const stats = await owner.client.get('/v1/indexes/a/stats');
    expect(stats.body).toMatchObject({ object: 'index.stats', name: 'a', lsn: 1, vectors: 1, namespaces: 1, memory_bytes: 0 });
    expect(stats.body).toMatchObject({ shards: 1, replicas: 0, vectors_max: 4_096 * shardBudget({ dimensions: 4 }) });
    expect((await owner.client.delete('/v1/indexes/a')).body).toEqual({
      object: 'index.deleted',
      id: described.body.id,
      name: 'a',
      deleted: true,
      vectors: 1,
      objects: 2,
      objects_lost: 0,
      bytes: expect.any(Number),
    });
    expect(await owner.client.get('/v1/indexes/a')).toMatchObject(refused(404, 'index_not_found', 'index'));
  });

  it('[V20] repeats a creation under its idempotency-key', async () => {
    const body = { name: 'repeated', dimensions: 3, owner: 'search-team' };
    const headers = { 'idempotency-key': 'create-1' };
    const first = await tenant.client.post('/v1/indexes', body, headers);
    expect((await elsewhere.post('/v1/indexes', body, headers)).body).toEqual(first.body);
    expect(await tenant.client.post('/v1/indexes', { ...body, dimensions: 4 }, headers)).toMatchObject(
      refused(422, 'idempotency_mismatch', 'idempotency-key'),
    );
    expect(await tenant.client.post('/v1/indexes', body)).toMatchObject(refused(409, 'already_exists', 'name'));
  });

  it('[V7][V9] writes, searches, fetches and deletes vectors, and reports the state of the index', async () => {
    const index = await createIndex();
    const vectors = [
      { id: 'x', values: [1, 0, 0], metadata: { lang: 'en', nested: { list: [1, null] } } },
      { id: 'y', values: [0.6, 0.8, 0] },
      { id: 'z', values: [0, 0, 1], namespace: 'other' },
    ];
    const written = await tenant.client.post(`${index}/upsert`, { vectors });
    expect(written).toMatchObject({ status: 200, body: { upserted: 3, lsn: 1 } });
    expect(written.headers.get('x-sluice-index-lsn')).toBe('1');
    expect(written.headers.get('x-sluice-index-generation')).toBe('1');

    const found = await elsewhere.post(`${index}/query`, { vector: [2, 0, 0], include_values: true, include_text: true });
    expect(found.body).toEqual({
      matches: [
        { id: 'x', score: 1, values: [1, 0, 0], metadata: vectors[0]?.metadata, text: null },
        { id: 'y', score: expect.closeTo(0.6, 6), values: [0.6, 0.8, 0], metadata: null, text: null },
      ],
      lsn: 1,
    });
    expect((await tenant.client.post(`${index}/query`, { id: 'y', top_k: 1, include_metadata: false })).body.matches).toEqual([
      { id: 'y', score: 1 },
    ]);
    expect((await tenant.client.post(`${index}/query`, { vector: [1, 1, 1], namespace: 'other' })).body.matches).toMatchObject([
      { id: 'z' },
    ]);
    expect((await tenant.client.post(`${index}/fetch`, { ids: ['y', 'absent', 'x'], include_metadata: false })).body).toEqual({
      vectors: [
        { id: 'y', values: [0.6, 0.8, 0] },
        { id: 'x', values: [1, 0, 0] },
      ],
      lsn: 1,
    });
    expect((await tenant.client.post(`${index}/delete`, { ids: ['x', 'z'] })).body).toEqual({ deleted: 1, lsn: 2 });
    expect((await elsewhere.post(`${index}/query`, { vector: [1, 0, 0] })).body).toMatchObject({ matches: [{ id: 'y' }], lsn: 2 });
    expect((await tenant.client.post(`${index}/delete`, { all: true })).body).toEqual({ deleted: 2, lsn: 3 });
    expect((await elsewhere.post(`${index}/query`, { vector: [1, 0, 0], namespace: 'other' })).body).toEqual({ matches: [], lsn: 3 });
  });

  it('[V10] carries out a repeated upsert under one idempotency-key only once', async () => {
    const index = await createIndex();
    const headers = { 'idempotency-key': 'upsert-1' };
    const body = { vectors: [{ id: 'x', values: [1, 0, 0], metadata: { a: 1 } }] };
    expect((await tenant.client.post(`${index}/upsert`, body, headers)).body).toEqual({ upserted: 1, lsn: 1 });
    expect((await elsewhere.post(`${index}/upsert`, body, headers)).body).toEqual({ upserted: 1, lsn: 1 });
    for (const vector of [
      { id: 'x', values: [1, 0, 0.5], metadata: { a: 1 } },
      { id: 'x', values: [1, 0, 0] },
    ]) {
      expect(await tenant.client.post(`${index}/upsert`, { vectors: [vector] }, headers)).toMatchObject(
        refused(422, 'idempotency_mismatch', 'idempotency-key'),
      );
    }
    expect((await tenant.client.get(`${index}/stats`)).body.lsn).toBe(1);
  });

  it('[V24] embeds texts with the model the index is pinned to, keeps them, and meters the tokens', async () => {
    const index = await createIndex({ model: MODEL });
    const vectors = ['a dog runs in the park', 'the stock market fell today', 'cats and dogs are pets'].map((text, i) => ({
      id: `t${i}`,
      text,
    }));
    expect((await tenant.client.post(`${index}/upsert`, { vectors })).body).toEqual({ upserted: 3, lsn: 1 });
    const found = await tenant.client.post(`${index}/query`, {
      text: 'puppies and kittens',
      top_k: 2,
      include_text: true,
      include_metadata: false,
    });
    expect(found.body.matches.map(({ text }: { text: string }) => text).toSorted()).toEqual([
      'a dog runs in the park',
      'cats and dogs are pets',
    ]);
    const embedded = await tenant.client.post('/v1/embeddings', { model: MODEL, input: vectors[2]?.text });
    const [best] = (await tenant.client.post(`${index}/query`, { vector: embedded.body.data[0].embedding, model: MODEL })).body.matches;
    expect(best).toMatchObject({ id: 't2', score: expect.closeTo(1, 6) });
  });

  it('[B20][B21] lists the embedding contracts that an index accepts, for vectors and for queries', async () => {
    const name = `towers-${(serial += 1)}`;
    const body = { name, owner: 'search-team', model: MODEL, query_model: `${MODEL}-onnx` };
    const created = await tenant.client.post('/v1/indexes', body);
    expect(created).toMatchObject({ status: 201, body: { model: MODEL, query_model: `${MODEL}-onnx` } });
    expect(created.body.query_contract_hash).toMatch(/^[0-9a-f]{64}$/);
    await tenant.client.post(`/v1/indexes/${name}/upsert`, { vectors: [{ id: 'a', text: 'a weir in the river' }] });
    const found = await tenant.client.post(`/v1/indexes/${name}/query`, { text: 'a weir in the river' });
    expect(found.body.matches).toMatchObject([{ id: 'a', score: expect.closeTo(1, 4) }]);
    const index = await createIndex();
    const refusal = await tenant.client.post(`${index}/upsert`, { vectors: [{ id: 'a', values: [1, 2, 3] }], model: MODEL });
    expect(refusal).toMatchObject({ status: 409, body: { error: { code: 'contract_mismatch', param: 'model', accepted: [] } } });
    const none = { name: 'none', owner: 'search-team', dimensions: 3, query_model: MODEL };
    expect(await tenant.client.post('/v1/indexes', none)).toMatchObject(refused(400, 'invalid_value', 'query_model'));
  });

  it('[V25] refuses a value that does not fit the index, naming it, and writes none of the batch', async () => {
    const index = await createIndex();
    const pinned = await createIndex({ model: MODEL });
    const good = { id: 'good', values: [1, 0, 0] };
    const upsert = (bad: Record<string, unknown>, more: Record<string, unknown> = {}) =>
      tenant.client.post(`${index}/upsert`, { vectors: [good, bad], ...more });
    const cases: [ReturnType<typeof upsert>, number, string, string | null][] = [
      [upsert({ id: 'b', values: [1, 2] }), 400, 'dimension_mismatch', 'vectors[1].values'],
      [upsert({ id: 'b', values: [1, 2, 1e39] }), 400, 'invalid_value', 'vectors[1].values[2]'],
      [upsert({ id: 'b', values: [1, null, 3] }), 400, 'invalid_value', 'vectors[1].values[1]'],
      [upsert({ id: 'b', values: Array.from({ length: 8193 }, () => 1) }), 400, 'limit_exceeded', 'vectors[1].values'],
      [upsert({ id: 'b' }), 400, 'invalid_value', 'vectors[1]'],
      [upsert({ id: 'b' }), 400, 'invalid_value', 'vectors[1]'],
      [upsert({ ...good, id: 'b', fields: { title: 'x' } }), 400, 'invalid_value', 'vectors[1].fields.title'],
      [
        tenant.client.post('/v1/indexes', { name: 'f', owner: 'o', dimensions: 3, fields: { f: { kind: 'txt' } } }),
        400,
        'invalid_value',
        'fields.f.kind',
      ],
      [upsert({ id: 'b', text: 'words' }), 400, 'invalid_value', 'vectors[1].text'],
      [upsert(good), 400, 'invalid_value', 'vectors[1].id'],
      [upsert({ ...good, id: '' }), 400, 'invalid_value', 'vectors[1].id'],
      [upsert({ ...good, id: '\ud800' }), 400, 'invalid_value', 'vectors[1].id'],
      [upsert({ ...good, id: 'é'.repeat(257) }), 400, 'limit_exceeded', 'vectors[1].id'],
      [
        upsert({ ...good, id: 'b', metadata: { text: 'x'.repeat(VECTOR_LIMITS.vectorMetadataBytesMax) } }),
        400,
        'limit_exceeded',
        'vectors[1].metadata',
      ],
      [
        upsert({ ...good, id: 'b', metadata: JSON.parse(`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`) }),
        400,
        'limit_exceeded',
        'vectors[1].metadata',
      ],
      [upsert({ ...good, id: 'b', metadata: [1] }), 400, 'invalid_value', 'vectors[1].metadata'],
      [upsert({ ...good, id: 'b' }, { model: MODEL }), 409, 'contract_mismatch', 'model'],
      [tenant.client.post(`${pinned}/query`, { text: 'dog', model: 'no-such-model' }), 404, 'model_not_found', 'model'],
      [tenant.client.post(`${index}/query`, { vector: [1, 2] }), 400, 'dimension_mismatch', 'vector'],
      [tenant.client.post(`${index}/query`, { text: 'dog' }), 400, 'invalid_value', 'text'],
      [tenant.client.post(`${index}/query`, { id: 'absent' }), 404, 'vector_not_found', 'id'],
      [tenant.client.post(`${index}/query`, { id: 'x', vector: [1, 2, 3] }), 400, 'invalid_value', null],
      [tenant.client.post(`${index}/query`, { vector: [1, 2, 3], top_k: 10_001 }), 400, 'limit_exceeded', 'top_k'],
      [tenant.client.post(`${index}/query`, { vector: [1, 2, 3], offset: 10_001 }), 400, 'limit_exceeded', 'offset'],
      [tenant.client.post(`${index}/delete`, {}), 400, 'invalid_value', 'ids'],
      [tenant.client.post('/v1/indexes', { name: 'both', owner: 'o', dimensions: 3, model: MODEL }), 400, 'invalid_value', null],
      [tenant.client.post('/v1/indexes', { name: 'large', owner: 'o', dimensions: 8193 }), 400, 'limit_exceeded', 'dimensions'],
      [tenant.client.post('/v1/indexes', { name: 'm', owner: 'o', model: 'no-such-model' }), 404, 'model_not_found', 'model'],
      [tenant.client.post('/v1/indexes/absent/query', { vector: [1, 2, 3] }), 404, 'index_not_found', 'index'],
    ];
    for (const [answer, status, code, param] of cases) {
      const { status: actual, body } = await answer;
      expect([actual, body.error?.code, body.error?.param, body.error?.message]).toEqual([status, code, param, expect.any(String)]);
    }
    expect((await tenant.client.get(`${index}/stats`)).body).toMatchObject({ lsn: 0, vectors: 0 });
  });

  it('[V60][V66] queries and deletes by filters on metadata', async () => {
    const index = await createIndex({ dimensions: 2, metric: 'dot' });
    const vectors = Array.from({ length: 1200 }, (_, i) => ({
      id: `v${i}`,
      values: [i, 1],
      metadata: { lang: i % 3 === 0 ? 'de' : 'en', author: { born: 1900 + (i % 100) }, tags: ['all', `t${i}`] },
    }));
    await tenant.client.post(`${index}/upsert`, { vectors: vectors.slice(0, 1000) });
    await tenant.client.post(`${index}/upsert`, { vectors: vectors.slice(1000) });
    const query = async (filter: unknown) =>
      (await elsewhere.post(`${index}/query`, { vector: [1, 0], top_k: 3, filter })).body.matches.map(({ id }: { id: string }) => id);
    expect(await query({ lang: 'de' })).toEqual(['v1197', 'v1194', 'v1191']);
    expect(await query({ lang: { $ne: 'de' }, 'author.born': { $lt: 1910 } })).toEqual(['v1109', 'v1108', 'v1106']);
    expect(await query({ $or: [{ tags: 't7' }, { tags: { $in: ['t5', 'absent'] } }] })).toEqual(['v7', 'v5']);
    expect(await query({ 'author.died': { $exists: true } })).toEqual([]);

    const remove = (body: object) => tenant.client.post(`${index}/delete`, body);
    expect((await remove({ filter: { tags: 'all', lang: 'en' } })).body).toEqual({ deleted: 800, lsn: 3 });
    expect((await remove({ filter: { tags: 'all', lang: 'en' } })).body).toEqual({ deleted: 0, lsn: 3 });
    expect(await query({ tags: 'all' })).toEqual(['v1197', 'v1194', 'v1191']);
    expect((await remove({ filter: { lang: { $exists: true } }, namespace: 'other' })).body).toEqual({ deleted: 0, lsn: 3 });
    expect((await tenant.client.get(`${index}/stats`)).body).toMatchObject({ vectors: 400 });
  });

  it('[V71][V72] recommends by positive and negative examples, without excluded ids', async () => {
    const index = await createIndex({ dimensions: 2 });
    const at = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    const vectors = Array.from({ length: 90 }, (_, i) => ({ id: `d${i}`, values: at(i), metadata: { even: i % 2 === 0 } }));
    await tenant.client.post(`${index}/upsert`, { vectors });
    const ask = (body: object) => tenant.client.post(`${index}/query`, { top_k: 2, ...body });
    const ids = async (body: object) => (await ask(body)).body.matches.map(({ id }: { id: string }) => id);
    expect(await ids({ positive_ids: ['d40', 'd43'] })).toEqual(['d41', 'd42']);
    expect(await ids({ positive_ids: ['d40', 'd43'], exclude_ids: ['d41', 'absent'] })).toEqual(['d42', 'd39']);
    expect(await ids({ positive_ids: ['d40'], negative_ids: ['d20'], filter: { even: true } })).toEqual(['d58', 'd56']);
    expect(await ids({ id: 'd40', exclude_ids: ['d40', 'd38', 'd36'], filter: { even: true } })).toEqual(['d42', 'd44']);
    expect(await ask({ positive_ids: ['d1', 'absent'] })).toMatchObject(refused(404, 'vector_not_found', 'positive_ids[1]'));
    expect(await ask({ id: 'd1', negative_ids: ['d2'] })).toMatchObject(refused(400, 'invalid_value', 'negative_ids'));
    expect(await ask({ id: 'd1', positive_ids: ['d2'] })).toMatchObject(refused(400, 'invalid_value', null));
  });

  it('[V65] refuses filters that are malformed, too large or empty, naming the path', async () => {
    const index = await createIndex({ dimensions: 2 });
    const query = (filter: unknown) => tenant.client.post(`${index}/query`, { vector: [1, 0], filter });
    const remove = (body: object) => tenant.client.post(`${index}/delete`, body);
    expect(await query({ $or: [{ a: 1 }, { b: { $like: 'x' } }] })).toMatchObject(refused(400, 'invalid_value', 'filter.$or[1].b.$like'));
    expect(await query({ a: { $in: Array.from({ length: 10_001 }, () => 1) } })).toMatchObject(
      refused(400, 'limit_exceeded', 'filter.a.$in[10000]'),
    );
    expect(await remove({ filter: {} })).toMatchObject(refused(400, 'invalid_value', 'filter'));
    expect(await remove({ filter: { a: [1] } })).toMatchObject(refused(400, 'invalid_value', 'filter.a'));
    expect(await remove({ filter: { a: 1 }, ids: ['x'] })).toMatchObject(refused(400, 'invalid_value', 'ids'));
    expect(await remove({ all: true, namespace: 'n' })).toMatchObject(refused(400, 'invalid_value', 'namespace'));
  });

  it('[V25] limits the count of numbers in one answer', async () => {
    const index = await createIndex({ dimensions: 4096 });
    const answer = await tenant.client.post(`${index}/query`, {
      vector: Array.from({ length: 4096 }, () => 1),
      top_k: 245,
      include_values: true,
    });
    expect(answer).toMatchObject(refused(400, 'limit_exceeded', 'top_k'));
    expect(answer.body.error.message).toContain('retrievalReplyFloatsMaxCount');
  });

  it('[V16][V165] accepts large batches of any characters in slices, and answers in parts', async () => {
    const index = await createIndex({ dimensions: 2, metric: 'dot' });
    const pinned = await createIndex({ model: MODEL });
    const filler = `漢${'x'.repeat(10_000)}`;
    const vectors = Array.from({ length: 1000 }, (_, i) => ({ id: `v${i}`, values: [i, 1], metadata: { filler } }));
    expect((await tenant.client.post(`${index}/upsert`, { vectors })).body).toEqual({ upserted: 1000, lsn: 3 });
    expect(await tenant.client.post(`${index}/query`, { vector: [1, 0], top_k: 1000 })).toMatchObject(refused(400, 'limit_exceeded', null));
    const answer = await tenant.client.post(`${index}/query`, { vector: [1, 0], top_k: 700 });
    expect(answer.body.matches[699]).toEqual({ id: 'v300', score: 300, metadata: { filler } });

    const text = `dog 漢${'x'.repeat(60_000)}`;
    const texts = Array.from({ length: 195 }, (_, i) => ({ id: `t${i}`, text }));
    expect((await tenant.client.post(`${pinned}/upsert`, { vectors: texts })).body).toEqual({ upserted: 195, lsn: 3 });
    const over = Array.from({ length: 560 }, (_, i) => ({ id: `t${i}`, text }));
    expect(await tenant.client.post(`${pinned}/upsert`, { vectors: over })).toMatchObject(refused(413, 'payload_too_large', null));
  });

  it('[V18][V26] an isolate that cached an earlier index of the name is corrected, never wrong', async () => {
    const index = await createIndex();
    const name = index.slice('/v1/indexes/'.length);
    await elsewhere.post(`${index}/upsert`, { vectors: [{ id: 'old', values: [1, 0, 0] }] });
    await tenant.client.delete(index);
    expect(await elsewhere.post(`${index}/query`, { vector: [1, 0, 0] })).toMatchObject(refused(404, 'index_not_found', 'index'));

    await tenant.client.post('/v1/indexes', { name, dimensions: 3, owner: 'search-team' });
    await elsewhere.post(`${index}/upsert`, { vectors: [{ id: 'second', values: [1, 0, 0] }] });
    await tenant.client.delete(index);
    await tenant.client.post('/v1/indexes', { name, dimensions: 2, owner: 'search-team' });
    // Within the second for which the other isolate's cached manifest says three dimensions.
    expect((await elsewhere.post(`${index}/upsert`, { vectors: [{ id: 'new', values: [1, 0] }] })).body).toEqual({ upserted: 1, lsn: 1 });
    expect((await elsewhere.post(`${index}/query`, { vector: [1, 0] })).body.matches).toMatchObject([{ id: 'new' }]);
    expect(await elsewhere.post(`${index}/query`, { vector: [1, 0, 0] })).toMatchObject(refused(400, 'dimension_mismatch', 'vector'));
  });

  it('[V19] shows a tenant nothing of the index of the same name of another tenant', async () => {
    const [a, b] = [await createTenant(server), await createTenant(server)];
    for (const { client } of [a, b]) await client.post('/v1/indexes', { name: 'same', dimensions: 2, owner: 'search-team' });
    await a.client.post('/v1/indexes/same/upsert', { vectors: [{ id: 'of-a', values: [1, 0] }] });
    expect((await b.client.post('/v1/indexes/same/query', { vector: [1, 0] })).body).toEqual({ matches: [], lsn: 0 });
    expect((await b.client.post('/v1/indexes/same/fetch', { ids: ['of-a'] })).body.vectors).toEqual([]);
    await b.client.delete('/v1/indexes/same');
    expect((await a.client.post('/v1/indexes/same/query', { vector: [1, 0] })).body.matches).toMatchObject([{ id: 'of-a' }]);
  });
});

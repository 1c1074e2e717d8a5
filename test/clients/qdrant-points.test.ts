import type { QdrantClient } from '@qdrant/js-client-rest';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import { failure, idsOf, lineOf, qdrantClient, refusal } from '../support/deployment/qdrant.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;
let qdrant: QdrantClient;

beforeAll(async () => {
  // The client warns about sending keys over plain HTTP.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  tenant = await createTenant(server);
  // At the root; the other tests of the client use the prefix.
  qdrant = qdrantClient(server, tenant, tenant.client.apiKey, '');
});

describe('points by the unmodified Qdrant client', () => {
  it('[Q30] are written as lists and as columns, in slices; of points with the same id the last counts', async () => {
    const name = await lineOf(qdrant, 0);
    const points = Array.from({ length: 2_500 }, (_, i) => ({ id: i, vector: [i, 1], payload: { i } }));
    const done = await qdrant.upsert(name, { points: [...points, { id: 3, vector: [5000, 1], payload: { i: 'last' } }] });
    expect(done).toEqual({ operation_id: 3, status: 'completed' });
    expect(await qdrant.count(name)).toEqual({ count: 2_500 });
    expect((await qdrant.query(name, { query: [5000, 1], limit: 1, with_payload: true })).points).toMatchObject([
      { id: 3, score: 0, payload: { i: 'last' } },
    ]);
    await qdrant.upsert(name, {
      batch: {
        ids: [1, 2],
        vectors: [
          [1, 2],
          [2, 2],
        ],
        payloads: [{ a: 1 }, null],
      },
    });
    expect((await qdrant.retrieve(name, { ids: [1, 2], with_vector: true })).map(({ payload, vector }) => [payload, vector])).toEqual([
      [{ a: 1 }, [1, 2]],
      [{}, [2, 2]],
    ]);
    const misfit = [...points.slice(0, 1_500), { id: 9_999, vector: [1, 2, 3] }];
    expect(await refusal(qdrant.upsert(name, { points: misfit }))).toEqual([
      400,
      'dimension_mismatch',
      expect.stringContaining('points[1500].vector'),
    ]);
    expect(
      await refusal(
        qdrant.upsert(name, {
          batch: {
            ids: [1],
            vectors: [
              [1, 2],
              [2, 2],
            ],
          },
        }),
      ),
    ).toEqual([400, 'invalid_value', expect.any(String)]);
  });

  it('[Q31] return the requested parts of payloads', async () => {
    const name = await lineOf(qdrant, 2);
    const shown = async (withPayload: boolean | string[] | { include: string[] } | { exclude: string[] }) =>
      (await qdrant.retrieve(name, { ids: [2], with_payload: withPayload }))[0];
    expect(await shown(false)).toEqual({ id: 2 });
    expect((await shown(['n', 'deep.list[].at', 'absent']))?.payload).toEqual({ n: 2, deep: { list: [{ at: 2 }, { at: -2 }] } });
    expect((await shown({ include: ['deep.list[0].at', 'tags'] }))?.payload).toEqual({ tags: ['t2', 'all'], deep: { list: [{ at: 2 }] } });
    expect((await shown({ exclude: ['deep', 'tags', 'kind'] }))?.payload).toEqual({ n: 2 });
    const { points } = await qdrant.query(name, { query: [2, 1], limit: 1, with_vector: true });
    expect(points).toEqual([{ id: 2, version: 1, score: 0, vector: [2, 1] }]);
  });

  it('[Q32] have payloads set, overwritten, deleted and cleared, by ids and by filter', async () => {
    const name = await lineOf(qdrant, 4);
    const payloads = async () => (await qdrant.scroll(name, { limit: 10 })).points.map(({ payload }) => payload);
    await qdrant.overwritePayload(name, { payload: { a: { b: 1 } }, filter: {} });
    await qdrant.setPayload(name, { payload: { c: 2 }, points: [1] });
    await qdrant.setPayload(name, { payload: { d: 3 }, key: 'a', points: [1, 2] });
    await qdrant.deletePayload(name, { keys: ['a.b', 'x'], points: [2] });
    await qdrant.clearPayload(name, { points: [3, 400] });
    expect(await payloads()).toEqual([{ a: { b: 1, d: 3 }, c: 2 }, { a: { d: 3 } }, {}, { a: { b: 1 } }]);
    await qdrant.setPayload(name, { payload: { seen: true }, filter: { must: [{ key: 'a.d', match: { value: 3 } }] } });
    await qdrant.deletePayload(name, { keys: ['a'], filter: { must: [{ key: 'seen', match: { value: true } }] } });
    expect(await payloads()).toEqual([{ c: 2, seen: true }, { seen: true }, {}, { a: { b: 1 } }]);
    expect(await refusal(qdrant.setPayload(name, { payload: { e: 1 }, points: [1, 400] }))).toEqual([
      404,
      'vector_not_found',
      'Not found: No point with id 400 found',
    ]);
    expect((await payloads())[0]).not.toHaveProperty('e');
    expect(await qdrant.count(name)).toEqual({ count: 4 });
  });

  it('[Q33] get new vectors; points can be deleted, but not a vector alone', async () => {
    const name = await lineOf(qdrant, 3);
    await qdrant.updateVectors(name, { points: [{ id: 2, vector: [50, 1] }] });
    expect((await qdrant.query(name, { query: [50, 1], limit: 1, with_payload: ['n'] })).points).toMatchObject([
      { id: 2, score: 0, payload: { n: 2 } },
    ]);
    expect(await refusal(qdrant.updateVectors(name, { points: [{ id: 9, vector: [1, 1] }] }))).toEqual([
      404,
      'vector_not_found',
      expect.any(String),
    ]);
    expect(await refusal(qdrant.deleteVectors(name, { points: [2], vector: [''] }))).toEqual([
      400,
      'invalid_value',
      expect.stringContaining('delete the point'),
    ]);
    await qdrant.delete(name, { points: [2] });
    expect(idsOf((await qdrant.scroll(name)).points)).toEqual([1, 3]);
  });

  it('[Q34] are changed by the operations of a batch one after another', async () => {
    const name = await lineOf(qdrant, 2);
    const results = await qdrant.batchUpdate(name, {
      operations: [
        { upsert: { points: [{ id: 3, vector: [3, 1], payload: { n: 3 } }] } },
        { set_payload: { payload: { k: 1 }, points: [3] } },
        { overwrite_payload: { payload: { o: 1 }, points: [1] } },
        { delete_payload: { keys: ['kind'], points: [2] } },
        { clear_payload: { points: [1] } },
        { update_vectors: { points: [{ id: 3, vector: [30, 1] }] } },
        { delete: { filter: { must: [{ key: 'n', match: { value: 2 } }] } } },
      ],
    });
    expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 7 }, () => 'completed'));
    const { points } = await qdrant.scroll(name, { with_vector: true });
    expect(points).toEqual([
      { id: 1, payload: {}, vector: [1, 1] },
      { id: 3, payload: { n: 3, k: 1 }, vector: [30, 1] },
    ]);
  });

  it('[Q34][Q52] keep the changes before the refused operation of a batch, which is named; they are billed', async () => {
    const name = await lineOf(qdrant, 1);
    const written = async () => {
      const { data } = (await tenant.client.get('/v1/usage?group_by=route')).body as {
        data: { meter: string; route: string; quantity: number }[];
      };
      return data.find(({ meter, route }) => meter === 'vectors_written' && route.endsWith('/points/batch'))?.quantity ?? 0;
    };
    const before = await written();
    const thrown = await failure(
      qdrant.batchUpdate(name, {
        operations: [
          { upsert: { points: [2, 3].map((id) => ({ id, vector: [id, 1] })) } },
          { upsert: { points: [4, 5].map((id) => ({ id, vector: id === 5 ? [id, 1, 1] : [id, 1] })) } },
          { delete: { filter: {} } },
        ],
      }),
    );
    expect(thrown).toMatchObject({
      status: 400,
      data: { status: { code: 'dimension_mismatch', param: 'operations[1].upsert.points[1].vector', applied: 1 } },
    });
    expect(thrown.data?.status.error).toMatch(/^Wrong input: operations\[1\]\.upsert\.points\[1\]\.vector: /);
    expect(idsOf((await qdrant.scroll(name, {})).points)).toEqual([1, 2, 3]);
    expect((await written()) - before).toBe(2);
    const searches = [{ query: [1, 1] }, { query: 99 }];
    expect(await failure(qdrant.queryBatch(name, { searches }))).toMatchObject({
      status: 404,
      data: { status: { code: 'vector_not_found', param: expect.stringMatching(/^searches\[1\]/) } },
    });
  });

  it('[Q54] are counted by value of a key, with a filter, the most frequent value first', async () => {
    const name = await lineOf(qdrant, 450);
    await qdrant.upsert(name, { points: [{ id: 1_000, vector: [1, 1], payload: { kind: ['odd', 'odd', 'new'], flag: true } }] });
    const facet = async (options: Parameters<QdrantClient['facet']>[1]) => (await qdrant.facet(name, options)).hits;
    expect(await facet({ key: 'kind' })).toEqual([
      { value: 'odd', count: 226 },
      { value: 'even', count: 225 },
      { value: 'new', count: 1 },
    ]);
    const filter = { must: [{ key: 'n', range: { lte: 10 } }] };
    expect(await facet({ key: 'tags', filter, limit: 2, exact: true })).toEqual([
      { value: 'all', count: 10 },
      { value: 't1', count: 4 },
    ]);
    expect(await facet({ key: 'deep.list[].at', filter: { must: [{ has_id: [1] }] } })).toEqual([
      { value: -1, count: 1 },
      { value: 1, count: 1 },
    ]);
    expect(await facet({ key: 'flag' })).toEqual([{ value: true, count: 1 }]);
    expect(await facet({ key: 'absent' })).toEqual([]);
    expect((await refusal(qdrant.facet('absent', { key: 'kind' })))[1]).toBe('index_not_found');
  });

  it('[Q40] are found near a vector or a point, by filter, score and offset, exactly or diversified', async () => {
    const name = await lineOf(qdrant, 30);
    const query = async (options: Parameters<QdrantClient['query']>[1]) => idsOf((await qdrant.query(name, options)).points);
    expect(await query({ query: [10.2, 1], limit: 3 })).toEqual([10, 11, 9]);
    expect(await query({ query: [10.2, 1], limit: 2, offset: 2 })).toEqual([9, 12]);
    expect(await query({ query: 10, limit: 2 })).toEqual([11, 9]);
    expect(await query({ query: { nearest: [10.2, 1] }, score_threshold: 1, params: { exact: true, hnsw_ef: 512 } })).toEqual([10, 11]);
    expect(await query({ query: [10.2, 1], limit: 2, filter: { must: [{ key: 'kind', match: { value: 'odd' } }] } })).toEqual([11, 9]);
    const diverse = await query({ query: { nearest: [10, 1], mmr: { diversity: 0.9, candidates_limit: 20 } }, limit: 3 });
    expect(diverse[0]).toBe(10);
    expect(Math.abs(Number(diverse[1]) - 10)).toBeGreaterThan(5);
    expect(await query({ limit: 3, offset: 4 })).toEqual([5, 6, 7]);
    expect(idsOf(await qdrant.search(name, { vector: [3.1, 1], limit: 2 }))).toEqual([3, 4]);
    expect(await refusal(qdrant.query(name, { query: 99 }))).toEqual([404, 'vector_not_found', expect.any(String)]);
    expect(await query({ query: [1, 1], limit: 10_000, offset: 25 })).toEqual([26, 27, 28, 29, 30]);
    expect((await refusal(qdrant.query(name, { query: [1, 1], limit: 10_001 })))[1]).toBe('limit_exceeded');
    expect((await refusal(qdrant.query(name, { query: [1, 1], offset: 10_001 })))[1]).toBe('limit_exceeded');
  });

  it('[Q41] are recommended by points and vectors, averaged or by sum of scores, without the examples', async () => {
    const name = 'Angles';
    await qdrant.createCollection(name, { vectors: { size: 2, distance: 'Cosine' } });
    const at = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    await qdrant.upsert(name, { points: Array.from({ length: 36 }, (_, i) => ({ id: i, vector: at(i * 10) })) });
    const recommend = async (input: object) => (await qdrant.query(name, { query: { recommend: input }, limit: 3 })).points;
    const between = await recommend({ positive: [0, 4] });
    expect([between[0]?.id, new Set(idsOf(between))]).toEqual([2, new Set([1, 2, 3])]);
    expect(idsOf(await recommend({ positive: [0, at(42)] }))).toEqual([2, 3, 1]);
    const away = await recommend({ positive: [0], negative: [3] });
    expect(idsOf(away)).not.toContain(0);
    expect(Number(away[0]?.id)).toBeGreaterThan(30);
    expect(idsOf(await qdrant.recommend(name, { positive: [0, 4], limit: 1 }))).toEqual([2]);

    const cosine = (a: number, b: number) => Math.cos(((a - b) * 10 * Math.PI) / 180);
    for (const point of await recommend({ positive: [0, 4], negative: [9, at(30)], strategy: 'sum_scores' })) {
      const id = Number(point.id);
      expect(point.score).toBeCloseTo(cosine(id, 0) + cosine(id, 4) - cosine(id, 9) - cosine(id, 3), 5);
    }
    expect(idsOf(await recommend({ negative: [0], strategy: 'sum_scores' }))[0]).toBe(18);
    expect(await refusal(recommend({ negative: [0] }))).toEqual([400, 'invalid_value', expect.stringContaining('positive')]);
    expect(await refusal(recommend({ positive: [0], strategy: 'best_score' }))).toEqual([
      400,
      'invalid_value',
      expect.stringContaining('strategy'),
    ]);
    const line = await lineOf(qdrant, 3);
    const summed = qdrant.query(line, { query: { recommend: { positive: [1], strategy: 'sum_scores' } } });
    expect(await refusal(summed)).toEqual([400, 'invalid_value', expect.stringContaining('Cosine')]);
  });

  it('[Q80][Q82][Q83][Q84][Q85][Q86] answer as Qdrant does about times, facets, paths, cosines and groups', async () => {
    await qdrant.createCollection('as_there', { vectors: { '': { size: 2, distance: 'Cosine' } } });
    const points = Array.from({ length: 1_000 }, (_, i) => ({
      id: i,
      vector: { '': [1_000, i] },
      payload: { doc: i % 100, at: i < 500 ? '2024-06-01T12:00:00' : '2024-06-01 17:00:00+0500' },
    }));
    await qdrant.upsert('as_there', { wait: true, points });
    const { groups } = await qdrant.queryGroups('as_there', { query: [1, 0], group_by: 'doc', limit: 5, group_size: 5 });
    expect(groups.map(({ id, hits }) => [id, hits.length])).toEqual([0, 1, 2, 3, 4].map((id) => [id, 5]));
    const noon = { must: [{ key: 'at', range: { gte: '2024-06-01T12:00:00Z', lte: '2024-06-01 12:00' } }] };
    expect(await qdrant.count('as_there', { filter: noon })).toEqual({ count: 1_000 });
    const { hits } = await qdrant.facet('as_there', { key: 'doc', limit: 12 });
    expect(hits.map(({ value }) => value)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    await qdrant.setPayload('as_there', { wait: true, payload: { m: 0 }, key: 'x[]', points: [750] });
    const [shown] = await qdrant.retrieve('as_there', { ids: [750], with_vector: true });
    expect(shown).toEqual({ id: 750, payload: points[750]?.payload, vector: [expect.closeTo(0.8, 6), expect.closeTo(0.6, 6)] });
  });

  it('[Q42][Q43] are grouped by a value; several searches in one call answer as each alone', async () => {
    const name = await lineOf(qdrant, 20);
    const { groups } = await qdrant.queryGroups(name, { query: [10.1, 1], group_by: 'kind', group_size: 2, limit: 5 });
    expect(groups.map(({ id, hits }) => [id, idsOf(hits)])).toEqual([
      ['even', [10, 12]],
      ['odd', [11, 9]],
    ]);
    const tagged = await qdrant.queryGroups(name, { query: [1, 1], group_by: 'tags', group_size: 1, limit: 2, with_payload: ['n'] });
    expect(tagged.groups.map(({ id, hits }) => [id, hits[0]?.payload])).toEqual([
      ['t1', { n: 1 }],
      ['all', { n: 1 }],
    ]);
    const searches = [
      { query: [1, 1], limit: 2 },
      { query: 20, limit: 1, with_payload: true },
      { query: { recommend: { positive: [5] } }, limit: 1 },
    ];
    const batch = await qdrant.queryBatch(name, { searches });
    for (const [i, one] of searches.entries()) expect(batch[i]).toEqual(await qdrant.query(name, one));
    const found = await qdrant.searchBatch(name, {
      searches: [
        { vector: [2, 1], limit: 1 },
        { vector: [7, 1], limit: 1 },
      ],
    });
    expect(found.map(idsOf)).toEqual([[2], [7]]);
  });

  it('[Q30] are refused if a call has too many points or operations, naming the limit', async () => {
    const name = await lineOf(qdrant, 0);
    const points = Array.from({ length: VECTOR_LIMITS.qdrantPointsMaxCount + 1 }, (_, id) => ({ id, vector: [1, 1] }));
    expect(await refusal(qdrant.upsert(name, { points }))).toEqual([
      422,
      'limit_exceeded',
      expect.stringContaining(String(VECTOR_LIMITS.qdrantPointsMaxCount)),
    ]);
    const operations = Array.from({ length: VECTOR_LIMITS.qdrantOperationsMaxCount + 1 }, () => ({ delete: { points: [1] } }));
    expect((await refusal(qdrant.batchUpdate(name, { operations }))).slice(0, 2)).toEqual([422, 'limit_exceeded']);
  });

  it('[G20] return a component written as 0.19 as 0.19, wherever vectors are returned', async () => {
    const name = await lineOf(qdrant, 0);
    await qdrant.upsert(name, { points: [{ id: 1, vector: [0.19, -1e-7] }] });
    const answered = async (method: 'GET' | 'POST', path: string, body?: object) => {
      const headers = { authorization: `Bearer ${tenant.client.apiKey}`, 'content-type': 'application/json' };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await fetch(`${server.urls[0]}${path}`, { method, headers, ...sent })).text();
    };
    const index = `/v1/indexes/${name}`;
    const answers = [
      answered('POST', `${index}/query`, { vector: [0.19, 0], include_values: true }),
      answered('POST', `${index}/fetch`, { ids: ['1'] }),
      answered('POST', `${index}/list`, { include_values: true }),
      answered('GET', `${index}/export`),
      answered('POST', `/qdrant/collections/${name}/points/scroll`, { with_vector: true }),
      answered('GET', `/qdrant/collections/${name}/points/1`),
    ];
    for (const answer of answers) expect(await answer).toContain('[0.19,-1e-7]');
    const input = { model: 'glove-sif-100', input: 'canal' };
    const embedded = await answered('POST', '/v1/embeddings', input);
    const numbers = /"embedding":\[([^\]]+)\]/.exec(embedded)?.[1]?.split(',') ?? [];
    const { body } = await tenant.client.post('/v1/embeddings', { ...input, encoding_format: 'base64' });
    const exact = new Float32Array(new Uint8Array(Buffer.from(String(body.data[0].embedding), 'base64')).buffer);
    expect(Float32Array.from(numbers, Number)).toEqual(exact);
    expect(Math.max(...numbers.map((one) => one.replace(/^-?0?\.?0*/, '').length))).toBeLessThanOrEqual(10);
  });
});

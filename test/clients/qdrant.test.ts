import type { QdrantClient } from '@qdrant/js-client-rest';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import { failure, idsOf, lineOf, qdrantClient, refusal } from '../support/deployment/qdrant.ts';
import type { PointId } from '../support/deployment/qdrant.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { inOneMinute } from '../support/fixtures/in-time.ts';

type Filter = NonNullable<NonNullable<Parameters<QdrantClient['count']>[1]>['filter']>;

const server = sharedDeployment();
let tenant: TestTenant;
let qdrant: QdrantClient;

beforeAll(async () => {
  // The client warns about sending keys over plain HTTP.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  tenant = await createTenant(server);
  qdrant = qdrantClient(server, tenant);
});

/** A number that a double cannot represent, in the type that the client declares. */
const big = (digits: string): number => BigInt(digits) as unknown as number;

const UUID = '5c56c793-69f3-4fbf-87e6-c4bf54c28c26';

describe('the unmodified Qdrant client', () => {
  it('[Q2] shares collections with the native API, whichever API wrote them', async () => {
    await tenant.client.post('/v1/indexes', { name: 'shared', dimensions: 2, metric: 'l2', owner: 'search-team' });
    const vectors = [
      { id: 'article-17', values: [1, 1], metadata: { by: 'native' } },
      { id: '42', values: [2, 2] },
      { id: 'elsewhere', values: [1, 1], namespace: 'other' },
    ];
    await tenant.client.post('/v1/indexes/shared/upsert', { vectors });
    await qdrant.upsert('shared', { points: [{ id: 7, vector: [3, 3], payload: { by: 'qdrant' } }] });
    const native = await tenant.client.post('/v1/indexes/shared/fetch', { ids: ['7'] });
    expect(native.body.vectors).toEqual([{ id: '7', values: [3, 3], metadata: { by: 'qdrant' } }]);
    expect(idsOf((await qdrant.scroll('shared', {})).points)).toEqual([7, 42, 'article-17']);
    expect(await qdrant.retrieve('shared', { ids: ['article-17', 42] })).toMatchObject([
      { id: 'article-17', payload: { by: 'native' } },
      { id: 42 },
    ]);
    const near = await qdrant.query('shared', { query: 'article-17', limit: 1 });
    expect(near.points).toMatchObject([{ id: 42, score: Math.SQRT2 }]);
    await qdrant.delete('shared', { filter: {} });
    // An empty filter matches every point, and points are in the default namespace.
    expect((await tenant.client.get('/v1/indexes/shared/stats')).body.vectors).toBe(1);
  });

  it('[Q10][Q11] keeps 64-bit ids and UUIDs exactly, and accepts no other ids for new points', async () => {
    const name = await lineOf(qdrant, 0);
    const digits = ['9007199254740992', '9007199254740993', '18446744073709551615', '9223372036854775808'];
    const payload = { owner: big('9007199254740993'), nested: { list: [big('-9223372036854775808')] } };
    await qdrant.upsert(name, { points: digits.map((id, i) => ({ id: big(id), vector: [i, 1], payload })) });
    await qdrant.upsert(name, {
      batch: {
        ids: [UUID.toUpperCase(), `urn:uuid:${UUID.replace('5', '6')}`, 3],
        vectors: [
          [9, 1],
          [8, 1],
          [7, 1],
        ],
      },
    });
    const { points } = await qdrant.scroll(name, { limit: 100, with_payload: true });
    expect(points.map(({ id }) => String(id))).toEqual([
      '3',
      '9007199254740992',
      '9007199254740993',
      '9223372036854775808',
      '18446744073709551615',
      UUID,
      UUID.replace('5', '6'),
    ]);
    expect(points[2]?.payload).toEqual(payload);
    await qdrant.delete(name, { points: [big('9007199254740993')] });
    expect(await qdrant.retrieve(name, { ids: [big('9007199254740993'), big('9007199254740992')] })).toMatchObject([
      { id: BigInt('9007199254740992') },
    ]);
    const has = await qdrant.scroll(name, { filter: { must: [{ has_id: [big('18446744073709551615'), UUID] }] } });
    expect(idsOf(has.points)).toEqual([BigInt('18446744073709551615'), UUID]);
    const around = await qdrant.query(name, { query: big('18446744073709551615'), limit: 1 });
    expect(around.points[0]?.id).toBe(BigInt('9223372036854775808'));
    for (const id of ['article-17', '42', big('-1'), 1.5, big('18446744073709551616'), null as never]) {
      expect(
        await refusal(
          qdrant.upsert(name, {
            points: [
              { id: 1, vector: [1, 1] },
              { id, vector: [1, 1] },
            ],
          }),
        ),
      ).toEqual([400, 'invalid_value', expect.stringContaining('points[1].id')]);
    }
  });

  it('[Q12] scrolls through all points by pages of any size, and counts them', async () => {
    const name = await lineOf(qdrant, 45);
    for (const limit of [7, 45, 46]) {
      const seen: PointId[] = [];
      let pages = 0;
      for (let offset: PointId | undefined = undefined; ; pages += 1) {
        const page: Awaited<ReturnType<QdrantClient['scroll']>> = await qdrant.scroll(name, {
          limit,
          ...(offset === undefined ? {} : { offset }),
        });
        seen.push(...idsOf(page.points));
        if (page.next_page_offset === null || page.next_page_offset === undefined) break;
        offset = page.next_page_offset as PointId;
        expect(seen).not.toContain(offset);
      }
      expect(seen).toEqual(Array.from({ length: 45 }, (_, i) => i + 1));
      expect(pages).toBe(limit === 7 ? 6 : 0);
    }
    const odd = { must: [{ key: 'kind', match: { value: 'odd' } }] };
    expect(await qdrant.count(name, { filter: odd, exact: true })).toEqual({ count: 23 });
    expect(idsOf((await qdrant.scroll(name, { filter: odd, limit: 3, offset: 40 })).points)).toEqual([41, 43, 45]);
  });

  it('[Q20] filters by each kind of condition', async () => {
    const name = await lineOf(qdrant, 12);
    await qdrant.upsert(name, {
      points: [
        { id: 100, vector: [100, 1], payload: { city: { lat: 52.52, lon: 13.4 }, at: '2024-03-01T10:00:00Z', none: null, void: [] } },
        { id: 101, vector: [101, 1], payload: { city: [{ lat: 48.1, lon: 11.6 }], at: '2025-03-01T10:00:00Z' } },
        { id: 102, vector: [102, 1] },
      ],
    });
    const found = async (filter: Filter) => idsOf((await qdrant.scroll(name, { filter, limit: 100 })).points);
    expect(
      await found({
        must: [
          { key: 'kind', match: { value: 'even' } },
          { key: 'n', range: { gt: 4, lte: 10 } },
        ],
      }),
    ).toEqual([6, 8, 10]);
    expect(
      await found({
        should: [
          { key: 'n', match: { any: [3, 5] } },
          { key: 'n', range: { gte: 12 } },
        ],
      }),
    ).toEqual([3, 5, 12]);
    expect(await found({ must: { key: 'tags', match: { value: 't0' } }, must_not: [{ key: 'n', range: { lt: 7 } }] })).toEqual([9, 12]);
    expect(
      await found({
        must: [
          { key: 'kind', match: { except: ['even'] } },
          { key: 'n', range: { lt: 4 } },
        ],
      }),
    ).toEqual([1, 3]);
    expect(
      await found({
        must: [
          { key: 'tags', match: { except: ['all', 't1'] } },
          { key: 'n', range: { lt: 6 } },
        ],
      }),
    ).toEqual([2, 3, 5]);
    const min = {
      conditions: [
        { key: 'kind', match: { value: 'even' } },
        { key: 'tags', match: { value: 't0' } },
        { key: 'n', range: { gte: 9 } },
      ],
      min_count: 2,
    };
    expect(await found({ min_should: min })).toEqual([6, 9, 10, 12]);
    expect(await found({ must: [{ key: 'deep.list[].at', match: { value: -4 } }] })).toEqual([4]);
    const both = {
      must: [
        { key: 'at', range: { gt: 0 } },
        { key: 'at', match: { value: 4 } },
      ],
    };
    expect(await found({ must: [{ nested: { key: 'deep.list', filter: both } }] })).toEqual([4]);
    expect(await found({ must: [{ has_id: [2, 102, 500] }] })).toEqual([2, 102]);
    expect(await found({ must: [{ is_empty: { key: 'city' } }, { key: 'n', range: { lt: 3 } }] })).toEqual([1, 2]);
    expect(await found({ must: [{ is_null: { key: 'none' } }] })).toEqual([100]);
    expect(await found({ must: [{ key: 'void', values_count: { lt: 1 } }, { is_empty: { key: 'n' } }] })).toEqual([100, 101, 102]);
    expect(
      await found({
        must: [
          { key: 'tags', values_count: { gte: 2 } },
          { key: 'n', match: { value: 7 } },
        ],
      }),
    ).toEqual([7]);
    expect(await found({ must: [{ key: 'at', range: { gte: '2024-12-31', lt: '2026-01-01T00:00:00Z' } }] })).toEqual([101]);
    expect(await found({ must: [{ key: 'city', geo_radius: { center: { lat: 52.5, lon: 13.4 }, radius: 5000 } }] })).toEqual([100]);
    const box = { top_left: { lat: 49, lon: 11 }, bottom_right: { lat: 48, lon: 12 } };
    expect(await found({ must: [{ key: 'city', geo_bounding_box: box }] })).toEqual([101]);
    const corner = { lat: 50, lon: 10 };
    const ring = [corner, { lat: 54, lon: 10 }, { lat: 54, lon: 15 }, { lat: 50, lon: 15 }, corner];
    expect(await found({ must: [{ key: 'city', geo_polygon: { exterior: { points: ring } } }] })).toEqual([100]);
    expect(await found({ must: [], should: [], must_not: [] })).toHaveLength(15);
  });

  it('[Q3][Q44][Q53] is refused what is not offered, in the shape and with the status of Qdrant', async () => {
    const name = await lineOf(qdrant, 2);
    const missing = await failure(qdrant.query('absent', { query: [1, 1] }));
    expect([missing.status, missing.data?.status.error]).toEqual([404, "Not found: Collection `absent` doesn't exist!"]);
    const again = await failure(qdrant.createCollection(name, { vectors: { size: 2, distance: 'Dot' } }));
    expect([again.status, again.data?.status.error]).toEqual([409, `Wrong input: Collection \`${name}\` already exists!`]);
    const refused: [string, () => Promise<unknown>][] = [
      ['vectors', () => qdrant.createCollection('n', { vectors: { image: { size: 2, distance: 'Dot' } } })],
      ['Cosine, Dot or Euclid', () => qdrant.createCollection('n', { vectors: { size: 2, distance: 'Manhattan' } })],
      ['sparse', () => qdrant.createCollection('n', { vectors: { size: 2, distance: 'Dot' }, sparse_vectors: { text: {} } })],
      ['no name', () => qdrant.upsert(name, { points: [{ id: 1, vector: { image: [1, 1] } }] })],
      ['dense', () => qdrant.query(name, { query: { indices: [1], values: [1] } })],
      ['not combined', () => qdrant.query(name, { query: [1, 1], prefetch: { query: [1, 1] } })],
      ['nothing else is offered', () => qdrant.query(name, { query: { context: [] } })],
      ['nothing else is offered', () => qdrant.query(name, { query: { fusion: 'rrf' } })],
      ['order of their ids', () => qdrant.scroll(name, { order_by: 'n' })],
      ['no name', () => qdrant.query(name, { query: [1, 1], using: 'image' })],
      ['full text', () => qdrant.createPayloadIndex(name, { field_name: 'a', field_schema: 'text' })],
      ['full text', () => qdrant.count(name, { filter: { must: [{ key: 'a', match: { text: 'x' } }] } })],
    ];
    for (const [words, work] of refused) expect(await refusal(work())).toEqual([400, 'invalid_value', expect.stringContaining(words)]);
    const lost = await fetch(`${server.urls[0]}/qdrant/collections/x/nonsense`, { headers: { 'api-key': tenant.client.apiKey } });
    expect([lost.status, await lost.json()]).toMatchObject([
      404,
      { status: { code: 'route_not_found' }, request_id: lost.headers.get('x-request-id') },
    ]);
    for (const call of [
      'GET /telemetry',
      'GET /qdrant/metrics',
      `POST /collections/${name}/points/discover`,
      `GET /qdrant/collections/x/snapshots`,
    ]) {
      const [verb = '', path = ''] = call.split(' ');
      const known = await fetch(`${server.urls[0]}${path}`, { method: verb });
      expect([known.status, await known.json()]).toMatchObject([501, { status: { code: 'not_offered' }, time: 0 }]);
    }
    // This path belongs to Sluice's own API.
    expect((await fetch(`${server.urls[0]}/metrics`)).status).not.toBe(501);
    expect((await fetch(`${server.urls[0]}/metrics`, { method: 'POST' })).status).toBe(405);
    const method = await fetch(`${server.urls[0]}/qdrant/collections`, { method: 'POST' });
    expect([method.status, await method.json()]).toMatchObject([405, { status: { code: 'method_not_allowed' } }]);
  });

  it('[Q4] authenticates by its api-key header, and gets the time to retry after', async () => {
    expect(await refusal(qdrantClient(server, tenant, 'sk_nonsense').getCollections())).toEqual([
      401,
      'invalid_api_key',
      expect.any(String),
    ]);
    const reader = await createTenant(server, { scopes: ['index:read'] });
    expect(await refusal(qdrantClient(server, reader).createCollection('x', { vectors: { size: 2, distance: 'Dot' } }))).toEqual([
      403,
      'scope_denied',
      expect.any(String),
    ]);
    const { refusals, answer } = await inOneMinute(async () => {
      const poor = await createTenant(server, { quota: { requests: { minute: 2 } } });
      const thrown: (string | undefined)[] = [];
      for (let i = 0; i < 3; i += 1) {
        const listed = qdrantClient(server, poor).getCollections();
        thrown.push(
          await listed.then(
            () => undefined,
            ({ name }: Error) => name,
          ),
        );
      }
      const after = await fetch(`${server.urls[0]}/qdrant/collections`, { headers: { 'api-key': poor.client.apiKey } });
      return { refusals: thrown, answer: after };
    });
    expect(refusals).toEqual([undefined, undefined, 'QdrantClientResourceExhaustedError']);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    for (const check of ['healthz', 'livez', 'readyz']) expect((await fetch(`${server.urls[0]}/qdrant/${check}`)).status).toBe(200);
  });

  it('[Q51] sees nothing of another tenant', async () => {
    const name = await lineOf(qdrant, 2);
    const other = qdrantClient(server, await createTenant(server));
    expect((await other.getCollections()).collections).toEqual([]);
    expect(await other.collectionExists(name)).toEqual({ exists: false });
    expect(await refusal(other.scroll(name))).toEqual([404, 'index_not_found', expect.any(String)]);
    expect(await other.deleteCollection(name)).toBe(false);
    await other.createCollection(name, { vectors: { size: 2, distance: 'Dot' } });
    expect(await other.count(name)).toEqual({ count: 0 });
    expect(await qdrant.count(name)).toEqual({ count: 2 });
  });

  it('[Q52] is metered for what it writes and searches', async () => {
    const metered = await createTenant(server);
    const client = qdrantClient(server, metered);
    await client.createCollection('m', { vectors: { size: 2, distance: 'Dot' } });
    await client.upsert('m', {
      points: [
        { id: 1, vector: [1, 1] },
        { id: 2, vector: [1, 2] },
        { id: 2, vector: [1, 3] },
      ],
    });
    await client.setPayload('m', { payload: { a: 1 }, filter: {} });
    await client.query('m', { query: [1, 1] });
    await client.queryBatch('m', { searches: [{ query: [1, 1] }, { query: 1 }] });
    const { body } = await metered.client.get('/v1/usage');
    const quantities = Object.fromEntries(body.data.map(({ meter, quantity }: { meter: string; quantity: number }) => [meter, quantity]));
    expect(quantities).toMatchObject({ vectors_written: 4, vector_queries: 3 });
  });
});

import { Buffer } from 'node:buffer';

import { beforeAll, describe, expect, it } from 'vitest';

import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { readFrame, VECTOR_FRAME_TYPE, writeFrame } from '../../src/kernel/vector-frame.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const COUNT = 600;
const INDEX = '/v1/indexes/songs';

const server = sharedDeployment();
let client: ApiClient;

/** Vectors near one of twelve directions, so that the closest of any vector are similar to each other. */
const random = new Seeded(12);
const vectorOf = (i: number) => {
  const angle = ((i % 12) * Math.PI) / 6 + (random.next() - 0.5) / 50;
  return [Math.cos(angle), Math.sin(angle), random.next() / 100];
};
const VECTORS = Array.from({ length: COUNT }, (_, i) => ({
  id: `s${i}`,
  values: vectorOf(i),
  metadata: { group: i % 12, late: i >= COUNT / 2 },
}));

beforeAll(async () => {
  ({ client } = await createTenant(server));
  await client.post('/v1/indexes', { name: 'songs', dimensions: 3, owner: 'music', recall: 0.99 });
  expect((await client.post(`${INDEX}/upsert`, { vectors: VECTORS })).body.upserted).toBe(COUNT);
});

const query = (body: object) => client.post(`${INDEX}/query`, { vector: [1, 0, 0], ...body });
const groupsOf = (matches: { metadata: { group: number } }[]) => new Set(matches.map(({ metadata }) => metadata.group));
const idsOf = (matches: { id: string }[]) => matches.map(({ id }) => id);

describe('[V190] several queries in one call', () => {
  const batch = (searches: readonly object[], headers = {}) => client.post(`${INDEX}/query/batch`, { searches }, headers);
  const near = (i: number, more: object = {}) => ({ vector: VECTORS[i]?.values, top_k: 3, ...more });

  it('answer what each answers alone, in their order', async () => {
    const searches = [
      near(0),
      near(30, { filter: { late: true }, include_values: true, consistency: 'eventual' }),
      { id: 's7', top_k: 2, exclude_ids: ['s7'], include_metadata: false },
      { positive_ids: ['s1', 's13'], negative_ids: ['s6'], offset: 2 },
      near(5, { mmr: { diversity: 0.7 }, explain: true }),
      near(9, { namespace: 'empty' }),
    ];
    const { status, body, headers } = await batch([...searches, ...Array.from({ length: 94 }, (_, i) => near(i))]);
    expect([status, body.results.length, headers.get('x-sluice-index-lsn')]).toEqual([200, 100, '1']);
    for (const [i, search] of searches.entries()) expect(body.results[i]).toEqual((await client.post(`${INDEX}/query`, search)).body);
  });

  it('count as so many queries, and those that are cached as cached ones', () =>
    leased(async () => {
      const { client: own } = await createTenant(server);
      await own.post('/v1/indexes', { name: 'songs', dimensions: 3 });
      const searches = [near(1), near(2), near(3)];
      const cached = { 'x-sluice-cache-ttl-ms': '60000' };
      expect((await own.post(`${INDEX}/query/batch`, { searches })).headers.get('cache-status')).toBeNull();
      underLease(await own.post(`${INDEX}/query`, near(1), cached));
      const { status, headers } = underLease(await own.post(`${INDEX}/query/batch`, { searches: [...searches, near(1)] }, cached));
      expect([status, headers.get('cache-status')]).toEqual([200, expect.stringContaining('detail="memory=2 computed=2"')]);
      const meters = async () => {
        const { data } = (await own.get('/v1/usage?group_by=route')).body;
        const of = (meter: string) =>
          (data as { meter: string; route: string; quantity: number }[])
            .filter((row) => row.meter === meter && row.route.endsWith('/query/batch'))
            .reduce((sum, { quantity }) => sum + quantity, 0);
        return [of('vector_queries'), of('vector_cached_queries')];
      };
      await expect.poll(meters, { timeout: 60_000 }).toEqual([5, 2]);
    }));

  it('are refused together, naming the search and its field', async () => {
    const cases: [readonly object[], string, string | null, number][] = [
      [[], 'invalid_value', 'searches', 400],
      [Array.from({ length: 101 }, () => near(0)), 'limit_exceeded', 'searches', 400],
      [[near(0), { top_k: 3 }], 'invalid_value', 'searches[1]', 400],
      [[near(0), near(0, { top_k: 0 })], 'invalid_value', 'searches[1].top_k', 400],
      [[near(0), { vector: [1, 2] }], 'dimension_mismatch', 'searches[1].vector', 400],
      [[near(0), { vector: [1, 2, 'x'] }], 'invalid_value', 'searches[1].vector[2]', 400],
      [[near(0), { text: 'song' }], 'invalid_value', 'searches[1].text', 400],
      [[near(0), { id: 'absent' }], 'vector_not_found', 'searches[1].id', 404],
      [[near(0, { top_k: 10_000 }), near(1, { top_k: 10_000 }), near(2)], 'limit_exceeded', 'searches[2].top_k', 400],
    ];
    for (const [searches, code, param, status] of cases) {
      const refused = await batch(searches);
      expect([refused.status, refused.body.error?.code, refused.body.error?.param]).toEqual([status, code, param]);
    }
    expect(await client.post('/v1/indexes/absent/query/batch', { searches: [near(0)] })).toMatchObject({
      status: 404,
      body: { error: { code: 'index_not_found', param: 'index' } },
    });
  });
});

describe('[G75] vectors as bytes', () => {
  const call = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`${client.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': isBytes ? VECTOR_FRAME_TYPE : 'application/json', ...headers },
      body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, type: response.headers.get('content-type'), bytes, headers: response.headers };
  };
  const jsonOf = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
  const floatsOf = (i: number) => Float32Array.from(VECTORS[i]?.values ?? []);
  const rowsOf = (...rows: number[]) => Float32Array.from(rows.flatMap((i) => [...floatsOf(i)]));
  const asFrame = { accept: VECTOR_FRAME_TYPE };

  it('find what the same numbers find as JSON, in one query and in several', async () => {
    const single = await call(`${INDEX}/query`, writeFrame({ vector: 0, top_k: 4 }, floatsOf(9), 3));
    expect(jsonOf(single.bytes)).toEqual((await query({ vector: [...floatsOf(9)], top_k: 4 })).body);
    const base64 = Buffer.from(floatsOf(9).buffer).toString('base64');
    expect((await query({ vector: base64, top_k: 4 })).body).toEqual(jsonOf(single.bytes));
    const head = { searches: [{ vector: 1, top_k: 2 }, { id: 's3' }, { vector: 0, filter: { late: true } }] };
    const batch = await call(`${INDEX}/query/batch`, writeFrame(head, rowsOf(5, 7), 3));
    const [five, seven] = [[...floatsOf(5)], [...floatsOf(7)]];
    const json = { searches: [{ vector: seven, top_k: 2 }, { id: 's3' }, { vector: five, filter: { late: true } }] };
    expect(jsonOf(batch.bytes)).toEqual((await client.post(`${INDEX}/query/batch`, json)).body);
  });

  it('are written, and come back as rows to the bit', async () => {
    await client.post('/v1/indexes', { name: 'bits', dimensions: 3, metric: 'dot' });
    const values = Float32Array.of(0.1, -0, 1e-45, 3.4e38, 1 / 3, -2);
    const vectors = [
      { id: 'b', values: 1, metadata: { n: 1 } },
      { id: 'a', values: 0 },
    ];
    const written = await call('/v1/indexes/bits/upsert', writeFrame({ vectors }, values, 3), { 'idempotency-key': 'bits-1' });
    expect(jsonOf(written.bytes)).toEqual({ upserted: 2, lsn: 1 });
    const again = await call('/v1/indexes/bits/upsert', writeFrame({ vectors }, values, 3), { 'idempotency-key': 'bits-1' });
    expect(jsonOf(again.bytes)).toEqual({ upserted: 2, lsn: 1 });
    for (const [path, body, list] of [
      ['/v1/indexes/bits/fetch', { ids: ['a', 'b'] }, 'vectors'],
      ['/v1/indexes/bits/list', { include_values: true }, 'vectors'],
      ['/v1/indexes/bits/query', { vector: [0, 0, 1], include_values: true }, 'matches'],
    ] as const) {
      const { type, bytes } = await call(path, body, asFrame);
      expect(type).toBe(VECTOR_FRAME_TYPE);
      const frame = readFrame(bytes);
      if (typeof frame === 'string') throw new Error(frame);
      const items = jsonOf(frame.head)[list] as { id: string; values: number }[];
      const row = (at: number) => [...frame.values.subarray(3 * at, 3 * at + 3)];
      expect(Object.fromEntries(items.map(({ id, values: at }) => [id, row(at)]))).toEqual({
        a: Array.from(values.slice(0, 3)),
        b: Array.from(values.slice(3)),
      });
    }
    const empty = readFrame((await call('/v1/indexes/bits/fetch', { ids: ['none'] }, asFrame)).bytes);
    expect(empty).toMatchObject({ rows: 0, dimensions: 0 });
    await client.delete('/v1/indexes/bits');
  });

  it('are answered for embeddings, under an etag of their own', async () => {
    const body = { model: 'glove-sif-100', input: ['canal', 'lock'] };
    const [framed, plain] = [await call('/v1/embeddings', body, asFrame), await call('/v1/embeddings', body)];
    const frame = readFrame(framed.bytes);
    if (typeof frame === 'string') throw new Error(frame);
    expect(jsonOf(frame.head).data.map(({ embedding }: { embedding: number }) => embedding)).toEqual([0, 1]);
    expect([...frame.values]).toEqual(
      jsonOf(plain.bytes).data.flatMap(({ embedding }: { embedding: number[] }) => embedding.map(Math.fround)),
    );
    expect(framed.headers.get('etag')).not.toBe(plain.headers.get('etag'));
  });

  it('are refused as JSON, naming the field, and before they are read where no vectors are taken', async () => {
    const cases: [string, Uint8Array, number, string, string | null][] = [
      ['/query', writeFrame({ vector: 0 }, Float32Array.of(1, 2), 2), 400, 'dimension_mismatch', 'vector'],
      ['/query', writeFrame({ vector: 0 }, Float32Array.of(1, 2, Number.NaN), 3), 400, 'invalid_value', 'vector[2]'],
      ['/query', writeFrame({ vector: 1 }, Float32Array.of(1, 2, 3), 3), 400, 'invalid_value', 'vector'],
      ['/query', writeFrame({ vector: 0 }, Float32Array.of(1, 2, 3), 3).slice(0, -2), 400, 'invalid_value', null],
      [
        '/query/batch',
        writeFrame({ searches: [{ vector: 0, top_k: 0 }] }, Float32Array.of(1, 2, 3), 3),
        400,
        'invalid_value',
        'searches[0].top_k',
      ],
      ['/delete', writeFrame({ all: true }, new Float32Array(0), 0), 415, 'unsupported_media_type', null],
    ];
    for (const [path, frame, status, code, param] of cases) {
      const refused = await call(`${INDEX}${path}`, frame, asFrame);
      expect([refused.status, refused.type, jsonOf(refused.bytes).error]).toEqual([
        status,
        'application/json',
        expect.objectContaining({ code, param }),
      ]);
    }
  });
});

describe('queries that diversify', () => {
  it('[V152] return diverse matches near a vector, an id or examples, with filters and exclusions', async () => {
    const mmr = { diversity: 0.7, candidates_limit: COUNT };
    for (const target of [{}, { vector: undefined, id: 's0' }, { vector: undefined, positive_ids: ['s0', 's12'] }]) {
      const plain = (await query({ top_k: 12, ...target })).body.matches;
      expect(groupsOf(plain).size).toBe(1);
      const diverse = (await query({ top_k: 12, mmr, ...target })).body.matches;
      expect(groupsOf(diverse).size).toBeGreaterThan(5);
      expect(diverse[0]).toEqual(plain[0]);
      const restricted = { filter: { late: true }, exclude_ids: idsOf(diverse) };
      const others = (await query({ top_k: 12, mmr, ...target, ...restricted })).body.matches;
      expect(groupsOf(others).size).toBeGreaterThan(5);
      expect(others.every(({ metadata }: { metadata: { late: boolean } }) => metadata.late)).toBe(true);
      expect(idsOf(others).filter((id) => idsOf(diverse).includes(id))).toEqual([]);
    }
  });

  it('[V152] equal plain ones at diversity 0, and choose among five times top_k by default', async () => {
    const plain = (await query({ top_k: 50 })).body.matches;
    expect((await query({ top_k: 10, mmr: { diversity: 0 } })).body.matches).toEqual(plain.slice(0, 10));
    const chosen = idsOf((await query({ top_k: 10, mmr: {} })).body.matches);
    expect(chosen.every((id) => idsOf(plain).includes(id))).toBe(true);
    expect(chosen).not.toEqual(idsOf(plain.slice(0, 10)));
  });
});

describe('explained and exact queries', () => {
  it('[V150][V151] report how they were answered, and how long it took', async () => {
    const answer = await query({ explain: true, exact: true, filter: { late: true } });
    expect(answer.body.explanation).toEqual({
      engine: 'flat',
      shards_asked: 1,
      lists_probed: 0,
      lists_paged_in: 0,
      codes_scanned: COUNT,
      candidates_rescored: expect.any(Number),
      rows_read: expect.any(Number),
      bytes_touched: expect.any(Number),
      filter: { estimated_rows: null, selected_rows: COUNT / 2, applied: 'scan' },
    });
    expect(answer.body.explanation.rows_read).toBeGreaterThanOrEqual(10);
    expect(answer.headers.get('server-timing')).toMatch(/\bsearch;dur=\d/);
    const plain = await query({ filter: { late: true } });
    expect(plain.body).not.toHaveProperty('explanation');
    expect(plain.body.matches).toEqual(answer.body.matches);
  });
});

describe('the recall of an index', () => {
  it('[V154] has a target, 0.95 by default', async () => {
    const create = async (more: object) => (await client.post('/v1/indexes', { dimensions: 2, owner: 'music', ...more })).body;
    expect((await create({ name: 'default' })).recall).toBe(0.95);
    expect((await create({ name: 'high', recall: 0.99 })).recall).toBe(0.99);
    expect((await client.get('/v1/indexes/high')).body.recall).toBe(0.99);
    const listed = (await client.get('/v1/indexes')).body.data.map(({ name, recall }: Record<string, unknown>) => [name, recall]);
    expect(listed).toEqual([
      ['default', 0.95],
      ['high', 0.99],
      ['songs', 0.99],
    ]);
  });

  it('[V155][V156][V158] is measured with its own vectors, each metered as a query', async () => {
    interface Row {
      readonly meter: string;
      readonly route: string;
      readonly quantity: number;
    }
    // Of this route alone: queries of other tests may be on their way to the ledger.
    const quantity = async () =>
      ((await client.get('/v1/usage?group_by=route')).body.data as Row[]).find(
        ({ meter, route }) => meter === 'vector_queries' && route.endsWith('/recall'),
      )?.quantity;
    const measured = await client.post(`${INDEX}/recall`, { samples: 60, top_k: 5 });
    expect(measured.body).toEqual({
      object: 'index.recall',
      recall: 1,
      standard_error: 0,
      interval_95: { low: expect.closeTo(0.94, 2), high: 1 },
      target: 0.99,
      top_k: 5,
      samples: 60,
      worst: [],
      search: expect.objectContaining({ codes_scanned: COUNT, lists_probed: 0 }),
      exact_search: expect.objectContaining({ codes_scanned: COUNT, lists_probed: 0 }),
      lsn: 1,
    });
    expect(measured.headers.get('x-sluice-index-lsn')).toBe('1');
    await expect.poll(quantity).toBe(60);
    const filtered = await client.post(`${INDEX}/recall`, { samples: 500, filter: { group: 3 } });
    expect(filtered.body).toMatchObject({ recall: 1, samples: 500, search: { rows_read: 50, codes_scanned: 0 } });
    expect((await client.post(`${INDEX}/recall`, { namespace: 'empty' })).body).toMatchObject({
      recall: null,
      standard_error: null,
      interval_95: null,
      samples: 0,
      search: null,
    });
  });
});

it('[V25][V153] is not measured if an option is malformed or over a limit: the refusal names both', async () => {
  const recall = (body: object) => client.post(`${INDEX}/recall`, body);
  const create = (more: object) => client.post('/v1/indexes', { name: 'bad', dimensions: 2, owner: 'music', ...more });
  const cases: [ReturnType<typeof query>, string, string, (string | number)[]][] = [
    [query({ mmr: { diversity: 1.1 } }), 'limit_exceeded', 'mmr.diversity', [1.1, 1]],
    [query({ mmr: { diversity: -0.5 } }), 'invalid_value', 'mmr.diversity', [-0.5, 0]],
    [query({ mmr: { diversity: 'much' } }), 'invalid_value', 'mmr.diversity', []],
    [query({ mmr: { lambda: 1 } }), 'invalid_value', 'mmr.lambda', []],
    [query({ mmr: true }), 'invalid_value', 'mmr', []],
    [query({ top_k: 20, mmr: { candidates_limit: 19 } }), 'invalid_value', 'mmr.candidates_limit', [19, 20]],
    [query({ mmr: { candidates_limit: 1001 } }), 'limit_exceeded', 'mmr.candidates_limit', [1001, VECTOR_LIMITS.mmrCandidatesMaxCount]],
    [query({ exact: 1 }), 'invalid_value', 'exact', []],
    [query({ explain: 'yes' }), 'invalid_value', 'explain', []],
    [create({ recall: 0.9 }), 'invalid_value', 'recall', [0.95, 0.99]],
    [recall({ samples: 0 }), 'invalid_value', 'samples', [0, 1]],
    [recall({ samples: 501 }), 'limit_exceeded', 'samples', [501, VECTOR_LIMITS.recallSamplesMaxCount]],
    [recall({ samples: 2.5 }), 'invalid_value', 'samples', []],
    [recall({ top_k: 1001 }), 'limit_exceeded', 'top_k', [1001, VECTOR_LIMITS.recallTopKMaxCount]],
    [recall({ filter: { $like: 'x' } }), 'invalid_value', 'filter.$like', []],
    [recall({ namespace: 'x'.repeat(65) }), 'limit_exceeded', 'namespace', [VECTOR_LIMITS.namespaceBytesMax]],
    [recall({ vector: [1, 2, 3] }), 'invalid_value', 'vector', []],
  ];
  for (const [answer, code, param, parts] of cases) {
    const { status, body } = await answer;
    expect([status, body.error?.code, body.error?.param]).toEqual([400, code, param]);
    for (const part of parts) expect(body.error.message).toContain(String(part));
  }
  expect(await client.post('/v1/indexes/absent/recall', {})).toMatchObject({ status: 404, body: { error: { code: 'index_not_found' } } });

  await client.post('/v1/indexes', { name: 'wide', dimensions: 1_536, owner: 'music' });
  const wide = await client.post('/v1/indexes/wide/query', {
    vector: Array.from({ length: 1_536 }, () => 1),
    top_k: 100,
    mmr: { candidates_limit: 1_000 },
  });
  expect(wide).toMatchObject({ status: 400, body: { error: { code: 'limit_exceeded', param: 'mmr.candidates_limit' } } });
  expect(wide.body.error.message).toContain(`${VECTOR_LIMITS.mmrProductsMaxCount} (mmrProductsMaxCount)`);
});

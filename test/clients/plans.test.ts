import { beforeAll, describe, expect, it } from 'vitest';

import type { ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { PLAN_FIELDS, PLAN_ROWS } from '../support/fixtures/plan-rows.ts';

const server = sharedDeployment();
const MODEL = 'bge-static-256';
const CACHED = { 'x-sluice-cache-ttl-ms': '60000' };
const SEARCH = '/v1/indexes/w/search';
const BATCH = '/v1/indexes/w/search/batch';

/** A tenant with an index of rows; each row's text begins with `word`. */
async function withRows(word = ''): Promise<ApiClient> {
  const { client } = await createTenant(server);
  await client.post('/v1/indexes', { name: 'w', model: MODEL, owner: 'search', fields: PLAN_FIELDS });
  const vectors = PLAN_ROWS.map((row) => ({ ...row, text: `${word}${row.text}` }));
  expect((await client.post('/v1/indexes/w/upsert', { vectors })).body.upserted).toBe(PLAN_ROWS.length);
  return client;
}

let client: ApiClient;

beforeAll(async () => {
  client = await withRows();
});

const IDS = { kind: 'ids', ids: PLAN_ROWS.map(({ id }) => id) };
const WORDS = { kind: 'text', text: 'lock' };
const NEAR = { kind: 'vector', text: 'who opens the lock?' };
const SPARSE = { kind: 'sparse', field: 'terms', indices: [1, 2], values: [1, 1] };
const PLANS = [
  { text: 'who opens the lock?', include_text: true, include_fields: true },
  { legs: [WORDS, SPARSE], fusion: { kind: 'rrf' }, top_k: 2, offset: 1, include_values: true },
  { legs: [{ ...NEAR, prefetch: { legs: [WORDS, IDS], limit: 3 } }], stages: [{ kind: 'mmr' }], highlight: undefined },
  { legs: [WORDS], highlight: { fields: ['body'] }, facets: [{ property: 'of' }], filter: { page: { $gt: 3 } } },
  {
    legs: [IDS],
    stages: [
      { kind: 'max_sim', field: 'tokens', vectors: [[1, 0]] },
      { kind: 'rerank', model: MODEL, text: 'river' },
    ],
  },
  {
    legs: [
      { kind: 'vector', field: 'cover', id: 'a' },
      { kind: 'plan', legs: [WORDS, IDS] },
    ],
    namespace: '',
    consistency: { min_lsn: 1 },
  },
  { legs: [WORDS], namespace: 'empty' },
];

describe('[TX282] several plans in one call', () => {
  it('answer what each answers alone, in their order', async () => {
    const { status, body, headers } = await client.post(BATCH, { searches: PLANS });
    expect([status, headers.get('x-sluice-index-lsn')]).toEqual([200, '1']);
    for (const [i, plan] of PLANS.entries()) expect(body.results[i]).toEqual((await client.post(SEARCH, plan)).body);
  });

  it('explain each of their plans', async () => {
    const { body } = await client.post(BATCH, { searches: PLANS.map((plan) => ({ ...plan, explain: true })) });
    const told = body.results.map(({ explanation }: { explanation: { legs: { leg: string }[]; stages: { kind: string }[] } }) => [
      explanation.legs.map(({ leg }) => leg),
      explanation.stages.map(({ kind }) => kind),
    ]);
    expect(told.slice(1, 6)).toEqual([
      [['legs[0]', 'legs[1]'], []],
      [['legs[0].prefetch.legs[0]', 'legs[0].prefetch.legs[1]', 'legs[0]'], ['mmr']],
      [['legs[0]'], []],
      [['legs[0]'], ['max_sim', 'rerank']],
      [['legs[0]', 'legs[1].legs[0]', 'legs[1].legs[1]', 'legs[1]'], []],
    ]);
  });

  it('are refused together, naming the search and its field', async () => {
    const cases: [readonly unknown[], string, string, number][] = [
      [[], 'invalid_value', 'searches', 400],
      [Array.from({ length: 101 }, () => PLANS[3]), 'limit_exceeded', 'searches', 400],
      [[PLANS[0], null], 'invalid_value', 'searches[1]', 400],
      [[PLANS[0], { legs: [WORDS], top_k: 0 }], 'invalid_value', 'searches[1].top_k', 400],
      [[PLANS[0], { legs: [WORDS, { ...SPARSE, field: 'termz' }] }], 'invalid_value', 'searches[1].legs[1].field', 400],
      [[PLANS[0], { legs: [{ kind: 'vector', vector: [1, 2] }] }], 'dimension_mismatch', 'searches[1].legs[0].vector', 400],
      [[PLANS[0], { legs: [IDS, { kind: 'vector', id: 'zz' }] }], 'vector_not_found', 'searches[1].legs[1].id', 404],
      [[PLANS[0], { legs: [{ kind: 'vector', field: 'cover', id: 'e' }] }], 'vector_not_found', 'searches[1].legs[0].id', 404],
      [[PLANS[0], { text: 'lock '.repeat(9_000) }], 'limit_exceeded', 'searches[1].text', 400],
      [
        [PLANS[0], { legs: [WORDS, { kind: 'plan', legs: [{ ...NEAR, text: 'lock '.repeat(9_000) }] }] }],
        'limit_exceeded',
        'searches[1].legs[1].legs[0].text',
        400,
      ],
      [[PLANS[0], { legs: [WORDS], stages: [{ kind: 'rerank', model: 'none' }] }], 'model_not_found', 'searches[1].stages[0].model', 404],
      [Array.from({ length: 26 }, () => ({ legs: Array.from({ length: 8 }, () => WORDS) })), 'limit_exceeded', 'searches[25]', 400],
    ];
    for (const [searches, code, param, status] of cases) {
      const refused = await client.post(BATCH, { searches });
      expect([refused.status, refused.body.error?.code, refused.body.error?.param]).toEqual([status, code, param]);
    }
    expect(await client.post('/v1/indexes/absent/search/batch', { searches: PLANS })).toMatchObject({
      status: 404,
      body: { error: { code: 'index_not_found', param: 'index' } },
    });
  });
});

interface Metered {
  readonly meter: string;
  readonly route: string;
  readonly quantity: number;
}

/** What the calls of a route have been metered as. */
const metersOf = async (of: ApiClient, route: string): Promise<Record<string, number>> => {
  const { data } = (await of.get('/v1/usage?group_by=route')).body as { data: readonly Metered[] };
  const sums: Record<string, number> = {};
  for (const { meter, quantity } of data.filter((row) => row.route.endsWith(route) && row.meter !== 'requests'))
    sums[meter] = (sums[meter] ?? 0) + quantity;
  return sums;
};

/** Tokens that a model counts of texts. */
const tokensOf = async (of: ApiClient, texts: readonly string[]): Promise<number> =>
  (await of.post('/v1/embeddings', { model: MODEL, input: texts })).body.usage.prompt_tokens as number;

describe('[TX286] plans are metered', () => {
  it('by their legs, and by all texts that models read, each once', async () => {
    const own = await withRows();
    const rerank = { kind: 'rerank', model: MODEL, text: 'river' };
    const plans = [
      { legs: [NEAR, WORDS, { kind: 'plan', legs: [NEAR, IDS] }] },
      { legs: [{ ...NEAR, text: 'river', prefetch: { legs: [WORDS] } }] },
      { legs: [IDS], stages: [rerank] },
    ];
    for (const plan of plans) expect((await own.post(SEARCH, plan)).status).toBe(200);
    const ranked = PLAN_ROWS.map(({ text }) => text);
    const read = await tokensOf(client, [NEAR.text, 'river', 'river', ...ranked]);
    const expected = { vector_queries: 4 + 2 + 1, tokens: read };
    const metered = async () => {
      const { vector_queries: queries, embedding_tokens: tokens = 0, embedding_cached_tokens: cached = 0 } = await metersOf(own, '/search');
      return { vector_queries: queries, tokens: tokens + cached };
    };
    await expect.poll(metered, { timeout: 60_000 }).toEqual(expected);
    // The same in one call: a text of a model is read once for all.
    expect((await own.post(BATCH, { searches: plans })).status).toBe(200);
    await expect.poll(async () => (await metersOf(own, '/search/batch')).vector_queries, { timeout: 60_000 }).toBe(7);
    const { embedding_tokens: tokens = 0, embedding_cached_tokens: cached = 0 } = await metersOf(own, '/search/batch');
    expect(tokens + cached).toBe(read);
  });

  it('as cached ones where the cache answers, which a refusal is not', () =>
    leased(async () => {
      const own = await withRows();
      const plan = { legs: [WORDS, IDS], top_k: 9 };
      const first = underLease(await own.post(SEARCH, plan, CACHED));
      const again = underLease(await own.post(SEARCH, plan, CACHED));
      expect([first.headers.get('cache-status'), again.headers.get('cache-status')]).toEqual([
        expect.stringContaining('fwd=miss'),
        expect.stringContaining('; hit'),
      ]);
      expect(again.body).toEqual(first.body);
      const both = underLease(await own.post(BATCH, { searches: [plan, { legs: [WORDS] }] }, CACHED));
      expect([both.body.results[0], both.headers.get('cache-status')]).toEqual([
        first.body,
        expect.stringContaining('detail="memory=1 computed=1"'),
      ]);
      expect(underLease(await own.post(SEARCH, { ...plan, legs: [{ ...SPARSE, field: 'x' }] }, CACHED)).status).toBe(400);
      await own.post('/v1/indexes/w/upsert', { vectors: [{ id: 'f', text: 'a lock of the lock' }] });
      const after = underLease(await own.post(SEARCH, plan, CACHED));
      expect([after.headers.get('cache-status'), after.body.matches.map(({ id }: { id: string }) => id)]).toEqual([
        expect.stringContaining('fwd=miss'),
        expect.arrayContaining(['f']),
      ]);
      await expect.poll(() => metersOf(own, '/search'), { timeout: 60_000 }).toEqual({ vector_queries: 4, vector_cached_queries: 2 });
      await expect.poll(() => metersOf(own, '/search/batch'), { timeout: 60_000 }).toEqual({ vector_queries: 1, vector_cached_queries: 2 });
    }));
});

it('[TX285] plans of two tenants with the same index meet in no answer, cached or not', () =>
  leased(async () => {
    const [ours, theirs] = [await withRows('ours '), await withRows('theirs ')];
    const plan = { text: 'lock', include_text: true, top_k: 9, facets: [{ property: 'of' }], highlight: {} };
    for (let again = 0; again < 2; again += 1) {
      for (const [of, word] of [
        [ours, 'ours'],
        [theirs, 'theirs'],
      ] as const) {
        const { body, headers } = underLease(await of.post(SEARCH, plan, CACHED));
        expect(headers.get('cache-status')).toContain(again === 0 ? 'fwd=miss' : '; hit');
        expect(body.matches).toHaveLength(PLAN_ROWS.length);
        for (const { text } of body.matches) expect(text).toMatch(new RegExp(`^${word} `));
      }
    }
  }));

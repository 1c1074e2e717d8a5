import { beforeAll, expect, it } from 'vitest';

import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;

const VECTOR = Array.from({ length: 256 }, (_, i) => Math.sin(i));
const QDRANT = '/collections/diary/points';

/** How each operation that reads vectors is called, so that what it answers shows all rows that it reads. */
type Reading = readonly [name: EndpointName, path: string, body?: object];

/** These see versions that are served. */
const SERVED: readonly Reading[] = [
  ['queryVectors', 'query', { vector: VECTOR, top_k: 100 }],
  ['queryVectorsBatch', 'query/batch', { searches: [{ vector: VECTOR, top_k: 100 }] }],
  ['searchIndex', 'search', { text: 'lock 3', top_k: 100 }],
  ['searchIndexBatch', 'search/batch', { searches: [{ text: 'lock 3', top_k: 100 }] }],
  [
    'evaluateIndex',
    'evaluate',
    { queries: [{ id: 'q', text: 'lock 3', relevant: { own: 1 } }], plans: [{}], measures: ['ndcg@10'], include_rankings: true },
  ],
  ['exportVectors', 'export'],
  ['qdrantSearch', `${QDRANT}/search`, { vector: VECTOR, limit: 100 }],
  ['qdrantSearchBatch', `${QDRANT}/search/batch`, { searches: [{ vector: VECTOR, limit: 100 }] }],
  ['qdrantSearchGroups', `${QDRANT}/search/groups`, { vector: VECTOR, group_by: '$document.id', limit: 3, group_size: 100 }],
  ['qdrantRecommend', `${QDRANT}/recommend`, { positive: [VECTOR], limit: 100 }],
  ['qdrantRecommendBatch', `${QDRANT}/recommend/batch`, { searches: [{ positive: [VECTOR], limit: 100 }] }],
  ['qdrantRecommendGroups', `${QDRANT}/recommend/groups`, { positive: [VECTOR], group_by: '$document.id', limit: 3, group_size: 100 }],
  ['qdrantQuery', `${QDRANT}/query`, { query: VECTOR, limit: 100 }],
  ['qdrantQueryBatch', `${QDRANT}/query/batch`, { searches: [{ query: VECTOR, limit: 100 }] }],
  ['qdrantQueryGroups', `${QDRANT}/query/groups`, { query: VECTOR, group_by: '$document.id', limit: 3, group_size: 100 }],
];

/** These read rows as they are. */
const RAW: readonly Reading[] = [
  ['listVectors', 'list', { limit: 1000 }],
  ['countVectors', 'count', {}],
  ['measureRecall', 'recall', { samples: 10 }],
  ['qdrantScrollPoints', `${QDRANT}/scroll`, { limit: 100 }],
  ['qdrantCountPoints', `${QDRANT}/count`, {}],
  ['qdrantFacet', '/collections/diary/facet', { key: '$document.id' }],
];

/** These read the rows that are named. */
const OF_IDS: readonly EndpointName[] = ['fetchVectors', 'qdrantRetrievePoints', 'qdrantRetrievePoint'];

const call = async ([name, path, body]: Reading) => {
  const url = path.startsWith('/') ? path : `/v1/indexes/diary/${path}`;
  const answer = await tenant.client.call(ENDPOINTS[name].method, url, body);
  expect([name, answer.status]).toEqual([name, 200]);
  return JSON.stringify(answer.body);
};

/** The versions of the document that an answer has rows of, by the tries that made them. */
const triesIn = (text: string): number[] => [
  ...new Set(Array.from(text.matchAll(/journal#[0-9a-f]{32}\.([0-9a-z]+)/g), ([, made = '']) => Number.parseInt(made, 36))),
];

beforeAll(async () => {
  tenant = await createTenant(server);
  const index = { name: 'diary', model: 'bge-static-256', owner: 'docs', fields: { body: { kind: 'text', source: 'text' } } };
  expect((await tenant.client.post('/v1/indexes', index)).status).toBe(201);
  await tenant.client.post('/v1/indexes/diary/upsert', { vectors: [{ id: 'own', text: 'lock 3 is open' }] });
});

it('[DC93] every operation on vectors that only reads is looked at here', () => {
  const isOfVectors = /^\/(v1\/indexes\/:index\/[a-z/]+|qdrant\/collections\/:collection\/(points.*|facet))$/;
  const reading = (Object.entries(ENDPOINTS) as [EndpointName, Endpoint][]).flatMap(([name, { access, path }]) =>
    access.kind === 'tenant' && access.scope === 'index:read' && isOfVectors.test(path) ? [name] : [],
  );
  const looked = [...SERVED, ...RAW].map(([name]) => name);
  expect(reading.filter((name) => !OF_INDEXES.has(name)).sort()).toEqual([...looked, ...OF_IDS].sort());
});

/** What they read of an index are no vectors, or documents. */
const OF_INDEXES: ReadonlySet<EndpointName> = new Set<EndpointName>(['indexStats', 'listIndexAliases', 'listGenerations', 'listDocuments']);

it('[DC90] [DC93] while a document is replaced, searches find the version that is served', async () => {
  const textOf = (word: string, lines: number) =>
    Array.from({ length: lines }, (_, n) => `On day ${n} the keeper opened lock ${n % 7} and the ${word} of weir ${n}.`).join('\n\n');
  const put = (text: string) => tenant.client.call('PUT', '/v1/indexes/diary/documents/journal', { text, chunking: { max_tokens: 16 } });
  const find = async (waitMs = 0) => (await tenant.client.get(`/v1/indexes/diary/documents/journal?wait_ms=${waitMs}`)).body;
  const count = async (): Promise<number> => (await tenant.client.post('/v1/indexes/diary/count', {})).body.count;
  await put(textOf('gate', 60));
  await find(20_000);
  const before = await count();
  await put(textOf('paddle', 6_000));
  await expect.poll(count, { timeout: 20_000 }).toBeGreaterThan(before + 300);
  const version = async (): Promise<number> => (await find()).served.version;
  await Promise.all(
    SERVED.map(async (reading) => {
      const [name] = reading;
      const first = await version();
      const tries = triesIn(await call(reading));
      // It may have come to be served meanwhile.
      const either = [first, await version()];
      expect(tries, name).toHaveLength(name === 'exportVectors' ? 0 : 1);
      for (const made of tries) expect(either, name).toContain(made);
    }),
  );
  for (const reading of RAW) await call(reading);
  expect((await tenant.client.delete('/v1/indexes/diary/documents/journal')).status).toBe(200);
  for (const reading of SERVED) expect([reading[0], triesIn(await call(reading))]).toEqual([reading[0], []]);
});

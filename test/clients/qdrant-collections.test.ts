import { Document } from '@langchain/core/documents';
import { QdrantVectorStore } from '@langchain/qdrant';
import { QdrantClient } from '@qdrant/js-client-rest';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import { idsOf, lineOf, qdrantClient, refusal } from '../support/deployment/qdrant.ts';
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
  qdrant = qdrantClient(server, tenant);
});

describe('the collection API, called by the unmodified Qdrant client', () => {
  it('[Q1] creates, lists, describes, tunes and deletes collections', async () => {
    const name = 'My_collection.v2';
    expect(await qdrant.versionInfo()).toMatchObject({ version: expect.stringMatching(/^1\.18\./) });
    expect(await qdrant.collectionExists(name)).toEqual({ exists: false });
    const hints = { hnsw_config: { m: 32 }, optimizers_config: { default_segment_number: 2 }, on_disk_payload: true, shard_number: 1 };
    expect(await qdrant.createCollection(name, { vectors: { size: 3, distance: 'Dot' }, ...hints })).toBe(true);
    expect(await qdrant.collectionExists(name)).toEqual({ exists: true });
    expect((await qdrant.getCollections()).collections).toContainEqual({ name });
    await qdrant.upsert(name, { points: [{ id: 1, vector: [1, 2, 3] }] });
    expect(await qdrant.getCollection(name)).toMatchObject({
      status: 'green',
      points_count: 1,
      config: { params: { vectors: { size: 3, distance: 'Dot' } } },
      payload_schema: {},
    });
    expect(await qdrant.updateCollection(name, { optimizers_config: { indexing_threshold: 10 } })).toBe(true);
    expect(await qdrant.createPayloadIndex(name, { field_name: 'kind', field_schema: 'keyword', wait: true })).toMatchObject({
      status: 'completed',
    });
    expect(await qdrant.deletePayloadIndex(name, 'kind', { wait: true })).toMatchObject({ status: 'completed' });
    expect(await qdrant.deleteCollection(name)).toBe(true);
    expect(await qdrant.deleteCollection(name)).toBe(false);
    expect(await qdrant.recreateCollection(name, { vectors: { size: 3, distance: 'Cosine' } })).toBe(true);
  });

  it('[Q5] works with a URL alone and with host and port, while browsers get the documentation', async () => {
    const url = server.urls[0] ?? '';
    const warn = vi.mocked(console.warn);
    warn.mockClear();
    const { hostname: host, port } = new URL(url);
    const { apiKey } = tenant.client;
    const clients = [new QdrantClient({ url, apiKey }), new QdrantClient({ host, port: Number(port), https: false, apiKey })];
    for (const [i, client] of clients.entries()) {
      const name = `by_url_${i}`;
      await client.createCollection(name, { vectors: { size: 2, distance: 'Dot' } });
      await client.upsert(name, { points: [{ id: 1, vector: [1, 2], payload: { a: 1 } }] });
      expect(await qdrant.count(name)).toEqual({ count: 1 });
      expect(idsOf((await client.query(name, { query: [1, 1] })).points)).toEqual([1]);
      await client.updateCollectionAliases({ actions: [{ create_alias: { collection_name: name, alias_name: `alias_${i}` } }] });
      expect((await client.getAliases()).aliases).toContainEqual({ collection_name: name, alias_name: `alias_${i}` });
      expect(await refusal(client.getCollection('absent'))).toEqual([404, 'index_not_found', expect.stringContaining('`absent`')]);
    }
    // The gateway reports a server version that the client accepts.
    await vi.waitFor(async () => expect((await clients[0]?.versionInfo())?.version).toMatch(/^1\.18\./), { timeout: 90_000 });
    expect(warn.mock.calls.flat().filter((words) => /version/i.test(String(words)))).toEqual([]);
    for (const [accept, status] of [
      ['text/html,application/xhtml+xml,*/*;q=0.8', 302],
      ['*/*', 200],
      ['application/json', 200],
    ] as const) {
      const answer = await fetch(url, { headers: { accept }, redirect: 'manual' });
      expect([answer.status, answer.headers.get('vary')]).toEqual([status, 'accept']);
    }
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${url}/livez`)).text()).toBe('healthz check passed');
    const method = await fetch(`${url}/collections`, { method: 'POST' });
    expect([method.status, method.headers.get('allow'), await method.json()]).toMatchObject([
      405,
      'GET',
      { status: { code: 'method_not_allowed' } },
    ]);
  });

  it('[Q6] answers `completed` if the client waits, else `acknowledged`; the write is done either way', async () => {
    const name = await lineOf(qdrant, 1);
    const write = async (wait: boolean | undefined) => {
      const query = wait === undefined ? '' : `?wait=${wait}`;
      const headers = { 'api-key': tenant.client.apiKey, 'content-type': 'application/json' };
      const point = { id: 2, vector: [2, 1], payload: { wait: String(wait) } };
      const answer = await fetch(`${server.urls[0]}/collections/${name}/points${query}`, {
        method: 'PUT',
        headers,
        body: JSON.stringify({ points: [point] }),
      });
      const { result } = (await answer.json()) as { result: { status: string } };
      expect((await qdrant.retrieve(name, { ids: [2] }))[0]?.payload).toEqual(point.payload);
      return result.status;
    };
    expect([await write(undefined), await write(false), await write(true)]).toEqual(['acknowledged', 'acknowledged', 'completed']);
    const operations = [{ delete: { points: [2] } }];
    expect((await qdrant.batchUpdate(name, { operations, wait: false })).map(({ status }) => status)).toEqual(['acknowledged']);
  });

  it('[Q7] accepts the names that Qdrant accepts, as the native API does', async () => {
    const names = ['Ünï-cødé 漢 😀', '100% #1 + [x] & y=;,', '%2F', 'a%', 'aliases', '-x-', 'x'.repeat(255)];
    for (const name of names) {
      await qdrant.createCollection(name, { vectors: { size: 2, distance: 'Dot' } });
      await qdrant.upsert(name, { points: [{ id: 1, vector: [1, 2] }] });
      expect(await qdrant.count(name), name).toEqual({ count: 1 });
      const path = `/v1/indexes/${encodeURIComponent(name)}`;
      expect((await tenant.client.get(path)).body.name).toBe(name);
      expect((await tenant.client.post(`${path}/fetch`, { ids: ['1'] })).body.vectors).toMatchObject([{ id: '1' }]);
    }
    await qdrant.updateCollectionAliases({ actions: [{ create_alias: { collection_name: 'a%', alias_name: 'stands for %' } }] });
    expect(await qdrant.count('stands for %')).toEqual({ count: 1 });
    expect((await qdrant.getCollections()).collections.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    for (const name of names) expect(await qdrant.deleteCollection(name)).toBe(true);
    for (const name of ['a/b', 'a*', 'a:b', 'a\nb', 'x'.repeat(256)]) {
      const refused = await refusal(qdrant.createCollection(name, { vectors: { size: 2, distance: 'Dot' } }));
      expect([refused[0], refused[2]], name).toEqual([422, expect.stringContaining('Validation error in path parameters: [collection: ')]);
    }
  });

  it('[Q8] stores zero vectors unchanged, and scores them 0 by cosine', async () => {
    await qdrant.createCollection('zeros', { vectors: { size: 3, distance: 'Cosine' } });
    const points = [
      { id: 1, vector: [0, 0, 0] },
      { id: 2, vector: [0, 2, 0] },
      { id: 3, vector: [0, -1, 0] },
    ];
    await qdrant.upsert('zeros', { points });
    expect(await qdrant.retrieve('zeros', { ids: [1], with_vector: true })).toMatchObject([{ id: 1, vector: [0, 0, 0] }]);
    const scores = async (query: number[]) => (await qdrant.query('zeros', { query })).points.map(({ id, score }) => [id, score]);
    expect(await scores([0, 1, 0])).toEqual([
      [2, 1],
      [1, 0],
      [3, -1],
    ]);
    expect((await scores([0, 0, 0])).map(([, score]) => score)).toEqual([0, 0, 0]);
    await qdrant.updateVectors('zeros', { points: [{ id: 2, vector: [0, 0, 0] }] });
    expect((await scores([0, 1, 0])).map(([, score]) => score)).toEqual([0, 0, -1]);
    // The export of one index can be imported into another.
    const native = await tenant.client.post('/v1/indexes/zeros/upsert', { vectors: [{ id: '4', values: [0, 0, 0] }] });
    expect(native.status).toBe(200);
  });

  it('[Q9] keeps tuning and declared fields, and returns both', async () => {
    const name = 'tuned';
    const vectors = { size: 2, distance: 'Dot', on_disk: true } as const;
    await qdrant.createCollection(name, {
      vectors,
      hnsw_config: { m: 32 },
      optimizers_config: { indexing_threshold: 10 },
      on_disk_payload: false,
    });
    await qdrant.upsert(name, { points: [{ id: 1, vector: [1, 2] }] });
    const params = { vectors, on_disk_payload: false, replication_factor: 1 };
    expect((await qdrant.getCollection(name)).config).toMatchObject({
      params,
      hnsw_config: { m: 32, ef_construct: 100 },
      optimizer_config: { indexing_threshold: 10 },
    });
    await qdrant.updateCollectionAliases({ actions: [{ create_alias: { collection_name: name, alias_name: 'tuned_alias' } }] });
    const scalar = { type: 'int8' as const, always_ram: true };
    await qdrant.updateCollection('tuned_alias', {
      hnsw_config: { ef_construct: 200 },
      quantization_config: { scalar },
      params: { replication_factor: 2 },
    });
    const { config } = await qdrant.getCollection(name);
    expect(config).toMatchObject({
      params: { ...params, replication_factor: 2 },
      hnsw_config: { m: 32, ef_construct: 200 },
      quantization_config: { scalar },
    });
    await qdrant.updateCollection(name, { quantization_config: 'Disabled' });
    expect((await qdrant.getCollection(name)).config).toMatchObject({
      hnsw_config: { m: 32, ef_construct: 200 },
      quantization_config: null,
    });

    await qdrant.createPayloadIndex(name, { field_name: 'kind', field_schema: 'keyword' });
    await qdrant.createPayloadIndex(name, { field_name: 'deep.list[].at', field_schema: { type: 'integer', lookup: true, range: false } });
    await qdrant.createPayloadIndex(name, { field_name: '__proto__', field_schema: 'bool' });
    await qdrant.deletePayloadIndex(name, '__proto__');
    expect((await qdrant.getCollection('tuned_alias')).payload_schema).toEqual({
      kind: { data_type: 'keyword', points: 1 },
      'deep.list[].at': { data_type: 'integer', params: { type: 'integer', lookup: true, range: false }, points: 1 },
    });
    const refused: [number, string, () => Promise<unknown>][] = [
      [422, 'hnsw_config.ef_construct', () => qdrant.updateCollection(name, { hnsw_config: { ef_construct: 1 } })],
      [422, 'hnsw_config.ef_construct', () => qdrant.createCollection('n', { vectors, hnsw_config: { ef_construct: 0 } })],
      [400, 'limits are those of the gateway', () => qdrant.updateCollection(name, { strict_mode_config: { enabled: true } })],
      [400, 'names vectors', () => qdrant.updateCollection(name, { vectors: { image: { on_disk: true } } })],
      [400, 'no sparse vectors', () => qdrant.updateCollection(name, { sparse_vectors: { text: {} } })],
      [400, 'must be keyword', () => qdrant.createPayloadIndex(name, { field_name: 'a', field_schema: 'word' as 'keyword' })],
    ];
    for (const [status, words, work] of refused)
      expect((await refusal(work())).filter((_, i) => i !== 1)).toEqual([status, expect.stringContaining(words)]);
    await qdrant.recreateCollection(name, { vectors });
    expect(await qdrant.getCollection(name)).toMatchObject({ payload_schema: {}, config: { hnsw_config: { m: 16 } } });
  });

  it('[Q50] makes, switches, renames and deletes aliases, all or none', async () => {
    const [old, fresh] = [await lineOf(qdrant, 1), await lineOf(qdrant, 2)];
    const change = (...actions: object[]) => qdrant.updateCollectionAliases({ actions: actions as never });
    expect(await change({ create_alias: { collection_name: old, alias_name: 'live' } })).toBe(true);
    expect(await qdrant.count('live')).toEqual({ count: 1 });
    await change(
      { delete_alias: { alias_name: 'live' } },
      { create_alias: { collection_name: fresh, alias_name: 'live' } },
      { create_alias: { collection_name: old, alias_name: 'before' } },
      { delete_alias: { alias_name: 'never-there' } },
    );
    expect(await qdrant.count('live')).toEqual({ count: 2 });
    expect(
      await refusal(change({ delete_alias: { alias_name: 'live' } }, { create_alias: { collection_name: 'absent', alias_name: 'x' } })),
    ).toEqual([404, 'index_not_found', expect.any(String)]);
    await change({ rename_alias: { old_alias_name: 'before', new_alias_name: 'past' } });
    expect(await qdrant.getCollectionAliases(old)).toEqual({ aliases: [{ alias_name: 'past', collection_name: old }] });
    expect((await qdrant.getAliases()).aliases).toContainEqual({ alias_name: 'live', collection_name: fresh });
    expect(idsOf((await qdrant.query('live', { query: [1, 1], limit: 1 })).points)).toEqual([1]);
  });

  it('[Q1][Q5] serves the unmodified vector store of LangChain, which gets only a URL and a key', async () => {
    const embedded = (text: string): number[] => [text.length, text.codePointAt(0) ?? 0, text.includes('gate') ? 50 : 0];
    const embeddings = {
      embedQuery: async (text: string) => embedded(text),
      embedDocuments: async (texts: string[]) => texts.map(embedded),
    };
    const where = { url: server.urls[0] ?? '', apiKey: tenant.client.apiKey, collectionName: 'documents' };
    const texts = ['locks', 'weirs', 'gates', 'gates again'];
    const documents = texts.map((pageContent, i) => new Document({ pageContent, metadata: { loc: { lines: { from: i, to: i + 1 } } } }));
    await QdrantVectorStore.fromDocuments(documents, embeddings, where);

    // A store over an existing collection.
    const store = await QdrantVectorStore.fromExistingCollection(embeddings, where);
    const fromOne = { must: [{ key: 'metadata.loc.lines.from', range: { gte: 1 } }] };
    const [closest, next] = await store.similaritySearchWithScore('gates', 2, fromOne);
    expect([closest?.[0], next?.[0]]).toMatchObject(documents.slice(2).map(({ pageContent, metadata }) => ({ pageContent, metadata })));
    expect(closest?.[1]).toBeCloseTo(1, 6);
    expect(await store.similaritySearch('gates', 4, { must: [{ key: 'content', match: { value: 'weirs' } }] })).toMatchObject([
      { pageContent: 'weirs' },
    ]);
    const diverse = await store.maxMarginalRelevanceSearch('gates', { k: 3, fetchK: 4, lambda: 0.5 });
    expect([diverse[0]?.pageContent, diverse.length]).toEqual(['gates', 3]);
    expect(await store.asRetriever(1).invoke('locks')).toMatchObject([{ pageContent: 'locks' }]);

    await store.delete({ ids: [closest?.[0].id ?? '', next?.[0].id ?? ''] });
    const contents = async () => (await store.similaritySearch('gates', 9)).map(({ pageContent }) => pageContent).sort();
    expect(await contents()).toEqual(['locks', 'weirs']);
    await store.delete({ filter: { must: [{ key: 'metadata.loc.lines.from', match: { value: 0 } }] } });
    expect(await contents()).toEqual(['weirs']);
    await expect(store.addVectors([[1, 2]], documents.slice(0, 1))).rejects.toThrow(
      '400 Bad Request: Wrong input: points[0].vector: has 2',
    );
  });

  it('[Q1][Q5] serves every call that a LlamaIndex vector store makes', async () => {
    // The calls of `QdrantVectorStore` in @llamaindex/qdrant 0.1.33, with its arguments. That version was run against this gateway by hand; it
    // is not a dependency, because the package is deprecated.
    const store = new QdrantClient({ url: server.urls[0] ?? '', apiKey: tenant.client.apiKey });
    const collection = 'nodes';
    expect((await refusal(store.getCollection(collection)))[0]).toBe(404);
    await store.createCollection(collection, { vectors: { size: 3, distance: 'Cosine' } });
    const points = ['locks', 'weirs', 'gates'].map((text, i) => ({
      id: `0000000${i}-0000-4000-8000-000000000000`,
      payload: { page: i, _node_content: JSON.stringify({ text }), _node_type: 'TextNode', doc_id: `doc${i}`, ref_doc_id: `doc${i}` },
      vector: [i, 1, 0],
    }));
    await store.upsert(collection, { points });
    const query = async (...must: object[]) => {
      const filter = must.length === 0 ? {} : { filter: { must } as never };
      const answer = await store.query(collection, { query: [2, 1, 0], limit: 3, with_payload: true, with_vector: false, ...filter });
      return answer.points.map(({ payload }) => payload?.['page']);
    };
    expect(await query()).toEqual([2, 1, 0]);
    expect(await query({ key: 'doc_id', match: { any: ['doc1'] } })).toEqual([1]);
    expect(await query({ must: [{ key: 'page', range: { gte: 2, lte: 2 } }] })).toEqual([2]);
    expect(await query({ must: [{ key: 'doc_id', match: { except: ['doc2'] } }] })).toEqual([1, 0]);
    expect(await query({ must: [{ is_empty: { key: 'doc_id' } }] })).toEqual([]);
    await store.delete(collection, { filter: { must: [{ key: 'doc_id', match: { value: 'doc1' } }] } });
    expect(await query()).toEqual([2, 0]);
  });
});

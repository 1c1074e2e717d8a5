import { beforeAll, describe, expect, it } from 'vitest';

import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;
/** Reads what is for the crew, and what is for all. */
let crew: ApiClient;

const INDEX = '/v1/indexes/handbook';
const at = (id: string): string => `${INDEX}/documents/${encodeURIComponent(id)}`;

async function put(id: string, text: string, labels: readonly string[] = [], by: ApiClient = tenant.client) {
  const accepted = await by.call('PUT', at(id), { text, labels });
  expect(accepted.status).toBe(202);
  const { body } = await by.get(`${at(id)}?wait_ms=20000`);
  expect(body.status).toBe('ready');
  return body;
}

type Match = { readonly metadata: { readonly $document?: { readonly id: string } } | null; readonly text: string };

const CACHED = { 'x-sluice-cache-ttl-ms': '60000' };

/** Which documents a query and a search find, each once, and their texts. */
async function found(by: ApiClient, path: 'query' | 'search', more: object = {}, headers: Record<string, string> = {}) {
  const answer = await by.call(
    'POST',
    `${INDEX}/${path}`,
    { text: 'when do the gates open?', top_k: 20, include_text: true, ...more },
    headers,
  );
  expect([path, answer.status]).toEqual([path, 200]);
  const matches = answer.body.matches as Match[];
  return {
    ids: [...new Set(matches.map(({ metadata }) => metadata?.$document?.id ?? 'own'))].sort(),
    texts: matches.map(({ text }) => text),
    cache: answer.headers.get('cache-status') ?? '',
  };
}

beforeAll(async () => {
  tenant = await createTenant(server, { scopes: SCOPES });
  const index = { name: 'handbook', model: 'bge-static-256', owner: 'docs', fields: { body: { kind: 'text', source: 'text' } } };
  expect((await tenant.client.post('/v1/indexes', index)).status).toBe(201);
  const made = await tenant.client.post('/v1/keys', { name: 'crew', labels: ['crew'], scopes: SCOPES });
  expect([made.status, made.body.labels]).toEqual([201, ['crew']]);
  crew = new ApiClient(server.urls[0]!, made.body.key);
  await put('public', 'The gates open at dawn for everybody.');
  await put('crew', 'The crew opens the gates an hour before dawn.', ['crew', 'staff']);
  await put('staff', 'The gates open by the secret lever.', ['staff']);
});

describe('labels over HTTP', () => {
  it('[DC94] a key finds, lists and reads what it may alone, and queries narrow that', async () => {
    for (const path of ['query', 'search'] as const) {
      expect((await found(tenant.client, path)).ids).toEqual(['crew', 'public', 'staff']);
      expect((await found(crew, path)).ids).toEqual(['crew', 'public']);
      expect((await found(crew, path, { labels: ['staff'] })).ids).toEqual(['crew', 'public']);
      expect((await found(crew, path, { labels: [] })).ids).toEqual(['public']);
      expect((await found(tenant.client, path, { labels: ['crew'] })).ids).toEqual(['crew', 'public']);
    }
    const listed = async (by: ApiClient, query = '') =>
      (await by.get(`${INDEX}/documents${query}`)).body.data.map(({ id }: { id: string }) => id);
    expect(await listed(crew)).toEqual(['crew', 'public']);
    expect(await listed(tenant.client, '?labels=staff,board')).toEqual(['crew', 'public', 'staff']);
    expect(await listed(tenant.client, '?labels=')).toEqual(['public']);
    for (const path of ['', '/chunks', '/events']) {
      expect([path, (await crew.get(`${at('staff')}${path}`)).body.error.code]).toEqual([path, 'document_not_found']);
    }
  });

  it('[DC95] [DC96] shows a key nothing else of what it may not read', async () => {
    const [{ vector }] = (await tenant.client.get(`${at('staff')}/chunks`)).body.data;
    const told = await Promise.all(
      [vector, 'nowhere'].map(async (id: string) => {
        const { error } = (await crew.post(`${INDEX}/query`, { id })).body;
        return [error.code, error.param, error.message];
      }),
    );
    expect(told[0]).toEqual(told[1]);
    const faceted = await crew.post(`${INDEX}/search`, { text: 'gates', facets: [{ property: '$document.id' }] });
    expect(faceted.body.candidates).toBe(2);
    expect(JSON.stringify(faceted.body)).not.toContain('secret');
    expect((await crew.post(`${INDEX}/search`, { text: 'gates', explain: true })).body.error.param).toBe('explain');
    // Of words that are in documents of others alone, scores are as if these were not there.
    const scoreOf = async () =>
      (await crew.post(`${INDEX}/search`, { legs: [{ kind: 'text', text: 'gates lever' }] })).body.matches.map(
        ({ score }: { score: number }) => score,
      );
    const before = await scoreOf();
    await put('staff 2', 'lever lever lever gates', ['staff']);
    expect(await scoreOf()).toEqual(before);
    await tenant.client.delete(at('staff 2'));
  });

  it('[DC97] every call that does not heed labels is closed to such a key', async () => {
    const endpoints = Object.entries(ENDPOINTS) as [string, Endpoint][];
    const closed = endpoints.filter(([, { access, heedsLabels }]) => access.kind.startsWith('tenant') && heedsLabels !== true);
    expect(closed.length).toBeGreaterThan(200);
    for (const [name, { method, path }] of closed) {
      const url = path.replaceAll(PATH_PARAMS, 'handbook').replace('{.+}', '');
      const answer = await crew.call(method, url, method === 'GET' ? undefined : {});
      expect([name, answer.status]).toEqual([name, 403]);
    }
  });

  it('[DC97] a key puts and changes documents of its labels alone', async () => {
    const denied = async (id: string, body: object) => (await crew.call('PUT', at(id), body)).body.error.param;
    expect(await denied('mine', { text: 'x' })).toBe('labels');
    expect(await denied('mine', { text: 'x', labels: ['crew', 'staff'] })).toBe('labels');
    expect(await denied('staff', { text: 'x', labels: ['crew'] })).toBe('document');
    await put('mine', 'The crew has tea when the gates are open.', ['crew'], crew);
    expect((await found(crew, 'query')).ids).toEqual(['crew', 'mine', 'public']);
    expect((await crew.delete(at('mine'))).status).toBe(200);
    expect((await crew.delete(at('staff'))).status).toBe(404);
  });

  it('[DC98] vectors of callers are not made to look like those of documents, and these stay', async () => {
    const [{ vector }] = (await tenant.client.get(`${at('staff')}/chunks`)).body.data;
    const refused = async (path: string, body: object) => {
      const { error } = (await tenant.client.post(`${INDEX}/${path}`, body)).body;
      return [error.code, error.param];
    };
    expect(await refused('upsert', { vectors: [{ id: vector, text: 'x' }] })).toEqual(['invalid_value', 'vectors[0].id']);
    const labelled = { id: 'a', text: 'x', metadata: { $labels: [] } };
    expect(await refused('upsert', { vectors: [labelled] })).toEqual(['invalid_value', 'vectors[0].metadata.$labels']);
    expect(await refused('metadata', { ids: [vector], replace: null })).toEqual(['invalid_value', 'ids[0]']);
    expect(await refused('delete', { ids: [vector] })).toEqual(['state_conflict', 'ids[0]']);
    expect(await refused('delete', { all: true })).toEqual(['state_conflict', 'all']);
    const everything = { filter: { tide: { $exists: false } } };
    expect((await tenant.client.post(`${INDEX}/metadata`, { ...everything, set: { a: 1 } })).body.updated).toBe(0);
    expect((await tenant.client.post(`${INDEX}/delete`, everything)).body.deleted).toBe(0);
    const line = JSON.stringify({ id: 'a', text: 'x', metadata: { $document: { id: 'staff' } } });
    const headers = { authorization: `Bearer ${tenant.client.apiKey}`, 'content-type': 'application/x-ndjson' };
    const imported = await fetch(`${server.urls[0]}${INDEX}/import`, { method: 'POST', headers, body: line });
    expect(await imported.text()).toContain('metadata.$document');
    const point = { id: 1, vector: Array.from({ length: 256 }, () => 1), payload: { $labels: ['crew'] } };
    const written = await tenant.client.call('PUT', '/collections/handbook/points', { points: [point] });
    expect(JSON.stringify(written.body)).toContain('$labels');
    expect((await found(tenant.client, 'query')).ids).toEqual(['crew', 'public', 'staff']);
  });
});

describe('[DC92] cached answers', () => {
  it.each(['query', 'search'] as const)('of a %s end with a document that is put, replaced or removed', async (path) => {
    const id = `news of ${path}`;
    const ask = () => found(tenant.client, path, {}, CACHED);
    expect((await ask()).ids).toEqual(['crew', 'public', 'staff']);
    expect((await ask()).cache).toContain('hit');
    await put(id, 'Today the gates open at noon.');
    expect((await ask()).texts).toContain('Today the gates open at noon.');
    await put(id, 'Today the gates open at night.');
    const after = await ask();
    expect(after.texts).toContain('Today the gates open at night.');
    expect(after.texts).not.toContain('Today the gates open at noon.');
    await expect.poll(async () => (await ask()).cache).toContain('hit');
    expect((await tenant.client.delete(at(id))).status).toBe(200);
    expect((await ask()).ids).toEqual(['crew', 'public', 'staff']);
  });
});

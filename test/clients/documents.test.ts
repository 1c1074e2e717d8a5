import { beforeAll, describe, expect, it } from 'vitest';

import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;

beforeAll(async () => {
  tenant = await createTenant(server);
  const made = await tenant.client.post('/v1/indexes', { name: 'guides', model: 'bge-static-256', owner: 'docs' });
  expect(made.status).toBe(201);
});

const LOCKS = '# Locks\n\nThe keeper opens the gates at dawn.\n\n# Weirs\n\nA weir raises the water above it.';
const at = (id: string): string => `/v1/indexes/guides/documents/${encodeURIComponent(id)}`;
const put = (id: string, body: object) => tenant.client.call('PUT', at(id), body);
const ready = async (id: string) => (await tenant.client.get(`${at(id)}?wait_ms=20000`)).body;
const vectors = async (): Promise<number> => (await tenant.client.post('/v1/indexes/guides/count', {})).body.count;
const fetched = async (ids: readonly string[]) =>
  (await tenant.client.post('/v1/indexes/guides/fetch', { ids, include_text: true, include_values: false })).body.vectors;

describe('documents over HTTP', () => {
  it('[DC75] [DC77] [DC80] a document becomes rows of the index, which queries find with what they carry', async () => {
    const accepted = await put('guides/locks.md', {
      text: LOCKS,
      format: 'markdown',
      title: 'Locks',
      metadata: { lang: 'en' },
      labels: ['staff', 'board', 'staff'],
    });
    expect([accepted.status, accepted.body.status, accepted.body.served]).toEqual([202, 'writing', null]);
    expect(await ready('guides/locks.md')).toMatchObject({
      status: 'ready',
      title: 'Locks',
      metadata: { lang: 'en' },
      labels: ['board', 'staff'],
      error: null,
      writing: null,
    });
    const { body } = await tenant.client.get(`${at('guides/locks.md')}/chunks`);
    expect(body.data.map(({ headings, position }: { headings: string[]; position: number }) => [headings, position])).toEqual([
      [['Locks'], 0],
      [['Weirs'], 1],
    ]);
    const [{ start, end, vector, id }] = body.data;
    const [row] = await fetched([vector]);
    expect(row.text).toBe(LOCKS.slice(start, end));
    expect(row.metadata).toEqual({ lang: 'en', $document: { id: 'guides/locks.md', chunk: id }, $labels: ['board', 'staff'] });
    const found = await tenant.client.post('/v1/indexes/guides/query', { text: 'who opens the gates?', top_k: 1, filter: { lang: 'en' } });
    expect(found.body.matches[0].id).toBe(vector);
  });

  it('[DC50] [DC53] [DC54] a new version keeps the rows of what is the same', async () => {
    const before = (await tenant.client.get(`${at('guides/locks.md')}/chunks`)).body;
    const same = await put('guides/locks.md', {
      text: LOCKS,
      format: 'markdown',
      title: 'Locks',
      metadata: { lang: 'en' },
      labels: ['board', 'staff'],
    });
    expect([same.status, same.body.status]).toEqual([202, 'ready']);
    await put('guides/locks.md', {
      text: LOCKS.replace('dawn', 'dusk'),
      format: 'markdown',
      title: 'Locks',
      metadata: { lang: 'en' },
      labels: ['board', 'staff'],
    });
    expect((await ready('guides/locks.md')).served).toMatchObject({ chunks: 2, chunks_added: 1 });
    const after = (await tenant.client.get(`${at('guides/locks.md')}/chunks`)).body;
    expect([after.data[0].vector === before.data[0].vector, after.data[1].vector === before.data[1].vector]).toEqual([false, true]);
    expect((await tenant.client.get(`${at('guides/locks.md')}/chunks?version=${before.version}`)).body.error.code).toBe('state_conflict');
    await expect.poll(vectors).toBe(2);
  });

  it('[DC82] other chunks of the same text carry the same labels', async () => {
    const chunking = { max_tokens: 16 };
    const again = await tenant.client.post(`${at('guides/locks.md')}/rechunk`, { chunking });
    expect([again.status, again.body.writing.chunking]).toEqual([202, { max_tokens: 16, overlap_tokens: 0, context: true }]);
    expect((await ready('guides/locks.md')).served.chunking.max_tokens).toBe(16);
    const { data } = (await tenant.client.get(`${at('guides/locks.md')}/chunks`)).body;
    for (const { metadata } of await fetched(data.map(({ vector }: { vector: string }) => vector)))
      expect(metadata.$labels).toEqual(['board', 'staff']);
  });

  it('[DC81] a source may be an uploaded file, which stays', async () => {
    const form = new FormData();
    form.append('purpose', 'user_data');
    form.append('file', new Blob(['name;depth\nlock;3\nweir;1\n']), 'depths.csv');
    const headers = { authorization: `Bearer ${tenant.client.apiKey}` };
    const file = (await (await fetch(`${server.urls[0]}/v1/files`, { method: 'POST', body: form, headers })).json()) as { id: string };
    await put('depths.csv', { file: file.id, format: 'csv' });
    expect(await ready('depths.csv')).toMatchObject({ status: 'ready', served: { format: 'csv', bytes: 25 } });
    expect((await tenant.client.delete(at('depths.csv'))).status).toBe(200);
    expect((await tenant.client.get(`/v1/files/${file.id}`)).status).toBe(200);
  });

  it('[DC73] [DC84] refuses formats of agents by name, and says why a source cannot be read', async () => {
    expect(await put('a.pdf', { text: 'x', format: 'pdf' })).toMatchObject({ status: 400, body: { error: { param: 'format' } } });
    await put('open.csv', { text: 'a,b\n1,"open', format: 'csv' });
    expect(await ready('open.csv')).toMatchObject({ status: 'failed', served: null, error: { code: 'invalid_value' } });
  });

  it('[DC86] followers get how far a document is, until it is there', async () => {
    const text = Array.from({ length: 4_000 }, (_, n) => `Paragraph ${n} tells of lock ${n * 7} and of weir ${n * 13}.`).join('\n\n');
    await put('long.txt', { text });
    const answer = await fetch(`${server.urls[0]}${at('long.txt')}/events`, {
      headers: { authorization: `Bearer ${tenant.client.apiKey}` },
    });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const events = (await answer.text()).trim().split('\n\n');
    const seen = events.map(
      (event) => JSON.parse(event.replace(/^event: document\ndata: /, '')) as { status: string; served: { chunks: number } | null },
    );
    expect(seen.at(-1)?.status).toBe('ready');
    expect(seen.at(-1)?.served?.chunks).toBeGreaterThan(100);
    expect(seen.slice(0, -1).every(({ status }) => status === 'writing')).toBe(true);
    expect((await tenant.client.delete(at('long.txt'))).status).toBe(200);
  });

  it('[DC84] refuses overlap that chunks cannot have, also of what stays', async () => {
    const refused = await put('b.txt', { text: 'x', chunking: { max_tokens: 16, overlap_tokens: 5 } });
    expect([refused.status, refused.body.error.param]).toEqual([400, 'chunking.overlap_tokens']);
  });

  it('[DC83] [DC85] deleting a document, and an index, takes rows and sources', async () => {
    expect((await tenant.client.delete(at('guides/locks.md'))).body).toMatchObject({ deleted: true });
    expect((await tenant.client.get(at('guides/locks.md'))).body.error.code).toBe('document_not_found');
    await expect.poll(vectors).toBe(0);
    const sources = async () =>
      (await tenant.client.get('/v1/files')).body.data.filter(({ purpose }: { purpose: string }) => purpose === 'document').length;
    await put('kept.txt', { text: 'a lock' });
    await ready('kept.txt');
    await expect.poll(sources).toBe(1);
    expect((await tenant.client.delete('/v1/indexes/guides')).status).toBe(200);
    await expect.poll(sources).toBe(0);
  });
});

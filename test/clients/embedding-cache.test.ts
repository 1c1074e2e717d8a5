import { createHash } from 'node:crypto';

import { beforeAll, describe, expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import { inTime } from '../support/fixtures/in-time.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const SHARED = 'glove-sif-100-onnx';
const LOCAL = 'glove-sif-100';
/** For polls of what happens on its own schedule. */
const PATIENCE = { timeout: 90_000 };

const server = sharedDeployment();
let client: ApiClient;
/** A client with the same key at another gateway isolate over the same objects. */
let elsewhere: ApiClient;

const renew = async (): Promise<void> => {
  ({ client } = await createTenant(server));
  elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
};

beforeAll(renew);

/** A trial of the caches of a new tenant. */
const fresh = (trial: () => Promise<void>) => leased(() => renew().then(trial));

const embed = async (at: ApiClient, model: string, input: unknown, headers?: Record<string, string>, more?: object) =>
  underLease(await at.post('/v1/embeddings', { model, input, ...more }, headers));

const statusOf = async (at: ApiClient, model: string, input: unknown, headers?: Record<string, string>) =>
  (await embed(at, model, input, headers)).headers.get('cache-status');

describe('the embedding cache over HTTP', () => {
  it('[C10] [C14] shares the vectors of an ONNX model between isolates, in order', () =>
    fresh(async () => {
      const texts = ['first text', 'second text', 'third text'];
      const own = await embed(client, SHARED, texts);
      expect(own.headers.get('cache-status')).toBe(
        'sluice-l2; fwd=miss; stored; detail="found=0 asked=3", sluice-l1; fwd=miss; stored; detail="computed=3"',
      );
      await expect.poll(() => statusOf(elsewhere, SHARED, 'first text'), PATIENCE).toContain('hit');
      const other = await embed(elsewhere, SHARED, ['third text', 'new text', 'second text', 'third text']);
      expect(other.headers.get('cache-status')).toContain('fwd=partial');
      const [first, second, third] = own.body.data.map((item: { embedding: number[] }) => item.embedding);
      const answered = other.body.data.map((item: { embedding: number[] }) => item.embedding);
      expect([answered[0], answered[2], answered[3]]).toEqual([third, second, third]);
      expect(answered[1]).not.toEqual(first);
      expect(other.body.data.map((item: { index: number }) => item.index)).toEqual([0, 1, 2, 3]);
    }));

  it('[C1] answers floats, base64 and shorter vectors from one entry', () =>
    fresh(async () => {
      const floats = await embed(client, LOCAL, 'one entry');
      const base64 = await embed(client, LOCAL, 'one entry', {}, { encoding_format: 'base64' });
      expect(base64.headers.get('cache-status')).toContain('hit');
      const bytes = Buffer.from(base64.body.data[0].embedding, 'base64');
      expect([...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)]).toEqual(
        floats.body.data[0].embedding.map(Math.fround),
      );
      const short = await embed(client, LOCAL, 'one entry', {}, { dimensions: 10 });
      expect(short.headers.get('cache-status')).toContain('hit');
      expect(short.body.data[0].embedding).toHaveLength(10);
    }));

  it('[M20] documents are ranked through the cache, charged as their embeddings are, and refused by name', () =>
    fresh(async () => {
      const documents = ['a weir holds back the river', { text: 'the lock keeper opens the gates at dawn' }, 'the price of copper fell'];
      const rank = async (more?: object) =>
        underLease(await client.post('/v1/rerank', { model: LOCAL, query: 'who opens the lock?', documents, ...more }));
      const first = await rank({ return_documents: true, top_n: 2 });
      expect(first.body.results).toEqual([
        { index: 1, relevance_score: expect.any(Number), document: documents[1] },
        { index: 0, relevance_score: expect.any(Number), document: { text: documents[0] } },
      ]);
      expect(first.headers.get('x-sluice-model')).toContain(`${LOCAL}@`);
      const again = await rank();
      expect(again.body.results.map(({ index }: { index: number }) => index)).toEqual([1, 0, 2]);
      expect(again.headers.get('cache-status')).toContain('memory=3');
      const costs = [first, again].map(({ headers }) => Number(headers.get('x-sluice-cost-usd')));
      expect(costs[1]).toBeLessThan(costs[0] ?? 0);
      expect(again.body.usage).toEqual(first.body.usage);

      const refused = async (body: object) =>
        (await client.post('/v1/rerank', { model: LOCAL, query: 'q', documents: ['d'], ...body })).body.error;
      expect(await refused({ query: 'word '.repeat(30_000) })).toMatchObject({ code: 'limit_exceeded', param: 'query' });
      expect(await refused({ documents: ['d', 'word '.repeat(30_000)] })).toMatchObject({ code: 'limit_exceeded', param: 'documents[1]' });
      expect(await refused({ documents: Array.from({ length: 1_001 }, () => 'd') })).toMatchObject({ param: 'documents' });
      expect(await refused({ documents: ['d', ''] })).toMatchObject({ code: 'invalid_value', param: 'documents[1]' });
      expect(await refused({ model: 'none' })).toMatchObject({ code: 'model_not_found', param: 'model' });
    }));

  it('[C3] [C12] obeys the TTL and the cache-control of requests', () =>
    fresh(async () => {
      const { text, statuses } = await inTime(400, async (windowMs) => {
        const lived = `short lived ${windowMs}`;
        const headers = [{ 'x-sluice-cache-ttl-ms': String(windowMs) }, {}, { 'cache-control': 'no-cache, no-store' }];
        const found: (string | null)[] = [];
        for (const header of headers) found.push(await statusOf(client, LOCAL, lived, header));
        return { text: lived, statuses: found };
      });
      expect(statuses).toEqual([
        expect.stringMatching(/^sluice-l1; fwd=miss; stored; ttl=\d+; detail="computed=1"$/),
        expect.stringMatching(/^sluice-l1; hit; ttl=\d+; detail="memory=1"$/),
        'sluice-l1; fwd=request; detail="computed=1"',
      ]);
      const unstored = { 'cache-control': 'no-store' };
      await expect.poll(() => statusOf(client, LOCAL, text, unstored), PATIENCE).toBe('sluice-l1; fwd=stale; detail="computed=1"');
      expect(await statusOf(client, LOCAL, text)).toContain('fwd=stale; stored');
      // As soon as the entry is older than that.
      await expect.poll(() => statusOf(client, LOCAL, text, { 'cache-control': 'max-age=0' }), PATIENCE).toContain('fwd=request');
      expect(await statusOf(client, LOCAL, text, { 'cache-control': 'max-age=60' })).toContain('hit');
      const refused = await embed(client, LOCAL, 'x', { 'x-sluice-cache-ttl-ms': '99999999999' });
      expect(refused).toMatchObject({ status: 400, body: { error: { code: 'limit_exceeded', param: 'x-sluice-cache-ttl-ms' } } });
    }));

  it('[C7] [C9] purges texts and keys from both levels and every isolate, and nothing else', () =>
    fresh(async () => {
      const texts = ['keep me', 'purge my text', 'purge my key'];
      await embed(client, SHARED, texts);
      await expect.poll(() => statusOf(elsewhere, SHARED, texts), PATIENCE).toContain('hit');
      const key = createHash('sha256').update('purge my key').digest('hex');
      const first = await client.post('/v1/cache/purge', { text: ['purge my text'], model: SHARED }, { 'idempotency-key': 'once' });
      const again = await client.post('/v1/cache/purge', { text: ['purge my text'], model: SHARED }, { 'idempotency-key': 'once' });
      expect(again.body.purge_id).toBe(first.body.purge_id);
      const other = await client.post('/v1/cache/purge', { keys: [key] }, { 'idempotency-key': 'once' });
      expect(other).toMatchObject({ status: 422, body: { error: { code: 'idempotency_mismatch' } } });
      expect((await client.post('/v1/cache/purge', { keys: [key] })).status).toBe(200);
      for (const at of [elsewhere, client]) expect(await statusOf(at, SHARED, 'keep me')).toContain('hit');
      expect(await statusOf(elsewhere, SHARED, texts)).toContain('sluice-l1; fwd=partial; stored; detail="memory=1 computed=2"');
      await expect.poll(async () => (await client.get(`/v1/cache/purges/${first.body.purge_id}`)).body.erased, PATIENCE).toBe(true);
    }));

  it('shows no tenant the vectors or receipts of another', () =>
    fresh(async () => {
      const { client: stranger } = await createTenant(server);
      await embed(client, SHARED, 'a private text');
      await expect.poll(() => statusOf(elsewhere, SHARED, 'a private text'), PATIENCE).toContain('hit');
      expect(await statusOf(stranger, SHARED, 'a private text')).toContain('fwd=miss');
      const { body } = await client.post('/v1/cache/purge', { everything: true });
      expect(await stranger.get(`/v1/cache/purges/${body.purge_id}`)).toMatchObject({
        status: 404,
        body: { error: { code: 'purge_not_found' } },
      });
      expect(await statusOf(stranger, SHARED, 'a private text')).toContain('hit');
    }));

  it('[C20] counts all tokens as usage and bills cached ones separately', () =>
    fresh(async () => {
      const { body } = await embed(client, LOCAL, ['red fish', 'red fish', 'blue fish']);
      expect(body.usage).toEqual({ prompt_tokens: 6, total_tokens: 6 });
      const usage = await client.get('/v1/usage');
      const quantityOf = (meter: string) => usage.body.data.find((line: { meter: string }) => line.meter === meter)?.quantity;
      expect([quantityOf('embedding_tokens'), quantityOf('embedding_cached_tokens')]).toEqual([4, 2]);
    }));

  it.each([
    [{}, undefined],
    [{ mode: 'soft', dry_run: true }, undefined],
    [{ model_version: '1' }, 'model_version'],
    [{ older_than_ms: 10 }, 'older_than_ms'],
    [{ tags: ['a,b'] }, 'tags[0]'],
    [{ text: [] }, 'text'],
    [{ keys: ['not a digest'] }, 'keys[0]'],
    [{ everything: false }, 'everything'],
  ])('refuses the purge %j', async (body, param) => {
    const { status, body: refusal } = await client.post('/v1/cache/purge', body);
    expect(status).toBe(400);
    expect(refusal.error).toMatchObject({ code: 'invalid_value', ...(param === undefined ? {} : { param }) });
  });
});

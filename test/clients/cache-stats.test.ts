import { setTimeout } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { AGE_BOUNDS_S } from '../../src/contract/caches/cache-tally.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const LOCAL = 'glove-sif-100';
const SHARED = 'glove-sif-100-onnx';

const server = sharedDeployment();

interface Line {
  cache: string;
  model: string | null;
}

const lineOf = async (client: ApiClient, model: string | null, query = '') => {
  const { status, body } = await client.get(`/v1/cache/stats${query}`);
  expect(status).toBe(200);
  return body.data.find((line: Line) => line.model === model);
};

/** The number of inputs from each source, by the `cache-status` of their answers. */
function sourcesOf(statuses: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = { memory: 0, shared: 0, joined: 0, duplicate: 0, computed: 0 };
  for (const [, source = '', count] of statuses.join().matchAll(/(\w+)=(\d+)(?=[^,]*")/g)) {
    if (source in counts) counts[source] = (counts[source] ?? 0) + Number(count);
  }
  const { joined: collapsed = 0, ...others } = counts;
  return { ...others, collapsed };
}

describe('statistics of a cache', () => {
  it('[C96] count the source of each input, over all isolates, for each tenant and model', () =>
    leased(async () => {
      const { client, id } = await createTenant(server);
      const { client: stranger } = await createTenant(server);
      const elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
      const embed = async (at: ApiClient, model: string, input: unknown) => underLease(await at.post('/v1/embeddings', { model, input }));
      expect(await lineOf(client, LOCAL)).toBeUndefined();
      await embed(client, LOCAL, ['one', 'two', 'one']);
      await embed(client, LOCAL, ['one', 'three']);
      await embed(client, SHARED, 'for both');
      // Polls until it is cached: with only-if-cached, misses are not counted.
      const shared = () => elsewhere.post('/v1/embeddings', { model: SHARED, input: 'for both' }, { 'cache-control': 'only-if-cached' });
      await expect.poll(async () => (await shared()).status).toBe(200);
      await embed(stranger, LOCAL, 'not of this tenant');
      expect(await lineOf(client, LOCAL)).toMatchObject({
        cache: 'embeddings',
        hit_ratio: 0.4,
        hits: { memory: 1, shared: 0, collapsed: 0, duplicate: 1 },
        computed: 3,
        evictions: 0,
      });
      await expect
        .poll(() => lineOf(client, SHARED), { timeout: 90_000, interval: 200 })
        .toMatchObject({ hits: { shared: 1 }, computed: 1, held: { isolates: 2, entries: 2 } });
      const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
      expect(await lineOf(admin, LOCAL, `?tenant=${id}`)).toMatchObject({ computed: 3 });
      expect(await admin.get('/v1/cache/stats')).toMatchObject({ status: 403, body: { error: { code: 'scope_denied', param: 'tenant' } } });
      expect(await stranger.get(`/v1/cache/stats?tenant=${id}`)).toMatchObject({ status: 404 });
    }));

  it('[C96] state the age of hits, and how much the isolates store', () =>
    leased(async () => {
      const { client } = await createTenant(server);
      const embed = async () => underLease(await client.post('/v1/embeddings', { model: LOCAL, input: 'aged' }));
      const startedMs = performance.now();
      await embed();
      await embed();
      const isYoung = performance.now() - startedMs <= AGE_BOUNDS_S[0] * 1_000;
      await setTimeout(AGE_BOUNDS_S[0] * 1_000 + 200);
      await embed();
      const { age_seconds: ages, held } = await lineOf(client, LOCAL);
      expect(ages.map(({ le }: { le: number | null }) => le)).toEqual([...AGE_BOUNDS_S, null]);
      // The first hit is young unless this machine was slow; the second never is.
      const [youngest, ...older] = ages.map(({ count }: { count: number }) => count);
      expect(youngest).toBeOneOf(isYoung ? [1] : [0, 1]);
      expect(older.slice(1)).toEqual([2, 2, 2, 2, 2]);
      expect(held).toMatchObject({ isolates: 1, entries: 1 });
      expect(held.bytes).toBeGreaterThan(400);
    }));

  it('[C96] count each text of concurrent equal requests by its source; each is computed once', async () => {
    const [crowd, texts] = [12, 400];
    const input = Array.from({ length: texts }, (_, i) => `a crowd asks for text number ${i}`);
    for (let isOfCache = false; !isOfCache;) {
      const { client } = await createTenant(server);
      const embed = (what: string | string[]) => client.post('/v1/embeddings', { model: SHARED, input: what });
      const answers = [await embed('warm up the model'), ...(await Promise.all(Array.from({ length: crowd }, () => embed(input))))];
      const statuses = answers.map(({ headers }) => headers.get('cache-status') ?? '');
      const { hits, computed } = await lineOf(client, SHARED);
      expect({ ...hits, computed }).toEqual(sourcesOf(statuses));
      // Without a lease in time, as on a busy machine, a request bypasses the cache and reports that: try again.
      isOfCache = statuses.every((status) => !status.includes('fwd=bypass'));
      if (isOfCache) expect(computed).toBe(texts + 1);
    }
  });

  it('[C97] are also on /metrics, without tenants', async () => {
    const { client, id } = await createTenant(server, { scopes: ['inference', 'ops:read', 'index:read'] });
    await client.post('/v1/embeddings', { model: LOCAL, input: ['for metrics', 'for metrics'] });
    // A subject, and with it its cache, is there from its first call on.
    await client.get('/v1/indexes');
    const { body } = await client.get('/metrics');
    for (const line of [
      /^sluice_cache_answers_total\{cache="embeddings",model="glove-sif-100",source="duplicate"\} [1-9]\d*$/m,
      /^# TYPE sluice_cache_bytes gauge\nsluice_cache_bytes\{cache="embeddings"\} [1-9]\d*$/m,
      /^sluice_cache_entries\{cache="queries"\} \d+$/m,
      /^sluice_cache_hit_age_seconds_bucket\{cache="embeddings",model="glove-sif-100",le="60"\} [1-9]\d*$/m,
    ]) {
      expect(body).toMatch(line);
    }
    expect(body).not.toContain(id);
    // Prometheus rejects a label list that begins with a comma.
    expect(body).not.toContain('{,');
  });

  it.each([
    ['?from=7200&to=3600', 'invalid_value', 'to'],
    ['?from=0', 'limit_exceeded', 'from'],
    ['?since=1', 'invalid_value', 'since'],
  ])('refuses %s', async (query, code, param) => {
    const { client } = await createTenant(server);
    expect(await client.get(`/v1/cache/stats${query}`)).toMatchObject({ status: 400, body: { error: { code, param } } });
  });
});

describe('search results over HTTP', () => {
  const CACHED = { 'x-sluice-cache-ttl-ms': '60000' };

  it('[C90] [C91] [C94] [C98] are cached until a write or a purge, at a price of their own', () =>
    leased(async () => {
      const { client } = await createTenant(server);
      const elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
      await client.post('/v1/indexes', { name: 'notes', model: LOCAL, owner: 'testers' });
      await client.post('/v1/indexes/notes/upsert', { vectors: [{ id: '1', text: 'the lock keeper' }] });
      const ask = async (headers: Record<string, string> = CACHED) =>
        underLease(await client.post('/v1/indexes/notes/query', { text: 'who keeps the lock?' }, headers));
      const first = await ask({});
      expect(first.headers.get('cache-status')).toBeNull();
      const askedMs = performance.now();
      expect((await ask()).headers.get('cache-status')).toBe('sluice-l1; fwd=miss; stored; ttl=60; detail="computed=1"');
      const hit = await ask();
      const ttlS = Number(/^sluice-l1; hit; ttl=(\d+); detail="memory=1"$/.exec(hit.headers.get('cache-status') ?? '')?.[1]);
      const heldS = (performance.now() - askedMs) / 1_000;
      expect(Math.abs(60 - ttlS)).toBeLessThanOrEqual(1 + heldS);
      expect(Number(hit.headers.get('age') ?? 'none')).toBeLessThanOrEqual(heldS);
      expect(hit.body).toEqual(first.body);
      expect(Number(hit.headers.get('x-sluice-cost-usd'))).toBeCloseTo((0.25 + 0.15) / 1e6, 12);

      // Written through another isolate, so that this one is not notified.
      await elsewhere.post('/v1/indexes/notes/upsert', { vectors: [{ id: '2', text: 'who keeps the lock?' }] });
      const written = await ask();
      expect(written.headers.get('cache-status')).toContain('fwd=miss');
      expect(written.body.matches[0].id).toBe('2');
      expect((await ask()).headers.get('cache-status')).toContain('hit');
      await elsewhere.post('/v1/cache/purge', { everything: true });
      expect((await ask()).headers.get('cache-status')).toContain('fwd=miss');
      expect(await ask({ ...CACHED, 'cache-control': 'no-cache, only-if-cached' })).toMatchObject({ status: 504 });

      const { body } = await client.get('/v1/usage');
      const quantityOf = (meter: string) => body.data.find((line: { meter: string }) => line.meter === meter)?.quantity;
      expect([quantityOf('vector_queries'), quantityOf('vector_cached_queries')]).toEqual([4, 2]);
      expect(await lineOf(client, null)).toMatchObject({ cache: 'queries', hits: { memory: 2 }, computed: 3, held: { entries: 2 } });
    }));

  it('[C81] [C90] refuse a longer TTL than search results may have', async () => {
    const { client } = await createTenant(server);
    const { body } = await client.post('/v1/indexes/none/query', { text: 'x' }, { 'x-sluice-cache-ttl-ms': '3600001' });
    expect(body.error).toMatchObject({ code: 'limit_exceeded', param: 'x-sluice-cache-ttl-ms' });
  });
});

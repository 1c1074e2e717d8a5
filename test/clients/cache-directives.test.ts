import { beforeAll, describe, expect, it } from 'vitest';

import { API_LIMITS } from '../../src/contract/api/api-limits.ts';
import { PRICE_BOOK } from '../../src/tenancy/usage/price-book.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { leased, onlyIfCached, underLease } from '../support/deployment/cache-lease.ts';
import { inTime } from '../support/fixtures/in-time.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const LOCAL = 'glove-sif-100';
const SHARED = 'glove-sif-100-onnx';

const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
});

/** A trial of the caches of a new tenant. */
const fresh = (trial: () => Promise<void>) =>
  leased(async () => {
    ({ client } = await createTenant(server));
    await trial();
  });

const embed = async (input: unknown, headers: Record<string, string> = {}, more: object = {}) =>
  underLease(await client.post('/v1/embeddings', { model: LOCAL, input, ...more }, headers));

const statusOf = async (input: unknown, headers: Record<string, string> = {}, more: object = {}) =>
  (await embed(input, headers, more)).headers.get('cache-status');

/** A member of the structured field list of RFC 9211; its parameters are tokens, integers, strings, or true without a value. */
const MEMBER =
  /^sluice-l[12](; (hit|stored|collapsed|fwd=(bypass|miss|request|stale|partial)|ttl=-?\d{1,15}|detail="[\x20-\x21\x23-\x5b\x5d-\x7e]*"))+$/;

describe('the cache directives of a request', () => {
  it('[C80] only-if-cached answers hits only; on a miss it is 504 and uses no tokens', () =>
    fresh(async () => {
      const ask = (input: unknown, directive = 'only-if-cached') => embed(input, { 'cache-control': directive });
      const refused = await ask(['known words', 'other words']);
      expect(refused).toMatchObject({ status: 504, body: { error: { code: 'not_cached', message: expect.stringContaining('2 of 2') } } });
      expect(refused.headers.get('x-should-retry')).toBe('false');
      await embed('known words');
      expect(await ask(['known words', 'other words'])).toMatchObject({ status: 504 });
      expect(await onlyIfCached((directive) => ask('known words', directive))).toMatchObject({ status: 200 });
      const { body } = await client.get('/v1/usage');
      const quantityOf = (meter: string) => body.data.find((line: { meter: string }) => line.meter === meter)?.quantity;
      expect([quantityOf('requests'), quantityOf('embedding_tokens'), quantityOf('embedding_cached_tokens')]).toEqual([4, 2, 2]);
    }));

  it('[C80] max-stale accepts expired entries; max-age and min-fresh reject some live ones', () =>
    fresh(async () => {
      const { text, ttlMs, status } = await inTime(500, async (windowMs) => {
        const [lived, lifeMs] = [`stale soon ${windowMs}`, windowMs + 1_000];
        await embed(lived, { 'x-sluice-cache-ttl-ms': String(lifeMs) });
        return { text: lived, ttlMs: lifeMs, status: await statusOf(lived, { 'cache-control': 'min-fresh=1' }) };
      });
      expect(status).toMatch(/^sluice-l1; hit; ttl=\d+;/);
      expect(await statusOf(text, { 'cache-control': `min-fresh=${Math.ceil(ttlMs / 1_000)}, no-store` })).toContain('fwd=');
      const asStale = () => statusOf(text, { 'cache-control': 'max-stale' });
      await expect.poll(asStale).toMatch(/^sluice-l1; hit; ttl=-\d+; detail="memory=1"$/);
      const stale = await embed(text, { 'cache-control': 'max-stale' });
      expect(Number(stale.headers.get('age'))).toBeGreaterThanOrEqual(1);
      expect(await statusOf(text, { 'cache-control': 'max-stale, max-age=1' })).toContain('fwd=');
    }));

  it.each([
    ['x-sluice-cache-ttl-ms', '0', 'invalid_value', 'x-sluice-cache-ttl-ms'],
    ['x-sluice-cache-ttl-ms', '1.5', 'invalid_value', 'x-sluice-cache-ttl-ms'],
    ['x-sluice-cache-ttl-ms', String(API_LIMITS.cacheTtlMaxMs + 1), 'limit_exceeded', 'x-sluice-cache-ttl-ms'],
    ['cache-tag', 'two words', 'invalid_value', 'cache-tag[0]'],
    ['cache-tag', 'a,,b', 'invalid_value', 'cache-tag[1]'],
    ['cache-tag', `a,${'x'.repeat(API_LIMITS.cacheTagCharsMax + 1)}`, 'limit_exceeded', 'cache-tag[1]'],
    ['cache-tag', Array.from({ length: API_LIMITS.cacheTagsMaxCount + 1 }, (_, i) => `t${i}`).join(','), 'limit_exceeded', 'cache-tag'],
  ])('[C81] refuses %s: %s with %s', async (header, value, code, param) => {
    expect(await embed('x', { [header]: value })).toMatchObject({ status: 400, body: { error: { code, param } } });
  });

  it('[C81] accepts the longest TTL and the most tags', async () => {
    const tags = Array.from(
      { length: API_LIMITS.cacheTagsMaxCount },
      (_, i) => `${'x'.repeat(API_LIMITS.cacheTagCharsMax - 2)}${10 + i}`,
    ).join(', ');
    const headers = { 'x-sluice-cache-ttl-ms': String(API_LIMITS.cacheTtlMaxMs), 'cache-tag': tags };
    expect(await embed('a long life', headers)).toMatchObject({ status: 200 });
  });

  it('[C82] a tag purge removes entries with the tag; an entry serves only requests whose tags it has', () =>
    fresh(async () => {
      const tagged = (input: string, tag: string) => statusOf(input, { 'cache-tag': tag });
      expect(await tagged('tag me', 'release-1')).toContain('fwd=miss');
      expect(await tagged('tag me', 'release-1')).toContain('hit');
      expect(await statusOf('tag me')).toContain('hit');
      expect(await tagged('tag me', 'release-2')).toContain('fwd=miss; stored');
      // Now the entry has both tags.
      expect(await tagged('tag me', 'release-1, release-2')).toContain('hit');
      await tagged('another', 'release-3');
      expect((await client.post('/v1/cache/purge', { tags: ['release-1'] })).status).toBe(200);
      expect(await tagged('another', 'release-3')).toContain('hit');
      expect(await statusOf('tag me')).toContain('fwd=miss');
    }));
});

describe('the cache headers of an answer', () => {
  it('[C83] are RFC 9211: one member for each level, the nearest to the caller last', () =>
    fresh(async () => {
      const statuses: string[] = [];
      for (const headers of [{}, {}, { 'cache-control': 'no-cache' }, { 'cache-control': 'no-store', 'x-sluice-cache-ttl-ms': '5000' }]) {
        for (const model of [LOCAL, SHARED]) {
          // Models of one embedding contract share cache entries: each gets its own texts here.
          const input = [`${model} grammar`, 'words'.repeat(statuses.length + 1)];
          statuses.push((await statusOf(input, headers, { model })) ?? '');
        }
      }
      for (const member of statuses.flatMap((status) => status.split(', '))) expect(member).toMatch(MEMBER);
      for (const status of statuses) expect(status.match(/\bhit\b/g)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(statuses[1]).toMatch(/^sluice-l2; .*, sluice-l1; /);
      expect(statuses[2]).toMatch(/^sluice-l1; fwd=partial; stored; /);
      expect(statuses[4]).toMatch(/^sluice-l1; fwd=request; stored; /);
    }));

  it('[C84] have an age in whole seconds if some vectors came from a cache, and none otherwise', () =>
    fresh(async () => {
      const askedMs = performance.now();
      expect((await embed('ages ago')).headers.get('age')).toBeNull();
      await expect.poll(async () => Number((await embed('ages ago')).headers.get('age'))).toBeGreaterThanOrEqual(1);
      const age = Number((await embed(['ages ago', 'just now'])).headers.get('age'));
      expect(age).toBeGreaterThanOrEqual(1);
      expect(age).toBeLessThanOrEqual((performance.now() - askedMs) / 1_000);
    }));

  it('[C86] have an etag of the bytes, different for each format, length, model and text', async () => {
    const tagOf = async (input: unknown, more: object = {}) => (await embed(input, {}, more)).headers.get('etag');
    const first = await tagOf('tag of bytes');
    expect(first).toMatch(/^"[0-9a-f]{32}"$/);
    expect(await tagOf('tag of bytes')).toBe(first);
    const others = [{ encoding_format: 'base64' }, { dimensions: 50 }, { model: SHARED }].map((more) => tagOf('tag of bytes', more));
    const tags = new Set(await Promise.all([...others, tagOf('tag of'), tagOf(['tag of', 'bytes'])]));
    expect([tags.size, tags.has(first)]).toEqual([5, false]);
    // A POST is never answered with 304: see `respond`.
    expect(await embed('tag of bytes', { 'if-none-match': first ?? '' })).toMatchObject({ status: 200 });
  });

  it('[C86] answer a GET with 304 if the caller has the current representation', async () => {
    const first = await client.get('/v1/models');
    const etag = first.headers.get('etag') ?? '';
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await client.get('/v1/models', { 'if-none-match': known });
      expect([again.status, again.body, again.headers.get('etag')]).toEqual([304, '', etag]);
      expect(again.headers.get('x-request-id')).not.toBeNull();
    }
    expect((await client.get('/v1/models', { 'if-none-match': '"x"' })).status).toBe(200);
    expect((await client.get(`/v1/models/${LOCAL}`)).headers.get('etag')).not.toBe(etag);
    expect((await client.get('/v1/models/none', { 'if-none-match': '*' })).status).toBe(404);
  });

  it('[C87] state a separate price for hits, and every token is metered once', () =>
    fresh(async () => {
      const costs: string[] = [];
      for (const input of ['four words of text', 'four words of text', ['four words of text', 'four words of text']]) {
        costs.push((await embed(input)).headers.get('x-sluice-cost-usd') ?? '');
      }
      const { requests, embedding_tokens: computed, embedding_cached_tokens: cached } = PRICE_BOOK[0]!.prices;
      const nano = [4 * computed.nano, 4 * cached.nano, 8 * cached.nano].map((tokens) => Math.round((tokens + requests.nano) / 1e6));
      expect(costs.map((cost) => Math.round(Number(cost) * 1e9))).toEqual(nano);
      const { body } = await client.get('/v1/usage');
      const lineOf = (meter: string) => body.data.find((line: { meter: string }) => line.meter === meter);
      expect(lineOf('embedding_tokens')).toMatchObject({ quantity: 4, amount_usd: '0.000000080' });
      expect(lineOf('embedding_cached_tokens')).toMatchObject({ quantity: 12, amount_usd: '0.000000024' });
    }));
});

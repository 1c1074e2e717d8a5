import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { leased, onlyIfCached, underLease } from '../support/deployment/cache-lease.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { inTime } from '../support/fixtures/in-time.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';

const SHARED = 'glove-sif-100-onnx';

let server: Server;
let tenant: TestTenant;
let client: ApiClient;
/** A client with the same key at another gateway isolate over the same objects. */
let elsewhere: ApiClient;
let admin: ApiClient;

beforeAll(async () => {
  // Unusual names: counting and erasing find these shards only if they read the setting.
  server = await deploy(2, { LOG_LEVEL: 'warn', CACHE_SHARDS: 'a:1,b:3', CACHE_SHARDS_BEFORE: '2' });
  admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
});

afterAll(() => server.stop());

/** A trial of the caches of a new tenant. */
const fresh = (trial: () => Promise<void>) =>
  leased(async () => {
    tenant = await createTenant(server);
    client = tenant.client;
    elsewhere = new ApiClient(server.urls[1] ?? '', client.apiKey);
    await trial();
  });

const embed = async (at: ApiClient, input: string | string[], headers?: Record<string, string>) =>
  underLease(await at.post('/v1/embeddings', { model: SHARED, input }, headers));

/** Whether the text is in the cache. A hit also fills the first level, unless `directive` forbids it. */
async function isCached(at: ApiClient, text: string, tags?: string, directive = 'no-store'): Promise<boolean> {
  const { status } = await onlyIfCached((first) =>
    embed(at, text, { 'cache-control': `${first}, ${directive}`, ...(tags === undefined ? {} : { 'cache-tag': tags }) }),
  );
  expect([200, 504]).toContain(status);
  return status === 200;
}

/** Puts texts with their tags into the caches of both isolates. */
async function fill(texts: Record<string, string | undefined>): Promise<void> {
  for (const [text, tags] of Object.entries(texts)) {
    await embed(client, text, tags === undefined ? {} : { 'cache-tag': tags });
    await expect.poll(() => isCached(elsewhere, text, tags, 'max-age=60')).toBe(true);
  }
}

const purge = (body: object, headers?: Record<string, string>) => client.post('/v1/cache/purge', body, headers);

describe('a purge over HTTP', () => {
  it.each<[string, object, string[]]>([
    ['tags', { tags: ['docs/2', 'x'] }, ['two', 'three']],
    ['prefix', { prefix: 'docs/' }, ['one', 'two']],
    ['prefix and text', { prefix: 'docs/', text: ['two', 'three'] }, ['two']],
    ['model and tags', { model: SHARED, tags: ['docs/1'] }, ['one']],
    ['another model', { model: 'glove-sif-100' }, []],
    ['a name with its version', { model: `${SHARED}@2` }, ['one', 'two', 'three', 'four']],
    ['version', { model: SHARED, model_version: '2' }, ['one', 'two', 'three', 'four']],
  ])('[C60] by %s removes matching entries in every isolate, and no others', (_, body, expected) =>
    fresh(async () => {
      const texts = { one: 'docs/1', two: 'docs/2', three: 'x', four: undefined };
      await fill(texts);
      const { status, body: receipt } = await purge(body);
      expect([status, receipt.status, receipt.mode]).toEqual([200, 'effective', 'hard']);
      for (const at of [elsewhere, client]) {
        const missing: string[] = [];
        for (const [text, tags] of Object.entries(texts)) if (!(await isCached(at, text, tags))) missing.push(text);
        expect(missing).toEqual(expected);
      }
    }),
  );

  it('[C62] by age leaves younger entries', () =>
    fresh(async () => {
      const [old, young] = await inTime(2_000, async (ageMs, begin) => {
        await fill({ [`old ${ageMs}`]: undefined });
        await setTimeout(ageMs + 200);
        begin();
        await fill({ [`young ${ageMs}`]: undefined });
        await purge({ older_than_ms: ageMs });
        return [await isCached(elsewhere, `old ${ageMs}`), await isCached(elsewhere, `young ${ageMs}`)];
      });
      expect([old, young]).toEqual([false, true]);
    }));

  it('[C61] that is soft leaves stale entries for callers that accept them', () =>
    fresh(async () => {
      await fill({ soft: undefined });
      expect((await purge({ everything: true, mode: 'soft' })).body).toMatchObject({ mode: 'soft', erased: false });
      expect([await isCached(elsewhere, 'soft'), await isCached(elsewhere, 'soft', undefined, 'max-stale')]).toEqual([false, true]);
      const stale = await embed(elsewhere, 'soft', { 'cache-control': 'max-stale' });
      expect(stale.headers.get('cache-status')).toContain('hit');
      await embed(elsewhere, 'soft');
      expect(await isCached(elsewhere, 'soft')).toBe(true);
    }));

  it('[C68] that is fast reports when it takes effect, and does by then', () =>
    fresh(async () => {
      await fill({ fast: undefined });
      const startedMs = Date.now();
      const { body } = await purge({ everything: true, consistency: 'fast' });
      const answeredMs = Date.now();
      expect([body.consistency, body.bound_ms]).toEqual(['fast', 1000]);
      // Answered before it takes effect, unless this machine took longer than the bound.
      expect(body.status === 'pending' || answeredMs - startedMs >= body.bound_ms).toBe(true);
      const effectiveMs = Date.parse(body.effective_at);
      expect(effectiveMs).toBeLessThanOrEqual(answeredMs + body.bound_ms);
      await setTimeout(Math.max(0, effectiveMs - Date.now()) + 5);
      for (const at of [client, elsewhere]) expect(await isCached(at, 'fast')).toBe(false);
      expect((await client.get(`/v1/cache/purges/${body.purge_id}`)).body).toMatchObject({ status: 'effective', consistency: 'fast' });
    }));

  it('[C67] that is a dry run counts entries and removes none', () =>
    fresh(async () => {
      await fill({ 'count me': 'x', 'me too': undefined });
      const tried = await purge({ tags: ['x'], dry_run: true });
      expect(tried.body).toEqual({ object: 'cache.purge_estimate', dry_run: true, entries: 1, bytes: 400 });
      expect((await purge({ everything: true, dry_run: true })).body.entries).toBe(2);
      expect(await isCached(elsewhere, 'count me', 'x')).toBe(true);
    }));

  it('[C65] needs the scope, or the admin and an existing tenant', () =>
    fresh(async () => {
      await fill({ admins: undefined });
      const { body } = await admin.post('/v1/cache/purge', { everything: true, tenant: tenant.id });
      expect(await isCached(elsewhere, 'admins')).toBe(false);
      const path = `/v1/cache/purges/${body.purge_id}`;
      expect((await admin.get(`${path}?tenant=${tenant.id}`)).body.purge_id).toBe(body.purge_id);
      expect((await client.get(path)).body.purge_id).toBe(body.purge_id);
      expect(await admin.get(path)).toMatchObject({ status: 403, body: { error: { code: 'scope_denied', param: 'tenant' } } });
      const invented = tenant.id.replace(/.{8}$/, '00000000');
      expect((await admin.post('/v1/cache/purge', { everything: true, tenant: invented })).status).toBe(404);
      const stranger = await createTenant(server, { scopes: ['inference'] });
      expect((await stranger.client.post('/v1/cache/purge', { everything: true })).status).toBe(403);
      expect((await client.post('/v1/cache/purge', { everything: true, tenant: stranger.id })).status).toBe(404);
    }));
});

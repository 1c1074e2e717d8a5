import { setTimeout } from 'node:timers/promises';

import { beforeAll, describe, expect, it } from 'vitest';

import { TENANCY_LIMITS } from '../../src/contract/tenancy/tenancy-limits.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const SHARED = 'glove-sif-100-onnx';
const LOCAL = 'glove-sif-100';
/** For polls of what happens on its own schedule. */
const PATIENCE = { timeout: 90_000 };

const server = sharedDeployment();
/** Two tenants of one organisation, and one of another. */
let a: TestTenant;
let b: TestTenant;
let stranger: TestTenant;
let admin: ApiClient;

beforeAll(async () => {
  a = await createTenant(server);
  b = await createTenant(server, { organisation: a.organisation });
  stranger = await createTenant(server);
  admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
});

/** Names the texts of a trial. */
let attempt = 1;
const fresh = (trial: () => Promise<void>) =>
  leased(async (nth) => {
    attempt = nth;
    await trial();
  });

// Models of one embedding contract share cache entries: each gets its own texts.
const textOf = (model: string, text: string): string => `${text} ${attempt} of ${model}`;

const statusOf = async ({ client }: Pick<TestTenant, 'client'>, model: string, text: string) =>
  underLease(await client.post('/v1/embeddings', { model, input: textOf(model, text) })).headers.get('cache-status');

const elsewhere = ({ client }: TestTenant) => ({ client: new ApiClient(server.urls[1] ?? '', client.apiKey) });

const share = async (shared: boolean) => {
  const { organisation } = a;
  expect(await admin.put(`/v1/organisations/${organisation}/cache`, { shared })).toMatchObject({
    status: 200,
    body: { organisation, shared },
  });
  // From now on no isolate uses the old setting.
  await setTimeout(TENANCY_LIMITS.keyFreshMs + 200);
};

/** The tenant sees nothing that the others cached. */
const expectApart = async (who: TestTenant, text: string) => {
  for (const model of [LOCAL, SHARED]) expect(await statusOf(who, model, text)).toContain('computed=1');
};

// The order matters: the tests change the setting of the whole organisation.
describe('tenants of one organisation', () => {
  it('[C88] share nothing by default', () =>
    fresh(async () => {
      expect((await admin.get(`/v1/organisations/${a.organisation}/cache`)).body).toMatchObject({ shared: false });
      for (const model of [LOCAL, SHARED]) await statusOf(a, model, 'never shared');
      await expect.poll(() => statusOf(elsewhere(a), SHARED, 'never shared'), PATIENCE).toContain('hit');
      await expectApart(b, 'never shared');
      await expectApart(stranger, 'never shared');
    }));

  it('[C88] cannot turn sharing on themselves', async () => {
    for (const { client } of [a, stranger]) {
      expect(await client.put(`/v1/organisations/${a.organisation}/cache`, { shared: true })).toMatchObject({ status: 403 });
      expect(await client.get(`/v1/organisations/${a.organisation}/cache`)).toMatchObject({ status: 403 });
    }
    expect(await admin.put('/v1/organisations/org_0000000000/cache', { shared: true })).toMatchObject({ status: 404 });
  });

  it('[C88] share both levels when it is on, with no other organisation; each pays for its requests', () =>
    fresh(async () => {
      await share(true);
      for (const model of [LOCAL, SHARED]) await statusOf(a, model, 'shared text');
      for (const model of [LOCAL, SHARED]) expect(await statusOf(b, model, 'shared text')).toContain('sluice-l1; hit');
      await expect.poll(() => statusOf(elsewhere(b), SHARED, 'shared text'), PATIENCE).toContain('hit');
      await expectApart(stranger, 'shared text');
      const { body } = await b.client.get('/v1/usage');
      const cached = body.data.find((line: { meter: string }) => line.meter === 'embedding_cached_tokens');
      expect(cached.quantity).toBeGreaterThanOrEqual(6);
      // What each tenant cached before for itself remains separate.
      expect(await statusOf(b, LOCAL, 'only of a')).toContain('computed=1');
    }));

  it('[C88] purge shared entries for both, from the next read on and in every isolate', () =>
    fresh(async () => {
      for (const model of [LOCAL, SHARED]) await statusOf(a, model, 'purged by b');
      await expect.poll(() => statusOf(elsewhere(a), SHARED, 'purged by b'), PATIENCE).toContain('hit');
      expect((await b.client.post('/v1/cache/purge', { text: [LOCAL, SHARED].map((model) => textOf(model, 'purged by b')) })).status).toBe(
        200,
      );
      expect(await statusOf(a, LOCAL, 'purged by b')).toContain('computed=1');
      expect(await statusOf(elsewhere(a), SHARED, 'purged by b')).toContain('computed=1');
      await statusOf(a, LOCAL, 'kept by a');
      expect((await stranger.client.post('/v1/cache/purge', { everything: true })).status).toBe(200);
      expect(await statusOf(b, LOCAL, 'kept by a')).toContain('hit');
    }));

  it('[C88] [C92] never share search results', async () => {
    const headers = { 'x-sluice-cache-ttl-ms': '60000' };
    for (const { client } of [a, b]) {
      await client.post('/v1/indexes', { name: 'same-name', model: LOCAL, owner: 'testers' });
      await client.post('/v1/indexes/same-name/upsert', { vectors: [{ id: client === a.client ? 'of-a' : 'of-b', text: 'lock' }] });
    }
    for (const [{ client }, own] of [
      [a, 'of-a'],
      [b, 'of-b'],
    ] as const) {
      const answer = await client.post('/v1/indexes/same-name/query', { text: 'lock' }, headers);
      expect(answer.headers.get('cache-status')).toContain('computed=1');
      expect(answer.body.matches.map(({ id }: { id: string }) => id)).toEqual([own]);
    }
  });

  it('[C88] share nothing when it is off again; shared entries serve neither and can still be purged', () =>
    fresh(async () => {
      if (attempt > 1) await share(true);
      for (const model of [LOCAL, SHARED]) await statusOf(a, model, 'shared no more');
      await statusOf(a, SHARED, 'purged while off');
      await share(false);
      await expectApart(b, 'shared no more');
      await expectApart(a, 'shared no more');
      expect((await a.client.post('/v1/cache/purge', { text: [textOf(SHARED, 'purged while off')] })).status).toBe(200);
      await share(true);
      // Entries from before are still stored, except for those purged while sharing was off.
      expect(await statusOf(elsewhere(b), SHARED, 'kept while off')).toContain('computed=1');
      expect(await statusOf(b, SHARED, 'shared no more')).toContain('hit');
      expect(await statusOf(b, SHARED, 'purged while off')).toContain('computed=1');
    }));
});

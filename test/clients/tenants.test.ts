import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TENANCY_LIMITS } from '../../src/contract/tenancy/tenancy-limits.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const MODEL = 'glove-sif-100';
/** Isolates read a key again after `keyFreshMs`: from then on none uses its cached copy. */
const settled = () => sleep(TENANCY_LIMITS.keyFreshMs + 100);

let server: Server;
let admin: ApiClient;

beforeAll(async () => {
  // The tests act as a trusted proxy.
  server = await deploy(2, { LOG_LEVEL: 'warn', TRUSTED_PROXIES: '127.0.0.1' });
  admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
});

afterAll(() => server.stop());

describe('keys', () => {
  it('[T12] [T13] [T14] work only from their networks and on their resources, and so do keys they create', async () => {
    const { client } = await createTenant(server, { scopes: ['keys:write', 'inference', 'index:read', 'index:write'] });
    for (const name of ['blog-a', 'secrets']) await client.post('/v1/indexes', { name, owner: 'testers', model: MODEL });
    const make = async (by: ApiClient, more: object) => {
      const made = await by.post('/v1/keys', { name: 'narrow', owner: 'testers', scopes: ['keys:write', 'index:read'], ...more });
      return { made, client: new ApiClient(server.urls[1]!, made.body.key) };
    };
    const narrow = await make(client, { resources: ['index/blog-*'], addresses: ['203.0.113.0/24'], expires_at: 4_000_000_000 });
    // Before anything is granted, so that no slice has been drawn yet.
    await admin.put('/v1/quotas', { key: narrow.made.body.id, rules: [{ resource: 'queries', window: 'month', limit: 3 }] });
    const from = (address: string) => ({ 'x-forwarded-for': `203.0.113.9, ${address}` });
    const query = (by: ApiClient, index: string, address: string) =>
      by.post(`/v1/indexes/${index}/query`, { text: 'x' }, from(address)).then(({ status, body }) => body.error?.code ?? status);
    expect(await query(narrow.client, 'blog-a', '203.0.113.9')).toBe(200);
    expect(await query(narrow.client, 'secrets', '203.0.113.9')).toBe('scope_denied');
    expect(await query(narrow.client, 'blog-a', '203.0.114.9')).toBe('address_denied');
    expect(await narrow.client.get('/v1/indexes')).toMatchObject({ status: 403 });
    expect((await narrow.client.get('/v1/indexes', from('203.0.113.9'))).body.error.code).toBe('scope_denied');

    const child = await narrow.client.post('/v1/keys', { name: 'child', owner: 'o', scopes: ['index:read'] }, from('203.0.113.1'));
    expect(child.body).toMatchObject({
      resources: ['index/blog-*'],
      addresses: ['203.0.113.0/24'],
      expires_at: 4_000_000_000,
      created_by: narrow.made.body.id,
    });
    for (const stronger of [
      { resources: ['index/*'] },
      { addresses: ['::/0'] },
      { expires_at: 4_000_000_001 },
      { scopes: ['inference'] },
    ]) {
      const body = { name: 'child', owner: 'o', scopes: ['index:read'], ...stronger };
      const refused = await narrow.client.post('/v1/keys', body, from('203.0.113.1'));
      expect(refused.body.error).toMatchObject({ code: 'scope_denied', param: Object.keys(stronger)[0] });
    }

    // Use of the child key counts for the key that created it.
    const childClient = new ApiClient(server.urls[0]!, child.body.key);
    const codes: unknown[] = [];
    for (let call = 0; call < 4; call++) codes.push(await query(childClient, 'blog-a', '203.0.113.2'));
    // The creating key made one of the three calls itself.
    expect(codes).toEqual([200, 200, 'insufficient_quota', 'insufficient_quota']);
    const lastUsed = async () => (await client.get(`/v1/keys/${narrow.made.body.id}`)).body.last_used_at ?? 0;
    await expect.poll(lastUsed).toBeGreaterThan(Date.now() / 1000 - 300);
  });
});

describe('a suspension', () => {
  it('[T15] stops the keys of one tenant within a second at every gateway, then restores them', async () => {
    const one = await createTenant(server);
    const other = await createTenant(server, { organisation: one.organisation });
    const codes = () =>
      Promise.all(
        [one, other].flatMap(({ client }) =>
          server.urls.map((url) =>
            new ApiClient(url, client.apiKey).get('/v1/indexes').then(({ status, body }) => body.error?.code ?? status),
          ),
        ),
      );
    expect(await codes()).toEqual([200, 200, 200, 200]);
    expect((await admin.post(`/v1/tenants/${one.id}/suspend`, undefined)).body).toMatchObject({ state: 'suspended' });
    await settled();
    expect(await codes()).toEqual(['tenant_suspended', 'tenant_suspended', 200, 200]);
    expect((await admin.post(`/v1/tenants/${one.id}/resume`, undefined)).body).toMatchObject({ state: 'active' });
    await settled();
    expect(await codes()).toEqual([200, 200, 200, 200]);
    const { body } = await admin.get(`/v1/audit?organisation=${one.organisation}&limit=2`);
    expect(body.data.map(({ action, actor }: Record<string, string>) => [action, actor])).toEqual([
      ['tenant.active', 'admin'],
      ['tenant.suspended', 'admin'],
    ]);
    const older = await admin.get(`/v1/audit?organisation=${one.organisation}&before=${body.data[1].position}`);
    expect(older.body.data.map(({ action }: Record<string, string>) => action)).toContain('key.create');
  });
});

describe('an erasure', () => {
  it('[T16] [T72] [T74] leaves of a tenant only its id and bill, and everything of another tenant', async () => {
    const doomed = await createTenant(server);
    const neighbour = await createTenant(server, { organisation: doomed.organisation });
    const organisation = doomed.organisation;
    expect((await admin.put(`/v1/organisations/${organisation}/cache`, { shared: true })).status).toBe(200);
    for (const { client, id } of [doomed, neighbour]) {
      expect((await client.post('/v1/embeddings', { model: `${MODEL}-onnx`, input: id })).status).toBe(200);
      expect((await admin.put('/v1/budgets', { tenant: id, amount_usd: '1000' })).status).toBe(200);
      await client.post('/v1/indexes', { name: 'texts', owner: 'testers', model: MODEL });
      await client.post('/v1/indexes/texts/upsert', { vectors: [{ id: 'a', text: 'the secret' }] });
      const form = new FormData();
      form.set('purpose', 'batch');
      form.set('file', new Blob(['{}\n']), 'lines.jsonl');
      const file = await client.call('POST', '/v1/files', form);
      const job = { kind: 'batch_embedding', model: MODEL, input_file: file.body.id, owner: 'testers' };
      expect((await client.post('/v1/jobs', job)).status).toBe(201);
    }
    const left = async (tenant: TestTenant) => {
      const { body } = await admin.get(`/v1/tenants/${tenant.id}/erasure`);
      expect(body).toMatchObject({ state: 'active', verified: false });
      return Object.fromEntries(body.remaining.map(({ what, count }: { what: string; count: number }) => [what, count]));
    };
    const held = {
      // Of a tenant that is not being erased, none is to end.
      'calls under way': 0,
      indexes: 1,
      jobs: 1,
      // Only attempts write them.
      'job logs': 0,
      // Only calls of upstreams are in it.
      'request log': 0,
      // `stored-answers.test.ts` has some of both.
      'batches of calls': 0,
      'stored answers': 0,
      upstreams: 0,
      // `slos.test.ts` has some.
      objectives: 0,
      'debt register': 0,
      files: 1,
      models: 0,
      quotas: 3,
      'keys and projects': 2,
      'cached embeddings': 1,
      'statistics and budgets': expect.any(Number),
    };
    for (const tenant of [doomed, neighbour]) await expect.poll(() => left(tenant), { timeout: 90_000, interval: 100 }).toEqual(held);

    const erased = await admin.post(`/v1/tenants/${doomed.id}/erase`, undefined);
    expect(erased.body).toMatchObject({ state: 'erased', verified: true });
    expect(erased.body.remaining.every(({ count }: { count: number }) => count === 0)).toBe(true);
    expect((await admin.get(`/v1/tenants/${doomed.id}/erasure`)).body).toEqual(erased.body);
    expect((await admin.post(`/v1/tenants/${doomed.id}/erase`, undefined)).body).toEqual(erased.body);
    await settled();
    expect((await doomed.client.get('/v1/models')).body.error.code).toBe('invalid_api_key');
    expect((await admin.post(`/v1/tenants/${doomed.id}/resume`, undefined)).body.error.code).toBe('state_conflict');
    expect((await admin.post('/v1/keys', { tenant: doomed.id, name: 'k', owner: 'o' })).body.error.code).toBe('state_conflict');
    const { body: tenants } = await admin.get(`/v1/tenants?organisation=${doomed.organisation}`);
    expect(JSON.stringify(tenants.data.find(({ id }: { id: string }) => id === doomed.id))).not.toContain('tenant-');

    expect((await neighbour.client.post('/v1/indexes/texts/query', { text: 'secret', include_text: true })).body.matches).toHaveLength(1);
    expect((await neighbour.client.get('/v1/files')).body.data).toHaveLength(1);
    expect(await left(neighbour)).toMatchObject({ ...held, quotas: expect.any(Number) });
    const budgets = await admin.get(`/v1/budgets?organisation=${organisation}`);
    expect(budgets.body.data.map(({ level }: { level: string }) => level)).toEqual([neighbour.id]);
    const late = await admin.put('/v1/budgets', { tenant: doomed.id, amount_usd: '1000' });
    expect(late.body.error.code).toBe('tenant_suspended');
    const purge = await admin.post('/v1/cache/purge', { tenant: doomed.id, everything: true });
    expect(purge.body.error.code).toBe('state_conflict');
    // Its usage is still billed.
    const { body: usage } = await admin.get(`/v1/usage?organisation=${doomed.organisation}&group_by=tenant`);
    expect(usage.data.map(({ tenant }: { tenant: string }) => tenant)).toContain(doomed.id);
  });
});

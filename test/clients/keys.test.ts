import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import type { JobQueue } from '../../src/gateway/jobs/job-queue.ts';
import type { PoolCalls } from '../../src/gateway/pools/pool-calls.ts';
import type { OrganisationDirectory, OrganisationStore } from '../../src/gateway/tenancy/organisation-store.ts';
import { Hmac } from '../../src/kernel/hmac.ts';
import { agentToken, poolId } from '../../src/pools/agent-token.ts';
import { formatApiKey, SECRET_BYTES } from '../../src/tenancy/keys/api-key.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { deployReachable } from '../support/deployment/deployment.ts';
import type { ReachableDeployment } from '../support/deployment/deployment.ts';
import { FORGED_CALLS } from '../support/deployment/forged-ids.ts';
import type { ForgedCall } from '../support/deployment/forged-ids.ts';
import { SAMPLE_BODIES } from '../support/fixtures/sample-bodies.ts';
import { idsOf, newKey } from '../support/fakes/tenancy.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';

/** Every route that takes an `Idempotency-Key`, from the table of endpoints. */
const IDEMPOTENT = (Object.entries(ENDPOINTS) as [EndpointName, Endpoint][]).filter(([, { idempotent }]) => idempotent === true);

/**
 * Imports of different callers under one key are different imports: the rules are in src/gateway/vectors/bulk/SPEC.md. A reservation needs machines, which
 * there are none of here: J191.
 */
const SEPARATE: ReadonlySet<EndpointName> = new Set<EndpointName>(['importVectors', 'createReservation']);

let server: ReachableDeployment;
let tenant: TestTenant;
let admin: ApiClient;
/** A client with another key of the same tenant. */
let other: ApiClient;
const owned: Record<string, string> = { index: 'numbers' };

beforeAll(async () => {
  server = await deployReachable(2);
  admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
  tenant = await createTenant(server, { scopes: SCOPES });
  const make = async (by: ApiClient) =>
    (await by.post('/v1/keys', { tenant: tenant.id, name: 'other', owner: 'testers', scopes: SCOPES })).body;
  other = new ApiClient(server.urls[0]!, (await make(admin)).key);
  await tenant.client.post('/v1/indexes', { name: 'numbers', dimensions: 4, owner: 'testers' });
  const form = SAMPLE_BODIES.uploadFile?.(owned);
  const file = await tenant.client.call('POST', '/v1/files', form);
  Object.assign(owned, { tenant: tenant.id, organisation: tenant.organisation, file: file.body.id, key: (await make(tenant.client)).id });
  const pairs = new FormData();
  pairs.set('purpose', 'fine-tune');
  pairs.set('file', new Blob(['{"anchor": "lock", "positive": "gate"}\n{"anchor": "boat", "positive": "ship"}\n']), 'pairs.jsonl');
  owned.pairs = (await tenant.client.call('POST', '/v1/files', pairs)).body.id;
  owned.upload = (await tenant.client.post('/v1/uploads', SAMPLE_BODIES.createUpload?.(owned))).body.id;
  owned.pool = (await admin.post('/v1/pools', { name: 'turning', owner: 'testers' })).body.id;
});

afterAll(() => server.stop());

/** The sample body of an endpoint, with one argument changed if `isOther`. */
function bodyOf(name: EndpointName, isOther: boolean): unknown {
  const vectors = (values: number[]) => ({ vectors: [{ id: 'a', values }] });
  if (name === 'upsertVectors') return vectors(isOther ? [0, 1, 0, 0] : [1, 0, 0, 0]);
  const own: Partial<Record<EndpointName, object>> = {
    // The name of the sample is taken by the deployment, and its file holds no pairs.
    createModel: { name: 'probe-model' },
    createFineTuningJob: { training_file: owned['pairs'] },
  };
  const sample = SAMPLE_BODIES[name]?.(owned);
  const body = name in own ? { ...(sample as object), ...own[name] } : sample;
  if (!isOther) return body;
  if (body instanceof FormData) {
    body.set(name === 'addUploadPart' ? 'data' : 'file', new Blob(['{"other": 1}\n']), 'probe.jsonl');
    return body;
  }
  const changes: Partial<Record<EndpointName, object>> = {
    rotateKey: { grace_seconds: 1 },
    rotatePoolToken: { grace_s: 1 },
    createJob: { priority: 'high' },
    createBatch: { completion_window: '25h' },
    createMessageBatch: { requests: [{ custom_id: 'another', params: SAMPLE_BODIES.createMessage?.(owned) }] },
    createGeneration: { recall: 0.99 },
    purgeCache: { mode: 'soft' },
    createCredit: { amount_usd: '2' },
    createCharge: { monthly_usd: '2' },
    createWebhook: { url: 'https://others.invalid/' },
    createKey: { scopes: ['index:read'] },
    createQueue: { weight: 5 },
    createCohort: { weight: 5 },
    createUpstream: { weight: 5 },
    createFineTuningJob: { seed: 7 },
    createRoute: { comment: 'another' },
    createPrompt: { comment: 'another' },
  };
  return { ...(body as object), ...(changes[name] ?? { owner: 'others' }) };
}

const send = (name: EndpointName, client: ApiClient, idempotencyKey: string, isOther = false): Promise<ApiAnswer> => {
  const { method, path } = ENDPOINTS[name] as Endpoint;
  const filled = path.replaceAll(PATH_PARAMS, (_, parameter: string) => owned[parameter] ?? 'missing');
  return client.call(method, filled, bodyOf(name, isOther), { 'idempotency-key': idempotencyKey });
};

describe('an idempotency key', () => {
  const names = IDEMPOTENT.map(([name]) => name).filter((name) => !SEPARATE.has(name));

  it.each(names)('[T60] of %s repeats the answer only to its caller and for the same arguments', async (name) => {
    const isAdmins = (ENDPOINTS[name] as Endpoint).access.kind === 'admin';
    const caller = isAdmins ? admin : tenant.client;
    const first = await send(name, caller, `once-${name}`);
    expect([200, 201], JSON.stringify(first.body)).toContain(first.status);
    const mismatch = { status: 422, body: { error: { code: 'idempotency_mismatch', param: 'idempotency-key' } } };
    expect(await send(name, caller, `once-${name}`, true)).toMatchObject(mismatch);
    // Only the admin can call the admin's routes, so there is no other caller to try; a key may rotate only keys that it created.
    if (!isAdmins) expect(await send(name, name === 'rotateKey' ? admin : other, `once-${name}`)).toMatchObject(mismatch);
    const again = await send(name, caller, `once-${name}`);
    expect(again.status).toBe(first.status);
    // Other members of a resource may have changed since, for example its state.
    for (const member of ['id', 'key', 'secret', 'agent_token', 'name']) expect(again.body[member]).toEqual(first.body[member]);
  });

  const removals: Partial<Record<EndpointName, (made: ApiAnswer['body']) => string>> = {
    createIndex: ({ name }) => `/v1/indexes/${name}`,
    uploadFile: ({ id }) => `/v1/files/${id}`,
    createWebhook: ({ id }) => `/v1/webhooks/${id}?organisation=${tenant.organisation}`,
    createKey: ({ id }) => `/v1/keys/${id}`,
  };

  it.each(Object.entries(removals) as [EndpointName, (made: ApiAnswer['body']) => string][])(
    '[T78] of %s creates nothing again after the resource was deleted, and names that resource',
    async (name, pathOf) => {
      const caller = (ENDPOINTS[name] as Endpoint).access.kind === 'admin' ? admin : tenant.client;
      const made = await send(name, caller, `once-${name}`);
      expect((await caller.delete(pathOf(made.body))).status).toBe(200);
      const spent = { id: made.body.id, ended_at: expect.any(Number) };
      for (let tries = 0; tries < 2; tries++) {
        expect(await send(name, caller, `once-${name}`)).toMatchObject({
          status: 409,
          body: { error: { code: 'idempotency_key_spent', param: 'idempotency-key', type: 'conflict_error', spent } },
        });
      }
      expect(await send(name, caller, `once-${name}`, true)).toMatchObject({
        status: 422,
        body: { error: { code: 'idempotency_mismatch' } },
      });
      if (name === 'createIndex') expect((await caller.get(pathOf(made.body))).status).toBe(404);
      if (name === 'uploadFile') expect((await caller.get(pathOf(made.body))).status).toBe(404);
      expect((await send(name, caller, `anew-${name}`)).status).toBe(made.status);
    },
  );

  it('[T60] shows a narrower key nothing of what the admin created with it', async () => {
    const body = { name: 'root', owner: 'testers', scopes: SCOPES };
    const headers = { 'idempotency-key': 'of-the-admin' };
    const made = await admin.post('/v1/keys', { ...body, tenant: tenant.id }, headers);
    expect(made.status).toBe(201);
    const narrow = await admin.post('/v1/keys', { tenant: tenant.id, name: 'narrow', owner: 'testers', scopes: ['keys:write'] });
    const client = new ApiClient(server.urls[0]!, narrow.body.key);
    for (const scopes of [SCOPES, ['keys:write']]) {
      const stolen = await client.post('/v1/keys', { ...body, scopes, tenant: tenant.id }, headers);
      expect(stolen.status).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify(stolen.body)).not.toContain(made.body.key);
    }
    expect(await client.post('/v1/keys', { ...body, scopes: ['keys:write'], tenant: tenant.id }, headers)).toMatchObject({ status: 422 });
  });

  it('[T70] needs no owner in the body: it defaults to that of the key or the tenant', async () => {
    const body = { name: 'unowned', scopes: ['inference'] };
    expect((await tenant.client.post('/v1/keys', body)).body.owner).toBe('testers');
    expect((await admin.post('/v1/keys', { ...body, tenant: tenant.id })).body.owner).toBe('testers');
    expect((await tenant.client.post('/v1/projects', { name: 'unowned' })).body.owner).toBe('testers');
    expect((await admin.post('/v1/tenants', { name: 'unowned', organisation: tenant.organisation })).body.owner).toBe('testers');
    expect((await admin.post('/v1/organisations', { name: 'unowned' })).body.owner).toBe('admin');
    expect((await admin.post('/v1/pools', { name: 'unowned' })).body.owner).toBe('admin');
  });

  it('[T61] returns no secret that a later rotation replaced, and none of a revoked key', async () => {
    const headers = (key: string) => ({ 'idempotency-key': key });
    const body = { name: 'turning', owner: 'testers', scopes: ['usage:read'] };
    const made = await tenant.client.post('/v1/keys', body, headers('make'));
    const rotate = (key: string) => tenant.client.post(`/v1/keys/${made.body.id}/rotate`, { grace_seconds: 0 }, headers(key));
    const status = async (apiKey: string) => (await new ApiClient(server.urls[0]!, apiKey).get('/v1/usage')).status;
    const first = await rotate('one');
    expect((await rotate('one')).body.key).toBe(first.body.key);
    expect(await status(first.body.key)).toBe(200);
    expect(await tenant.client.post('/v1/keys', body, headers('make'))).toMatchObject({
      status: 409,
      body: { error: { code: 'idempotency_key_spent', spent: { id: made.body.id, ended_at: expect.any(Number) } } },
    });
    const second = await rotate('two');
    expect(await rotate('one')).toMatchObject({ status: 409, body: { error: { code: 'idempotency_key_spent' } } });
    expect([await status(second.body.key), await status(first.body.key)]).toEqual([200, 401]);
    await tenant.client.delete(`/v1/keys/${made.body.id}`);
    for (const late of [await rotate('two'), await tenant.client.post('/v1/keys', body, headers('make'))]) {
      expect(late).toMatchObject({
        status: 409,
        body: { error: { code: 'idempotency_key_spent', message: expect.stringContaining('revoked') } },
      });
    }
    expect(await status(second.body.key)).toBe(401);
  });
});

describe('a revocation', () => {
  it('[T63] [T64] is refused to a key with fewer rights, and includes the keys that the key created', async () => {
    const make = async (by: ApiClient, scopes: readonly string[], more: object = {}) => {
      const { status, body } = await by.post('/v1/keys', { name: 'k', owner: 'testers', scopes, ...more });
      expect(status).toBe(201);
      return { id: body.id as string, client: new ApiClient(server.urls[0]!, body.key), body };
    };
    const root = await make(tenant.client, ['keys:write', 'usage:read']);
    const child = await make(root.client, ['keys:write', 'usage:read']);
    const grandchild = await make(child.client, ['usage:read']);
    const beside = await make(tenant.client, ['usage:read']);
    const narrow = await make(tenant.client, ['keys:write']);
    for (const id of [root.id, child.id, beside.id, tenant.keyId]) {
      const refused = { status: 403, body: { error: { code: 'scope_denied', param: 'key' } } };
      expect(await narrow.client.delete(`/v1/keys/${id}`)).toMatchObject(refused);
      expect(await narrow.client.post(`/v1/keys/${id}/rotate`, {})).toMatchObject(refused);
    }
    const listed = (await tenant.client.get('/v1/keys?limit=1000')).body.data as { id: string; created_by: string | null }[];
    expect(listed.find(({ id }) => id === grandchild.id)?.created_by).toBe(child.id);
    expect(await tenant.client.delete(`/v1/keys/${root.id}?descendants=yes`)).toMatchObject({ status: 400 });
    const revoked = await tenant.client.delete(`/v1/keys/${root.id}?descendants=true`);
    expect(revoked).toMatchObject({ status: 200, body: { id: root.id, revoked_descendants: [child.id, grandchild.id] } });
    const statuses = await Promise.all([root, child, grandchild, beside].map(async ({ client }) => (await client.get('/v1/usage')).status));
    expect(statuses).toEqual([401, 401, 401, 200]);
    const { body: trail } = await admin.get(`/v1/audit?organisation=${tenant.organisation}&limit=3`);
    expect(trail.data.map(({ action, actor, subject }: Record<string, string>) => [action, actor, subject])).toEqual(
      [grandchild, child, root].map(({ id }) => ['key.revoke', tenant.keyId, id]),
    );
  });
});

describe('resources from before ids were signed', () => {
  it('[T65] [T66] still work: an organisation, its tenant and key, and a pool', async () => {
    const hmac = new Hmac(server.secrets.SLUICE_KEY_PEPPER);
    const { organisationId, tenantId, projectId, id } = idsOf(77);
    const { objects } = server;
    const organisation = { id: organisationId, name: 'old', owner: 'testers', createdAtMs: 1 };
    const store = objects.stubOf<OrganisationStore>('ORGANISATION', organisationId);
    const asked = { actor: 'admin' as const, digest: 'd' };
    await store.found(organisation, asked, false);
    await objects.stubOf<OrganisationDirectory>('DIRECTORY', 'directory').add(organisation, 'd');
    const made = { name: 'old', owner: 'testers', createdAtMs: 1, organisationId, tenantId };
    await store.addTenant({ ...made, id: tenantId, defaultProjectId: projectId }, { ...made, id: projectId }, asked);
    const apiKey = formatApiKey(id, new Uint8Array(SECRET_BYTES));
    await store.addKey(newKey({ ...made, projectId, id, scopes: SCOPES, mac: await hmac.hex(apiKey) }), asked);
    const pool = poolId('0123456789');
    const token = agentToken(pool, new Uint8Array(40));
    await objects.stubOf<JobQueue>('SCHEDULER', 'default').addPool({ id: pool, name: 'old', owner: 'testers', createdAtMs: 1 });
    await objects.stubOf<PoolCalls>('POOL', pool).create(pool, await hmac.hex(token));

    // The first isolate has cached these ids as invented; this one has not, like every isolate after an upgrade.
    const url = server.urls[1]!;
    const client = new ApiClient(url, apiKey);
    const index = { name: 'old', dimensions: 4, owner: 'testers' };
    expect(await client.get('/v1/indexes')).toMatchObject({ status: 200, body: { data: [] } });
    expect(await client.post('/v1/indexes', index)).toMatchObject({ status: 201 });
    expect(await client.get('/v1/indexes/old')).toMatchObject({ status: 200 });
    const oldAdmin = new ApiClient(url, server.secrets.SLUICE_ADMIN_KEY);
    expect(await oldAdmin.get(`/v1/tenants?organisation=${organisationId}`)).toMatchObject({
      status: 200,
      body: { data: [{ id: tenantId }] },
    });
    expect((await client.post('/v1/keys', { name: 'young', owner: 'testers' })).body.id).toMatch(/^key_[0-9a-z]{20}$/);
    const agent = new ApiClient(url, token);
    expect(await agent.post(`/v1/pools/${pool}/agents`, { name: 'a' })).toMatchObject({ status: 200 });
    const forged = await createTenant(server);
    expect(forged.organisation).toMatch(/^org_[0-9a-z]{18}$/);
  });
});

describe('a resource that was never created', () => {
  const isFull = process.env['SLUICE_TEST_FULL'] === '1';
  const LANES = 16;

  it('[T68] leaves no registry of a tenant without indexes, whatever is requested of them', async () => {
    const without = await createTenant(server, { scopes: SCOPES });
    const count = async () => (await files()).filter((path) => path.includes('Registry') || path.includes('Index')).length;
    const before = await count();
    const codeOf = async (method: string, path: string, body?: unknown) => {
      const answer = await without.client.call(method, path, body);
      return answer.body.error?.code ?? answer.body.data;
    };
    expect(await codeOf('GET', '/v1/indexes')).toEqual([]);
    expect(await codeOf('GET', '/v1/aliases')).toEqual([]);
    expect(await codeOf('GET', '/v1/indexes/none')).toBe('index_not_found');
    expect(await codeOf('POST', '/v1/indexes/none/query', { text: 'x' })).toBe('index_not_found');
    expect(await codeOf('DELETE', '/v1/indexes/none')).toBe('index_not_found');
    expect(await codeOf('PUT', '/v1/indexes/none/aliases/other')).toBe('index_not_found');
    expect(await codeOf('DELETE', '/v1/indexes/none/aliases/other')).toBe('alias_not_found');
    expect(await codeOf('GET', '/v1/erasures/ix_0123456789abcdef')).toBe('erasure_not_found');
    expect(await count()).toBe(before);
    // Two objects: the registry and the index. Both are found from everywhere.
    const created = await without.client.post('/v1/indexes', { name: 'first', dimensions: 4, owner: 'testers' });
    expect(created.status).toBe(201);
    expect(await count()).toBe(before + 2);
    expect((await without.client.get('/v1/indexes/first')).body.id).toBe(created.body.id);
    expect((await without.client.get('/v1/indexes')).body.data).toHaveLength(1);
  });

  it('[T67] leaves no object for a name that an index cannot have', async () => {
    await tenant.client.call('PUT', '/v1/indexes/numbers/aliases/alias-of-numbers');
    const before = await files();
    const create = (name: string, idempotencyKey?: string) =>
      tenant.client.post(
        '/v1/indexes',
        { name, dimensions: 4, owner: 'testers' },
        idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
      );
    expect((await create('alias-of-numbers')).body.error.code).toBe('already_exists');
    expect((await create('numbers')).body.error.code).toBe('already_exists');
    expect(await files()).toEqual(before);
    expect((await create('twice', 'index-once')).status).toBe(201);
    const between = await files();
    expect((await create('another', 'index-once')).body.error.code).toBe('idempotency_mismatch');
    expect(await files()).toEqual(between);
  });

  /** The files of objects and buckets, without write-ahead logs, which come and go. */
  const files = async (): Promise<string[]> => {
    const all = await readdir(join(server.stateDir, 'storage'), { recursive: true, withFileTypes: true });
    const kept = all.filter((entry) => entry.isFile() && !/-(wal|shm)$/.test(entry.name));
    return kept.map(({ parentPath, name }) => join(parentPath, name)).sort();
  };

  const call = async ({ by, method, path, body }: ForgedCall): Promise<number> => {
    const client = by === 'admin' ? admin : by === 'tenant' ? tenant.client : new ApiClient(server.urls[0]!, by.credential);
    return (await client.call(method, path, body)).status;
  };

  it.each(Object.entries(FORGED_CALLS))('[T65] [T66] [T67] leaves no file, however often it is requested: %s', async (_, calls) => {
    // The first calls may create the tenant's own objects.
    for (const make of calls) await call(make());
    const before = await files();
    const count = isFull ? 10_000 : Math.max(calls.length, 40);
    let next = 0;
    let refused = 0;
    const lane = async () => {
      while (next < count) {
        const status = await call(calls[next++ % calls.length]!());
        if (status >= 400) refused += 1;
        expect(status).toBeLessThan(500);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    expect(refused).toBeGreaterThan(count / 2);
    expect(await files()).toEqual(before);
  });
});

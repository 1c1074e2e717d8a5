import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';
import { scripted } from '../support/upstreams/script.ts';

const SCOPES = ['inference', 'requests:read', 'requests:write', 'files'];

let server: Server;
let admin: AdminClient;
let upstream: MockUpstream;

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const prices = { input: 1_000_000, output: 2_000_000 };
  const model = { name: 'small', serves: ['chat'], context_tokens: 100_000, output_tokens_max: 1_000, prices };
  await admin.create('/v1/upstreams', { name: 'live', protocol: 'openai', base_url: upstream.baseUrl, secret: SECRET, models: [model] });
});

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

const SECRET = 'sk-mock-0123456789abcdef';

const chat = (client: ApiClient, id: string, more: object = {}) =>
  client.post('/v1/chat/completions', { model: 'lab/none', messages: [{ role: 'user', content: 'hi' }], ...more }, { 'x-request-id': id });

const idsOf = async ({ client }: Pick<TestTenant, 'client'>, query = ''): Promise<string[]> =>
  (await client.get(`/v1/requests${query}`)).body.data.map(({ id }: { id: string }) => id);

async function restrictedKey(tenant: string): Promise<ApiClient> {
  const key = await admin.create<{ key: string }>('/v1/keys', {
    tenant,
    name: 'restricted',
    owner: 'testers',
    scopes: SCOPES,
    resources: ['model/lab/*'],
  });
  return new ApiClient(server.urls[0] ?? '', key.key);
}

it('[U130] has a request that was refused, with what was attached to it, for its tenant alone', async () => {
  const [own, other] = await Promise.all([createTenant(server, { scopes: SCOPES }), createTenant(server, { scopes: SCOPES })]);
  expect((await chat(own.client, 'one', { metadata: { team: 'search', n: 1 }, stream: true })).status).toBe(404);
  await expect.poll(() => idsOf(own)).toEqual(['one']);
  expect((await own.client.get('/v1/requests/one')).body).toMatchObject({
    object: 'request',
    key: own.keyId,
    surface: 'chat',
    model: 'lab/none',
    target: null,
    status: 404,
    code: 'model_not_found',
    stream: true,
    usage: 'none',
    cache: 'bypass',
    metadata: { team: 'search' },
    bodies: null,
    feedback: [],
    attempts: [],
  });
  expect(await idsOf(other)).toEqual([]);
  expect((await other.client.get('/v1/requests/one')).body.error.code).toBe('request_not_found');
  expect((await other.client.post('/v1/requests/one/feedback', { score: 1 })).status).toBe(404);
  expect((await other.client.delete('/v1/requests/one')).status).toBe(404);
  expect((await own.client.delete('/v1/requests/one')).body.deleted).toBe(1);
});

it('[U139] logs the cost of a refused request as the ledger has it', async () => {
  const { client } = await createTenant(server, { scopes: [...SCOPES, 'usage:read'] });
  const answer = await chat(client, 'cost');
  await expect.poll(() => idsOf({ client })).toEqual(['cost']);
  const { body } = await client.get('/v1/requests/cost');
  expect(body.cost_usd).toBe(answer.headers.get('x-sluice-cost-usd'));
  expect(body.cost_usd).not.toBe('0.000000000');
});

it('[U139] the costs of all requests, whole, broken off and refused, add up to the bill', async () => {
  const tenant = await createTenant(server, { scopes: [...SCOPES, 'usage:read'] });
  const said = (script: Script) => ({ model: 'live/small', messages: [{ role: 'user', content: scripted(script) }] });
  await expect.poll(async () => (await chat(tenant.client, 'ready', said({}))).status).toBe(200);
  await chat(tenant.client, 'streamed', { ...said({}), stream: true, stream_options: { include_usage: true } });
  await chat(tenant.client, 'dies', { ...said({ dieAfterTokens: 2 }), stream: true }).catch(() => undefined);
  await chat(tenant.client, 'refused');
  const ids = ['ready', 'streamed', 'dies', 'refused'];
  await expect.poll(async () => (await idsOf(tenant)).filter((id) => ids.includes(id)).toSorted()).toEqual(ids.toSorted());
  const logged = (await tenant.client.get('/v1/requests?limit=1000')).body.data;
  const of = (id: string) => logged.find((one: { id: string; status: number }) => one.id === id);
  expect(of('streamed')).toMatchObject({ target: 'live/small', status: 200, usage: 'reported', stream: true });
  expect(of('streamed').attempts).toMatchObject([{ upstream: 'live', model: 'small', status: 200 }]);
  expect(of('streamed').first_token_ms).toBeLessThanOrEqual(of('streamed').total_ms);
  expect(of('dies')).toMatchObject({ code: 'upstream_failed', usage: 'counted' });
  const nano = (usd: string): bigint => BigInt(usd.replace('.', ''));
  const total = logged.reduce((sum: bigint, { cost_usd: usd }: { cost_usd: string }) => sum + nano(usd), 0n);
  // Each call is also one request of Sluice, at the price that the refused one shows.
  const perRequest = nano(of('refused').cost_usd);
  const billed = async (): Promise<bigint> => {
    const { data } = (await tenant.client.get('/v1/usage')).body;
    const upstreamNano = data.find(({ meter }: { meter: string }) => meter === 'upstream_nano')?.quantity ?? 0;
    return BigInt(upstreamNano) + perRequest * BigInt(logged.length);
  };
  // Usage is delivered some time after it is charged.
  await expect.poll(billed).toBe(total);
});

it('[U132] keeps bodies by the policy alone, without its fields and credentials', async () => {
  const tenant = await createTenant(server, { scopes: SCOPES });
  const policy = { entries: 'full', bodies: 'full', sample: 1, retention_days: 7, redact_fields: ['email'] };
  expect((await tenant.client.put('/v1/requests/policy', policy)).body).toEqual({ object: 'request.policy', ...policy });
  await chat(tenant.client, 'said', { email: 'a@b.c', messages: [{ role: 'user', content: 'use sk-abcdefghijklmnopqrstuvwxyz' }] });
  await expect.poll(() => idsOf(tenant)).toEqual(['said']);
  const { bodies } = (await tenant.client.get('/v1/requests/said')).body;
  expect(JSON.parse(bodies.request)).toEqual({
    model: 'lab/none',
    email: '[redacted]',
    messages: [{ role: 'user', content: 'use [redacted]' }],
  });
  await tenant.client.put('/v1/requests/policy', { ...policy, entries: 'off' });
  await chat(tenant.client, 'unseen');
  await chat(tenant.client, 'unseen-too');
  await tenant.client.put('/v1/requests/policy', policy);
  expect(await idsOf(tenant)).toEqual(['said']);
});

it('[U138] a restricted key sees, judges and deletes its own requests only, and no sums', async () => {
  const tenant = await createTenant(server, { scopes: SCOPES });
  const restricted = await restrictedKey(tenant.id);
  await chat(tenant.client, 'whole');
  await chat(restricted, 'own');
  await expect.poll(async () => (await idsOf(tenant)).sort()).toEqual(['own', 'whole']);
  expect(await idsOf({ client: restricted })).toEqual(['own']);
  expect((await restricted.get('/v1/requests/whole')).status).toBe(404);
  expect((await restricted.post('/v1/requests/whole/feedback', { score: 1 })).status).toBe(404);
  expect((await restricted.get('/v1/requests/stats')).body.error.code).toBe('scope_denied');
  expect((await restricted.post('/v1/requests/delete', { everything: true })).body.deleted).toBe(1);
  expect(await idsOf(tenant)).toEqual(['whole']);
});

it('[U133] pages, filters and exports what a filter finds', async () => {
  const tenant = await createTenant(server, { scopes: SCOPES });
  for (const id of ['a', 'b', 'c']) await chat(tenant.client, id, { model: id === 'b' ? 'lab/other' : 'lab/none' });
  await expect.poll(() => idsOf(tenant)).toHaveLength(3);
  const first = await tenant.client.get('/v1/requests?limit=2');
  expect([first.body.has_more, (await idsOf(tenant, `?limit=2&after=${first.body.next}`)).length]).toEqual([true, 1]);
  expect(await idsOf(tenant, '?model=lab/other')).toEqual(['b']);
  expect((await tenant.client.get('/v1/requests?status=7')).body.error.param).toBe('status');
  const file = (await tenant.client.post('/v1/requests/export', { model: 'lab/none' })).body;
  const lines = String((await tenant.client.get(`/v1/files/${file.id}/content`)).body)
    .trim()
    .split('\n');
  expect(new Set(lines.map((line) => JSON.parse(line).id))).toEqual(new Set(['a', 'c']));
});

it('[U136] the erasure of a tenant takes its log away', async () => {
  const tenant = await createTenant(server, { scopes: SCOPES });
  await chat(tenant.client, 'gone');
  await expect.poll(() => idsOf(tenant)).toEqual(['gone']);
  const root = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  await expect.poll(async () => (await root.post(`/v1/tenants/${tenant.id}/erase`, {})).body.verified, { timeout: 60_000 }).toBe(true);
});

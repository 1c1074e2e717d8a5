import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const SECRET = 'sk-of-the-mock-upstream-0001';
const MODELS = ['one', 'two'].map((name) => ({ name, context_tokens: 1_000, output_tokens_max: 100 }));

/** What a request got: its path and headers. */
const received: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
let upstream: HttpServer;
let server: Deployment;
let tenant: TestTenant;
let admin: ApiClient;
let origin = '';

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const path = request.url ?? '';
    received.push({ path, headers: request.headers });
    if (path.startsWith('/moved')) return void response.writeHead(307, { location: '/v1/models' }).end();
    if (path.startsWith('/silent')) return void response.writeHead(404).end('<html>');
    const key = request.headers.authorization ?? `Bearer ${String(request.headers['x-api-key'])}`;
    if (key !== `Bearer ${SECRET}`) return void response.writeHead(401).end('{}');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: [{ id: 'one' }, { id: 'other' }] }));
  });
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${port}` });
  tenant = await createTenant(server, { scopes: ['inference', 'upstreams:read', 'upstreams:write'] });
  admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
});

afterAll(async () => {
  await server.stop();
  upstream.closeAllConnections();
  await new Promise((resolve) => void upstream.close(resolve));
});

async function checked(name: string, more: object): Promise<unknown> {
  const body = { name, protocol: 'openai', base_url: `${origin}/v1`, secret: SECRET, models: MODELS, ...more };
  const made = await tenant.client.post('/v1/upstreams', body);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const { status, body: found } = await tenant.client.post(`/v1/upstreams/${name}/check`, undefined);
  expect(status, JSON.stringify(found)).toBe(200);
  return found;
}

it('[U8] a check reports what an upstream answers, and which models it has', async () => {
  const found = (...which: (boolean | null)[]) => which.map((isFound, at) => ({ ...NAMED[at], found: isFound }));
  const NAMED = MODELS.map(({ name }) => ({ name, upstream_name: name }));
  expect(await checked('whole', { models: MODELS.slice(0, 1) })).toMatchObject({
    object: 'upstream.check',
    verdict: 'ok',
    reachable: true,
    authorised: true,
    status: 200,
    models: found(true),
  });
  expect(await checked('partial', {})).toMatchObject({ verdict: 'models_missing', authorised: true, models: found(true, false) });
  expect(await checked('refused', { secret: 'another-secret-altogether' })).toMatchObject({ verdict: 'unauthorised', authorised: false });
  expect(await checked('silent', { base_url: `${origin}/silent` })).toMatchObject({
    verdict: 'not_listed',
    reachable: true,
    authorised: null,
  });
  expect(received.at(-1)?.headers.authorization).toBe(`Bearer ${SECRET}`);
  expect(await checked('anthropic', { protocol: 'anthropic' })).toMatchObject({ verdict: 'models_missing' });
  expect(received.at(-1)?.headers).toMatchObject({ 'x-api-key': SECRET, 'anthropic-version': '2023-06-01' });
  expect(received.at(-1)?.headers.authorization).toBeUndefined();
  received.length = 0;
  expect(await checked('moved', { base_url: `${origin}/moved` })).toMatchObject({ verdict: 'redirected', authorised: null });
  expect(received.map(({ path }) => path)).toEqual(['/moved/models']);
  expect((await tenant.client.post('/v1/upstreams/none/check', undefined)).body.error.code).toBe('upstream_not_found');
});

it('[U11] refuses Workers AI where the deployment has no binding, and says so', async () => {
  const body = { name: 'ai', protocol: 'workers-ai', base_url: 'binding:AI', models: MODELS };
  expect(await admin.post('/v1/upstreams', body)).toMatchObject({
    body: { error: { code: 'address_denied', param: 'base_url', message: expect.stringContaining('binding') } },
  });
  expect((await tenant.client.post('/v1/upstreams', body)).body.error).toMatchObject({ code: 'scope_denied', param: 'protocol' });
});

it("[U9] a client of OpenAI's lists the models of upstreams: its own tenant's, and the platform's", async () => {
  const shared = { name: 'shared', protocol: 'openai', base_url: `${origin}/v1`, models: [{ ...MODELS[0], name: 'of-all' }] };
  expect((await admin.post('/v1/upstreams', shared)).status).toBe(201);
  const stranger = await createTenant(server);
  const listed = async ({ client }: TestTenant) => {
    const openai = new OpenAI({ baseURL: `${client.url}/v1`, apiKey: client.apiKey });
    return (await Array.fromAsync(openai.models.list())).filter(({ owned_by: by }) => by !== 'sluice').map(({ id }) => id);
  };
  const own = { name: 'listed', protocol: 'openai', base_url: `${origin}/v1`, models: [{ ...MODELS[0], name: 'of-one' }] };
  expect((await tenant.client.post('/v1/upstreams', own)).status).toBe(201);
  expect(await listed(tenant)).toEqual(expect.arrayContaining(['of-all', 'of-one']));
  expect(await listed(stranger)).toEqual(['of-all']);
  const route = { name: 'desk', default: { kind: 'targets', groups: [[{ target: 'listed/of-one' }]] } };
  expect((await tenant.client.post('/v1/routes', route)).status).toBe(200);
  expect(await listed(tenant)).toContain('desk');
  const openai = new OpenAI({ baseURL: `${tenant.client.url}/v1`, apiKey: tenant.client.apiKey });
  for (const [name, by] of Object.entries({ desk: 'route', 'of-one': 'listed', 'listed/of-one': 'listed' }))
    expect(await openai.models.retrieve(name)).toMatchObject({ id: name, object: 'model', owned_by: by });
  await expect(openai.models.retrieve('listed/none')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  const restricted = await tenant.client.post('/v1/upstreams', own);
  expect(restricted.body.error.code).toBe('already_exists');
});

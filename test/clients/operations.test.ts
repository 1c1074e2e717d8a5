import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Endpoint } from '../../src/contract/endpoint.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/api-client.ts';
import { deploy } from '../support/deployment.ts';
import { createTenant } from '../support/tenant.ts';

let server: Server;
let admin: ApiClient;

beforeAll(async () => {
  server = await deploy();
  admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
});

afterAll(() => server.stop());

describe('the gateway', () => {
  it('[G9] says that it is alive and ready', async () => {
    expect(await (await fetch(`${server.urls[0]}/healthz`)).json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${server.urls[0]}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('[G10] serves its own description', async () => {
    const document = await admin.get('/openapi.json');
    expect(document.body.openapi).toBe('3.1.1');
    expect(Object.keys(document.body.paths)).toHaveLength(new Set(Object.values<Endpoint>(ENDPOINTS).map(({ path }) => path)).size);
  });

  it('[G8] counts and times requests by route, never by path', async () => {
    const { client } = await createTenant(server);
    await client.get('/v1/models/glove-sif-100');
    await client.get('/v1/models/none');
    const { body } = await admin.get('/metrics');
    expect(body).toContain('sluice_requests_total{route="/v1/models/:model",method="GET",status="200"} 1\n');
    expect(body).toContain('sluice_requests_total{route="/v1/models/:model",method="GET",status="404"} 1\n');
    expect(body).toContain('sluice_refusals_total{code="model_not_found"} 1\n');
    expect(body).toMatch(/sluice_request_duration_seconds_count\{route="\/v1\/models\/:model"\} 2\n/);
    expect(body).not.toContain(client.apiKey);
  });

  it.each([
    ['GET', '/v1/nothing', 404, 'route_not_found'],
    ['PATCH', '/v1/indexes', 405, 'method_not_allowed'],
    ['POST', '/healthz', 405, 'method_not_allowed'],
  ])('[G2] [G4] answers %s %s with %i %s', async (method, path, status, code) => {
    const answer = await admin.call(method, path);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'));
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET|POST/);
  });

  it('[G1] keeps a sane request id and replaces an odd one', async () => {
    expect((await admin.get('/healthz', { 'x-request-id': 'trace-7.a:b' })).headers.get('x-request-id')).toBe('trace-7.a:b');
    expect((await admin.get('/healthz', { 'x-request-id': 'x'.repeat(65) })).headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
  });

  it('[G1] tells where the time went and what the call cost', async () => {
    const { client } = await createTenant(server);
    const { headers } = await client.post('/v1/embeddings', { model: 'glove-sif-100', input: 'a mill race' });
    expect(headers.get('server-timing')).toMatch(/total;dur=[\d.]+$/);
    expect(Number(headers.get('x-sluice-cost-usd'))).toBeGreaterThan(0);
    expect(headers.get('x-sluice-model')).toBe('glove-sif-100@1');
    expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^(\d+ms|\d+s|\d+m\d+s)$/);
  });
});

import { beforeAll, describe, expect, it } from 'vitest';

import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let admin: ApiClient;

beforeAll(async () => {
  admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
});

describe('the gateway', () => {
  it('[G9] reports that it is alive and ready', async () => {
    expect(await (await fetch(`${server.urls[0]}/healthz`)).json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${server.urls[0]}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('[G10] serves its own description', async () => {
    const document = await admin.get('/openapi.json');
    expect(document.body.openapi).toBe('3.1.1');
    expect(Object.keys(document.body.paths)).toHaveLength(new Set(Object.values<Endpoint>(ENDPOINTS).map(({ path }) => path)).size);
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

  it('[G1] reports where the time went and what the call cost', async () => {
    const { client } = await createTenant(server);
    const { headers } = await client.post('/v1/embeddings', { model: 'glove-sif-100', input: 'a mill race' });
    expect(headers.get('server-timing')).toMatch(/total;dur=[\d.]+$/);
    expect(Number(headers.get('x-sluice-cost-usd'))).toBeGreaterThan(0);
    expect(headers.get('x-sluice-model')).toBe('glove-sif-100@2');
    expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^(\d+ms|\d+s|\d+m\d+s)$/);
  });
});

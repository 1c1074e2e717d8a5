import { afterAll, beforeAll, expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
const url = server.urls[0] ?? '';
const admin = new ApiClient(url, server.secrets.SLUICE_ADMIN_KEY);
/** In an hour, for a minute: no test waits for it. */
const start = Math.floor(Date.now() / 1_000) + 3_600;
const span = { start, end: start + 60 };

let owner: TestTenant;
let stranger: TestTenant;
let pool: { readonly id: string; readonly agent_token: string };
let asking: Promise<void>;
const stopping = new AbortController();

beforeAll(async () => {
  [owner, stranger] = [await createTenant(server), await createTenant(server)];
  ({ body: pool } = await admin.post('/v1/pools', { name: `reserved-${Date.now()}`, owner: 'testers' }));
  const agents = new ApiClient(url, pool.agent_token);
  const capacity = { cpu_milli: 4_000, memory_mib: 4_096 };
  // It runs no kind of job, so it gets none of other tests; it is a machine as long as it asks.
  const { body } = await agents.post(`/v1/pools/${pool.id}/agents`, { name: 'machine', capacity, kinds: [] });
  // Seldom anew: one that lets `agentReturnMs` pass between two polls, as on a busy machine, is no machine for that while.
  const ask = async (): Promise<void> => {
    while (!stopping.signal.aborted) await agents.post(`/v1/pools/${pool.id}/lease`, { agent: body.agent, wait_ms: 20_000 });
  };
  asking = ask();
});

afterAll(async () => {
  stopping.abort();
  // Which answers its poll.
  await admin.delete(`/v1/pools/${pool.id}?force=true`);
  await asking;
});

it('[J191] cores are reserved for a tenant over HTTP, seen by it alone, and given back', async () => {
  await expect.poll(async () => (await admin.get(`/v1/pools/${pool.id}/nodes`)).body.data?.length, { timeout: 60_000 }).toBe(1);
  const wanted = { tenant: owner.id, queue: 'default', accelerator: 'cpu', count: 1, ...span };
  const key = { 'idempotency-key': `cores-${Date.now()}` };
  const made = await admin.post('/v1/reservations', wanted, key);
  expect(made).toMatchObject({ status: 201, body: { object: 'reservation', accelerator: null, count: 1, ...span } });
  expect(made.body).toMatchObject({ tenant: owner.id, queue: 'default', granted: true, state: 'scheduled' });
  expect((await admin.post('/v1/reservations', wanted, key)).body).toEqual(made.body);
  const { id } = made.body;
  expect((await owner.client.get('/v1/reservations')).body).toMatchObject({ data: [made.body], has_more: false });
  expect(await owner.client.get(`/v1/reservations/${id}`)).toMatchObject({ status: 200, body: made.body });
  for (const call of [stranger.client.get, stranger.client.delete])
    expect(await call(`/v1/reservations/${id}`)).toMatchObject({ status: 404, body: { error: { code: 'reservation_not_found' } } });
  expect((await stranger.client.get('/v1/reservations')).body.data).toEqual([]);
  expect(await admin.delete(`/v1/reservations/${id}?tenant=${owner.id}`)).toMatchObject({ status: 200, body: { id, deleted: true } });
  expect((await owner.client.get(`/v1/reservations/${id}`)).status).toBe(404);
});

it('[J196] machines of a pool are reserved by operators alone, by name or by number', async () => {
  const wanted = { tenant: owner.id, pool: pool.id, count: 1, ...span };
  const [node] = (await admin.get(`/v1/pools/${pool.id}/nodes`)).body.data;
  const made = await admin.post('/v1/reservations', wanted);
  expect(made).toMatchObject({
    status: 201,
    body: { accelerator: null, count: 1, pool: pool.id, nodes: [node.id], granted: true, state: 'scheduled' },
  });
  expect((await owner.client.get(`/v1/reservations/${made.body.id}`)).body).toEqual(made.body);
  const refused = async (by: ApiClient, body: object) => (await by.post('/v1/reservations', { ...span, ...body })).body.error;
  expect(await refused(admin, { tenant: owner.id, nodes: [node.id] })).toMatchObject({ code: 'state_conflict', param: 'nodes' });
  expect(await refused(admin, { ...wanted, count: 2 })).toMatchObject({ code: 'limit_exceeded', param: 'count' });
  expect(await refused(admin, { tenant: owner.id, pool: 'pool_0000000000', count: 1 })).toMatchObject({ code: 'pool_not_found' });
  expect(await refused(owner.client, { pool: pool.id, count: 1 })).toMatchObject({ code: 'invalid_value', param: 'pool' });
  expect(await refused(admin, { tenant: owner.id })).toMatchObject({ param: 'count' });
  expect(await refused(admin, { ...wanted, accelerator: 'h100' })).toMatchObject({ param: 'accelerator' });
  expect(await refused(admin, { tenant: owner.id, nodes: [node.id, node.id] })).toMatchObject({ param: 'nodes' });
  expect((await admin.delete(`/v1/reservations/${made.body.id}?tenant=${owner.id}`)).status).toBe(200);
  expect((await admin.post('/v1/reservations', { ...span, tenant: owner.id, nodes: [node.id] })).body).toMatchObject({
    nodes: [node.id],
    pool: null,
  });
});

import { afterAll, beforeAll, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import { AgentProcesses } from '../../workers/local/agent-processes.ts';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import { provideAgents } from '../../workers/local/local-provider.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const MOST = 2;
const JOBS = 8;

let server: Server;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server));
});

afterAll(() => server.stop());

async function submit(n: number): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([`{"id":"${n}","text":"water ${n}"}\n`]), 'burst.jsonl');
  const { body } = await client.call('POST', '/v1/files', form);
  return (await client.post('/v1/jobs', { kind: 'batch_embedding', model: 'glove-sif-100', input_file: body.id })).body.id as string;
}

it('[P29] a burst scales agents of this machine from none to some and back, each job done once', async () => {
  const url = server.urls[0] ?? '';
  const admin = new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY);
  const node = { cpu_milli: 1_000, memory_mib: 1_024 };
  const elasticity = { max_nodes: MOST, node, provision_s: 60, idle_s: 1 };
  const pool = await admin.create<{ id: string; agent_token: string }>('/v1/pools', { name: 'burst', owner: 'testers', elasticity });
  const place = { url, pool: pool.id, agentToken: pool.agent_token, name: 'burst' };
  const agents = new AgentProcesses(place);
  const stopping = new AbortController();
  // The whole burst is there before the first node: one that came between two of its jobs might be idle long enough to go again.
  const ids = await Promise.all(Array.from({ length: JOBS }, (_, n) => submit(n)));
  expect(agents.count).toBe(0);
  const providing = provideAgents({ ...place, countMax: 16, agents, stopped: stopping.signal });
  try {
    const states = async () => Promise.all(ids.map(async (id) => (await client.get(`/v1/jobs/${id}`)).body));
    await expect
      .poll(async () => (await states()).map(({ state }) => state), { timeout: 120_000, interval: 200 })
      .toEqual(ids.map(() => 'succeeded'));
    await expect.poll(() => agents.count, { timeout: 60_000 }).toBe(0);
    // Each node was started once, and each job tried once.
    expect(agents.startedCount).toBe(MOST);
    expect((await states()).map(({ attempts }) => attempts.length)).toEqual(ids.map(() => 1));
    expect(new Set((await states()).map(({ output_file: file }) => file)).size).toBe(JOBS);
  } finally {
    stopping.abort();
    await agents.stop();
    await providing;
  }
});

it('[P27] a repeated request for a pool answers no token that was replaced', async () => {
  const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const make = () => admin.post('/v1/pools', { name: 'rotated', owner: 'testers' }, { 'idempotency-key': 'rotated' });
  const made = await make();
  expect((await make()).body).toEqual(made.body);
  expect((await admin.post(`/v1/pools/${made.body.id}/rotate_token`, { grace_s: 60 })).status).toBe(200);
  expect(await make()).toMatchObject({ status: 409, body: { error: { code: 'idempotency_key_spent' } } });
});

it('[P27] a restart of this machine finds its pool though the token was replaced', async () => {
  const url = server.urls[0] ?? '';
  const { SLUICE_ADMIN_KEY: adminKey } = server.secrets;
  const first = await bootstrap(url, adminKey);
  expect(await bootstrap(url, adminKey)).toEqual(first);
  expect((await new ApiClient(url, adminKey).post(`/v1/pools/${first.pool}/rotate_token`, { grace_s: 0 })).status).toBe(200);
  const again = await bootstrap(url, adminKey);
  expect(again).toEqual({ ...first, agentToken: expect.not.stringContaining(first.agentToken) });
  const register = (token: string) => new ApiClient(url, token).post(`/v1/pools/${first.pool}/agents`, { name: 'x', kinds: [] });
  expect([(await register(first.agentToken)).status, (await register(again.agentToken)).status]).toEqual([401, 200]);
});

it('[P93] an agent names no address for the gateway to call but its own, and those that operators name', async () => {
  const url = server.urls[0] ?? '';
  const admin = new ApiClient(url, server.secrets.SLUICE_ADMIN_KEY);
  const { body: pool } = await admin.post('/v1/pools', { name: 'serving', owner: 'testers' });
  const agent = new ApiClient(url, pool.agent_token);
  // Of an attempt that there is not: it is asked for once the address is allowed.
  const attempt = `att_${'0'.repeat(26)}_1`;
  const serve = async (at: string): Promise<string> => {
    const serving = { url: at, key: 'k'.repeat(32), healthy: true };
    const progress = { completed: 0, failed: 0, total: 1 };
    return (await agent.post(`/v1/pools/${pool.id}/attempts/${attempt}/heartbeat`, { fence: 1, progress, serving })).body.error.code;
  };
  expect(await serve('http://127.0.0.1:4183')).toBe('stale_fence');
  for (const at of ['http://169.254.169.254', 'http://10.1.2.3:80', 'http://127.0.0.1:4183/?to='])
    expect(await serve(at), at).toBe('address_denied');
  const changed = await admin.call('PATCH', `/v1/pools/${pool.id}`, { replica_hosts: ['10.0.0.0/8', '169.254.0.0/16'] });
  expect(changed.body.replica_hosts).toEqual(['10.0.0.0/8', '169.254.0.0/16']);
  await expect.poll(() => serve('http://10.1.2.3:80'), { timeout: 60_000 }).toBe('stale_fence');
  expect(await serve('http://169.254.169.254')).toBe('address_denied');
  expect((await admin.call('PATCH', `/v1/pools/${pool.id}`, { replica_hosts: ['http://x'] })).status).toBe(400);
});

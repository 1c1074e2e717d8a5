import { afterAll, beforeAll, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import { AgentProcesses } from '../../workers/local/agent-processes.ts';
import { provideAgents } from '../../workers/local/local-provider.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
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
  const providing = provideAgents({ ...place, countMax: 16, agents, stopped: stopping.signal });
  try {
    expect(agents.count).toBe(0);
    const ids = await Promise.all(Array.from({ length: JOBS }, (_, n) => submit(n)));
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

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { RayServer } from '../support/clusters/ray-server.ts';
import { rayServer } from '../support/clusters/ray-server.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

/** Each attempt is a process of its own, which loads a model. */
const SETTLED = { timeout: 120_000, interval: 100 };

let server: Server;
let client: ApiClient;
let ray: RayServer;
let folder: string;
let config: Readonly<Record<string, unknown>>;
let driver: ChildProcess | undefined;

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server));
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const pool = await admin.create<{ id: string; agent_token: string }>('/v1/pools', { name: 'ray', owner: 'testers' });
  ray = await rayServer(2);
  folder = await mkdtemp(join(tmpdir(), 'sluice-ray-'));
  await writeFile(join(folder, 'agent-token'), pool.agent_token, { mode: 0o600 });
  await writeFile(join(folder, 'ray-token'), 'of-ray\n', { mode: 0o600 });
  config = {
    kind: 'ray',
    pool: pool.id,
    gateway: server.urls[0],
    agent_token_file: join(folder, 'agent-token'),
    agent_token_file_on_nodes: join(folder, 'agent-token'),
    slots: 4,
    poll_ms: 200,
    url: ray.url,
    token_file: join(folder, 'ray-token'),
    runner: [process.execPath, join(ROOT, 'workers/agent/run-once.ts')],
  };
});

afterAll(async () => {
  driver?.kill('SIGKILL');
  ray?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function drive(over: object, ...flags: readonly string[]): Promise<ChildProcess> {
  const path = join(folder, 'cluster.json');
  await writeFile(path, JSON.stringify({ ...config, ...over }));
  return spawn(process.execPath, [join(ROOT, 'workers/cli/sluice.ts'), 'pools', 'drive', path, ...flags]);
}

async function checked(over: object): Promise<{ readonly status: number | null; readonly lines: readonly string[] }> {
  const child = await drive(over, '--check');
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += String(chunk)));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, lines: text.trimEnd().split('\n') };
}

async function submit(): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['{"id":"a","text":"still water"}\n{"id":"b","text":"a lock"}\n']), 'lines.jsonl');
  const file = await client.call('POST', '/v1/files', form);
  const job = await client.post('/v1/jobs', { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file.body.id, owner: 'zoo' });
  expect(job.status, JSON.stringify(job.body)).toBe(201);
  return job.body.id;
}

const job = async (id: string) => (await client.get(`/v1/jobs/${id}`)).body;
const reach = (id: string, state: string) => expect.poll(async () => (await job(id)).state, SETTLED).toBe(state);

it('[P100] checks a configuration against its gateway and cluster, naming each fault', async () => {
  expect(await checked({})).toEqual({ status: 0, lines: [expect.stringContaining('gateway and cluster answer')] });
  await writeFile(join(folder, 'wrong'), 'pt_wrong');
  const { status, lines } = await checked({ agent_token_file: join(folder, 'wrong'), token_file: join(folder, 'absent') });
  expect(status).toBe(1);
  expect(lines.slice(1)).toEqual([expect.stringMatching(/^ {2}token_file: .*ENOENT/), expect.stringMatching(/^ {2}pool: invalid_api_key/)]);
  // A port of the privileged ones that nothing listens on.
  const away = await checked({ gateway: 'http://127.0.0.1:9', url: 'http://127.0.0.1:9' });
  expect(away.lines.slice(1)).toEqual([expect.stringMatching(/^ {2}gateway: /), expect.stringMatching(/^ {2}url: /)]);
});

it('[P100] [P101] `sluice pools drive` runs jobs on Ray, each once, and stops at a signal', async () => {
  driver = await drive({});
  const jobs = await Promise.all(Array.from({ length: 5 }, submit));
  for (const id of jobs) await reach(id, 'succeeded');
  for (const id of jobs) {
    const { attempts, output_file: output } = await job(id);
    expect(attempts).toMatchObject([{ outcome: 'succeeded' }]);
    const { body } = await client.get(`/v1/files/${output}/content`);
    expect(
      body
        .trim()
        .split('\n')
        .map((line: string) => JSON.parse(line).custom_id),
    ).toEqual(['a', 'b']);
  }
  const names = jobs.map((id) => `${id.replace('job_', 'att_')}_1`);
  expect([...ray.cluster.jobs.values()].map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  expect([...ray.tokens]).toEqual(['Bearer of-ray']);
});

it('[P102] ends a cancelled job that waits for a node of Ray, which never runs it', async () => {
  ray.cluster.isPaused = true;
  const id = await submit();
  await expect.poll(() => [...ray.cluster.jobs.values()].filter(({ state }) => state === 'queued').length, SETTLED).toBe(1);
  await client.post(`/v1/jobs/${id}/cancel`, {});
  await reach(id, 'cancelled');
  ray.cluster.isPaused = false;
  ray.cluster.schedule();
  await expect.poll(() => [...ray.cluster.jobs.values()].at(-1)?.state, SETTLED).toBe('cancelled');
  expect((await job(id)).output_file).toBeNull();
  const exited = new Promise((resolve) => driver?.once('exit', resolve));
  driver?.kill('SIGTERM');
  expect(await exited).toBe(0);
});

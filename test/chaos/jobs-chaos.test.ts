import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { Seeded } from '../../src/kernel/seeded.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import type { BadNetwork } from '../support/deployment/bad-network.ts';
import { badNetwork } from '../support/deployment/bad-network.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { killWorkerd, persistently, revived } from '../support/deployment/kill-workerd.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { effort } from '../support/fixtures/effort.ts';

const JOBS = 4;
const LINES = 800;
const AGENTS = 3;
/** Seeds that run at the same time: each disturbs the others, too. */
const AT_ONCE = 4;
const FAULTS_A_SEED = 5;
/** A job that loses its agent waits for the end of a lease; a busy machine is several times slower. */
const SETTLED = { timeout: 150_000, interval: 250 };

interface JobReply {
  readonly id: string;
  readonly state: string;
  readonly output_file: string | null;
  readonly attempts: readonly { readonly fence: number; readonly outcome: string }[];
  readonly usage: { readonly job_tokens: number; readonly accelerator_ms: number } | null;
}

let server: Server;
let network: BadNetwork;
let pool: { readonly id: string; readonly agent_token: string };
const agents: Agent[] = [];
/** How often each has happened. */
const seen = { workerd: 0, agent: 0, cut: 0, delay: 0, freeze: 0 };

beforeAll(async () => {
  server = await deploy();
  network = await badNetwork(server.urls[0] ?? '');
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  pool = await admin.create('/v1/pools', { name: 'chaos', owner: 'testers' });
  for (let n = 0; n < AGENTS; n++) agents.push(start(n));
});

afterAll(async () => {
  for (const agent of agents) agent.kill();
  await network.close();
  await server.stop();
});

/** Their clocks are an hour apart, and run fast and slow: leases are counted by the gateway. */
const start = (n: number): Agent =>
  startAgent(server, pool, [], { url: network.url, clock: { aheadS: 3_600 * (n - 1), rate: [0.8, 1, 1.25][n % AGENTS]! } });

/** What can go wrong, to the one deployment that all seeds share. */
const FAULTS = {
  workerd: async () => {
    // One that another seed has just killed is killed.
    killWorkerd(server);
    seen.workerd += 1;
    await revivedAtAll();
  },
  agent: async (rng: Seeded) => {
    const n = Math.floor(rng.next() * AGENTS);
    agents[n]?.kill();
    agents[n] = start(n);
    seen.agent += 1;
  },
  cut: async (rng: Seeded) => {
    network.cut();
    seen.cut += 1;
    await sleep(rng.next() * 2_000);
    network.mend();
  },
  delay: async (rng: Seeded) => {
    network.delay(rng.next() * 400);
    seen.delay += 1;
    await sleep(rng.next() * 2_000);
    network.delay(0);
  },
  /** For longer than a lease at times: what it then says is of an attempt that another agent has. */
  freeze: async (rng: Seeded) => {
    const agent = agents[Math.floor(rng.next() * AGENTS)];
    agent?.freeze();
    seen.freeze += 1;
    await sleep(rng.next() * 14_000);
    agent?.thaw();
  },
} satisfies Record<string, (rng: Seeded) => Promise<void>>;

const revivedAtAll = () =>
  revived({ get: (path: string) => fetch(`${server.urls[0]}${path}`).then(({ status }) => ({ status })) } as ApiClient);

async function submit(client: ApiClient, n: number): Promise<string> {
  const lines = Array.from({ length: LINES }, (_, line) => `${JSON.stringify({ id: `${n}-${line}`, text: `line ${line} of job ${n}` })}\n`);
  const upload = () => {
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(lines), `input-${n}.jsonl`);
    return client.call('POST', '/v1/files', form, { 'idempotency-key': `file-${n}` });
  };
  const file = await persistently(upload);
  const body = { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file.body.id, owner: 'chaos', max_attempts: 10 };
  const job = await persistently(() => client.post('/v1/jobs', body, { 'idempotency-key': `job-${n}` }));
  expect(job.status, JSON.stringify(job.body)).toBeLessThan(300);
  return job.body.id;
}

/** One tenant's jobs while things go wrong, chosen by the seed; then everything that must hold. */
async function run(seed: number): Promise<void> {
  const rng = new Seeded(seed);
  const { client } = await onceUp(() => createTenant(server, { scopes: ['jobs', 'files', 'usage:read', 'inference'] }));
  const ids: string[] = [];
  for (let n = 0; n < JOBS; n++) ids.push(await submit(client, n));
  const kinds = Object.keys(FAULTS) as (keyof typeof FAULTS)[];
  for (let n = 0; n < FAULTS_A_SEED; n++) await FAULTS[kinds[Math.floor(rng.next() * kinds.length)]!](rng);
  const doomed = rng.next() < 0.5 ? ids[Math.floor(rng.next() * JOBS)] : undefined;
  if (doomed !== undefined) {
    await persistently(() => client.post(`/v1/jobs/${doomed}/cancel`, undefined));
  }
  const jobs: JobReply[] = [];
  for (const id of ids) {
    await expect
      .poll(async () => (await persistently(() => client.get(`/v1/jobs/${id}`))).body.state, SETTLED)
      .toMatch(/^(succeeded|cancelled)$/);
    jobs.push((await persistently(() => client.get(`/v1/jobs/${id}`))).body);
  }
  await check(client, jobs, doomed);
}

async function check(client: ApiClient, jobs: readonly JobReply[], doomed: string | undefined): Promise<void> {
  for (const [n, { id, state, attempts, output_file: output }] of jobs.entries()) {
    // None of these faults counts as a failure of the job.
    expect(state, JSON.stringify(jobs[n])).toBe(id === doomed && state === 'cancelled' ? 'cancelled' : 'succeeded');
    const fences = attempts.map(({ fence }) => fence);
    expect(fences, 'fences rise').toEqual([...new Set(fences)].toSorted((a, b) => a - b));
    expect(attempts.filter(({ outcome }) => outcome === 'succeeded').length).toBe(state === 'succeeded' ? 1 : 0);
    if (state === 'succeeded')
      expect(await linesOf(client, output ?? '')).toEqual(Array.from({ length: LINES }, (_, line) => `${n}-${line}`));
    else expect(output).toBeNull();
  }
  // Outputs of attempts that were lost are no files of the tenant.
  const files = (await persistently(() => client.get('/v1/files?limit=100'))).body.data as readonly { readonly purpose: string }[];
  expect(files.filter(({ purpose }) => purpose !== 'batch').length).toBe(jobs.filter(({ state }) => state === 'succeeded').length);
  // The ledger is what the jobs say that they used: delivered sooner or later, and nothing twice.
  const sum = (meter: 'job_tokens' | 'accelerator_ms') => jobs.reduce((total, { usage }) => total + (usage?.[meter] ?? 0), 0);
  const expected = { job_tokens: sum('job_tokens'), accelerator_ms: sum('accelerator_ms') };
  await expect.poll(async () => ledgerOf(await persistently(() => client.get('/v1/usage'))), SETTLED).toEqual(expected);
}

async function linesOf(client: ApiClient, file: string): Promise<readonly string[]> {
  const { body } = await persistently(() => client.get(`/v1/files/${file}/content`));
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { custom_id: string }).custom_id);
}

function ledgerOf({ body }: ApiAnswer): Record<string, number> {
  const used = { job_tokens: 0, accelerator_ms: 0 } as Record<string, number>;
  for (const { meter, quantity } of body.data as { meter: string; quantity: number }[]) if (meter in used) used[meter]! += quantity;
  return used;
}

/** Repeats what another seed's fault interrupts. */
async function onceUp<T>(make: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await make();
    } catch (error) {
      if (tries > 100) throw error;
      await sleep(100);
    }
  }
}

it('[J167] each job ends once though agents and workerd die, the network is cut, and clocks differ', async () => {
  const all = Array.from({ length: effort(4, 200) }, (_, n) => n + 1);
  for (let from = 0; from < all.length; from += AT_ONCE) await Promise.all(all.slice(from, from + AT_ONCE).map(run));
  // By the choice of the seeds, not by luck.
  for (const fault of Object.keys(FAULTS)) expect(seen[fault as keyof typeof seen], JSON.stringify(seen)).toBeGreaterThan(0);
});

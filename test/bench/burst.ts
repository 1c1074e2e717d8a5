import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { AdminClient } from '../../workers/local/admin-client.ts';
import { AgentProcesses } from '../../workers/local/agent-processes.ts';
import { provideAgents } from '../../workers/local/local-provider.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { BurstSample } from './burst/burst-picture.ts';
import { burstPicture } from './burst/burst-picture.ts';

const AGENTS = 4;
const SAMPLE_MS = 100;
/** Of an accelerator, so that the burst has a price. */
const USD_PER_HOUR = '3.60';
const IDLE_S = 2;

interface Job {
  readonly id: string;
  readonly state: string;
  readonly attempts: readonly unknown[];
  readonly cost_usd: string;
}

/**
 * A burst of jobs on a pool without agents: the provider of this machine starts some, and they go when there is nothing left to do. Shows when the
 * first job ran, how many processes were started for how many agents, what it cost, and draws what happened when.
 */
export async function burstBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  const jobs = quick ? 8 : 24;
  const server = await deploy();
  const url = server.urls[0] ?? '';
  const { client } = await createTenant(server);
  const admin = new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY);
  const node = { accelerator: 'l4', accelerators: 1, cpu_milli: 1_000, memory_mib: 1_024 };
  const elasticity = { max_nodes: AGENTS, node, provision_s: 60, idle_s: IDLE_S };
  const pool = await admin.create<{ id: string; agent_token: string }>('/v1/pools', { name: 'burst', owner: 'benches', elasticity });
  const operator = new ApiClient(url, server.secrets.SLUICE_ADMIN_KEY);
  await operator.post(`/v1/pools/${pool.id}/prices`, { accelerator: 'l4', usd_per_hour: USD_PER_HOUR });
  const environment = {
    SLUICE_AGENT_CPU_MILLI: String(node.cpu_milli),
    SLUICE_AGENT_MEMORY_MIB: String(node.memory_mib),
    SLUICE_AGENT_ACCELERATOR: `${node.accelerator}:1`,
  };
  const place = { url, pool: pool.id, agentToken: pool.agent_token, name: 'burst', environment };
  const agents = new AgentProcesses(place);
  const stopping = new AbortController();
  const providing = provideAgents({ ...place, countMax: 16, agents, stopped: stopping.signal });
  try {
    const input = await inputOf(client);
    const startedMs = performance.now();
    const resources = [{ accelerator: node.accelerator, cpu_milli: node.cpu_milli, memory_mib: node.memory_mib }];
    const work = { kind: 'batch_embedding', model: 'glove-sif-100', input_file: input, resources };
    const submitted = await Promise.all(Array.from({ length: jobs }, () => client.post('/v1/jobs', work)));
    const refused = submitted.find(({ status }) => status !== 201);
    if (refused !== undefined) throw new Error(`a job was refused: ${JSON.stringify(refused.body)}`);
    const ids = submitted.map(({ body }) => body.id as string);
    const samples = await followed(client, agents, ids.length, startedMs);
    const done = await Promise.all(ids.map(async (id) => (await client.get(`/v1/jobs/${id}`)).body as Job));
    await report(samples, done, agents.startedCount);
  } finally {
    stopping.abort();
    await agents.stop();
    await providing;
    await server.stop();
  }
}

async function inputOf(client: ApiClient): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  const lines = Array.from({ length: 4_000 }, (_, n) => `{"id":"${n}","text":"water ${n} over weir ${n % 97}"}\n`);
  form.set('file', new Blob(lines), 'burst.jsonl');
  return (await client.call('POST', '/v1/files', form)).body.id as string;
}

/** What is there, at once and then now and then, until all jobs are over and all agents gone. */
async function followed(client: ApiClient, agents: AgentProcesses, jobs: number, startedMs: number): Promise<readonly BurstSample[]> {
  // Before the submission there was nothing.
  const samples: BurstSample[] = [{ atMs: 0, waiting: 0, running: 0, over: 0, agents: 0 }];
  for (;;) {
    const { body } = await client.get('/v1/jobs?limit=100');
    const states = (body.data as readonly Job[]).map(({ state }) => state);
    const count = (state: string): number => states.filter((other) => other === state).length;
    const [running, over] = [count('running'), count('succeeded') + count('failed')];
    const sample = { atMs: performance.now() - startedMs, waiting: states.length - running - over, running, over, agents: agents.count };
    samples.push(sample);
    if (sample.over === jobs && sample.agents === 0) return samples;
    await sleep(SAMPLE_MS);
  }
}

async function report(samples: readonly BurstSample[], jobs: readonly Job[], started: number): Promise<void> {
  const first = samples.find(({ running, over }) => running + over > 0);
  const last = samples.find(({ over }) => over === jobs.length);
  const peak = Math.max(...samples.map(({ agents }) => agents));
  const attempts = jobs.reduce((sum, job) => sum + job.attempts.length, 0);
  const usd = jobs.reduce((sum, job) => sum + Number(job.cost_usd), 0);
  const agentS = samples.reduce((sum, { agents, atMs }, n) => sum + agents * (atMs - (samples[n - 1]?.atMs ?? 0)), 0) / 1_000;
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(`${jobs.length} jobs on a pool of 0 to ${AGENTS} agents, idle for ${IDLE_S} s before they go (load ${load.join(' ')})`);
  console.log(
    `  first job running after ${seconds(first?.atMs)}, last one over after ${seconds(last?.atMs)}, no agent after ${seconds(samples.at(-1)?.atMs)}`,
  );
  console.log(
    `  agents: ${peak} at most, ${started} processes started (${started - peak} more than were there at once), ${agentS.toFixed(0)} s of agents`,
  );
  console.log(
    `  attempts: ${attempts} (${attempts - jobs.length} more than jobs); succeeded: ${jobs.filter(({ state }) => state === 'succeeded').length}`,
  );
  console.log(`  billed to the tenant: $${usd.toFixed(6)} at $${USD_PER_HOUR} an hour and accelerator`);
  const path = join(ROOT, 'docs/burst.svg');
  await writeFile(path, burstPicture(samples, jobs.length, AGENTS));
  console.log(`  drawn in ${path}`);
}

const seconds = (ms: number | undefined): string => `${((ms ?? Number.NaN) / 1_000).toFixed(1)} s`;

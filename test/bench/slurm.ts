import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { must } from '../../src/kernel/assert.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { bundle } from '../../workers/local/bundle.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { persistently } from '../support/deployment/kill-workerd.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { PrivateSlurm, slurmIsMissing } from '../support/slurm/private-slurm.ts';
import { SlurmPool } from '../support/slurm/slurm-pool.ts';

const JOBS = 500;
const QUICK_JOBS = 60;
const NODES = 2;
const SLOTS_PER_NODE = 8;
/** Submissions under way at a time, through Sluice and to Slurm alike. */
const CLIENTS = 8;

interface Row {
  readonly what: string;
  readonly jobs: number;
  readonly attempts: number;
  readonly 'submitted, s': string;
  readonly 'done, s': string;
  readonly 'jobs a second': string;
}

/**
 * Jobs through Sluice to a real Slurm, beside the same processes under `sbatch` alone. Those of Sluice take their attempt, load the model, embed
 * two lines and bring the output back; those of `sbatch` start Node and end. Fails unless each job has one output, and its tokens were charged once.
 */
export async function slurmBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  const missing = await slurmIsMissing();
  if (missing !== undefined) throw new Error(`no Slurm: ${missing}`);
  await bundle();
  const count = quick ? QUICK_JOBS : JOBS;
  const [server, slurm] = [await deploy(), await PrivateSlurm.start({ nodes: NODES, cpusPerNode: SLOTS_PER_NODE })];
  let pool: SlurmPool | undefined;
  try {
    const { client } = await createTenant(server);
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    pool = await SlurmPool.start(server, await admin.create('/v1/pools', { name: 'slurm', owner: 'bench' }), slurm, SLOTS_PER_NODE);
    console.log(`${NODES} nodes of ${SLOTS_PER_NODE} slots on this machine, load ${loadavg()[0]?.toFixed(1)}`);
    console.table([await throughSluice(client, count), await alone(slurm, count)]);
  } finally {
    await pool?.stop();
    await slurm.stop();
    await server.stop();
  }
}

async function throughSluice(client: ApiClient, count: number): Promise<Row> {
  const startedMs = performance.now();
  const jobs = await atOnce(count, async (n) => {
    const upload = () => {
      const form = new FormData();
      form.set('purpose', 'batch');
      form.set('file', new Blob(['{"id":"a","text":"still water"}\n{"id":"b","text":"a lock"}\n']), 'lines.jsonl');
      return client.call('POST', '/v1/files', form, { 'idempotency-key': `file-${n}` });
    };
    // As clients do: a busy machine may answer 503, to be repeated.
    const file = await persistently(upload);
    const body = { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file.body.id, owner: 'bench' };
    const job = await persistently(() => client.post('/v1/jobs', body, { 'idempotency-key': `job-${n}` }));
    if (job.status !== 201) throw new Error(`a file was answered ${file.status}, its job ${job.status}: ${JSON.stringify(job.body)}`);
    return job.body.id as string;
  });
  const submittedMs = performance.now() - startedMs;
  const done = await atOnce(count, (n) => succeeded(client, must(jobs[n], 'each was submitted')));
  const doneMs = performance.now() - startedMs;
  const outputs = new Set(done.map(({ output_file }) => output_file));
  const tokens = new Set(done.map(({ usage }) => usage.job_tokens));
  if (outputs.size !== count || tokens.size !== 1) throw new Error(`${outputs.size} outputs of ${count} jobs`);
  const stored = await outputsOf(client);
  if (stored !== count) throw new Error(`${stored} outputs are stored of ${count} jobs`);
  const attempts = done.reduce((sum, job) => sum + job.attempts.length, 0);
  return { ...row('through Sluice', count, submittedMs, doneMs), attempts };
}

async function succeeded(client: ApiClient, id: string): Promise<ApiClientBody> {
  for (;;) {
    const { body } = await client.get(`/v1/jobs/${id}`);
    if (body.state === 'succeeded') return body as ApiClientBody;
    if (body.state === 'failed') throw new Error(`job ${id} failed: ${body.error?.message}`);
    await sleep(200);
  }
}

/** Files that no upload made. */
async function outputsOf(client: ApiClient): Promise<number> {
  let count = 0;
  for (let after = '', hasMore = true; hasMore;) {
    const { body } = await client.get(`/v1/files?limit=1000${after === '' ? '' : `&after=${after}`}`);
    const files = body.data as readonly { readonly id: string; readonly purpose: string }[];
    count += files.filter(({ purpose }) => purpose !== 'batch').length;
    [after, hasMore] = [files.at(-1)?.id ?? '', body.has_more && files.length > 0];
  }
  return count;
}

interface ApiClientBody {
  readonly attempts: readonly unknown[];
  readonly output_file: string;
  readonly usage: { readonly job_tokens: number };
}

async function alone(slurm: PrivateSlurm, count: number): Promise<Row> {
  const startedMs = performance.now();
  const script = `exec ${process.execPath} -e 0`;
  await atOnce(count, () => slurm.command('sbatch', '-p', 'low', '-J', 'alone', '-o', '/dev/null', '--wrap', script));
  const submittedMs = performance.now() - startedMs;
  while ((await slurm.command('squeue', '-h', '-n', 'alone')).trim() !== '') await sleep(200);
  return row('sbatch alone', count, submittedMs, performance.now() - startedMs);
}

const row = (what: string, jobs: number, submittedMs: number, doneMs: number): Row => ({
  what,
  jobs,
  attempts: jobs,
  'submitted, s': (submittedMs / 1_000).toFixed(1),
  'done, s': (doneMs / 1_000).toFixed(1),
  'jobs a second': ((jobs * 1_000) / doneMs).toFixed(1),
});

/** Does something so many times, `CLIENTS` of them at a time: the answers in order. */
async function atOnce<T>(count: number, work: (n: number) => Promise<T>): Promise<readonly T[]> {
  const answers: T[] = [];
  const numbers = Array.from({ length: count }, (_, n) => n).values();
  const takeTurns = async (): Promise<void> => {
    for (const n of numbers) answers[n] = await work(n);
  };
  await Promise.all(Array.from({ length: CLIENTS }, takeTurns));
  return answers;
}

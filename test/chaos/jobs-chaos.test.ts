import { afterAll, beforeAll, expect, it } from 'vitest';

import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import type { Fault } from '../support/chaos/failing-deployment.ts';
import { FailingDeployment, FAULTS } from '../support/chaos/failing-deployment.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { persistently } from '../support/deployment/kill-workerd.ts';
import { effort } from '../support/fixtures/effort.ts';

const JOBS = 4;
const LINES = 800;
const AGENTS = 3;
/** Seeds that run at the same time: each disturbs the others, too. */
const AT_ONCE = 4;
const FAULTS_A_SEED = 5;
/** A job that loses its agent waits for the end of a lease; a busy machine is several times slower. */
const SETTLED = { timeout: 150_000, interval: 250 };

/** How attempts end that are no failures of their job. */
const FAULTLESS = new Set(['succeeded', 'cancelled', 'released', 'lease_expired', 'never_started']);

interface JobReply {
  readonly id: string;
  readonly state: string;
  readonly output_file: string | null;
  readonly attempts: readonly { readonly fence: number; readonly outcome: string }[];
  readonly usage: { readonly job_tokens: number; readonly accelerator_ms: number } | null;
}

let deployment: FailingDeployment;

beforeAll(async () => {
  deployment = await FailingDeployment.start(AGENTS);
});

afterAll(() => deployment?.stop());

async function submit(client: ApiClient, n: number): Promise<string> {
  const lines = Array.from({ length: LINES }, (_, line) => `${JSON.stringify({ id: `${n}-${line}`, text: `line ${line} of job ${n}` })}\n`);
  const upload = () => {
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(lines), `input-${n}.jsonl`);
    return client.call('POST', '/v1/files', form, { 'idempotency-key': `file-${n}` });
  };
  const file = await persistently(upload);
  expect(file.status, JSON.stringify(file.body)).toBeLessThan(300);
  const body = { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file.body.id, owner: 'chaos', max_attempts: 10 };
  const job = await persistently(() => client.post('/v1/jobs', body, { 'idempotency-key': `job-${n}` }));
  expect(job.status, JSON.stringify(job.body)).toBeLessThan(300);
  return job.body.id;
}

/** The first two of four seeds in a row are all there are; the others are chance. */
function faultsOf(rng: Seeded, seed: number): readonly Fault[] {
  const first = [FAULTS[seed % FAULTS.length]!, FAULTS[(seed + FAULTS.length / 2) % FAULTS.length]!];
  return [...first, ...Array.from({ length: FAULTS_A_SEED - first.length }, () => FAULTS[Math.floor(rng.next() * FAULTS.length)]!)];
}

/** One tenant's jobs while things go wrong, chosen by the seed; then everything that must hold. */
async function run(seed: number): Promise<void> {
  const rng = new Seeded(seed);
  const client = await deployment.tenant(['jobs', 'files', 'usage:read', 'inference']);
  const ids: string[] = [];
  const faults = faultsOf(rng, seed);
  for (let n = 0; n < JOBS; n++) ids.push(await submit(client, n));
  for (const fault of faults) await deployment.suffer(fault, rng);
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
    expect(attempts.filter(({ outcome }) => !FAULTLESS.has(outcome))).toEqual([]);
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

/** The seeds of this run, in groups that run together: `SLUICE_TEST_SEEDS` names those that failed, such as `17` or `17-20`. */
function groups(): readonly (readonly number[])[] {
  const [from = '1', to = from] = process.env['SLUICE_TEST_SEEDS']?.split('-') ?? ['1', String(effort(AT_ONCE, 200))];
  const all = Array.from({ length: Number(to) - Number(from) + 1 }, (_, n) => Number(from) + n);
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, n) => all.slice(n * AT_ONCE, (n + 1) * AT_ONCE));
}

it.each(groups().map((seeds) => [seeds.join(', '), seeds] as const))(
  '[J167] [P116] each job ends once, whatever dies, is cut off or forgets, or has a wrong clock: seeds %s',
  async (_, seeds) => {
    const results = await Promise.allSettled(seeds.map(run));
    expect(results.flatMap((result, n) => (result.status === 'rejected' ? [`seed ${seeds[n]}: ${result.reason}`] : []))).toEqual([]);
    // Not all in one partition.
    expect(await deployment.agentCount()).toBeGreaterThan(JOB_LIMITS.agentsPerPartitionMaxCount);
    if (seeds.length === AT_ONCE) expect(new Set(seeds.flatMap((seed) => faultsOf(new Seeded(seed), seed)))).toEqual(new Set(FAULTS));
  },
  // Four times as long as each poll in it may take.
  4 * SETTLED.timeout,
);

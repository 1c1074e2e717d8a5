import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { must } from '../../src/kernel/assert.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { PrivateSlurm, slurmIsMissing } from '../support/slurm/private-slurm.ts';
import { SlurmPool } from '../support/slurm/slurm-pool.ts';

const missing = await slurmIsMissing();
if (missing !== undefined) console.log(`skip the tests with a real Slurm: ${missing}`);

/** Slurm looks for jobs beyond their time every 30 s, and waits 10 s for a node that is silent. */
const SOON = { timeout: 300_000, interval: 100 };
const SLOTS_PER_NODE = 4;

let server: Deployment;
let client: ApiClient;
let slurm: PrivateSlurm;
let pool: SlurmPool;
const submitted: string[] = [];

async function submit(count: number): Promise<readonly string[]> {
  const jobs = await Promise.all(
    Array.from({ length: count }, async () => {
      const form = new FormData();
      form.set('purpose', 'batch');
      form.set('file', new Blob(['{"id":"a","text":"still water"}\n{"id":"b","text":"a lock"}\n']), 'lines.jsonl');
      const file = await client.call('POST', '/v1/files', form);
      const job = await client.post('/v1/jobs', {
        kind: 'batch_embedding',
        model: 'glove-sif-100',
        input_file: file.body.id,
        owner: 'zoo',
      });
      expect(job.status).toBe(201);
      return job.body.id as string;
    }),
  );
  submitted.push(...jobs);
  return jobs;
}

const jobOf = async (id: string) => (await client.get(`/v1/jobs/${id}`)).body;
const outcomes = async (id: string): Promise<readonly string[]> =>
  (await jobOf(id)).attempts.map(({ outcome }: { outcome: string }) => outcome);
const reach = (id: string, state: string) => expect.poll(async () => (await jobOf(id)).state, SOON).toBe(state);
const allReach = (ids: readonly string[], state: string) => Promise.all(ids.map((id) => reach(id, state)));
const begunBy = async (id: string) => must((await pool.begun(id))[0], 'an attempt has begun');
const begin = (id: string, count = 1) => expect.poll(async () => (await pool.begun(id)).length, SOON).toBe(count);

describe.skipIf(missing !== undefined)('a real Slurm as a pool', { timeout: 600_000 }, () => {
  beforeAll(async () => {
    server = await deploy();
    ({ client } = await createTenant(server));
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    slurm = await PrivateSlurm.start({ nodes: 2, cpusPerNode: SLOTS_PER_NODE });
    pool = await SlurmPool.start(server, await admin.create('/v1/pools', { name: 'slurm', owner: 'testers' }), slurm, SLOTS_PER_NODE);
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      const waiting = (await Promise.all(submitted.map(jobOf))).filter(({ state }) => state === 'pending');
      const reasons = await Promise.all(waiting.map(async ({ id }) => (await client.get(`/v1/jobs/${id}/explain`)).body));
      console.log(await slurm.report(), JSON.stringify(reasons, undefined, 1));
    });
    return pool.letGo();
  });

  afterAll(async () => {
    await pool?.stop();
    await slurm?.stop();
    await server?.stop();
  });

  it('[P62] runs jobs, each once, and brings their outputs back', async () => {
    const jobs = await submit(12);
    await allReach(jobs, 'succeeded');
    for (const id of jobs) expect(await outcomes(id)).toEqual(['succeeded']);
    expect((await Promise.all(jobs.map((id) => pool.begun(id)))).map(({ length }) => length)).toEqual(jobs.map(() => 1));
  });

  it('[P65] ends a cancelled job on its node', async () => {
    await pool.hold();
    const [job = ''] = await submit(1);
    await begin(job);
    const { attempt } = await begunBy(job);
    expect(await pool.slurmJobs(attempt)).toHaveLength(1);
    await client.post(`/v1/jobs/${job}/cancel`, {});
    await reach(job, 'cancelled');
    await expect.poll(() => pool.slurmJobs(attempt), SOON).toEqual([]);
  });

  it('[P68] [P73] runs a job that the cluster preempted again, under a higher fence', async () => {
    await pool.hold();
    const [job = ''] = await submit(1);
    await begin(job);
    await slurm.command('sbatch', '-p', 'high', '-N2', `--ntasks-per-node=${SLOTS_PER_NODE}`, '-o', '/dev/null', '--wrap', 'sleep 1');
    await begin(job, 2);
    await pool.letGo();
    await reach(job, 'succeeded');
    expect(await outcomes(job)).toEqual(['released', 'succeeded']);
  });

  it('[P67] takes a job that has reached the time limit of the cluster for a failure', async () => {
    await pool.hold();
    const [job = ''] = await submit(1);
    await begin(job);
    const { attempt } = await begunBy(job);
    const [slurmJob = ''] = await pool.slurmJobs(attempt);
    await slurm.command('scontrol', 'update', `jobid=${slurmJob}`, 'TimeLimit=0:01');
    await begin(job, 2);
    await pool.letGo();
    await reach(job, 'succeeded');
    expect(await outcomes(job)).toEqual(['agent_error', 'succeeded']);
  });

  it('[P69] [P70] loses nothing when the controller of the cluster and the driver are killed', async () => {
    await pool.hold();
    const running = await submit(3);
    await Promise.all(running.map((id) => begin(id)));
    await slurm.killController();
    const waiting = await submit(2);
    await pool.endDriver('SIGKILL');
    pool.startDriver();
    await slurm.startController();
    await Promise.all(waiting.map((id) => begin(id)));
    await pool.letGo();
    await allReach([...running, ...waiting], 'succeeded');
    for (const id of [...running, ...waiting]) expect((await outcomes(id)).at(-1)).toBe('succeeded');
  });

  it('[P66] takes nothing from a process that its node’s crash left behind, and gives up one that died', async () => {
    await slurm.openNodes();
    await pool.hold();
    const jobs = await submit(2);
    await Promise.all(jobs.map((id) => begin(id)));
    const [left, dead] = [await begunBy(jobs[0]!), await begunBy(jobs[1]!)];
    await Promise.all([...new Set([left.node, dead.node])].map((node) => slurm.killNode(node)));
    process.kill(dead.pid, 'SIGKILL');
    // The one that died runs again elsewhere, or once its node is back; the other has its attempt all the time.
    await Promise.all([...new Set([left.node, dead.node])].map((node) => slurm.startNode(node)));
    await begin(jobs[1]!, 2);
    await pool.letGo();
    await allReach(jobs, 'succeeded');
    expect(await outcomes(jobs[1]!)).toHaveLength(2);
  });

  // After the crashes: a controller that was killed may come back with the drain of before.
  it('[P71] sends nothing to a node that is drained', async () => {
    await slurm.openNodes();
    await slurm.command('scontrol', 'update', 'nodename=gpu1', 'state=drain', 'reason=test');
    const jobs = await submit(6);
    await allReach(jobs, 'succeeded');
    for (const id of jobs) expect((await pool.begun(id)).map(({ node }) => node)).toEqual(['gpu0']);
    await slurm.command('scontrol', 'update', 'nodename=gpu1', 'state=resume');
  });

  it('[J18] has one output of each job, and charged its tokens once', async () => {
    const jobs = await Promise.all(submitted.map(jobOf));
    const done = jobs.filter(({ state }) => state === 'succeeded');
    expect(done).toHaveLength(submitted.length - 1);
    const files = (await client.get('/v1/files?limit=1000')).body.data.map(({ id }: { id: string }) => id) as string[];
    const outputs = done.map(({ output_file }) => output_file as string);
    expect(new Set(outputs).size).toBe(done.length);
    expect(files.filter((id) => /_\d+$/.test(id)).toSorted()).toEqual(outputs.toSorted());
    for (const id of outputs) {
      const { body } = await client.get(`/v1/files/${id}/content`);
      expect(
        body
          .trim()
          .split('\n')
          .map((line: string) => JSON.parse(line).custom_id),
      ).toEqual(['a', 'b']);
    }
    const tokens = done.reduce((sum, { usage }) => sum + usage.job_tokens, 0);
    expect(tokens).toBe(done.length * done[0].usage.job_tokens);
  });
});

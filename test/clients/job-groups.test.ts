import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { ROOT } from '../../workers/local/paths.ts';
import type { JobExplanationReply } from '../../src/contract/jobs/job-explanation.ts';
import type { NodeReply } from '../../src/contract/pools/pools.ts';
import { AgentPool } from '../support/deployment/agent-pool.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { takeRemedy } from '../support/deployment/taken-remedy.ts';
import { createTenant } from '../support/deployment/tenant.ts';

let pool: AgentPool;

beforeAll(async () => {
  pool = await AgentPool.deploy();
});

afterAll(() => pool.close());

const LONG = { timeout: 90_000 };

const TRAINER = readFileSync(join(ROOT, 'workers/agent/examples/logistic.mjs'), 'utf8');

/** A gang that fits a model; where it holds it waits for good: at the first place unless it has found something saved, at others once. */
const train = async (holdAt: string, nodes: unknown = 2) => {
  const { status, body } = await pool.client.post('/v1/jobs', {
    kind: 'training',
    argv: [process.execPath, 'logistic.mjs'],
    environment: { HOLD_AT: holdAt, STEPS: '120' },
    inputs: [{ file: await pool.upload(TRAINER), path: 'logistic.mjs' }],
    outputs: ['model.json'],
    checkpoint: 'state.json',
    checkpoint_interval_s: 1,
    resources: [{ nodes }],
  });
  expect(status).toBe(201);
  return body.id as string;
};

it('[J138] [J139] [J140] [J142] [J266] a killed gang goes on where it was, with the same result', async () => {
  await pool.stopAgents();
  const allow = ['--allow', 'training'];
  const [first] = [pool.start(allow), pool.start(allow)];
  const whole = await train('');
  await pool.ends(whole, 'succeeded');
  expect(await pool.log(whole)).toContain('2 processes, from step 0');

  const id = await train('60,90');
  const logOf = async (attempt: number) => (await pool.client.get(`/v1/jobs/${id}/logs?attempt=${attempt}`)).body;
  await expect.poll(() => pool.log(id), LONG).toContain('holding at step 60');
  await expect.poll(async () => JSON.stringify((await pool.job(id)).checkpoint), LONG).toContain('sha256');
  // The spare agent is there once it has run something.
  pool.start(allow);
  const { body } = await pool.client.post('/v1/jobs', { kind: 'training', argv: ['true'] });
  await pool.ends(body.id, 'succeeded');
  first.kill();
  await expect.poll(() => logOf(2), LONG).toContain('holding at step 90');
  expect(await logOf(2), 'no attempt waited for the dead agent').toContain('2 processes, from step 60');
  // It is asked to leave in good order, and goes on.
  expect((await pool.client.post(`/v1/jobs/${id}/preempt`, {})).status).toBe(200);
  await pool.ends(id, 'succeeded');
  const { outputs, attempts } = await pool.job(id);
  expect(outputs).toHaveLength(1);
  expect(outputs[0].sha256).toBe((await pool.job(whole)).outputs[0].sha256);
  expect(JSON.parse(await pool.content(outputs[0].file))).toMatchObject({ steps: 120 });
  const ends = attempts.map((attempt: { outcome: string; stopped_for: string | null }) => [attempt.outcome, attempt.stopped_for]);
  // Of a gang that is asked to stop, the member that stops first may take the other along.
  const stopped = [expect.stringMatching(/^(released|command_failed)$/), 'requested'];
  expect(ends).toEqual([['command_failed', null], stopped, ['succeeded', null]]);
  expect(await pool.log(id)).toMatch(/2 processes, from step 90/);
});

it('[J212] [J142] a gang that grows and shrinks while it runs ends with the result of one that did not', async () => {
  await pool.stopAgents();
  const allow = ['--allow', 'training'];
  pool.start(allow);
  const whole = await train('', 1);
  await pool.ends(whole, 'succeeded');

  const id = await train('40,80', { min: 1, max: 3 });
  await expect.poll(() => pool.log(id), LONG).toContain('1 processes, from step 0');
  await expect.poll(() => pool.log(id), LONG).toContain('holding at step 40');
  // It grows as agents come, and gives up nodes when it is asked to.
  pool.start(allow);
  await expect.poll(() => pool.log(id), LONG).toContain('2 processes, from step 40\nstep 50');
  await expect.poll(() => pool.log(id), LONG).toContain('holding at step 80');
  expect((await pool.job(id)).nodes).toBe(2);
  const resized = await pool.client.post(`/v1/jobs/${id}/resize`, { nodes: 1 });
  expect([resized.status, resized.body.nodes_wanted]).toEqual([200, 1]);
  await pool.ends(id, 'succeeded');
  expect(await pool.log(id)).toContain('1 processes, from step 80');
  const { outputs, attempts } = await pool.job(id);
  expect(attempts).toMatchObject([{ outcome: 'succeeded' }]);
  expect(outputs[0].sha256).toBe((await pool.job(whole)).outputs[0].sha256);
});

it('[P125] [P126] [J138] saves when its machine is to be taken away, and goes on elsewhere', async () => {
  await pool.stopAgents();
  const folder = mkdtempSync(join(tmpdir(), 'notice-'));
  const allow = ['--allow', 'training'];
  pool.start(allow, { SLUICE_AGENT_NOTICE: join(folder, 'notice') });
  const id = await train('60', 1);
  await expect.poll(() => pool.log(id), LONG).toContain('holding at step 60');
  const first = (await pool.nodes()).find(({ jobs }: { jobs: string[] }) => jobs.includes(id));
  pool.start(allow);
  const goneAtMs = Date.now() + 120_000;
  writeFileSync(join(folder, 'notice'), new Date(goneAtMs).toISOString());
  await pool.ends(id, 'succeeded');
  rmSync(folder, { recursive: true });
  expect(await pool.log(id), 'nothing of its work was lost').toContain('1 processes, from step 60');
  const { attempts } = await pool.job(id);
  expect(attempts).toMatchObject([{ outcome: 'released', stopped_for: 'spot_notice' }, { outcome: 'succeeded' }]);
  const noticed = (await pool.events(id)).find(({ kind }) => kind === 'termination_notice');
  expect(noticed).toMatchObject({ state: 'stopping', stopped_for: 'spot_notice' });
  expect(noticed?.['stop_by']).toBeLessThanOrEqual(goneAtMs / 1_000);
  const taken = (await pool.nodes()).find((node: { id: string }) => node.id === first.id);
  expect(Math.abs(taken.terminates_at - goneAtMs / 1_000), 'as the provider says').toBeLessThan(10);
  expect(taken).toMatchObject({ jobs: [], state: expect.stringMatching(/^(draining|away)$/) });
});

it('[J213] [J214] [P81] serves a model by replicas that are replaced when they die', async () => {
  await pool.stopAgents();
  const allow = ['--allow', 'online_inference'];
  const first = pool.start(allow);
  pool.start(allow);
  const { status, body } = await pool.client.post('/v1/jobs', {
    kind: 'online_inference',
    model: 'glove-sif-100',
    resources: [{ nodes: { min: 1, max: 2 } }],
  });
  expect(status).toBe(201);
  const { id } = body;
  const replicas = async (): Promise<{ number: number; address: string | null; health: string }[]> => (await pool.job(id)).replicas;
  const healthy = async () => (await replicas()).filter(({ health }) => health === 'healthy').map(({ number }) => number);
  await expect.poll(healthy, LONG).toEqual([0, 1]);
  const request = { model: 'glove-sif-100', input: ['a lock gate', 'a weir'] };
  const embed = () => pool.client.post(`/v1/jobs/${id}/embeddings`, request);
  const embedded = await embed();
  expect([embedded.status, embedded.body.data]).toEqual([200, (await pool.client.post('/v1/embeddings', request)).body.data]);
  expect((await pool.client.post(`/v1/jobs/${id}/embeddings`, { ...request, model: 'other' })).body.error.code).toBe('model_not_found');
  // What a replica serves it serves to those that have its key.
  const { address } = (await replicas())[0]!;
  expect((await fetch(`${address}/v1/embeddings`, { method: 'POST', body: JSON.stringify(request) })).status).toBe(401);

  // A call is charged the tokens of its input, as a file of texts would be.
  const tokens = async (): Promise<number> => {
    const { data } = (await pool.client.get('/v1/usage?group_by=route')).body;
    const row = data.find((entry: { meter: string; route: string }) => entry.meter === 'job_tokens' && entry.route.endsWith('/embeddings'));
    return row?.quantity ?? 0;
  };
  expect(embedded.body.usage.total_tokens).toBeGreaterThan(0);
  await expect.poll(tokens, LONG).toBe(embedded.body.usage.total_tokens);

  first.kill();
  // One of two that is dead is called in vain at most once, and the other answers.
  const answers = () => expect.poll(async () => (await embed()).status, LONG).toBe(200);
  await answers();
  await expect.poll(async () => (await replicas()).length, LONG).toBe(1);
  const [left] = await replicas();
  await answers();
  pool.start(allow);
  await expect.poll(healthy, LONG).toEqual([left?.number, 2]);
  const { state, attempts } = await pool.job(id);
  expect([state, attempts.length]).toEqual(['running', 1]);

  await pool.client.post(`/v1/jobs/${id}/cancel`, {});
  await pool.ends(id, 'cancelled');
  expect((await embed()).body.error.code).toBe('state_conflict');
  const { usage } = await pool.job(id);
  expect(usage.accelerator_ms).toBeGreaterThan(0);
});

it('[J219] [P82] has as many replicas as the load asks for', async () => {
  await pool.stopAgents();
  for (let count = 0; count < 2; count += 1) pool.start(['--allow', 'online_inference']);
  const { status, body } = await pool.client.post('/v1/jobs', {
    kind: 'online_inference',
    model: 'glove-sif-100',
    resources: [{ nodes: { min: 1, max: 2 } }],
    scaling: { outstanding_per_replica: 0.1, scale_down_delay_s: 1 },
  });
  expect([status, body.scaling]).toEqual([201, { outstanding_per_replica: 0.1, scale_down_delay_s: 1 }]);
  const { id } = body;
  type Replica = { readonly number: number; readonly health: string };
  const healthy = async () =>
    (await pool.job(id)).replicas.flatMap(({ number, health }: Replica) => (health === 'healthy' ? [number] : []));
  const scaling = async () => (await pool.client.get(`/v1/jobs/${id}/explain`)).body.scaling;
  await expect.poll(healthy, LONG).toEqual([0]);
  await expect.poll(async () => (await scaling()).reason, LONG).toBe('least');
  const { fence } = (await pool.job(id)).attempts.at(-1);
  expect((await pool.client.post(`/v1/jobs/${id}/resize`, { nodes: 2 })).body.error).toMatchObject({
    code: 'state_conflict',
    param: 'nodes',
  });

  const idle = new AbortController();
  const request = { model: 'glove-sif-100', input: Array.from({ length: 100 }, () => 'a lock gate and a weir '.repeat(40)) };
  const callers = Array.from({ length: 4 }, async () => {
    const statuses = new Set<number>();
    while (!idle.signal.aborted) statuses.add((await pool.client.post(`/v1/jobs/${id}/embeddings`, request)).status);
    return [...statuses];
  });
  await expect
    .poll(healthy, LONG)
    .toEqual([0, 1])
    .finally(() => idle.abort());
  expect(await Promise.all(callers)).toEqual([[200], [200], [200], [200]]);
  await expect.poll(healthy, LONG).toEqual([0]);
  await expect.poll(scaling, LONG).toMatchObject({ replicas: 1, wanted: 1, outstanding: 0, reason: 'least', fewer_at: null });
  expect((await pool.client.post(`/v1/jobs/${id}/embeddings`, request)).status).toBe(200);
  expect((await pool.job(id)).attempts.at(-1), 'the same attempt throughout').toMatchObject({ fence, outcome: 'running' });
  await pool.client.post(`/v1/jobs/${id}/cancel`, {});
  await pool.ends(id, 'cancelled');
});

const H100 = { SLUICE_AGENT_ACCELERATOR: 'h100:1', SLUICE_AGENT_CPU_MILLI: '4000', SLUICE_AGENT_MEMORY_MIB: '4096' };

/** A job that waits for an h100 of which another job has what its tenant may have: one of its own, or of a tenant that has borrowed it. */
async function lackingQuota(nth: number, isBorrowed: boolean) {
  const operator = new ApiClient(pool.server.urls[0] ?? '', pool.server.secrets.SLUICE_ADMIN_KEY);
  const [{ client: tenant, id: tenantId }, { client: other, id: otherId }] = [
    await createTenant(pool.server),
    await createTenant(pool.server),
  ];
  const cohort = (name: string, nominal: number, more: object) =>
    operator.post('/v1/cohorts', {
      name: `${name}-${nth}`,
      quotas: { h100: { nominal, ...(isBorrowed && name !== 'lab' ? {} : { borrowing_limit: 0 }) } },
      ...more,
    });
  const made = [
    await cohort('lab', 0, {}),
    await cohort('own', 1, { parent: `lab-${nth}`, tenant: tenantId }),
    await cohort('other', 0, { parent: `lab-${nth}`, tenant: otherId }),
  ];
  expect(made.map(({ status }) => status)).toEqual([201, 201, 201]);
  const run = async (client: ApiClient): Promise<string> => {
    const resources = [{ accelerator: 'h100', accelerators_per_node: 1, nodes: 1 }];
    const { status, body } = await client.post('/v1/jobs', { kind: 'command', argv: ['sleep', '1000'], grace_s: 1, resources });
    expect(status, JSON.stringify(body)).toBe(201);
    return body.id;
  };
  const becomes = (client: ApiClient, id: string, state: string) =>
    expect.poll(async () => (await client.get(`/v1/jobs/${id}`)).body.state, LONG).toBe(state);
  const holder = isBorrowed ? other : tenant;
  const first = await run(holder);
  await becomes(holder, first, 'running');
  const id = await run(tenant);
  const end = async () => {
    await Promise.all([holder.post(`/v1/jobs/${first}/cancel`, {}), tenant.post(`/v1/jobs/${id}/cancel`, {})]);
    await Promise.all([becomes(holder, first, 'cancelled'), becomes(tenant, id, 'cancelled')]);
  };
  const explained = (await tenant.get(`/v1/jobs/${id}/explain`)).body;
  return { takers: { tenant, operator, tenantId }, explained, starts: () => becomes(tenant, id, 'running'), end };
}

it.each([
  ['its tenant has used', false, 'more_quota'],
  ['another tenant has borrowed', true, 'allow_eviction'],
] as const)('[J335] [J337] each remedy, taken by its calls, starts a job whose h100 %s', LONG, async (_, isBorrowed, kind) => {
  await pool.stopAgents();
  const addNode = () => void pool.start(['--allow', 'command'], H100);
  addNode();
  addNode();
  const open = async () =>
    (await pool.nodes()).filter(({ state, capacity }: NodeReply) => state === 'open' && capacity?.accelerator === 'h100');
  await expect.poll(async () => (await open()).length, LONG).toBe(2);
  // The one of the kind in each run, all of them in the full one.
  const isFull = process.env['SLUICE_TEST_FULL'] === '1';
  for (let nth = 0, count = 1; nth < count; nth += 1) {
    const { takers, explained, starts, end } = await lackingQuota(2 * nth + Number(isBorrowed), isBorrowed);
    expect(explained.reason, JSON.stringify(explained)).toBe('queue_quota');
    const remedies: JobExplanationReply['remedies'] = explained.remedies;
    const named = remedies.find(({ steps }) => steps.every((step) => step.kind === kind));
    expect(named, JSON.stringify(remedies)).toBeDefined();
    count = isFull ? remedies.length : 1;
    await takeRemedy((isFull ? remedies[nth] : named)!, { ...takers, addNode });
    await starts();
    await end();
  }
});

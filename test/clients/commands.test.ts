import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { Seeded } from '../../src/kernel/seeded.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

let server: Server;
let client: ApiClient;
let pool: { readonly id: string; readonly agent_token: string };
const agents: Agent[] = [];

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server));
  pool = await new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY).create('/v1/pools', {
    name: 'shop',
    owner: 'testers',
  });
});

afterAll(async () => {
  for (const agent of agents) agent.kill();
  await server.stop();
});

const start = (flags: readonly string[] = ['--allow', 'command']): Agent => {
  const agent = startAgent(server, pool, flags);
  agents.push(agent);
  return agent;
};

async function upload(content: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'user_data');
  form.set('file', new Blob([content]), 'input');
  return (await client.call('POST', '/v1/files', form)).body.id;
}

async function submit(script: string, more: object = {}): Promise<string> {
  const { status, body } = await client.post('/v1/jobs', { kind: 'command', argv: ['/bin/sh', '-c', script], ...more });
  expect([status, body.error]).toEqual([201, null]);
  return body.id;
}

const job = async (id: string) => (await client.get(`/v1/jobs/${id}`)).body;
const log = async (id: string): Promise<string> => (await client.get(`/v1/jobs/${id}/logs`)).body;
const content = async (file: string): Promise<string> => (await client.get(`/v1/files/${file}/content`)).body;
const ends = (id: string, state: string) => expect.poll(async () => (await job(id)).state, { timeout: 90_000 }).toBe(state);

const LONG = { timeout: 90_000 };

/** Processes of this machine that run with this argument. */
const runningWith = (argument: string): number =>
  readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(argument);
    } catch {
      return false;
    }
  }).length;

it('[J135] waits for an agent whose operator lets it run programs, and then runs there', async () => {
  const plain = start([]);
  const id = await submit('cat in/a.txt b.txt > out; echo done', {
    inputs: [
      { file: await upload('one\n'), path: 'in/a.txt' },
      { file: await upload('two\n'), path: 'b.txt' },
    ],
    outputs: ['out'],
    name: 'join',
  });
  await expect.poll(async () => (await client.get(`/v1/jobs/${id}/explain`)).body.reason).toBe('kind_not_offered');
  start();
  await ends(id, 'succeeded');
  await plain.stop();
  const { outputs, output_file: first } = await job(id);
  expect(outputs).toMatchObject([{ path: 'out', file: first, bytes: 8 }]);
  expect(await content(first)).toBe('one\ntwo\n');
  expect(await log(id)).toBe('done\n');
});

it('[J136] fails with the exit code of the program, after as many attempts as it may have', async () => {
  const id = await submit('echo "attempt $SLUICE_FENCE"; exit 7', { max_attempts: 2 });
  await ends(id, 'failed');
  const { error, attempts } = await job(id);
  expect(error).toMatchObject({ reason: 'command_failed', exit_code: 7 });
  expect(attempts.map(({ outcome, exit_code: code }: { outcome: string; exit_code: number }) => [outcome, code])).toEqual([
    ['command_failed', 7],
    ['command_failed', 7],
  ]);
  expect((await client.get(`/v1/jobs/${id}/logs?attempt=1`)).body).toBe('attempt 1\n');
  expect(await log(id)).toBe('attempt 2\n');
});

it('[P50] [J9] ends all processes of a cancelled job', async () => {
  const mark = '300.0625';
  const id = await submit(`sleep ${mark} & echo started; wait`);
  await expect.poll(() => log(id)).toBe('started\n');
  expect(runningWith(mark)).toBeGreaterThan(0);
  await client.post(`/v1/jobs/${id}/cancel`, {});
  await ends(id, 'cancelled');
  await expect.poll(() => runningWith(mark)).toBe(0);
});

// Counts to four and saves each number. The attempt that finds nothing saved waits at two, for longer than the test.
const COUNT = `
  [ -e state ] && found=yes; n=$(cat state 2> /dev/null || echo 0)
  while [ "$n" -lt 4 ]; do
    n=$((n + 1)); echo "$n" >> seen
    echo "$n" > next; mv next state
    if [ "$n" -eq 2 ] && [ -z "$found" ]; then echo waiting; sleep "$MARK"; fi
  done
  cp seen out; echo counted`;

it.each([
  ['killed', '300.125'],
  ['frozen', '300.1875'],
] as const)('[P50] [J138] goes on elsewhere from its checkpoint when its agent is %s, with one output', async (fate, mark) => {
  for (const agent of agents.splice(0)) await agent.stop();
  const first = start();
  const id = await submit(COUNT, { environment: { MARK: mark }, outputs: ['out'], checkpoint: 'state', checkpoint_interval_s: 1 });
  await expect.poll(() => log(id)).toBe('waiting\n');
  // The checkpoint is there when the scheduler has it; of an attempt that has saved nothing the next one would begin at 0.
  await expect.poll(async () => (await job(id)).checkpoint?.bytes).toBe(2);
  expect(runningWith(mark)).toBeGreaterThan(0);
  if (fate === 'killed') first.kill();
  else first.freeze();
  start();
  await ends(id, 'succeeded');
  // The group went with its agent, or with its lease.
  await expect.poll(() => runningWith(mark)).toBe(0);
  const { attempts, outputs } = await job(id);
  // An attempt may have been handed to an agent that was just stopping.
  const outcomes = attempts.map(({ outcome }: { outcome: string }) => outcome).filter((outcome: string) => outcome !== 'never_started');
  expect(outcomes).toEqual(['lease_expired', 'succeeded']);
  expect(outputs).toHaveLength(1);
  expect(await content(outputs[0].file)).toBe('3\n4\n');
  first.kill();
});

it('[J138] keeps nothing of what was saved once the job has succeeded', async () => {
  const id = await submit('echo saved > state; sleep 0.2; echo over > out', { checkpoint: 'state', outputs: ['out'] });
  await ends(id, 'succeeded');
  expect((await job(id)).checkpoint).toBeNull();
});

it('[P56] leaves no log of an erased tenant', async () => {
  const doomed = await createTenant(server);
  const { body } = await doomed.client.post('/v1/jobs', { kind: 'command', argv: ['echo', 'the secret'] });
  await expect.poll(async () => (await doomed.client.get(`/v1/jobs/${body.id}`)).body.state, { timeout: 60_000 }).toBe('succeeded');
  expect((await doomed.client.get(`/v1/jobs/${body.id}/logs`)).body).toBe('the secret\n');
  const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const logsLeft = ({ remaining }: { remaining: { what: string; count: number }[] }): number | undefined =>
    remaining.find(({ what }) => what === 'job logs')?.count;
  expect(logsLeft((await admin.get(`/v1/tenants/${doomed.id}/erasure`)).body)).toBe(1);
  const erased = await admin.post(`/v1/tenants/${doomed.id}/erase`, undefined);
  expect([erased.body.verified, logsLeft(erased.body)]).toEqual([true, 0]);
});

const TRAINER = readFileSync(join(ROOT, 'workers/agent/examples/logistic.mjs'), 'utf8');

/** A gang that fits a model; where it holds it waits for good: at the first place unless it has found something saved, at others once. */
const train = async (holdAt: string, nodes: unknown = 2) => {
  const { status, body } = await client.post('/v1/jobs', {
    kind: 'training',
    argv: [process.execPath, 'logistic.mjs'],
    environment: { HOLD_AT: holdAt, STEPS: '120' },
    inputs: [{ file: await upload(TRAINER), path: 'logistic.mjs' }],
    outputs: ['model.json'],
    checkpoint: 'state.json',
    checkpoint_interval_s: 1,
    resources: [{ nodes }],
  });
  expect(status).toBe(201);
  return body.id as string;
};

it('[J139] [J140] [J142] a killed gang goes on elsewhere, with the same result to the last bit', async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  const allow = ['--allow', 'training'];
  const [first, second] = [start(allow), start(allow)];
  const whole = await train('');
  await ends(whole, 'succeeded');
  expect(await log(whole)).toContain('2 processes, from step 0');

  const id = await train('60');
  await expect.poll(() => log(id)).toContain('holding at step 60');
  await expect.poll(async () => JSON.stringify((await job(id)).checkpoint)).toContain('sha256');
  // One of the two is killed without warning, and the other goes in good order, as soon as a third is there: both members start anew.
  first.kill();
  start(allow);
  await second.stop();
  start(allow);
  await ends(id, 'succeeded');
  const { outputs, attempts } = await job(id);
  expect(outputs).toHaveLength(1);
  expect(outputs[0].sha256).toBe((await job(whole)).outputs[0].sha256);
  expect(JSON.parse(await content(outputs[0].file))).toMatchObject({ steps: 120 });
  expect(attempts.filter(({ outcome }: { outcome: string }) => outcome === 'succeeded')).toHaveLength(1);
  const resumed = await client.get(`/v1/jobs/${id}/logs`);
  expect(resumed.body).toMatch(/2 processes, from step [1-9]/);
});

it('[J212] [J142] a gang that grows and shrinks while it runs ends with the result of one that did not', async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  const allow = ['--allow', 'training'];
  start(allow);
  const whole = await train('', 1);
  await ends(whole, 'succeeded');

  const id = await train('40,80', { min: 1, max: 3 });
  await expect.poll(() => log(id), LONG).toContain('1 processes, from step 0');
  await expect.poll(() => log(id), LONG).toContain('holding at step 40');
  // It grows as agents come, and gives up nodes when it is asked to.
  start(allow);
  await expect.poll(() => log(id), LONG).toContain('2 processes, from step 40\nstep 50');
  await expect.poll(() => log(id), LONG).toContain('holding at step 80');
  expect((await job(id)).nodes).toBe(2);
  const resized = await client.post(`/v1/jobs/${id}/resize`, { nodes: 1 });
  expect([resized.status, resized.body.nodes_wanted]).toEqual([200, 1]);
  await ends(id, 'succeeded');
  expect(await log(id)).toContain('1 processes, from step 80');
  const { outputs, attempts } = await job(id);
  expect(attempts).toMatchObject([{ outcome: 'succeeded' }]);
  expect(outputs[0].sha256).toBe((await job(whole)).outputs[0].sha256);
});

it.each([
  [{ argv: [] }, 'argv'],
  [{ argv: [''] }, 'argv'],
  [{ outputs: ['../out'] }, 'outputs[0]'],
  [{ outputs: ['/etc/passwd'] }, 'outputs[0]'],
  [{ outputs: ['a', 'a'] }, 'outputs'],
  [{ environment: { SLUICE_FENCE: '9' } }, 'environment'],
  [{ environment: { 'A B': 'x' } }, 'environment'],
  [{ inputs: [{ file: `file_${'0'.repeat(26)}`, path: 'a' }] }, 'inputs[0].file'],
  [{ resources: [{ nodes: 2 }] }, 'resources[0].nodes'],
  [{ kind: 'training', resources: [{ nodes: { min: 1, max: 65 } }] }, 'resources[0].nodes'],
  [{ resources: [{ topology: { level: 'rack', mode: 'preferred' } }] }, 'resources[0].topology.mode'],
])('refuses %j by name', async (fault, param) => {
  const { status, body } = await client.post('/v1/jobs', { kind: 'command', argv: ['true'], ...fault });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(body.error.param).toContain(param);
});

it('[J213] [J214] [P81] serves a model by replicas that are replaced when they die', async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  const allow = ['--allow', 'online_inference'];
  const first = start(allow);
  start(allow);
  const { status, body } = await client.post('/v1/jobs', {
    kind: 'online_inference',
    model: 'glove-sif-100',
    resources: [{ nodes: { min: 1, max: 2 } }],
  });
  expect(status).toBe(201);
  const { id } = body;
  const replicas = async (): Promise<{ number: number; address: string | null; health: string }[]> => (await job(id)).replicas;
  const healthy = async () => (await replicas()).filter(({ health }) => health === 'healthy').map(({ number }) => number);
  await expect.poll(healthy, LONG).toEqual([0, 1]);
  const request = { model: 'glove-sif-100', input: ['a lock gate', 'a weir'] };
  const embed = () => client.post(`/v1/jobs/${id}/embeddings`, request);
  const embedded = await embed();
  expect([embedded.status, embedded.body.data]).toEqual([200, (await client.post('/v1/embeddings', request)).body.data]);
  expect((await client.post(`/v1/jobs/${id}/embeddings`, { ...request, model: 'other' })).body.error.code).toBe('model_not_found');
  // What a replica serves it serves to those that have its key.
  const { address } = (await replicas())[0]!;
  expect((await fetch(`${address}/v1/embeddings`, { method: 'POST', body: JSON.stringify(request) })).status).toBe(401);

  // A call is charged the tokens of its input, as a file of texts would be.
  const tokens = async (): Promise<number> => {
    const { data } = (await client.get('/v1/usage?group_by=route')).body;
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
  start(allow);
  await expect.poll(healthy, LONG).toEqual([left?.number, 2]);
  const { state, attempts } = await job(id);
  expect([state, attempts.length]).toEqual(['running', 1]);

  await client.post(`/v1/jobs/${id}/cancel`, {});
  await ends(id, 'cancelled');
  expect((await embed()).body.error.code).toBe('state_conflict');
  const { usage } = await job(id);
  expect(usage.accelerator_ms).toBeGreaterThan(0);
});

it('[J219] [P82] has as many replicas as the load asks for', async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  for (let count = 0; count < 2; count += 1) start(['--allow', 'online_inference']);
  const { status, body } = await client.post('/v1/jobs', {
    kind: 'online_inference',
    model: 'glove-sif-100',
    resources: [{ nodes: { min: 1, max: 2 } }],
    scaling: { outstanding_per_replica: 0.1, scale_down_delay_s: 1 },
  });
  expect([status, body.scaling]).toEqual([201, { outstanding_per_replica: 0.1, scale_down_delay_s: 1 }]);
  const { id } = body;
  type Replica = { readonly number: number; readonly health: string };
  const healthy = async () => (await job(id)).replicas.flatMap(({ number, health }: Replica) => (health === 'healthy' ? [number] : []));
  const scaling = async () => (await client.get(`/v1/jobs/${id}/explain`)).body.scaling;
  await expect.poll(healthy, LONG).toEqual([0]);
  await expect.poll(async () => (await scaling()).reason, LONG).toBe('least');
  const { fence } = (await job(id)).attempts.at(-1);
  expect((await client.post(`/v1/jobs/${id}/resize`, { nodes: 2 })).body.error).toMatchObject({ code: 'state_conflict', param: 'nodes' });

  const idle = new AbortController();
  const request = { model: 'glove-sif-100', input: Array.from({ length: 100 }, () => 'a lock gate and a weir '.repeat(40)) };
  const callers = Array.from({ length: 4 }, async () => {
    const statuses = new Set<number>();
    while (!idle.signal.aborted) statuses.add((await client.post(`/v1/jobs/${id}/embeddings`, request)).status);
    return [...statuses];
  });
  await expect
    .poll(healthy, LONG)
    .toEqual([0, 1])
    .finally(() => idle.abort());
  expect(await Promise.all(callers)).toEqual([[200], [200], [200], [200]]);
  await expect.poll(healthy, LONG).toEqual([0]);
  await expect.poll(scaling, LONG).toMatchObject({ replicas: 1, wanted: 1, outstanding: 0, reason: 'least', fewer_at: null });
  expect((await client.post(`/v1/jobs/${id}/embeddings`, request)).status).toBe(200);
  expect((await job(id)).attempts.at(-1), 'the same attempt throughout').toMatchObject({ fence, outcome: 'running' });
  await client.post(`/v1/jobs/${id}/cancel`, {});
  await ends(id, 'cancelled');
});

it('[J215] trains the lists of a shard on an agent, while it answers', async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  const [dimensions, count] = [1_000, 1_100];
  const random = new Seeded(5);
  const values = () => Array.from({ length: dimensions }, () => Math.floor(random.next() * 10));
  for (const name of ['large', 'small']) expect((await client.post('/v1/indexes', { name, dimensions })).status).toBe(201);
  for (let from = 0; from < count; from += 100) {
    const vectors = Array.from({ length: 100 }, (_, at) => ({ id: `v${from + at}`, values: values() }));
    expect((await client.post('/v1/indexes/large/upsert', { vectors })).status).toBe(200);
  }
  const query = async () => (await client.post('/v1/indexes/large/query', { vector: values(), top_k: 5, explain: true })).body;
  const build = async (index: string) => (await client.post('/v1/jobs', { kind: 'index_build', index })).body;
  const { id } = await build('large');
  expect((await query()).matches).toHaveLength(5);
  start(['--allow', 'index_build']);
  const { id: other } = await build('small');
  await ends(id, 'succeeded');
  expect((await query()).matches).toHaveLength(5);
  await ends(other, 'failed');
  expect((await job(other)).error).toMatchObject({ reason: 'input_invalid' });
  expect((await job(id)).usage.accelerator_ms).toBeGreaterThan(0);
  const { status, body } = await client.post('/v1/jobs', { kind: 'index_build', index: 'none' });
  expect([status, body.error.code, body.error.param]).toEqual([404, 'index_not_found', 'index']);
  await expect.poll(async () => (await query()).explanation?.engine, LONG).toBe('lists');
});

it('[J190] makes room for a job of more priority, and for what was lent, once a policy says so', { timeout: 300_000 }, async () => {
  const { client: tenant, id: tenantId } = await createTenant(server);
  const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const state = async (id: string) => (await tenant.get(`/v1/jobs/${id}`)).body.state;
  const run = async (script: string, more: object): Promise<string> =>
    (await tenant.post('/v1/jobs', { kind: 'command', argv: ['/bin/sh', '-c', script], grace_s: 1, ...more })).body.id;
  const becomes = (id: string, wanted: string) => expect.poll(() => state(id), { timeout: 90_000 }).toBe(wanted);
  start();
  // One core, however many agents there are.
  const own = { name: 'make-room', tenant: tenantId, quotas: { cpu: { nominal: 1, borrowing_limit: 0 } } };
  expect((await admin.post('/v1/cohorts', own)).status).toBe(201);
  const low = await run('sleep 1000', { priority: 'low' });
  await becomes(low, 'running');
  const high = await run('true', { priority: 'high' });
  expect((await tenant.get(`/v1/jobs/${high}/explain`)).body).toMatchObject({ reason: 'queue_quota', evicted: null });
  await tenant.call('PATCH', '/v1/queues/default', { preemption: { within_queue: 'lower_priority' } });
  await becomes(high, 'succeeded');
  expect((await tenant.get(`/v1/jobs/${low}/attempts`)).body.data[0]).toMatchObject({ stopped_for: 'priority' });
  expect((await tenant.get(`/v1/jobs/${low}/explain`)).body.evicted).toEqual({ reason: 'priority', for_job: high });
  await becomes(low, 'running');

  // The queue that it is in borrows from now on what another one takes back, whatever the priorities.
  await tenant.post('/v1/queues', { name: 'lender', quotas: { cpu: { nominal: 1 } }, preemption: { reclaim: 'any' } });
  const lent = await run('true', { queue: 'lender', priority: 1 });
  await becomes(lent, 'succeeded');
  expect((await tenant.get(`/v1/jobs/${low}/explain`)).body.evicted).toEqual({ reason: 'reclaim', for_job: lent });
  await tenant.post(`/v1/jobs/${low}/cancel`, {});
  await becomes(low, 'cancelled');
});

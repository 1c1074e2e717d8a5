import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { Seeded } from '../../src/kernel/seeded.ts';
import { AgentPool } from '../support/deployment/agent-pool.ts';
import { startAgent } from '../support/deployment/agent.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { createTenant } from '../support/deployment/tenant.ts';

let pool: AgentPool;

beforeAll(async () => {
  pool = await AgentPool.deploy();
});

afterAll(() => pool.close());

async function submit(script: string, more: object = {}): Promise<string> {
  const { status, body } = await pool.client.post('/v1/jobs', { kind: 'command', argv: ['/bin/sh', '-c', script], ...more });
  expect([status, body.error]).toEqual([201, null]);
  return body.id;
}

const LONG = { timeout: 90_000 };

/** Seconds to sleep, longer than the tests, which distinguishes a process from those of other tests and runs. */
const markOf = (nth: number): string => `300.${nth}${process.pid}`;

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
  const plain = pool.start([]);
  const id = await submit('cat in/a.txt b.txt > out; echo done', {
    inputs: [
      { file: await pool.upload('one\n'), path: 'in/a.txt' },
      { file: await pool.upload('two\n'), path: 'b.txt' },
    ],
    outputs: ['out'],
    name: 'join',
  });
  await expect.poll(async () => (await pool.client.get(`/v1/jobs/${id}/explain`)).body.reason).toBe('kind_not_offered');
  pool.start(['--allow', 'command']);
  await pool.ends(id, 'succeeded');
  await plain.stop();
  const { outputs, output_file: first } = await pool.job(id);
  expect(outputs).toMatchObject([{ path: 'out', file: first, bytes: 8 }]);
  expect(await pool.content(first)).toBe('one\ntwo\n');
  expect(await pool.log(id)).toBe('done\n');
});

it('[J136] fails with the exit code of the program, after as many attempts as it may have', async () => {
  const id = await submit('echo "attempt $SLUICE_FENCE"; exit 7', { max_attempts: 2 });
  await pool.ends(id, 'failed');
  const { error, attempts } = await pool.job(id);
  expect(error).toMatchObject({ reason: 'command_failed', exit_code: 7 });
  expect(attempts.map(({ outcome, exit_code: code }: { outcome: string; exit_code: number }) => [outcome, code])).toEqual([
    ['command_failed', 7],
    ['command_failed', 7],
  ]);
  expect((await pool.client.get(`/v1/jobs/${id}/logs?attempt=1`)).body).toBe('attempt 1\n');
  expect(await pool.log(id)).toBe('attempt 2\n');
});

it('[P50] [J9] ends all processes of a cancelled job', async () => {
  const mark = markOf(1);
  const id = await submit(`sleep ${mark} & echo started; wait`);
  await expect.poll(() => pool.log(id), LONG).toBe('started\n');
  // The shell goes on before the program has begun.
  await expect.poll(() => runningWith(mark), LONG).toBeGreaterThan(0);
  await pool.client.post(`/v1/jobs/${id}/cancel`, {});
  await pool.ends(id, 'cancelled');
  await expect.poll(() => runningWith(mark), LONG).toBe(0);
});

// Counts to four and saves each number, as so many bytes. The attempt that finds nothing saved waits at two, for longer than the test.
const COUNT = `
  [ -e state ] && found=yes; n=$(wc -c 2> /dev/null < state || echo 0)
  while [ "$n" -lt 4 ]; do
    n=$((n + 1)); echo "$n" >> seen
    printf "%\${n}s" > next; mv next state
    if [ "$n" -eq 2 ] && [ -z "$found" ]; then echo waiting; sleep "$MARK"; fi
  done
  cp seen out; echo counted`;

it.each([
  ['killed', markOf(2)],
  ['frozen', markOf(3)],
] as const)('[P50] [J138] goes on elsewhere from its checkpoint when its agent is %s, with one output', async (fate, mark) => {
  await pool.stopAgents();
  const first = pool.start(['--allow', 'command']);
  const id = await submit(COUNT, { environment: { MARK: mark }, outputs: ['out'], checkpoint: 'state', checkpoint_interval_s: 1 });
  await expect.poll(() => pool.log(id), LONG).toBe('waiting\n');
  // The checkpoint is there when the scheduler has it; of an attempt that has saved nothing the next one would begin at 0.
  await expect.poll(async () => (await pool.job(id)).checkpoint?.bytes, LONG).toBe(2);
  await expect.poll(() => runningWith(mark), LONG).toBeGreaterThan(0);
  if (fate === 'killed') first.kill();
  else first.freeze();
  pool.start(['--allow', 'command']);
  await pool.ends(id, 'succeeded');
  // The group went with its agent, or with its lease.
  await expect.poll(() => runningWith(mark), LONG).toBe(0);
  const { attempts, outputs } = await pool.job(id);
  // An attempt may have been handed to an agent that was just stopping.
  const outcomes = attempts.map(({ outcome }: { outcome: string }) => outcome).filter((outcome: string) => outcome !== 'never_started');
  expect(outcomes).toEqual(['lease_expired', 'succeeded']);
  expect(outputs).toHaveLength(1);
  expect(await pool.content(outputs[0].file)).toBe('3\n4\n');
  first.kill();
});

it('[J281] [P119] attempts that run on a machine at once see one device each, and those without see none', async () => {
  await pool.stopAgents();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-devices-'));
  const shown = ['0, GPU-a, NVIDIA H100 80GB HBM3', '1, GPU-b, NVIDIA H100 80GB HBM3'];
  await writeFile(join(folder, 'nvidia-smi'), `#!/bin/sh\nprintf '%s\\n' ${shown.map((line) => `'${line}'`).join(' ')}\n`, { mode: 0o755 });
  const size = { SLUICE_AGENT_CPU_MILLI: '4000', SLUICE_AGENT_MEMORY_MIB: '8192', SLUICE_AGENT_ATTEMPTS: '3' };
  const agent = pool.start(['--allow', 'command'], { PATH: `${folder}:${process.env['PATH']}`, ...size });
  // Each waits until all of them have said what they see.
  const script = `echo "$CUDA_VISIBLE_DEVICES"; until [ -e ${join(folder, 'seen')} ]; do sleep 0.05; done`;
  const onOne = { resources: [{ accelerator: 'h100' }] };
  const ids = [await submit(script, onOne), await submit(script, onOne), await submit(script)];
  const logs = async () => (await Promise.all(ids.map((id) => pool.log(id)))).map((log) => log.trim());
  await expect.poll(async () => (await logs()).toSorted(), LONG).toEqual(['-1', 'GPU-a', 'GPU-b']);
  await writeFile(join(folder, 'seen'), '');
  for (const id of ids) await pool.ends(id, 'succeeded');
  // Agents of other tests may be listed, too.
  expect(await pool.nodes()).toContainEqual(expect.objectContaining({ devices: ['GPU-a', 'GPU-b'] }));
  await agent.stop();
  await rm(folder, { recursive: true });
  pool.start(['--allow', 'command']);
});

it('[J138] keeps nothing of what was saved once the job has succeeded', async () => {
  const id = await submit('echo saved > state; sleep 0.2; echo over > out', { checkpoint: 'state', outputs: ['out'] });
  await pool.ends(id, 'succeeded');
  expect((await pool.job(id)).checkpoint).toBeNull();
});

it('[P56] leaves no log of an erased tenant', async () => {
  const doomed = await createTenant(pool.server);
  const { body } = await doomed.client.post('/v1/jobs', { kind: 'command', argv: ['echo', 'the secret'] });
  await expect.poll(async () => (await doomed.client.get(`/v1/jobs/${body.id}`)).body.state, { timeout: 60_000 }).toBe('succeeded');
  expect((await doomed.client.get(`/v1/jobs/${body.id}/logs`)).body).toBe('the secret\n');
  const admin = new ApiClient(pool.server.urls[0] ?? '', pool.server.secrets.SLUICE_ADMIN_KEY);
  const logsLeft = ({ remaining }: { remaining: { what: string; count: number }[] }): number | undefined =>
    remaining.find(({ what }) => what === 'job logs')?.count;
  expect(logsLeft((await admin.get(`/v1/tenants/${doomed.id}/erasure`)).body)).toBe(1);
  const erased = await admin.post(`/v1/tenants/${doomed.id}/erase`, undefined);
  expect([erased.body.verified, logsLeft(erased.body)]).toEqual([true, 0]);
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
  const { status, body } = await pool.client.post('/v1/jobs', { kind: 'command', argv: ['true'], ...fault });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(body.error.param).toContain(param);
});

it('[J215] trains the lists of a shard on an agent, while it answers', async () => {
  await pool.stopAgents();
  // As many as a shard has lists for (V183).
  const [dimensions, count] = [1_500, 1_700];
  const random = new Seeded(5);
  const values = () => Array.from({ length: dimensions }, () => Math.floor(random.next() * 10));
  for (const name of ['large', 'small']) expect((await pool.client.post('/v1/indexes', { name, dimensions })).status).toBe(201);
  for (let from = 0; from < count; from += 100) {
    const vectors = Array.from({ length: 100 }, (_, at) => ({ id: `v${from + at}`, values: values() }));
    expect((await pool.client.post('/v1/indexes/large/upsert', { vectors })).status).toBe(200);
  }
  const query = async () => (await pool.client.post('/v1/indexes/large/query', { vector: values(), top_k: 5, explain: true })).body;
  const build = async (index: string) => (await pool.client.post('/v1/jobs', { kind: 'index_build', index })).body;
  const { id } = await build('large');
  expect((await query()).matches).toHaveLength(5);
  pool.start(['--allow', 'index_build']);
  const { id: other } = await build('small');
  await pool.ends(id, 'succeeded');
  expect((await query()).matches).toHaveLength(5);
  await pool.ends(other, 'failed');
  expect((await pool.job(other)).error).toMatchObject({ reason: 'input_invalid' });
  expect((await pool.job(id)).usage.accelerator_ms).toBeGreaterThan(0);
  const { status, body } = await pool.client.post('/v1/jobs', { kind: 'index_build', index: 'none' });
  expect([status, body.error.code, body.error.param]).toEqual([404, 'index_not_found', 'index']);
  await expect.poll(async () => (await query()).explanation?.engine, LONG).toBe('lists');
});

it('[J190] makes room for a job of more priority, and for what was lent, once a policy says so', { timeout: 300_000 }, async () => {
  const { client: tenant, id: tenantId } = await createTenant(pool.server);
  const admin = new ApiClient(pool.server.urls[0] ?? '', pool.server.secrets.SLUICE_ADMIN_KEY);
  const state = async (id: string) => (await tenant.get(`/v1/jobs/${id}`)).body.state;
  const run = async (script: string, more: object): Promise<string> =>
    (await tenant.post('/v1/jobs', { kind: 'command', argv: ['/bin/sh', '-c', script], grace_s: 1, ...more })).body.id;
  const becomes = (id: string, wanted: string) => expect.poll(() => state(id), { timeout: 90_000 }).toBe(wanted);
  pool.start(['--allow', 'command']);
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

it('[J267] a hard budget goes to jobs that can end within it, and another says what it needs', async () => {
  await pool.stopAgents();
  const { client: tenant, id: tenantId } = await createTenant(pool.server);
  const admin = new ApiClient(pool.server.urls[0] ?? '', pool.server.secrets.SLUICE_ADMIN_KEY);
  const budget = (amount: string) => admin.put('/v1/budgets', { tenant: tenantId, amount_usd: amount, hard: true });
  // At $2.50 an hour: the time of one of the four that say 3 s, and a little more.
  expect((await budget('0.003')).status).toBe(200);
  const run = async (maxRuntimeS: number): Promise<string> => {
    const terms = { max_runtime_s: maxRuntimeS, grace_s: 1 };
    return (await tenant.post('/v1/jobs', { kind: 'command', argv: ['sleep', '0.2'], ...terms })).body.id;
  };
  const long = await run(3_600);
  const short = await Promise.all([3, 3, 3, 3].map(run));
  const all = [long, ...short];
  pool.start(['--allow', 'command']);
  const why = async (id: string) => (await tenant.get(`/v1/jobs/${id}/explain`)).body;
  await expect.poll(async () => (await why(long)).reason, LONG).toBe('budget_exhausted');
  const { needs_usd: needs, left_usd: left } = (await why(long)).budget;
  expect([Number(needs) > 2.5, Number(left) <= 0.003]).toEqual([true, true]);
  const ended = async () => (await tenant.get('/v1/jobs?state=succeeded')).body.data.length;
  await expect.poll(ended, LONG).toBeGreaterThan(0);
  expect((await budget('10')).status).toBe(200);
  const attempts = async (): Promise<[string, string][]> => {
    const jobs = await Promise.all(all.map((id) => tenant.get(`/v1/jobs/${id}`)));
    return jobs.map(({ body }) => [body.state, body.attempts.map(({ outcome }: { outcome: string }) => outcome).join()]);
  };
  await expect.poll(attempts, LONG).toEqual(all.map(() => ['succeeded', 'succeeded']));
});

it('[J310] [J314] runs where its work is billed least, and is billed that', async () => {
  const [{ client: tenant }, admin] = [
    await createTenant(pool.server),
    new ApiClient(pool.server.urls[0] ?? '', pool.server.secrets.SLUICE_ADMIN_KEY),
  ];
  const poolOf = async (accelerator: string, usd_per_hour: string) => {
    const { body } = await admin.post('/v1/pools', { name: `of-${accelerator}`, prices: [{ accelerator, usd_per_hour }] });
    const size = { SLUICE_AGENT_CPU_MILLI: '1000', SLUICE_AGENT_MEMORY_MIB: '1024', SLUICE_AGENT_ACCELERATOR: `${accelerator}:1` };
    const agent = startAgent(pool.server, body, ['--allow', 'command'], { environment: size });
    const job = { kind: 'command', argv: ['true'], resources: [{ accelerator }] };
    const { body: first } = await pool.client.post('/v1/jobs', job);
    await pool.ends(first.id, 'succeeded');
    return { id: body.id as string, agent };
  };
  const [slow, fast] = [await poolOf('a10', '0.60'), await poolOf('h100', '2.90')];
  const resources = [
    { accelerator: 'h100', throughput: 1 },
    { accelerator: 'a10', throughput: 0.25 },
  ];
  const job = { kind: 'command', argv: ['sleep', '0.3'], resources };
  const run = async () => {
    const { placement } = (await tenant.post('/v1/jobs:plan', job)).body;
    const { id } = (await tenant.post('/v1/jobs', job)).body;
    await expect.poll(async () => (await tenant.get(`/v1/jobs/${id}`)).body.state, LONG).toBe('succeeded');
    const { body: cost } = await tenant.get(`/v1/jobs/${id}/cost`);
    expect(cost.segments).toMatchObject([{ pool: placement.pool, usd_per_hour: placement.usd_per_hour, price: placement.price }]);
    return { placement, cost };
  };
  // $2.40 for what the other does for $2.90; up to 0.6.0 it was billed the default of $2.50, which is $10.00.
  const cheap = await run();
  const id = `${slow.id}/reserved/a10@0.600000000`;
  expect(cheap.placement).toMatchObject({ pool: slow.id, usd_per_hour: '0.600000000', price: id });
  expect(
    (await admin.post(`/v1/pools/${slow.id}/prices`, { accelerator: 'a10', usd_per_hour: '0.60', margin_per_mille: 250 })).body,
  ).toMatchObject({
    usd_per_hour: '0.600000000',
    margin_per_mille: 250,
    billed_usd_per_hour: '0.750000000',
    in_force: true,
  });
  expect((await admin.get(`/v1/pools/${slow.id}`)).body.prices).toMatchObject([
    { accelerator: null, price_list: '2026-01-01', billed_usd_per_hour: '2.500000000' },
    { accelerator: 'a10', price_list: null, billed_usd_per_hour: '0.750000000' },
  ]);
  const dear = await run();
  expect(dear.placement).toMatchObject({ pool: fast.id, price: `${fast.id}/reserved/h100@2.900000000` });

  // The invoice has both, also once a pool is gone.
  await slow.agent.stop();
  await admin.delete(`/v1/pools/${slow.id}?force=true`);
  const month = new Date(cheap.cost.segments[0].started_at * 1_000).toISOString().slice(0, 7);
  const billed = async () => {
    const { lines } = (await tenant.get(`/v1/invoices/${month}`)).body;
    return lines.filter(({ meter }: { meter: string }) => meter === 'accelerator_ms');
  };
  await expect.poll(async () => (await billed()).length, LONG).toBe(2);
  expect(await billed()).toMatchObject([
    { accelerator: 'a10', price: id, unit_price_usd: '0.600000000', amount_usd: cheap.cost.total_usd },
    { accelerator: 'h100', price: dear.placement.price, unit_price_usd: '2.900000000', amount_usd: dear.cost.total_usd },
  ]);
  const usage = (await tenant.get('/v1/usage')).body.data.filter(({ meter }: { meter: string }) => meter === 'accelerator_ms');
  expect(usage.map(({ price, amount_usd: amount }: { price: string; amount_usd: string }) => [price, amount])).toEqual(
    [cheap, dear].map(({ placement, cost }) => [placement.price, cost.total_usd]),
  );
  await fast.agent.stop();
});

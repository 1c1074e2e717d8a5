import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Agent } from '../support/deployment/agent.ts';
import { startAgent } from '../support/deployment/agent.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
/** Types that no other test asks for. */
const TYPES = { slow: `slow-${process.pid}`, fast: `fast-${process.pid}` } as const;

let tenant: TestTenant;
const agents: Agent[] = [];
const pools: Record<string, string> = {};

beforeAll(async () => {
  tenant = await createTenant(server);
  for (const [name, accelerator] of Object.entries(TYPES)) {
    const { body: pool } = await admin.post('/v1/pools', { name: `${name}-${Date.now()}`, owner: 'testers' });
    pools[name] = pool.id;
    const usd_per_hour = name === 'slow' ? '0.10' : '10';
    expect((await admin.post(`/v1/pools/${pool.id}/prices`, { accelerator, usd_per_hour })).status).toBe(200);
    const size = { SLUICE_AGENT_CPU_MILLI: '4000', SLUICE_AGENT_MEMORY_MIB: '8192', SLUICE_AGENT_ATTEMPTS: '4' };
    const environment = { SLUICE_AGENT_ACCELERATOR: accelerator, ...size };
    agents.push(startAgent(server, pool, ['--allow', 'command'], { environment }));
  }
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  for (const id of Object.values(pools)) await admin.delete(`/v1/pools/${id}?force=true`);
});

const SLOW = { accelerator: TYPES.slow, throughput: 0.25 };
const FAST = { accelerator: TYPES.fast };
const inS = (seconds: number): number => Math.ceil(Date.now() / 1_000) + seconds;
const body = (more: object, script = 'true') => ({ kind: 'command', argv: ['/bin/sh', '-c', script], resources: [SLOW, FAST], ...more });
const plan = async (more: object) => (await tenant.client.post('/v1/jobs:plan', body(more))).body;
const submit = async (more: object, script?: string) => {
  const { status, body: job } = await tenant.client.post('/v1/jobs', body(more, script));
  expect([status, job.error]).toEqual([201, null]);
  return job;
};
const job = async (id: string) => (await tenant.client.get(`/v1/jobs/${id}`)).body;
const ends = (id: string) => expect.poll(async () => (await job(id)).state, { timeout: 60_000 }).toBe('succeeded');

it('[J320] [J321] work of 60 s due in 100 s goes where it takes 60 s, or is cheap in time', async () => {
  for (const id of Object.values(pools))
    await expect.poll(async () => (await admin.get(`/v1/pools/${id}/nodes`)).body.data?.length, { timeout: 60_000 }).toBe(1);
  const near = { work_s: 60, deadline_at: inS(100) };
  const planned = await plan(near);
  expect(planned).toMatchObject({ outcome: 'starts', placement: { option: 1, pool: pools['fast'] } });
  expect(planned.deadline).toMatchObject({ verdict: 'met', options: [{ option: 1, verdict: 'met', runtime_s: 60, source: 'stated' }] });
  const made = await submit(near);
  await ends(made.id);
  expect((await job(made.id)).attempts).toMatchObject([{ pool: pools['fast'] }]);
  expect(await plan({ work_s: 60, deadline_at: inS(1_000) })).toMatchObject({
    placement: { pool: pools['slow'] },
    deadline: { verdict: 'met' },
  });
  // By its longest run time alone it might take 240 s there, too.
  expect(await plan({ max_runtime_s: 60, deadline_at: inS(100) })).toMatchObject({ placement: { pool: pools['fast'] } });
});

it('[J320] [J324] a deadline that cannot be met is said before acceptance: refused where that is sure', async () => {
  const risky = { max_runtime_s: 600, deadline_at: inS(30) };
  const option = { option: 1, verdict: 'at_risk', runtime_s: 600, source: 'max_runtime' };
  expect((await plan(risky)).deadline).toMatchObject({ verdict: 'at_risk', options: [option] });
  const accepted = await submit(risky);
  expect(accepted.deadline).toMatchObject({ deadline_at: risky.deadline_at, verdict: 'at_risk' });

  const sure = { work_s: 600, deadline_at: inS(30) };
  for (const path of ['/v1/jobs', '/v1/jobs:plan']) {
    const { status, body: refused } = await tenant.client.post(path, body(sure));
    expect(status).toBe(400);
    expect(refused.error).toMatchObject({ code: 'limit_exceeded', param: 'work_s', value: 600, limit: { bound: expect.any(Number) } });
    expect(refused.error.message).toContain('600 s by the fastest of its resources (1)');
  }
  const over = await tenant.client.post('/v1/jobs', body({ work_s: 600, max_runtime_s: 100 }));
  expect(over.body.error).toMatchObject({ code: 'limit_exceeded', limit: { bound: 100 }, value: 600 });
  // Both are late: each says by how much.
  const forced = await submit({ ...sure, deadline_policy: 'best_effort' });
  expect(forced).toMatchObject({ deadline_policy: 'best_effort', work_s: 600, deadline: { verdict: 'missed' } });
  for (const { id } of [accepted, forced]) await ends(id);
});

it('[J322] [J323] [J325] a job that waits says when it will start, and that it is too late once it is', async () => {
  // It holds the fast machine until it is cancelled.
  const holder = await submit({ resources: [FAST], max_runtime_s: 300 }, 'sleep 300');
  await expect.poll(async () => (await job(holder.id)).state, { timeout: 60_000 }).toBe('running');
  const waiting = await submit({ work_s: 59, deadline_at: inS(62) });
  const explain = async () => (await tenant.client.get(`/v1/jobs/${waiting.id}/explain`)).body;
  const why = await explain();
  expect(why).toMatchObject({ reason: 'deadline', options: [{ reason: 'too_late', option: 0, runtime_s: 236 }, { reason: 'no_room' }] });
  expect(why.starts_between).toMatchObject({ confidence: 0.8, latest: expect.any(Number) });
  expect(why.starts_between.latest).toBeGreaterThanOrEqual(why.starts_between.earliest);
  expect(why.deadline).toMatchObject({ verdict: 'at_risk' });
  // A few seconds later its work is more than what is left.
  const events = async () => (await tenant.client.get(`/v1/jobs/${waiting.id}/events?follow=false`)).body as string;
  await expect.poll(events, { timeout: 60_000 }).toContain('event: deadline');
  expect(await events()).toContain('"deadline":"missed"');
  await tenant.client.post(`/v1/jobs/${holder.id}/cancel`, {});
  await ends(waiting.id);
});

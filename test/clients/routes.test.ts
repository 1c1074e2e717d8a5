import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import { scripted } from '../support/upstreams/script.ts';

const SCOPES = ['inference', 'upstreams:read', 'upstreams:write', 'keys:write', 'usage:read', 'files', 'jobs'] as const;
const WAIT = { timeout: 60_000, interval: 20 };

let server: Server;
let mock: MockUpstream;
let client: ApiClient;
let other: ApiClient;

beforeAll(async () => {
  mock = await startMockUpstream();
  // Nothing listens there.
  const deadPort = await freePort();
  server = await deploy(1, { LOG_LEVEL: 'error', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${mock.port}, 127.0.0.1:${deadPort}` });
  ({ client } = await createTenant(server, { scopes: SCOPES }));
  ({ client: other } = await createTenant(server, { scopes: SCOPES }));
  for (const [name, baseUrl] of [
    ['small', mock.baseUrl],
    ['large', mock.baseUrl],
    ['dead', `http://127.0.0.1:${deadPort}/v1`],
  ]) {
    const model = {
      name: 'm',
      upstream_name: `${name}-m`,
      serves: ['chat'],
      context_tokens: 8_192,
      output_tokens_max: 256,
      prices: { input: 1, output: 1 },
    };
    const made = await client.post('/v1/upstreams', { name, protocol: 'openai', base_url: baseUrl, models: [model] });
    expect([made.status, made.body.error]).toEqual([201, undefined]);
  }
});

afterAll(async () => {
  await server.stop();
  await mock.kill();
});

const to = (...upstreams: string[]) => ({ kind: 'targets', groups: upstreams.map((upstream) => [{ target: `${upstream}/m` }]) });
const chat = (model: string, more: object = {}, content = 'hello') =>
  client.post('/v1/chat/completions', { model, messages: [{ role: 'user', content }], ...more });

async function apply(name: string, version: object): Promise<number> {
  const made = await client.post('/v1/routes', { name, ...version });
  expect([made.status, made.body.error]).toEqual([200, undefined]);
  return made.body.version as number;
}

/** Isolates follow within a second. */
const serves = (model: string, upstream: string) =>
  expect.poll(async () => (await chat(model)).headers.get('x-sluice-model'), WAIT).toBe(`${upstream}/m`);

describe('[U91] a call that names a route', () => {
  it('[U91] is served by the target that its rules say, and says which and why', async () => {
    await apply('desk', {
      rules: [
        { name: 'long', when: { prompt_bytes: { gte: 2_000 } }, use: to('large') },
        { name: 'closed', when: { metadata: { desk: { in: ['closed'] } } }, use: { kind: 'refuse', message: 'come back tomorrow' } },
      ],
      default: to('small'),
    });
    await serves('desk', 'small');
    const short = await chat('desk');
    expect(short.headers.get('x-sluice-route')).toBe('small/m; attempts=1; reason=default');
    expect(short.body).not.toHaveProperty('sluice');
    const long = await chat('desk', { explain: true }, 'word '.repeat(500));
    expect(long.headers.get('x-sluice-route')).toBe('large/m; attempts=1; reason=rule:long');
    expect(long.body.sluice.route).toMatchObject({
      route: 'desk',
      version: 1,
      reason: 'rule:long',
      rules: [{ rule: 'long', holds: true, conditions: [{ member: 'prompt_bytes', holds: true }] }],
      groups: [[{ target: 'large/m' }]],
    });
    const { latest } = await mock.truth();
    expect(latest.at(-1)).toMatchObject({ model: 'large-m' });
    expect(latest.at(-1)?.body).not.toHaveProperty('explain');
    expect(await chat('desk', { metadata: { desk: 'closed' } })).toMatchObject({
      status: 403,
      body: { error: { code: 'route_refused', message: expect.stringContaining('come back tomorrow') } },
    });
    // What is answered and what a dry run says is the same.
    const { body } = await client.post('/v1/routes/desk/explain', {
      request: { messages: [{ role: 'user', content: 'word '.repeat(500) }] },
    });
    expect(body).toMatchObject({ reason: 'rule:long', groups: [[{ target: 'large/m' }]] });
  });

  it('[U90] streams, with its explanation ahead where it is asked for', async () => {
    const { body } = await chat('desk', { stream: true, explain: true });
    const [first, ...events] = (body as string).split('\n\n').filter((event) => event !== '');
    expect(JSON.parse((first ?? '').slice('data: '.length))).toMatchObject({
      choices: [],
      sluice: { route: { route: 'desk', reason: 'default' } },
    });
    expect(events.at(-1)).toBe('data: [DONE]');
    expect((await chat('desk', { stream: true })).body).not.toContain('sluice');
  });

  it('[U91] goes to the next group when no target of the first one answers', async () => {
    await apply('spare', { default: to('dead', 'small') });
    await serves('spare', 'small');
    expect((await chat('spare')).headers.get('x-sluice-route')).toContain('reason=fallback');
  });

  it('[U94] is of its tenant alone, and is refused where a version cannot mean what it says', async () => {
    const call = { model: 'desk', messages: [{ role: 'user', content: 'hello' }] };
    expect(await other.post('/v1/chat/completions', call)).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } });
    expect((await other.get('/v1/routes/desk')).status).toBe(404);
    expect(await other.post('/v1/routes', { name: 'desk', default: to('small') })).toMatchObject({
      body: { error: { code: 'model_not_found' } },
    });
    const never = { name: 'never', when: { stream: true, prompt_bytes: { gt: 5, lt: 5 } }, use: to('small') };
    expect(await client.post('/v1/routes', { name: 'x', rules: [never], default: to('small') })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_value', param: 'rules[0].when' } },
    });
  });
});

it('[U90] [T95] a rule sees what is left of a budget at each call', async () => {
  const { client: thrifty } = await createTenant(server, { scopes: SCOPES, quota: { spend_nano: { month: 15_000 } } });
  const model = { name: 'm', serves: ['chat'], context_tokens: 8_192, output_tokens_max: 256 };
  for (const name of ['dear', 'cheap'])
    expect((await thrifty.post('/v1/upstreams', { name, protocol: 'openai', base_url: mock.baseUrl, models: [model] })).status).toBe(201);
  const saving = { name: 'saving', when: { budget: { left_share: { lt: 0.5 } } }, use: to('cheap') };
  expect((await thrifty.post('/v1/routes', { name: 'spender', rules: [saving], default: to('dear') })).status).toBe(200);
  const seen: string[] = [];
  const call = async () => {
    const { status, headers } = await thrifty.post('/v1/chat/completions', {
      model: 'spender',
      messages: [{ role: 'user', content: 'hello' }],
    });
    if (status === 200) seen.push(headers.get('x-sluice-model') ?? '');
    return status === 200 && seen.at(-1);
  };
  await expect.poll(call, WAIT).toBe('cheap/m');
  // A call costs 150: half of the budget was left for some 45 of them, besides the three that set this up.
  expect(seen.indexOf('cheap/m')).toBeGreaterThan(40);
  expect(seen.indexOf('cheap/m')).toBeLessThanOrEqual(50);
});

describe('[U170] a route with a cascade', () => {
  const cascade = {
    kind: 'cascade',
    student: [[{ target: 'small/m' }]],
    teacher: [[{ target: 'large/m' }]],
    confidence: { kind: 'token-probability' },
    threshold: 0.8,
    shadow_share: 0.1,
  };
  const sure = scripted({ texts: ['fine'], logprob: -0.01 });
  const unsure = scripted({ texts: ['well'], logprob: -2 });

  it('[U170] [U173] answers by the student or the teacher, says why, and charges both', async () => {
    await apply('learner', { default: cascade });
    await serves('learner', 'large');
    const kept = await chat('learner', { explain: true }, sure);
    expect(kept.headers.get('x-sluice-route')).toBe(
      'small/m; attempts=1; reason=default; cascade=confident; confidence=0.990; threshold=0.800',
    );
    expect(kept.body.choices[0]).toMatchObject({ message: { content: 'fine' }, logprobs: null });
    expect(kept.body.sluice.route.cascade).toEqual({
      answer: 'student',
      why: 'confident',
      confidence: expect.closeTo(0.99, 3),
      threshold: 0.8,
    });
    // A token costs less than a nano-dollar, which is charged whole for each model; 150 are for the request.
    expect(kept.headers.get('x-sluice-cost-usd')).toBe('0.000000151');
    expect((await chat('learner', {}, unsure)).headers.get('x-sluice-cost-usd')).toBe('0.000000152');
    const escalated = await chat('learner', { stream: true }, unsure);
    expect(escalated.headers.get('x-sluice-route')).toContain('large/m; attempts=2; reason=default; cascade=unsure; confidence=0.135');
    expect(escalated.body).toContain('well');
    const refused = await client.post('/v1/routes', { name: 'x', default: { ...cascade, teacher: cascade.student } });
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'invalid_value', param: 'default.student' } } });
  });

  it('[U174] compares a share of what is kept with the teacher, and shows what it has measured', async () => {
    for (let calls = 0; calls < 60; calls += 1) await chat('learner', {}, sure);
    const measured = async () => {
      await chat('learner', {}, sure);
      return (await client.get('/v1/routes/learner')).body.cascades[0];
    };
    // Isolates report what they have counted some time later.
    await expect
      .poll(async () => {
        const counted = await measured();
        return [counted?.shadows.count > 0, counted?.requests > 60, counted?.escalated >= 1];
      }, WAIT)
      .toEqual([true, true, true]);
    const { student, teacher, confidence, curve } = await measured();
    expect({ student, teacher, confidence }).toEqual({ student: ['small/m'], teacher: ['large/m'], confidence: 'token-probability' });
    // Both always say the same.
    expect(curve.map(({ quality }: { quality: number }) => quality)).toEqual([1]);
    // Usage is delivered some time after it is charged.
    const chargedModels = async (path: string): Promise<unknown[]> => {
      const { data } = (await client.get('/v1/usage?group_by=route,model')).body;
      return data.filter((line: Usage) => line.meter === 'upstream_nano' && line.route === path).map(({ model }: Usage) => model);
    };
    await expect.poll(() => chargedModels('shadow'), WAIT).toEqual(['large/m']);
    await expect.poll(() => chargedModels('/v1/chat/completions'), WAIT).toEqual(expect.arrayContaining(['small/m', 'large/m']));
  });
});

it('[U271] [U272] [U273] the report has what students, teachers and shadows cost, in batches too', async () => {
  interface Line {
    readonly target: string;
    readonly requests: number;
    readonly cost_usd: string;
    readonly beside: { readonly requests: number; readonly cost_usd: string };
    readonly shadows: { readonly requests: number; readonly cost_usd: string };
  }
  const nano = (usd: string): number => Math.round(Number(usd) * 1e9);
  const reported = async () => {
    const { body } = await client.get('/v1/cost/report');
    const targets = body.targets as Line[];
    const of = (name: string) => targets.find(({ target }) => target === name);
    return { body, targets, student: of('small/m'), teacher: of('large/m') };
  };
  // The teacher is asked for calls that the test above made, and to compare.
  await expect.poll(async () => Number((await reported()).teacher?.shadows.requests), WAIT).toBeGreaterThan(0);
  const before = Number((await reported()).student?.beside.requests);
  expect(before).toBeGreaterThanOrEqual(2);
  const body = { model: 'learner', messages: [{ role: 'user', content: scripted({ texts: ['well'], logprob: -2 }) }] };
  const form = new FormData();
  form.set('purpose', 'batch');
  const line = { custom_id: 'unsure', method: 'POST', url: '/v1/chat/completions', body };
  form.set('file', new Blob([JSON.stringify(line)]), 'lines.jsonl');
  const file = (await client.call('POST', '/v1/files', form)).body.id as string;
  const batch = { input_file_id: file, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const made = await client.post('/v1/batches', batch);
  expect([made.status, made.body.error]).toEqual([200, undefined]);
  await expect.poll(async () => (await client.get(`/v1/batches/${made.body.id}`)).body.status, WAIT).toBe('completed');
  await expect.poll(async () => (await reported()).student?.beside.requests, WAIT).toBe(before + 1);
  const { body: report, targets, student, teacher } = await reported();
  // A student costs a nano-dollar a call; what the request costs is with who answered.
  expect(nano(student?.beside.cost_usd ?? '')).toBe(before + 1);
  expect(student?.shadows.requests).toBe(0);
  expect(teacher?.beside.requests).toBe(0);
  expect(report.shadows).toEqual({ requests: teacher?.shadows.requests, cost_usd: teacher?.shadows.cost_usd });
  const spent = targets.map(({ cost_usd: own, shadows }) => nano(own) + nano(shadows.cost_usd));
  expect(spent).toEqual(spent.toSorted((a, b) => b - a));
  expect(nano(report.spent_usd)).toBe(spent.reduce((sum, one) => sum + one, 0));
  expect(nano(report.spent_usd)).toBe(
    [report.upstreams, report.unanswered, report.shadows].reduce((sum, part) => sum + nano(part.cost_usd), 0),
  );
});

interface Usage {
  readonly meter: string;
  readonly route: string;
  readonly model: string | null;
}

it('[U94] the routes of a tenant are erased with it, and none is made for it any more', async () => {
  const { id, client: doomed } = await createTenant(server, { scopes: SCOPES });
  expect((await doomed.post('/v1/routes', { name: 'gone', default: { kind: 'refuse', message: 'closed' } })).status).toBe(200);
  const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  expect((await admin.post(`/v1/tenants/${id}/erase`, undefined)).body).toMatchObject({ state: 'erased', verified: true });
  expect((await doomed.get('/v1/routes')).status).toBeGreaterThanOrEqual(401);
});

it('[U97] a canary that fails is rolled back by what its isolate counted, with the numbers', async () => {
  await apply('rollout', { default: to('small') });
  await serves('rollout', 'small');
  const version = await apply('rollout', { default: to('dead'), activate: false });
  const canary = { steps: [0.5], step_requests_min: 1_000, step_s: 600 };
  expect((await client.post('/v1/routes/rollout/activate', { version, canary })).body.canary).toMatchObject({ version: 2, share: 0.5 });
  await expect
    .poll(async () => {
      await Promise.all(Array.from({ length: 20 }, () => chat('rollout')));
      return (await client.get('/v1/routes/rollout')).body.events[0].action;
    }, WAIT)
    .toBe('rollback');
  const { body } = await client.get('/v1/routes/rollout');
  const [{ of, canary: failing, stable }] = body.events[0].comparisons;
  expect([body.active_version, body.canary, body.events[0].by, of]).toEqual([1, null, 'canary', 'failures']);
  expect(failing.events).toBe(failing.trials);
  expect(failing.low).toBeGreaterThan(stable.high);
  await serves('rollout', 'small');
});

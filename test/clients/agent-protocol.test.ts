import { createHash, hash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { jobOfAttempt } from '../../src/contract/jobs/attempt.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { sendRaw } from '../support/deployment/send-raw.ts';
import { submitEmbedding } from '../support/deployment/submit-embedding.ts';
import { createTenant } from '../support/deployment/tenant.ts';

interface Pool {
  readonly id: string;
  readonly agent_token: string;
}

const PROGRESS = { completed: 1, failed: 0, total: 1 };

let server: Server;
let client: ApiClient;
let stranger: ApiClient;
let pool: Pool;
let otherPool: Pool;

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server));
  stranger = (await createTenant(server)).client;
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  pool = await admin.create('/v1/pools', { name: 'first', owner: 'testers' });
  otherPool = await admin.create('/v1/pools', { name: 'second', owner: 'testers' });
});

afterAll(() => server.stop());

/** An agent driven by the test, so that it can send what a real agent never would. */
async function join(at: Pool) {
  const http = new ApiClient(server.urls[0] ?? '', at.agent_token);
  const { body } = await http.post(`/v1/pools/${at.id}/agents`, { name: 'by-hand' });
  const send = (method: string, path: string, content: string) =>
    fetch(`${server.urls[0]}/v1/pools/${at.id}/attempts/${path}`, {
      method,
      headers: { authorization: `Bearer ${at.agent_token}` },
      body: content,
    });
  /** An attempt, if there is one within the wait. */
  const offered = async () => (await http.post(`/v1/pools/${at.id}/lease`, { agent: body.agent, wait_ms: 2_000 })).body.assignment;
  return {
    http,
    upload: async (attempt: string, fence: number, content: string, more = '') =>
      (await send('PUT', `${attempt}/output?fence=${fence}${more}`, content)).status,
    log: async (attempt: string, fence: number, offset: number, content: string) =>
      (await send('POST', `${attempt}/logs?fence=${fence}&at=${offset}`, content)).status,
    offered,
    /** An attempt, however long it takes until there is one. */
    lease: async () => {
      let assignment = await offered();
      while (assignment === null) assignment = await offered();
      return assignment;
    },
    say: (attempt: string, what: string, json: object) => http.post(`/v1/pools/${at.id}/attempts/${attempt}/${what}`, json),
  };
}

const submit = (by = client, terms: object = {}) => submitEmbedding(by, terms);

describe('the agent protocol', () => {
  it('[P3] [P4] [J18] lets no late agent replace the output of its successor', async () => {
    const { job } = await submit();
    const early = await join(pool);
    const first = await early.lease();
    await early.say(first.attempt, 'heartbeat', { fence: first.fence, progress: PROGRESS });
    expect(await early.upload(first.attempt, first.fence, 'from the first')).toBe(200);
    expect((await early.say(first.attempt, 'fail', { fence: first.fence, reason: 'agent_error', message: 'oops' })).status).toBe(200);

    const next = await join(otherPool);
    const second = await next.lease();
    expect(second.fence).toBeGreaterThan(first.fence);
    for (const late of [
      await early.say(first.attempt, 'heartbeat', { fence: first.fence, progress: PROGRESS }),
      await early.say(first.attempt, 'complete', { fence: first.fence, progress: PROGRESS, tokens: 9 }),
      await early.say(second.attempt, 'complete', { fence: second.fence, progress: PROGRESS, tokens: 9 }),
      await early.http.get(`/v1/pools/${pool.id}/attempts/${first.attempt}/input?fence=${first.fence}`),
    ]) {
      expect([late.status, late.body.error.code]).toEqual([409, 'stale_fence']);
    }
    expect(await early.upload(first.attempt, first.fence, 'too late')).toBe(409);
    expect(await early.upload(second.attempt, second.fence, 'of another')).toBe(409);

    expect(await next.upload(second.attempt, second.fence, 'from the second')).toBe(200);
    expect(await next.upload(second.attempt, second.fence, 'once more')).toBe(200);
    const complete = { fence: second.fence, progress: PROGRESS, tokens: 1 };
    expect((await next.say(second.attempt, 'complete', complete)).status).toBe(200);
    expect((await next.say(second.attempt, 'complete', complete)).status).toBe(200);
    expect(await next.upload(second.attempt, second.fence, 'after the end')).toBe(409);

    const { body } = await client.get(`/v1/jobs/${job}`);
    expect(body).toMatchObject({ state: 'succeeded', usage: { job_tokens: 1 } });
    expect((await client.get(`/v1/files/${body.output_file}/content`)).body).toBe('from the second');
    const hidden = body.output_file.replace(/_\d+$/, `_${first.fence}`);
    expect((await client.get(`/v1/files/${hidden}/content`)).status).toBe(404);
    expect((await client.get('/v1/files')).body.data.map(({ id }: { id: string }) => id)).not.toContain(hidden);
  });

  it('[J10] [J16] shows one tenant nothing of another', async () => {
    const { job, file } = await submit();
    expect((await stranger.get(`/v1/jobs/${job}`)).body.error.code).toBe('job_not_found');
    expect((await stranger.post(`/v1/jobs/${job}/cancel`, {})).body.error.code).toBe('job_not_found');
    expect((await stranger.get('/v1/jobs')).body.data).toEqual([]);
    expect((await stranger.get(`/v1/files/${file}`)).body.error.code).toBe('file_not_found');
    expect((await stranger.get(`/v1/files/${file}/content`)).body.error.code).toBe('file_not_found');
    const theirs = await stranger.post('/v1/jobs', { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file, owner: 'zoo' });
    expect(theirs.body.error).toMatchObject({ code: 'file_not_found', param: 'input_file' });
    expect((await client.post(`/v1/jobs/${job}/cancel`, {})).body.state).toBe('cancelled');
  });

  it('[P52] [P57] stores outputs under their digest, and completes only with all of them as named', async () => {
    const { job } = await submit();
    const agent = await join(pool);
    const { attempt, fence } = await agent.lease();
    const content = 'the output\n';
    const [right, wrong] = [hash('sha256', content), hash('sha256', 'another')];
    const input = await fetch(`${server.urls[0]}/v1/pools/${pool.id}/attempts/${attempt}/input?fence=${fence}`, {
      headers: { authorization: `Bearer ${pool.agent_token}` },
    });
    const digest = createHash('sha256')
      .update(await input.text())
      .digest('base64');
    expect(input.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`);

    const named = (sha256: string, bytes = content.length) => ({
      fence,
      progress: PROGRESS,
      tokens: 1,
      outputs: [{ index: 0, bytes, sha256 }],
    });
    const refused = async (json: object) => (await agent.say(attempt, 'complete', json)).body.error;
    expect(await refused(named(right))).toMatchObject({ code: 'state_conflict', param: 'outputs' });
    expect(await refused({ fence, progress: PROGRESS, tokens: 1 })).toMatchObject({ code: 'state_conflict' });
    expect(await agent.upload(attempt, fence, content, `&sha256=${wrong}`)).toBe(503);
    expect(await refused({ fence, progress: PROGRESS, tokens: 1 })).toMatchObject({ code: 'state_conflict' });
    expect(await agent.upload(attempt, fence, content, `&sha256=${right}`)).toBe(200);
    expect(await agent.upload(attempt, fence, 'another', `&sha256=${wrong}`)).toBe(409);
    expect(await agent.upload(attempt, fence, content, `&index=1`)).toBe(400);
    expect(await refused(named(wrong))).toMatchObject({ code: 'state_conflict' });
    expect(await refused(named(right, 3))).toMatchObject({ code: 'state_conflict' });
    expect((await agent.say(attempt, 'complete', named(right))).status).toBe(200);
    const { body } = await client.get(`/v1/jobs/${job}`);
    expect(body.outputs).toEqual([{ path: 'output.jsonl', file: body.output_file, bytes: content.length, sha256: right }]);
  });

  it("[P54] [P59] keeps the log of an attempt under its fence, for the job's tenant alone, and follows it to the end", async () => {
    const { job } = await submit();
    const agent = await join(pool);
    const { attempt, fence } = await agent.lease();
    await agent.say(attempt, 'heartbeat', { fence, progress: PROGRESS });
    const logs = (query = '', http = client) => http.get(`/v1/jobs/${job}/logs${query}`);
    expect((await logs()).body).toBe('');
    const followed = logs('?follow=true').then(({ body }) => body);
    expect(await agent.log(attempt, fence, 0, 'one\n')).toBe(200);
    expect(await agent.log(attempt, fence, 0, 'one\n')).toBe(200);
    expect(await agent.log(attempt, fence, 4, 'two\n')).toBe(200);
    expect(await agent.log(attempt, fence, 14, 'three\n')).toBe(200);
    expect(await agent.log(attempt, fence + 1, 20, 'of another')).toBe(409);
    const whole = 'one\ntwo\n[6 bytes were dropped]\nthree\n';
    const { body, headers } = await logs();
    expect([body, headers.get('x-sluice-log-attempt'), headers.get('x-sluice-log-next')]).toEqual([whole, String(fence), '20']);
    expect((await logs('?offset=5')).body).toBe('wo\n[6 bytes were dropped]\nthree\n');
    expect((await logs('', stranger)).body.error.code).toBe('job_not_found');

    expect((await agent.say(attempt, 'fail', { fence, reason: 'agent_error', message: 'oops' })).status).toBe(200);
    expect(await agent.log(attempt, fence, 20, 'too late')).toBe(409);
    // Without an attempt, the answer goes on with the next one, until the job is over.
    const next = await join(otherPool);
    const second = await next.lease();
    expect(await next.log(second.attempt, second.fence, 0, 'once more\n')).toBe(200);
    expect(await next.upload(second.attempt, second.fence, 'done')).toBe(200);
    expect((await next.say(second.attempt, 'complete', { fence: second.fence, progress: PROGRESS, tokens: 1 })).status).toBe(200);
    expect(await followed).toBe(`${whole}[attempt ${second.fence}]\nonce more\n`);
    expect((await logs(`?attempt=${fence}&follow=true`)).body).toBe(whole);
  });

  it('[J98] follows a job from its submission to its end as events, and resumes anywhere', async () => {
    const { job } = await submit();
    const events = (query = '', headers = {}) => client.get(`/v1/jobs/${job}/events${query}`, headers);
    const { status, headers, body } = await fetch(`${client.url}/v1/jobs/${job}/events`, {
      headers: { authorization: `Bearer ${client.apiKey}` },
    });
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const follow = async (state: string) => {
      while (!text.includes(`"state":"${state}"`)) {
        const { done, value } = await reader.read();
        expect(done, text).toBe(false);
        text += value;
      }
    };
    // What has happened is there before anything else does.
    await follow('pending');
    const agent = await join(pool);
    const { attempt, fence } = await agent.lease();
    await agent.say(attempt, 'heartbeat', { fence, progress: PROGRESS });
    // What a pool learns within `poolGatherMs` it reports as one.
    await follow('running');
    expect(await agent.upload(attempt, fence, 'done')).toBe(200);
    expect((await agent.say(attempt, 'complete', { fence, progress: PROGRESS, tokens: 1 })).status).toBe(200);
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) text += value;
    const [retry, ...sent] = text.trimEnd().split('\n\n');
    expect(retry).toMatch(/^retry: \d+$/);
    const blocks = sent.filter((each) => each !== ':');
    const parsed = blocks.map((each) => JSON.parse(each.split('\ndata: ')[1] ?? ''));
    expect(parsed.map(({ id }) => id)).toEqual(parsed.map((_, at) => at + 1));
    expect(parsed.map(({ state }) => state)).toEqual(['pending', 'starting', 'running', 'succeeded']);
    expect(blocks[2]).toMatch(/^id: 3\nevent: state\ndata: /);
    expect(parsed.map(({ final }) => final)).toEqual([false, false, false, true]);
    expect(parsed[3]).toMatchObject({ job, attempt: null, ended: { fence, outcome: 'succeeded', pool: pool.id }, error: null });

    expect((await events('?after=1', { 'last-event-id': '2' })).body).toBe(`${[retry, ...blocks.slice(2)].join('\n\n')}\n\n`);
    expect((await events('?after=3')).body).toBe(`${[retry, blocks[3]].join('\n\n')}\n\n`);
    expect(await events('?after=4')).toMatchObject({ status: 204, body: '' });
    expect((await events('?after=5')).body.error).toMatchObject({ code: 'invalid_value', param: 'after' });
    expect((await events('', { 'last-event-id': 'x' })).status).toBe(400);
    expect((await stranger.get(`/v1/jobs/${job}/events`)).body.error.code).toBe('job_not_found');
  });

  it('[P8] accepts only the token of the pool in the path', async () => {
    const register = async (token: string) =>
      (await new ApiClient(server.urls[0] ?? '', token).post(`/v1/pools/${pool.id}/agents`, { name: 'x' })).status;
    expect(await register(pool.agent_token)).toBe(200);
    expect(await register(otherPool.agent_token)).toBe(403);
    expect(await register(`${pool.agent_token.slice(0, -1)}${pool.agent_token.endsWith('a') ? 'b' : 'a'}`)).toBe(401);
    expect(await register(client.apiKey)).toBe(401);
    expect(await register(server.secrets.SLUICE_ADMIN_KEY)).toBe(401);
    expect((await new ApiClient(server.urls[0] ?? '', pool.agent_token).get('/v1/jobs')).status).toBe(401);
  });

  it('[P27] [P28] a leaked token reads inputs of live leases of its pool alone, until it is replaced', async () => {
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    const leaked: Pool = await admin.create('/v1/pools', { name: 'leaky', owner: 'testers' });
    const { job, file } = await submit();
    const agent = await join(leaked);
    const live = await agent.lease();
    expect(live.attempt).toContain(job.slice(4));
    const input = (http: ApiClient, fence: number) => http.get(`/v1/pools/${leaked.id}/attempts/${live.attempt}/input?fence=${fence}`);
    expect((await input(agent.http, live.fence)).status).toBe(200);
    // Nothing else that the tenant has: not the file by its name, not under another fence, not an attempt of another pool.
    for (const path of [`/v1/files/${file}/content`, '/v1/files', '/v1/jobs', `/v1/jobs/${job}`, `/v1/pools/${leaked.id}/nodes`])
      expect((await agent.http.get(path)).status, path).toBe(401);
    expect((await input(agent.http, live.fence + 1)).body.error.code).toBe('stale_fence');
    const other = await join(pool);
    expect((await other.http.get(`/v1/pools/${pool.id}/attempts/${live.attempt}/input?fence=${live.fence}`)).status).toBe(409);

    const rotated = await admin.create<Pool>(`/v1/pools/${leaked.id}/rotate_token`, { grace_s: 60 });
    const renewed = new ApiClient(server.urls[0] ?? '', rotated.agent_token);
    expect([(await input(agent.http, live.fence)).status, (await input(renewed, live.fence)).status]).toEqual([200, 200]);
    // What leaked twice is worth nothing after the second rotation, though the attempt lives on.
    const last = await admin.create<Pool>(`/v1/pools/${leaked.id}/rotate_token`, { grace_s: 0 });
    expect([(await input(agent.http, live.fence)).status, (await input(renewed, live.fence)).status]).toEqual([401, 401]);
    const rightful = new ApiClient(server.urls[0] ?? '', last.agent_token);
    expect((await input(rightful, live.fence)).status).toBe(200);
    const fail = { fence: live.fence, reason: 'released', message: '' };
    expect((await rightful.post(`/v1/pools/${leaked.id}/attempts/${live.attempt}/fail`, fail)).status).toBe(200);
    expect((await input(rightful, live.fence)).body.error.code).toBe('stale_fence');
    expect((await client.post(`/v1/jobs/${job}/cancel`, {})).body.state).toBe('cancelled');

    const call = (method: string, path: string) => new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY).call(method, path);
    await expect.poll(async () => (await call('DELETE', `/v1/pools/${leaked.id}`)).status).toBe(200);
    expect((await rightful.post(`/v1/pools/${leaked.id}/agents`, { name: 'late' })).status).toBe(401);
  });

  it('refuses a job with an unknown model, and an upload that is not a file', async () => {
    const { file } = await submit();
    const job = { kind: 'batch_embedding', model: 'gpt-9', input_file: file, owner: 'zoo' };
    expect((await client.post('/v1/jobs', job)).body.error).toMatchObject({ code: 'model_not_found', param: 'model' });
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', 'just text');
    expect((await client.call('POST', '/v1/files', form)).body.error).toMatchObject({ code: 'invalid_value', param: 'file' });
  });
});

it('an upload that is cut off stores nothing and can be repeated', async () => {
  await submit();
  const agent = await join(pool);
  const { attempt, fence } = await agent.lease();
  const head = [
    `PUT /v1/pools/${pool.id}/attempts/${attempt}/output?fence=${fence} HTTP/1.1`,
    'host: sluice',
    `authorization: Bearer ${pool.agent_token}`,
    'content-length: 100',
  ];
  const cut = await sendRaw(server, `${head.join('\r\n')}\r\n\r\nhalf`, { end: true });
  expect(cut).toMatch(/^HTTP\/1.1 503 .*x-should-retry: true.*"unavailable"/s);
  expect(await agent.upload(attempt, fence, 'whole')).toBe(200);
  expect((await agent.say(attempt, 'complete', { fence, progress: PROGRESS, tokens: 1 })).status).toBe(200);
  const { body } = await client.get(`/v1/jobs/${jobOfAttempt(attempt)}`);
  expect((await client.get(`/v1/files/${body.output_file}/content`)).body).toBe('whole');
});

describe('money and shares', () => {
  const rule = (resource: string, limit: number) => ({ resource, window: 'month', limit });

  /** Ends what earlier tests have left. */
  async function drain(): Promise<void> {
    const { data } = (await client.get('/v1/jobs?limit=100')).body;
    for (const { id, finished_at: endedAt } of data) if (endedAt === null) await client.post(`/v1/jobs/${id}/cancel`, {});
  }

  it('[J115] [J116] [J118] a quota stops a job exactly, with notice, and lets it go on once it is raised', async () => {
    const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
    const payer = await createTenant(server);
    const agent = await join(pool);
    await drain();
    const limitTo = (ms: number) => admin.put('/v1/quotas', { tenant: payer.id, rules: [rule('accelerator_ms', ms)] });
    await limitTo(500);
    const { job } = await submit(payer.client);
    // Half a second would not even load a model.
    expect(await agent.offered()).toBeNull();
    await expect
      .poll(async () => (await payer.client.get(`/v1/jobs/${job}/explain`)).body)
      .toMatchObject({ state: 'pending', reason: 'budget_exhausted' });
    await limitTo(2_500);
    const { attempt, fence } = await agent.lease();
    const beat = async () => (await agent.say(attempt, 'heartbeat', { fence, progress: PROGRESS })).body;
    await expect.poll(async () => (await beat()).command).toBe('stop');
    // It does not stop, and loses the attempt.
    await expect.poll(async () => (await beat()).error?.code).toBe('stale_fence');
    await expect.poll(async () => (await payer.client.get(`/v1/jobs/${job}`)).body).toMatchObject({ state: 'pending', output_file: null });
    await limitTo(1_000_000);
    const again = await (await join(pool)).lease();
    expect(again.fence).toBeGreaterThan(fence);
    expect((await payer.client.post(`/v1/jobs/${job}/cancel`, {})).status).toBe(200);
    const other = await join(pool);
    await other.say(again.attempt, 'fail', { fence: again.fence, reason: 'cancelled', message: '' });
    const { usage } = (await payer.client.get(`/v1/jobs/${job}`)).body;
    // The first attempt was charged what was left, to the millisecond; the second was confirmed by its end.
    expect(usage.accelerator_ms).toBeGreaterThanOrEqual(2_500);
  });

  it('[J80] one job of a tenant starts soon behind 25 urgent ones of another', async () => {
    const [many, single] = [await createTenant(server), await createTenant(server)];
    const agent = await join(pool);
    await drain();
    const urgent = new Set<string>();
    for (let n = 0; n < 25; n++) urgent.add((await submit(many.client, { priority: 'high' })).job);
    const { job } = await submit(single.client, { priority: 'low' });
    const started: string[] = [];
    while (!started.includes(job) && started.length < 26) {
      const { attempt, fence } = await agent.lease();
      started.push(jobOfAttempt(attempt));
      await agent.upload(attempt, fence, 'output');
      await agent.say(attempt, 'complete', { fence, progress: PROGRESS, tokens: 1 });
    }
    // Its fair share is every other attempt, so it waits for one at least: twice that is two.
    expect(started.filter((id) => urgent.has(id)).length).toBeLessThanOrEqual(2);
    for (const id of urgent) await many.client.post(`/v1/jobs/${id}/cancel`, {});
  });
});

describe('[P91] a signed URL of the gateway', () => {
  it('moves one file of a live attempt without any key, and nothing once that is over', async () => {
    const { job } = await submit();
    const agent = await join(pool);
    const { attempt, fence } = await agent.lease();
    await agent.say(attempt, 'heartbeat', { fence, progress: PROGRESS });
    const sign = async (want: object) => (await agent.say(attempt, 'transfers', { fence, ...want })).body;
    const at = (url: string) => `${server.urls[0]}/${url}`;
    const input = await sign({ artifact: 'input', method: 'GET' });
    const content = await (await fetch(at(input.url))).text();
    expect(content).toBe('{"id":"a","text":"water"}\n');
    expect(input.sha256).toBe(hash('sha256', content));
    expect((await fetch(at(input.url), { method: 'PUT', body: 'x' })).status).toBe(403);
    expect((await fetch(at(`${input.url.slice(0, -1)}${input.url.endsWith('A') ? 'B' : 'A'}`))).status).toBe(403);
    expect((await agent.say(attempt, 'transfers', { fence: fence + 1, artifact: 'input', method: 'GET' })).status).toBe(409);
    for (const wrong of [
      { artifact: 'input', method: 'PUT', sha256: hash('sha256', 'x') },
      { artifact: 'output', method: 'GET' },
      { artifact: 'output', method: 'PUT' },
    ])
      expect((await agent.say(attempt, 'transfers', { fence, ...wrong })).status).toBe(400);

    const output = await sign({ artifact: 'output', method: 'PUT', sha256: hash('sha256', 'done\n') });
    expect((await fetch(at(output.url), { method: 'PUT', body: 'damaged' })).status).toBe(503);
    expect((await fetch(at(output.url), { method: 'PUT', body: 'done\n' })).status).toBe(200);
    const outputs = [{ index: 0, bytes: 5, sha256: hash('sha256', 'done\n') }];
    expect((await agent.say(attempt, 'complete', { fence, progress: PROGRESS, tokens: 1, outputs })).status).toBe(200);
    const { body } = await client.get(`/v1/jobs/${job}`);
    expect((await client.get(`/v1/files/${body.output_file}/content`)).body).toBe('done\n');
    for (const late of [await fetch(at(input.url)), await fetch(at(output.url), { method: 'PUT', body: 'done\n' })]) {
      expect([late.status, ((await late.json()) as { error: { code: string } }).error.code]).toEqual([409, 'stale_fence']);
    }
  });
});

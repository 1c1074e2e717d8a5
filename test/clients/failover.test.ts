import { connect } from 'node:net';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';

// Each drill has a model of its own, so that no breaker is open from the one before. The tenant's upstream is asked first, and the
// platform's is its fallback.
const DRILLS = ['hangs', 'stalls', 'errors', 'babbles', 'limits', 'dies', 'leaves', 'crashes', 'crowded'] as const;
type Drill = (typeof DRILLS)[number];

let own: MockUpstream;
let spare: MockUpstream;
let server: Server;
let client: ApiClient;
let admin: ApiClient;

beforeAll(async () => {
  // The one that comes back needs a port that nothing takes meanwhile.
  [own, spare] = await Promise.all([startMockUpstream(await freePort()), startMockUpstream()]);
  const hosts = [own, spare].map(({ port }) => `127.0.0.1:${port}`).join(', ');
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: hosts });
  ({ client } = await createTenant(server, { scopes: ['inference', 'requests:read', 'upstreams:read', 'upstreams:write'] }));
  admin = new ApiClient(client.url, server.secrets.SLUICE_ADMIN_KEY);
  const modelOf = (name: string) => ({ name, serves: ['chat'], context_tokens: 10_000, output_tokens_max: 100 });
  await new AdminClient(client.url, server.secrets.SLUICE_ADMIN_KEY).create('/v1/upstreams', {
    name: 'spare',
    protocol: 'openai',
    base_url: spare.baseUrl,
    models: DRILLS.filter((drill) => drill !== 'leaves' && drill !== 'crowded').map(modelOf),
  });
  for (const drill of DRILLS) {
    // Only what never comes is waited for: an upstream that answers has the time that a busy machine takes.
    const timeoutMs = drill === 'hangs' || drill === 'stalls' ? 2_000 : 60_000;
    const created = await client.post('/v1/upstreams', {
      name: drill,
      protocol: 'openai',
      base_url: own.baseUrl,
      models: [modelOf(drill)],
      limits: drill === 'leaves' || drill === 'crowded' ? { concurrency: 1 } : {},
      timeouts: { connect_ms: timeoutMs, first_token_ms: timeoutMs, idle_ms: 60_000, total_ms: 120_000 },
    });
    expect(created.status, JSON.stringify(created.body)).toBe(201);
  }
});

beforeEach(() => Promise.all([own.reset(), spare.reset()]));

afterAll(async () => {
  await server.stop();
  await Promise.all([own.kill(), spare.kill()]);
});

const chat = (drill: Drill, stream = false) =>
  client.post('/v1/chat/completions', { model: drill, stream, messages: [{ role: 'user', content: 'hello' }] });

describe('an upstream that serves nothing', () => {
  it.each<[Drill, string, Script]>([
    ['hangs', 'sends no head', { hang: 'head' }],
    ['stalls', 'sends no first token', { hang: 0 }],
    ['errors', 'answers 503', { status: 503 }],
    ['babbles', 'answers what is no answer', { garbage: true }],
    ['limits', 'asks for a pause', { status: 429, headers: { 'retry-after': '60' } }],
  ])('[U50] [U51] that %s (it %s) fails no request: the fallback serves', async (drill, _, script) => {
    await own.script(script);
    for (const stream of [true, false]) {
      // Of an answer that is whole the first piece is there at once, or the head is not.
      if (drill === 'stalls' && !stream) continue;
      const { status, headers, body } = await chat(drill, stream);
      expect([status, JSON.stringify(body)]).toEqual([200, expect.stringContaining(stream ? '[DONE]' : 'choices')]);
      expect(headers.get('x-sluice-route')).toMatch(/^spare\/\w+; attempts=[123]; reason=/);
    }
    expect((await own.truth()).requests).toBeGreaterThanOrEqual(1);
    const { requests, whole } = await spare.truth();
    expect([requests, whole]).toEqual(drill === 'stalls' ? [1, 1] : [2, 2]);
    // [U51] For as long as it has asked for, it is asked nothing.
    if (drill === 'limits') expect((await own.truth()).requests).toBe(1);
  });

  it('[U54] [U62] that is killed is asked no more, fails no request, and serves again when it is back', async () => {
    expect((await chat('crashes')).headers.get('x-sluice-route')).toMatch(/^crashes\//);
    const { port } = own;
    await own.kill();
    const answers = [];
    for (let n = 0; n < 8; n += 1) answers.push(await chat('crashes'));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    // Its breaker opens: the fallback is the first that is asked, but for a probe now and then.
    expect(answers.map(({ headers }) => headers.get('x-sluice-route'))).toContainEqual(
      expect.stringMatching(/^spare\/crashes; attempts=1;/),
    );
    await expect
      .poll(async () => (await admin.get('/metrics')).body)
      .toContain('sluice_upstream_targets{upstream="of-tenants",breaker="open"} 1');
    const { body } = await client.get('/v1/upstreams/crashes/health');
    const { models } = body as { models: { outstanding_calls: number; attempts: { served: number; failed: number } }[] };
    expect(models).toMatchObject([{ name: 'crashes', outstanding_calls: 0, attempts: { served: 1 } }]);
    // Five failures open it; each probe that came since adds one.
    expect(models[0]?.attempts.failed).toBeGreaterThanOrEqual(5);
    expect(models[0]?.attempts.failed).toBeLessThanOrEqual(answers.length);
    own = await startMockUpstream(port);
    await expect
      .poll(async () => (await chat('crashes')).headers.get('x-sluice-route'), { timeout: 90_000, interval: 200 })
      .toMatch(/^crashes\/crashes; attempts=1;/);
  });
});

it('[U51] [U60] a stream that dies ends in a typed error, and nothing is served twice', async () => {
  await own.script({ tokens: 9, dieAfterTokens: 2 });
  const { status, body } = await chat('dies', true);
  expect(status).toBe(200);
  const events = String(body)
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice('data: '.length)) as { readonly error?: { readonly code: string; readonly type: string } });
  expect(events.at(-1)?.error).toMatchObject({ code: 'upstream_failed', type: 'server_error' });
  expect(String(body)).not.toContain('[DONE]');
  expect((await own.truth()).requests).toBe(1);
  expect((await spare.truth()).requests).toBe(0);
});

it('[U53] [U57] a caller that leaves closes the call to the upstream, whose place is free for the next', async () => {
  await own.script({}, [{ tokens: 9, hang: 2 }]);
  const left = new AbortController();
  const response = await fetch(`${client.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'leaves', stream: true, messages: [{ role: 'user', content: 'hello' }] }),
    signal: left.signal,
  });
  const reader = response.body!.getReader();
  await reader.read();
  left.abort();
  await expect.poll(() => own.truth()).toMatchObject({ open: 0, aborted: 1 });
  // Its only place is there again.
  expect((await chat('leaves')).status).toBe(200);
});

it.each([
  ['has not answered', { hang: 'head' }, false],
  ['has not begun its stream', { hang: 0 }, true],
] as const)('[U41] a caller that resets its connection while the upstream %s closes the call to it', async (name, script, stream) => {
  await own.script({}, [script]);
  const { hostname, port } = new URL(client.url);
  const socket = connect(Number(port), hostname);
  const body = JSON.stringify({ model: 'leaves', stream, messages: [{ role: 'user', content: 'hello' }] });
  const id = `left-${name.replaceAll(' ', '-')}`;
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: sluice', `authorization: Bearer ${client.apiKey}`, `x-request-id: ${id}`];
  socket.write([...head, 'content-type: application/json', `content-length: ${body.length}`, '', body].join('\r\n'));
  await expect.poll(() => own.truth()).toMatchObject({ open: 1 });
  socket.resetAndDestroy();
  // Long before its time is over.
  await expect.poll(() => own.truth()).toMatchObject({ open: 0, aborted: 1 });
  // What was reserved is given back but for the request, and its only place is there again.
  await expect.poll(async () => (await client.get(`/v1/requests/${id}`)).body.cost_usd, { timeout: 60_000 }).toBe('0.000000150');
  expect((await chat('leaves')).status).toBe(200);
});

it('[U58] [U63] those that wait are served by priority, then by deadline, whatever API is called', async () => {
  await own.script({}, [{ hold: { gate: 'place', afterTokens: 0 } }]);
  const waiting = (count: number) =>
    expect
      .poll(async () => String((await admin.get('/metrics')).body))
      .toMatch(new RegExp(`sluice_upstream_waiting_requests\\{[^}]*\\} ${count}`));
  const ask = (content: string, headers: Record<string, string>, more: object = {}, path = '/v1/chat/completions') =>
    client.post(path, { model: 'crowded', messages: [{ role: 'user', content }], ...more }, headers);
  const calls = [ask('first', {})];
  await expect.poll(() => own.truth()).toMatchObject({ open: 1 });
  calls.push(ask('flex', {}, { service_tier: 'flex' }));
  await waiting(1);
  calls.push(ask('late', { 'x-sluice-deadline-ms': '90000' }));
  await waiting(2);
  calls.push(ask('soon', { 'x-stainless-timeout': '60' }, { max_tokens: 9 }, '/v1/messages'));
  await waiting(3);
  calls.push(ask('high', { 'x-sluice-priority': '2' }));
  await waiting(4);
  await own.open('place');
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(calls.map(() => 200));
  const order = (await own.truth()).latest.map(({ body }) => JSON.stringify(body));
  expect(order.map((body) => /first|flex|late|soon|high/.exec(body)?.[0])).toEqual(['first', 'high', 'soon', 'late', 'flex']);
});

it('[U58] [U61] an upstream with one place serves one call at a time, and all that wait', async () => {
  await own.script({ tokens: 3, hold: { gate: 'go', afterTokens: 1 } });
  const all = Promise.all([1, 2, 3].map(() => chat('crowded', true)));
  await expect.poll(async () => String((await admin.get('/metrics')).body)).toMatch(/sluice_upstream_waiting_requests\{[^}]*\} 2/);
  expect(await own.truth()).toMatchObject({ requests: 1, open: 1 });
  await own.open('go');
  for (const { status, body } of await all) expect([status, String(body)]).toEqual([200, expect.stringContaining('[DONE]')]);
  expect(await own.truth()).toMatchObject({ requests: 3, whole: 3 });
});

import { once } from 'node:events';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import { GUARDRAIL_LIMITS } from '../../src/contract/guardrails/guardrail-limits.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { promoteModel, registerModel } from '../support/deployment/register-model.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { bertFolder } from '../support/models/model-folder.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';

const SCOPES = ['inference', 'files', 'models:write', 'requests:read', 'requests:write', 'upstreams:write', 'upstreams:read', 'usage:read'];
const MASK = { kind: 'pii', name: 'people', action: 'mask', restores: true };
const BLOCK = { kind: 'patterns', name: 'words', patterns: ['(?i)project x', 'forbidden'], action: 'block' };
const SHAPE = { kind: 'json-schema', name: 'shape', schema: { type: 'object', required: ['city'] } };

let upstream: MockUpstream;
let judge: HttpServer;
let server: Server;
let client: ApiClient;
/** What the webhook answers, and what it was asked. */
let judgement: { readonly status?: number; readonly body: unknown; readonly headers?: Record<string, string> };
let judged: unknown[];
let routes = 0;

async function judgeOne(request: IncomingMessage, response: ServerResponse): Promise<void> {
  judged.push(await json(request));
  response.writeHead(judgement.status ?? 200, judgement.headers).end(JSON.stringify(judgement.body));
}

beforeAll(async () => {
  upstream = await startMockUpstream();
  judge = createServer((request, response) => {
    void judgeOne(request, response);
  }).listen(0, '127.0.0.1');
  await once(judge, 'listening');
  const judgePort = (judge.address() as AddressInfo).port;
  // The second is allowed, and nothing listens there.
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port},127.0.0.1:${judgePort},127.0.0.1:9` });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const terms = { context_tokens: 100_000, output_tokens_max: 1_000, prices: { input: 1_000_000, output: 2_000_000 } };
  const models = [
    { ...terms, name: 'small', serves: ['chat', 'completions', 'responses', 'embeddings'] },
    { ...terms, name: 'judge', serves: ['moderations'], prices: { input: 3_000_000_000 } },
  ];
  await admin.create('/v1/upstreams', {
    name: 'lab',
    protocol: 'openai',
    base_url: upstream.baseUrl,
    secret: 'sk-mock-0123456789',
    models,
  });
  ({ client } = await createTenant(server, { scopes: SCOPES }));
  await client.put('/v1/requests/policy', { entries: 'full', bodies: 'full', sample: 1, retention_days: 1, redact_fields: [] });
});

beforeEach(async () => {
  [judgement, judged] = [{ body: { verdict: 'pass' } }, []];
  await upstream.reset();
});

afterAll(async () => {
  await server.stop();
  await upstream.kill();
  judge.close();
});

/** The most: a busy machine takes longer than the time that a hook has by default. */
const HOOK_MS = GUARDRAIL_LIMITS.guardrailWebhookMsMax;

const webhook = (more: object = {}) => ({
  kind: 'webhook',
  timeout_ms: HOOK_MS,
  name: 'judge',
  on: 'request',
  url: `http://127.0.0.1:${(judge.address() as AddressInfo).port}/judge`,
  ...more,
});

const create = (name: string, guardrails: readonly object[]): Promise<ApiAnswer> =>
  client.post('/v1/routes', { name, guardrails, default: { kind: 'targets', groups: [[{ target: 'lab/small' }]] } });

/** A route with these hooks, once isolates know it. */
async function routeWith(...guardrails: readonly object[]): Promise<string> {
  routes += 1;
  const name = `guarded-${routes}`;
  expect(await create(name, guardrails)).toMatchObject({ status: 200 });
  await vi.waitFor(
    async () =>
      expect((await ask(name, 'no model of this name is known before', {}, { 'x-sluice-deadline-ms': '60000' })).body.error?.code).not.toBe(
        'model_not_found',
      ),
    { timeout: 60_000, interval: 200 },
  );
  await upstream.reset();
  judged = [];
  return name;
}

const ask = (model: string, content: string, more: object = {}, headers: Record<string, string> = {}): Promise<ApiAnswer> =>
  client.post('/v1/chat/completions', { model, messages: [{ role: 'user', content }], ...more }, headers);

/** What the upstream says from now on. Not in the prompt, which guardrails read, too. */
const says = (texts: readonly string[], more: Script = {}): Promise<void> => upstream.script({ texts, ...more });

async function sentTo(): Promise<string> {
  const { latest } = await upstream.truth();
  return JSON.stringify(latest.map(({ body }) => body));
}

/** The text that a stream of chunks says. */
const said = (events: string): string =>
  events
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)).choices?.[0]?.delta?.content ?? '')
    .join('');

async function logged(requestId: string) {
  await expect.poll(async () => (await client.get(`/v1/requests/${requestId}`)).status, { timeout: 60_000 }).toBe(200);
  return (await client.get(`/v1/requests/${requestId}`)).body;
}

it('[U115] [U118] masks before a request goes out, restores its answer, and logs what went out', async () => {
  const route = await routeWith(MASK);
  await says(['call [EM', 'AIL_1]', ' or b@c.org']);
  const answer = await ask(route, 'I am jane@example.org', {}, { 'x-request-id': 'masked-1' });
  expect(answer.body.choices[0].message.content).toBe('call jane@example.org or [EMAIL_2]');
  expect(await sentTo()).toContain('I am [EMAIL_1]');
  expect(await sentTo()).not.toContain('jane@example.org');
  expect(answer.headers.get('server-timing')).toMatch(/guard-request-people;dur=[\d.]+, .*guard-answer-people;dur=/);
  const entry = await logged('masked-1');
  expect(entry.guardrails).toEqual([
    { policy: `${route}@1`, hook: 'people', side: 'request', outcome: 'masked', count: 1, ms: expect.any(Number) },
    { policy: `${route}@1`, hook: 'people', side: 'answer', outcome: 'masked', count: 1, ms: expect.any(Number) },
  ]);
  expect(entry.bodies.request).toContain('[EMAIL_1]');
  expect(JSON.stringify(entry)).not.toContain('jane@example.org');
});

it('[U118] blocks before anything is sent or spent, and keeps nothing of it', async () => {
  const route = await routeWith(BLOCK);
  const answer = await ask(route, 'tell me of Project X', {}, { 'x-request-id': 'blocked-1' });
  expect([answer.status, answer.body.error.code]).toEqual([400, 'guardrail_blocked']);
  expect(answer.body.error.message).toMatch(/guarded-\d+@1 .*"words"/);
  expect((await upstream.truth()).requests).toBe(0);
  const entry = await logged('blocked-1');
  expect(entry).toMatchObject({ code: 'guardrail_blocked', output_tokens: 0, guardrails: [{ hook: 'words', outcome: 'blocked' }] });
  expect(JSON.stringify(entry)).not.toContain('Project X');
});

it('[U114] [U118] masks a stream over its pieces, and ends it where it says what is blocked', async () => {
  const route = await routeWith(MASK, { ...BLOCK, on: 'answer' });
  await says(['to [EMA', 'IL_1] an', 'd x@y', '.org; ', 'bye'], { pieceBytes: 11 });
  const fine = await ask(route, 'from jane@example.org', { stream: true });
  expect(said(fine.body)).toBe('to jane@example.org and [EMAIL_2]; bye');
  expect(fine.body.endsWith('data: [DONE]\n\n')).toBe(true);
  const long = 'lorem ipsum '.repeat(30);
  await says([long, 'for', 'bidden', long, 'more'], { hold: { gate: 'never', afterTokens: 4 } });
  const bad = await ask(route, 'hello', { stream: true }, { 'x-request-id': 'blocked-2' });
  expect(bad.body).toContain('"code":"guardrail_blocked"');
  expect(said(bad.body)).not.toContain('for');
  await expect.poll(async () => (await upstream.truth()).aborted, { timeout: 60_000 }).toBe(1);
  const entry = await logged('blocked-2');
  expect(entry).toMatchObject({ code: 'guardrail_blocked', usage: 'counted' });
  expect(entry.output_tokens).toBeGreaterThan(0);
});

it('[U116] [U118] an answer that the schema does not accept is not passed on, and is paid for', async () => {
  const route = await routeWith(SHAPE);
  await says(['{"city":', '"Bern"}']);
  expect((await ask(route, 'hello')).body.choices[0].message.content).toBe('{"city":"Bern"}');
  expect(said((await ask(route, 'hello', { stream: true })).body)).toBe('{"city":"Bern"}');
  await says(['{"town":1}']);
  const bad = await ask(route, 'hello', {}, { 'x-request-id': 'shape-1' });
  expect([bad.status, bad.body.error.code]).toEqual([400, 'guardrail_blocked']);
  const entry = await logged('shape-1');
  expect(entry).toMatchObject({ status: 400, code: 'guardrail_blocked', output_tokens: 1, target: 'lab/small' });
  expect(Number(entry.cost_usd)).toBeGreaterThan(0);
  // It is the model's in the usage, too.
  const charged = async () => {
    const { data } = (await client.get('/v1/usage?group_by=model')).body;
    return data.flatMap(({ meter, model }: { meter: string; model: string | null }) => (meter === 'upstream_nano' ? [model] : []));
  };
  await expect.poll(charged).toEqual(['lab/small']);
  await says(['{"town":', '1}']);
  const streamed = await ask(route, 'hello', { stream: true });
  expect(said(streamed.body)).toBe('');
  expect(streamed.body).toContain('"code":"guardrail_blocked"');
});

it('[U117] asks a webhook, and does as the policy says where that gives no verdict', async () => {
  const route = await routeWith(webhook({ on: 'both' }));
  await says(['fine']);
  expect((await ask(route, 'hello')).status).toBe(200);
  expect(judged).toEqual([
    { side: 'request', texts: ['hello'] },
    { side: 'answer', texts: ['fine'] },
  ]);
  judgement = { body: { verdict: 'block' } };
  expect((await ask(route, 'hello')).body.error.code).toBe('guardrail_blocked');
  for (const answer of [
    { status: 500, body: {} },
    { body: { verdict: 'maybe' } },
    { status: 302, body: {}, headers: { location: upstream.baseUrl } },
  ]) {
    judgement = answer;
    expect((await ask(route, 'hello')).body.error.code).toBe('guardrail_blocked');
  }
  const nobody = { url: 'http://127.0.0.1:9/', timeout_ms: 1_000 };
  const lax = await routeWith(webhook({ ...nobody, on_failure: 'pass' }));
  expect((await ask(lax, 'hello', {}, { 'x-request-id': 'down-1' })).status).toBe(200);
  expect((await logged('down-1')).guardrails).toMatchObject([{ hook: 'judge', outcome: 'failed' }]);
  const strict = await routeWith(webhook({ ...nobody, on_failure: 'block' }));
  expect((await ask(strict, 'hello')).body.error.code).toBe('guardrail_blocked');
  expect((await upstream.truth()).requests).toBe(0);
});

it('[U118] a cache keeps the answer to what went out: each caller gets its own words back', () =>
  leased(async () => {
    const route = await routeWith(MASK);
    const cached = { 'x-sluice-cache-ttl-ms': '600000' };
    await says(['hi [EMAIL_1]']);
    const ask1 = underLease(await ask(route, 'a@one.org', {}, cached));
    const ask2 = underLease(await ask(route, 'b@two.org', {}, cached));
    expect(ask2.headers.get('cache-status')).toContain('hit');
    expect([ask1, ask2].map(({ body }) => body.choices[0].message.content)).toEqual(['hi a@one.org', 'hi b@two.org']);
    expect((await upstream.truth()).requests).toBe(1);
  }));

it('[U112] guards every surface that says something', async () => {
  const route = await routeWith(MASK);
  await says(['to [EMAIL_1]']);
  const prompt = 'from a@b.com';
  for (const stream of [false, true]) {
    const answers = await Promise.all([
      client.post('/v1/completions', { model: route, prompt, stream }),
      client.post('/v1/responses', { model: route, input: prompt, stream }),
      client.post('/v1/messages', { model: route, max_tokens: 50, messages: [{ role: 'user', content: prompt }], stream }),
    ]);
    for (const { body } of answers) expect(typeof body === 'string' ? body : JSON.stringify(body)).toContain('to a@b.com');
  }
  expect(await sentTo()).not.toContain('a@b.com');
});

it('[U201] [U200] refuses by its field what it cannot mask, and masks errors of upstreams', async () => {
  const route = await routeWith(MASK);
  const named = await ask(route, 'hello', { user: 'jane@example.org' }, { 'x-request-id': 'named-1' });
  expect([named.status, named.body.error.code, named.body.error.param]).toEqual([400, 'guardrail_blocked', 'user']);
  expect((await upstream.truth()).requests).toBe(0);
  await client.post('/v1/embeddings', { model: route, input: ['from jane@example.org'] });
  await upstream.script({ status: 400, message: 'not for joe@example.org' });
  const labelled = { metadata: { for: 'jane@example.org' } };
  const refused = await ask(route, 'hello', labelled, { 'x-request-id': 'named-2' });
  expect(refused.body.error.message).toContain('not for [EMAIL_2]');
  const sent = await sentTo();
  expect([sent.includes('from [EMAIL_1]'), sent.includes('jane@')]).toEqual([true, false]);
  const entries = [await logged('named-1'), await logged('named-2')];
  expect(JSON.stringify(entries)).not.toContain('example.org');
  expect(entries[1].metadata).toEqual({ for: '[EMAIL_1]' });
});

it.each([
  ['a pattern that RE2 does not read', [{ ...BLOCK, patterns: ['(a)\\1'] }], 'invalid_value', 'guardrails[0].patterns[0]'],
  ['a schema that is none', [{ ...SHAPE, schema: { $ref: '#/$defs/none' } }], 'invalid_value', 'guardrails[0].schema'],
  [
    'a webhook in the network',
    [{ ...MASK }, { kind: 'webhook', name: 'w', url: 'https://10.0.0.1/' }],
    'address_denied',
    'guardrails[1].url',
  ],
  ['a kind that there is not', [{ kind: 'magic', name: 'm' }], 'invalid_value', 'guardrails[0].kind'],
  ['two hooks of one name', [MASK, MASK], 'invalid_value', 'guardrails'],
  ['a pattern that is too long', [{ ...BLOCK, patterns: ['x'.repeat(513)] }], 'limit_exceeded', 'guardrails[0].patterns[0]'],
])('[U111] a route is refused with %s', async (_, guardrails, code, param) => {
  const refused = await create('refused', guardrails);
  expect([refused.body.error.code, refused.body.error.param]).toEqual([code, param]);
});

it('[U118] versions and explanations show the hooks', async () => {
  const route = await routeWith(MASK, SHAPE);
  const { body: versions } = await client.get(`/v1/routes/${route}/versions`);
  expect(versions.data[0].guardrails).toMatchObject([
    { name: 'people', on: 'both' },
    { name: 'shape', on: 'answer', action: 'block' },
  ]);
  const { body: explained } = await client.post(`/v1/routes/${route}/explain`, { request: {} });
  expect(explained.guardrails).toEqual([
    { hook: 'people', kind: 'pii', on: 'both' },
    { hook: 'shape', kind: 'json-schema', on: 'answer' },
  ]);
});

it('[U177] [U273] an upstream judges by its moderations, and its charge is part of the call', async () => {
  const hook = { kind: 'classifier', name: 'safety', model: 'lab/judge', thresholds: { violence: 0.5 }, timeout_ms: HOOK_MS };
  expect((await create('misjudged', [{ ...hook, model: 'lab/none' }])).body.error).toMatchObject({ code: 'model_not_found' });
  expect((await create('misjudged', [{ ...hook, model: 'lab/small' }])).body.error).toMatchObject({ param: 'guardrails[0].model' });
  const route = await routeWith(hook);
  await says(['a weir']);
  const passed = await ask(route, 'what is it?', {}, { 'x-request-id': 'moderated-1' });
  expect(passed.body.choices[0].message.content).toBe('a weir');
  // The request's text and the answer's, which the mock reports no tokens of: four bytes a token.
  const paths = async () => (await upstream.truth()).latest.map(({ path }) => path);
  expect(await paths()).toEqual(['/v1/moderations', '/v1/chat/completions', '/v1/moderations']);
  const entry = await logged('moderated-1');
  expect(
    entry.guardrails.map(({ side, outcome, tokens }: { side: string; outcome: string; tokens?: number }) => [side, outcome, tokens]),
  ).toEqual([
    ['request', 'passed', undefined],
    ['answer', 'passed', undefined],
  ]);
  expect(entry.cost_usd).toBe(passed.headers.get('x-sluice-cost-usd'));
  const nanoOf = async (model: string): Promise<number> => {
    const { data } = (await client.get('/v1/usage?group_by=model')).body;
    return data.find((row: { model: string; meter: string }) => row.model === model && row.meter === 'upstream_nano')?.quantity ?? 0;
  };
  const settled = { timeout: 60_000 };
  await expect.poll(() => nanoOf('lab/judge'), settled).toBeGreaterThan(0);
  const judgedNano = await nanoOf('lab/judge');
  // The chat alone costs some hundred nano-dollars.
  expect(Number(entry.cost_usd) * 1e9).toBeGreaterThan(10_000);

  const blocked = await ask(route, 'violence, please', {}, { 'x-request-id': 'moderated-2' });
  expect(blocked.body.error.code).toBe('guardrail_blocked');
  await expect.poll(() => nanoOf('lab/judge'), { ...settled, message: 'what blocked is paid for' }).toBeGreaterThan(judgedNano);
  // All that was charged is in the report, under the model that was charged: for the call that was blocked, too.
  const nano = (usd: string): number => Math.round(Number(usd) * 1e9);
  const report = async () => (await client.get('/v1/cost/report')).body;
  const judgedIn = ({ targets }: { targets: { target: string | null; cost_usd: string }[] }): number =>
    nano(targets.find(({ target }) => target === 'lab/judge')?.cost_usd ?? '0');
  await expect.poll(async () => judgedIn(await report()) - (await nanoOf('lab/judge')), settled).toBe(0);
  const { unanswered, spent_usd: spent, targets } = await report();
  expect(nano(unanswered.cost_usd)).toBeGreaterThan(0);
  expect(nano(spent)).toBe(targets.reduce((sum: number, line: { cost_usd: string }) => sum + nano(line.cost_usd), 0));
  expect(Number((await logged('moderated-2')).cost_usd) * 1e9).toBeGreaterThan(10_000);
  await says(['of ', 'violence']);
  const streamed = await ask(route, 'what is it?', { stream: true });
  expect([said(streamed.body), streamed.body.includes('guardrail_blocked')]).toEqual(['', true]);

  // The upstream is out: the hook says what happens.
  await upstream.script({ status: 500 });
  expect((await ask(route, 'what is it?')).body.error.code).toBe('guardrail_blocked');
  const lenient = await routeWith({ ...hook, on: 'request', on_failure: 'pass' });
  await upstream.script({ texts: ['a weir'] }, [{ status: 400 }]);
  expect((await ask(lenient, 'violence')).body.choices[0].message.content).toBe('a weir');
});

it('[U119] a registered classifier judges requests and answers, whole and streamed, and is charged', async () => {
  await promoteModel(client, 'mood', await registerModel(client, 'mood', bertFolder('classifier').files));
  const scored = await client.post('/v1/classify', { model: 'mood', input: ['the boat', 'the lock'] });
  const [{ label, score }] = scored.body.results[0].labels;
  const other = scored.body.results[1].labels.find((one: { label: string }) => one.label === label).score;
  // Between the two scores: one of the texts is objected to, the other is not.
  const [worse, fine] = score > other ? ['the boat', 'the lock'] : ['the lock', 'the boat'];
  const hook = { kind: 'classifier', name: 'mood', model: 'mood', thresholds: { [label]: (score + other) / 2 }, timeout_ms: HOOK_MS };
  const route = await routeWith(hook);
  await says([fine]);
  const passed = await ask(route, fine, {}, { 'x-request-id': 'classified-1' });
  expect(passed.body.choices[0].message.content).toBe(fine);
  const entry = await logged('classified-1');
  expect(entry.guardrails).toMatchObject([
    { hook: 'mood', side: 'request', outcome: 'passed', count: 0, tokens: expect.any(Number) },
    { hook: 'mood', side: 'answer', outcome: 'passed', count: 0, tokens: expect.any(Number) },
  ]);
  expect(entry.cost_usd).toBe(passed.headers.get('x-sluice-cost-usd'));
  const plain = await ask('lab/small', fine);
  const read = entry.guardrails.reduce((sum: number, { tokens }: { tokens: number }) => sum + tokens, 0);
  const [more, less] = [passed, plain].map(({ headers }) => Math.round(Number(headers.get('x-sluice-cost-usd')) * 1e9));
  // 20 nano-dollars a token.
  expect((more ?? 0) - (less ?? 0)).toBe(20 * read);
  expect((await ask(route, worse)).body.error.code).toBe('guardrail_blocked');
  await says([worse.slice(0, 5), worse.slice(5)]);
  expect((await ask(route, fine)).body.error.code).toBe('guardrail_blocked');
  const streamed = await ask(route, fine, { stream: true });
  expect([said(streamed.body), streamed.body.includes('guardrail_blocked')]).toEqual(['', true]);

  expect((await create('bad', [{ ...hook, model: 'none' }])).body.error).toMatchObject({
    code: 'model_not_found',
    param: 'guardrails[0].model',
  });
  expect((await create('bad', [{ ...hook, thresholds: { nothing: 1 } }])).body.error).toMatchObject({
    code: 'invalid_value',
    param: 'guardrails[0].thresholds.nothing',
  });
});

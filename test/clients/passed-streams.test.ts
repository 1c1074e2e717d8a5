import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';
import { scripted } from '../support/upstreams/script.ts';
import { encodingFor } from '../support/upstreams/token-counts.ts';

// Streams that are passed to their callers outside of JavaScript, against a scripted server of models.

const IDLE_MS = 4_000;
/** A nano-dollar for a token of the prompt, two for one of the answer. */
const PRICES = { input: 1_000_000, output: 2_000_000 };
const REQUEST_NANO = 150;
const terms = { serves: ['chat', 'completions', 'responses'], context_tokens: 4_000_000, output_tokens_max: 1_000_000, prices: PRICES };

let mock: MockUpstream;
let server: Deployment;
let admin: ApiClient;
let tenant: TestTenant;
let url: string;

beforeAll(async () => {
  mock = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${mock.port}` });
  url = server.urls[0] ?? '';
  admin = new ApiClient(url, server.secrets.SLUICE_ADMIN_KEY);
  const common = { base_url: mock.baseUrl, timeouts: { idle_ms: IDLE_MS }, models: [{ ...terms, name: 'small' }] };
  for (const more of [
    { name: 'lab', protocol: 'openai' },
    { name: 'open', protocol: 'openai', pass_usage: true },
    { name: 'claude', protocol: 'anthropic', models: [{ ...terms, name: 'small', serves: ['chat'] }] },
  ]) {
    const { status, body } = await admin.post('/v1/upstreams', { ...common, ...more });
    expect(status, JSON.stringify(body)).toBe(201);
  }
  tenant = await createTenant(server, { scopes: ['inference', 'requests:read', 'usage:read'] });
});

beforeEach(() => mock.reset());

afterAll(async () => {
  await server.stop();
  await mock.kill();
});

const CHAT = '/v1/chat/completions';
const asks = { stream: true, stream_options: { include_usage: true } };
const chat = (script: Script, more: object = asks, model = 'lab/small') => ({
  model,
  messages: [{ role: 'user', content: scripted(script) }],
  ...more,
});

let calls = 0;
const newId = (): string => `passed-${(calls += 1)}`;

const post = (body: object, { id = newId(), by = tenant, path = CHAT }: Partial<Asking> = {}): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${by.client.apiKey}`, 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify(body),
  });

interface Asking {
  readonly id: string;
  readonly by: TestTenant;
  readonly path: string;
}

/** As the upstream sends it to one that asks it itself. */
const upstreamText = async (body: object): Promise<string> =>
  (await fetch(`${mock.baseUrl}/chat/completions`, { method: 'POST', body: JSON.stringify({ ...body, model: 'small' }) })).text();

/** How many streams the isolates have passed and relayed. */
async function counted(): Promise<{ passed: number; relayed: number }> {
  const text = String((await admin.get('/metrics')).body);
  const of = (how: string): number => Number(new RegExp(`sluice_streams_total\\{[^}]*how="${how}"[^}]*\\} (\\d+)`).exec(text)?.[1] ?? 0);
  return { passed: of('passed'), relayed: of('relayed') };
}

async function howSent(work: () => Promise<unknown>): Promise<'passed' | 'relayed'> {
  const before = await counted();
  await work();
  const after = await counted();
  expect(after.passed + after.relayed).toBe(before.passed + before.relayed + 1);
  return after.passed > before.passed ? 'passed' : 'relayed';
}

interface Logged {
  readonly cost_usd: string;
  readonly code: string | null;
  readonly usage: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly answer_bytes: number;
}

/** What the log has of a call. */
async function loggedOf(id: string, by = tenant): Promise<Logged> {
  await expect.poll(async () => (await by.client.get(`/v1/requests/${id}`)).status, { timeout: 60_000 }).toBe(200);
  return (await by.client.get(`/v1/requests/${id}`)).body as Logged;
}

/** What the ledger has of the upstreams' models that a tenant has called, in nano-dollars. */
async function ledgerNano(by: TestTenant): Promise<number> {
  const { data } = (await admin.get(`/v1/usage?tenant=${by.id}&group_by=model`)).body;
  return data.reduce(
    (sum: number, line: Record<string, unknown>) => (line['meter'] === 'upstream_nano' ? sum + Number(line['quantity']) : sum),
    0,
  );
}

describe('what is passed', () => {
  it('[U32] is what the upstream has sent, to the byte, wherever its pieces end', async () => {
    for (const script of [
      { tokens: 5 },
      { tokens: 40, pieceBytes: 7 },
      { tokens: 30, tokenDelayMs: 20 },
      { texts: ['x'.repeat(300_000), 'é'] },
    ]) {
      const body = chat(script);
      const id = newId();
      let text = '';
      expect(await howSent(async () => (text = await (await post(body, { id })).text()))).toBe('passed');
      const expected = await upstreamText(body);
      expect(text).toBe(expected);
      const { output_tokens: tokens, usage, answer_bytes: bytes } = await loggedOf(id);
      expect([usage, tokens, bytes]).toEqual(['reported', script.texts?.length ?? script.tokens, Buffer.byteLength(expected)]);
    }
  });

  it.each<[string, object, string, 'passed' | 'relayed']>([
    ['usage that its caller has asked for', asks, 'lab/small', 'passed'],
    ['usage that only Sluice has asked for', { stream: true }, 'lab/small', 'relayed'],
    ['usage that callers see', { stream: true }, 'open/small', 'passed'],
    ['a translation', asks, 'claude/small', 'relayed'],
  ])('[U32] a stream with %s', async (_what, more, model, how) => {
    let text = '';
    expect(await howSent(async () => (text = await (await post(chat({ tokens: 3 }, more, model))).text()))).toBe(how);
    expect(text.includes('"completion_tokens"')).toBe(more === asks || model === 'open/small');
    expect(text.includes('"sluice":{"cost_usd":'), 'what is passed is as it came').toBe(how === 'relayed' && more === asks);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it.each([
    ['/v1/messages', 'claude/small', { max_tokens: 100, messages: [{ role: 'user', content: scripted({ tokens: 4 }) }] }],
    // One that is stored gets an id of its own.
    ['/v1/responses', 'lab/small', { input: scripted({ tokens: 4 }), store: false }],
    ['/v1/completions', 'lab/small', { prompt: scripted({ tokens: 4 }), stream_options: { include_usage: true } }],
  ])('[U32] streams of %s are passed, too', async (path, model, more) => {
    const id = newId();
    let text = '';
    const body = { model, stream: true, ...more };
    expect(await howSent(async () => (text = await (await post(body, { id, path })).text()))).toBe('passed');
    for (const token of ['t0', ' t1', ' t2', ' t3']) expect(text).toContain(token);
    expect(await loggedOf(id)).toMatchObject({ usage: 'reported', output_tokens: 4, code: null });
  });

  it('[U32] each event reaches the caller when it has come', async () => {
    const held = await post(chat({ tokens: 6, hold: { gate: 'slow', afterTokens: 3 } }));
    const reader = held.body!.getReader();
    let text = '';
    while (!text.includes(' t2')) text += new TextDecoder().decode((await reader.read()).value);
    expect(text).not.toContain(' t3');
    await mock.open('slow');
    for (let read = await reader.read(); !read.done; read = await reader.read()) text += new TextDecoder().decode(read.value);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('[U41] ends with the answer, though the upstream keeps its connection', async () => {
    const id = newId();
    const text = await (await post(chat({ tokens: 3, stays: true }), { id })).text();
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(await loggedOf(id)).toMatchObject({ code: null, usage: 'reported', output_tokens: 3 });
    await expect.poll(() => mock.truth()).toMatchObject({ open: 0 });
  });
});

describe('what breaks off', () => {
  it.each<[string, Script, string | RegExp]>([
    ['broken', { tokens: 9, dieAfterTokens: 3 }, 'broke off its answer: broken'],
    ['silent', { tokens: 9, hang: 3 }, 'broke off its answer: idle_timeout'],
    ['garbled', { tokens: 9, garbage: 3 }, /malformed|no event of its protocol/],
    ['refused by its upstream', { tokens: 9, failAfterTokens: 3 }, 'overloaded'],
  ])('[U36] a stream that is %s ends with an error on which clients throw', async (_how, script, message) => {
    const own = await createTenant(server, { scopes: ['inference', 'requests:read'] });
    const id = newId();
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: own.client.apiKey, maxRetries: 0, defaultHeaders: { 'x-request-id': id } });
    let text = '';
    const reading = async (): Promise<void> => {
      const stream = await openai.chat.completions.create(chat(script) as unknown as OpenAI.ChatCompletionCreateParamsStreaming);
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    const sent = howSent(() => expect(reading()).rejects.toThrow(message));
    expect(await sent).toBe('passed');
    expect(text).toBe('t0 t1 t2');
    const encoding = await encodingFor('cl100k_base');
    expect(await loggedOf(id, own)).toMatchObject({ code: 'upstream_failed', usage: 'counted', output_tokens: encoding.count(text) });
    await expect.poll(() => mock.truth()).toMatchObject({ open: 0 });
  });

  it('[U36] an event that broke off is ended before the error', async () => {
    const text = await (await post(chat({ tokens: 9, dieAfterTokens: 3, pieceBytes: 31 }))).text();
    const [last, ...others] = text.trimEnd().split('\n\n').reverse();
    expect(JSON.parse(last!.replace('data: ', ''))).toMatchObject({ error: { code: 'upstream_failed' } });
    expect(others.join()).toContain('t2');
  });
});

describe('what is left by its caller', () => {
  const leaving: readonly [string, Script, string][] = [
    ['before the first event', { tokens: 9, hang: 0 }, ''],
    ['at the first event', { tokens: 9, hang: 1 }, 't0'],
    ['between two events', { tokens: 9, hang: 4 }, ' t3'],
    ['after its usage', { tokens: 9, stays: true }, '"usage":{'],
    ['at its end', { tokens: 9 }, '[DONE]'],
  ];
  it.each(leaving)(
    '[U41] [U75] %s has one cost in the log and the ledger, and its upstream is called off',
    async (_when, script, until) => {
      const own = await createTenant(server, { scopes: ['inference', 'requests:read'] });
      const id = newId();
      const caller = await callerOf(own, chat(script), id);
      await expect.poll(() => mock.truth()).toMatchObject({ requests: 1 });
      await expect.poll(() => caller.text).toContain(until);
      const leftMs = performance.now();
      caller.socket.resetAndDestroy();
      await expect.poll(() => mock.truth()).toMatchObject({ open: 0 });
      // Long before its silence is over.
      if (script.hang !== undefined) expect(performance.now() - leftMs).toBeLessThan(IDLE_MS);
      const logged = await loggedOf(id, own);
      const nano = Number(logged.cost_usd.replace('.', '')) - REQUEST_NANO;
      await expect.poll(() => ledgerNano(own), { timeout: 30_000, interval: 200 }).toBe(nano);
      const text = Array.from({ length: Number(script.hang ?? 9) }, (_, at) => `${at === 0 ? '' : ' '}t${at}`).join('');
      // What was reported, else the tokens of what came; a call that no upstream has begun to answer costs its request alone.
      const tokens = script.hang === undefined ? 9 : (await encodingFor('cl100k_base')).count(text);
      expect(logged.output_tokens).toBe(tokens);
      expect(nano).toBe(tokens === 0 ? 0 : logged.input_tokens + 2 * tokens);
    },
  );
});

describe('callers that read nothing', () => {
  const CALLERS = 8;
  const MIB = 1024 * 1024;

  it('[U190] make an isolate hold little, and their upstreams wait, however much these have to say', async () => {
    // 128 MiB for each, of which the kernel's buffers take some.
    const tokens = 512;
    await mock.script({ texts: Array.from({ length: tokens }, () => 'x'.repeat(MIB / 4)) });
    const asked = { model: 'lab/small', messages: [{ role: 'user', content: 'all' }], ...asks };
    const before = await rssBytes();
    const callers = await Promise.all(Array.from({ length: CALLERS }, () => callerOf(tenant, asked, newId(), false)));
    try {
      const sentTokens = async () => (await mock.truth()).latest.map(({ outputTokens }) => outputTokens);
      await expect.poll(async () => (await sentTokens()).length, { timeout: 60_000 }).toBe(CALLERS);
      let [sent, seen, most]: [number[], number[], number] = [[], [-1], 0];
      while (sent.join() !== seen.join()) {
        seen = sent;
        await new Promise((resolve) => void setTimeout(resolve, 2_000));
        sent = await sentTokens();
        most = Math.max(most, await rssBytes());
      }
      expect(Math.max(...sent), 'they wait').toBeLessThan(tokens / 2);
      expect((most - before) / MIB, 'of 1,024 MiB').toBeLessThan(192);
    } finally {
      for (const { socket } of callers) socket.resetAndDestroy();
    }
    await expect.poll(() => mock.truth(), { timeout: 20_000 }).toMatchObject({ open: 0 });
  }, 120_000);
});

async function rssBytes(): Promise<number> {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${server.workerdPid()}/status`, 'utf8'))?.[1]) * 1024;
}

interface Caller {
  readonly socket: Socket;
  /** What has come. */
  text: string;
}

/** A caller that can leave, as one does whose connection breaks; or that reads nothing. */
async function callerOf(by: TestTenant, asked: object, id: string, reads = true): Promise<Caller> {
  const { hostname, port } = new URL(url);
  const body = JSON.stringify(asked);
  const socket = connect(Number(port), hostname);
  const caller: Caller = { socket, text: '' };
  socket.on('error', () => undefined);
  if (reads) socket.on('data', (piece) => void (caller.text += piece.toString('utf8')));
  await once(socket, 'connect');
  const head = [
    `POST ${CHAT} HTTP/1.1`,
    'host: sluice',
    `authorization: Bearer ${by.client.apiKey}`,
    'content-type: application/json',
    `x-request-id: ${id}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  return caller;
}

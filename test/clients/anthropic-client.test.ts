import { join } from 'node:path';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';
import { scripted } from '../support/upstreams/script.ts';
import { CALLED_IN_TURN, startTurnsUpstream } from '../support/upstreams/turns-upstream.ts';

let upstream: MockUpstream;
let turns: Awaited<ReturnType<typeof startTurnsUpstream>>;
let server: Server;
let client: ApiClient;
let openai: OpenAI;
let anthropic: Anthropic;

const TOOL = { name: 'weather', arguments: '{"city":"Delft","days":2}' };
const said = (script: Script = {}) => [{ role: 'user' as const, content: scripted(script) }];

beforeAll(async () => {
  upstream = await startMockUpstream();
  turns = await startTurnsUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port},127.0.0.1:${turns.port}` });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const terms = {
    context_tokens: 100_000,
    output_tokens_max: 1_000,
    image_tokens_max: 1_000,
    prices: { input: 1_000_000, output: 2_000_000 },
  };
  const secret = 'sk-mock-0123456789abcdef';
  for (const [name, protocol, model, base_url] of [
    ['lab', 'openai', 'small', upstream.baseUrl],
    ['claude', 'anthropic', 'opus', upstream.baseUrl],
    ['turns', 'openai', 'turning', `http://127.0.0.1:${turns.port}/v1`],
  ])
    await admin.create('/v1/upstreams', { name, protocol, base_url, secret, models: [{ ...terms, name: model, serves: ['chat'] }] });
  ({ client } = await createTenant(server));
  openai = new OpenAI({ baseURL: `${client.url}/v1`, apiKey: client.apiKey, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: client.url, apiKey: client.apiKey, maxRetries: 0 });
});

beforeEach(() => upstream.reset());

afterAll(async () => {
  await server.stop();
  await upstream.kill();
  turns.stop();
});

describe('what the Anthropic client calls besides messages', () => {
  it('[U233] counts tokens, by the model or by estimate, and charges none', async () => {
    const { client: counted } = await createTenant(server);
    const ask = (model: string) => counted.post('/v1/messages/count_tokens', { model, messages: said() });
    const [native, other] = [await ask('claude/opus'), await ask('lab/small')];
    expect([native.headers.get('x-sluice-token-count'), other.headers.get('x-sluice-token-count')]).toEqual(['upstream', 'estimate']);
    expect(Math.min(native.body.input_tokens as number, other.body.input_tokens as number)).toBeGreaterThan(0);
    expect((await upstream.truth()).latest).toMatchObject([{ path: '/v1/messages/count_tokens', body: { model: 'opus' } }]);
    const { body } = await counted.get('/v1/usage');
    expect(JSON.stringify(body)).not.toContain('upstream_input_tokens');
    expect(await anthropic.messages.countTokens({ model: 'claude/opus', messages: said() })).toMatchObject({
      input_tokens: expect.any(Number) as number,
    });
  });

  it('[U230] gets calls that were streamed in turn as the calls that they are', async () => {
    const { content } = await anthropic.messages.stream({ model: 'turns/turning', max_tokens: 100, messages: said() }).finalMessage();
    expect(content.flatMap((block) => (block.type === 'tool_use' ? [{ name: block.name, input: block.input as object }] : []))).toEqual(
      CALLED_IN_TURN,
    );
    const { output } = await openai.responses.stream({ model: 'turns/turning', input: 'hello' }).finalResponse();
    const called = output.flatMap((item) =>
      item.type === 'function_call' ? [{ name: item.name, input: JSON.parse(item.arguments) as object }] : [],
    );
    expect(called).toEqual(CALLED_IN_TURN);
  });

  it("[G128] [G129] lists models page by page in Anthropic's shape, and is refused files", async () => {
    const ids: string[] = [];
    for await (const { id, type } of anthropic.models.list({ limit: 2 })) ids.push(`${type} ${id}`);
    expect([ids.length, ids.includes('model opus')]).toEqual([new Set(ids).size, true]);
    const last = (await anthropic.models.list({ limit: 1, before_id: 'small' })).data;
    expect(last.map(({ id }) => id)).toEqual(['opus']);
    expect(await anthropic.models.retrieve('claude/opus')).toMatchObject({ type: 'model', id: 'claude/opus', max_input_tokens: 100_000 });
    const files = await client.get('/v1/files', { 'anthropic-version': '2023-06-01' });
    expect([files.status, files.body.error.code]).toEqual([501, 'not_offered']);
    expect((await client.get('/v1/files')).status).toBe(200);
  });
});

it('[J268] [J269] answers message batches, which both protocols serve, and lists and deletes them', async () => {
  const params = (model: string) => ({ model, max_tokens: 100, messages: said({ tokens: 2 }) });
  const requests = [
    { custom_id: 'native', params: params('claude/opus') },
    { custom_id: 'translated', params: params('lab/small') },
    { custom_id: 'absent', params: params('lab/none') },
  ];
  const { batches } = anthropic.messages;
  const { id, processing_status: status, request_counts: counts } = await batches.create({ requests });
  expect([status, counts.processing]).toEqual(['in_progress', 3]);
  await expect.poll(async () => (await batches.retrieve(id)).processing_status, { timeout: 120_000, interval: 200 }).toBe('ended');
  expect((await batches.retrieve(id)).request_counts).toEqual({ processing: 0, succeeded: 2, errored: 1, canceled: 0, expired: 0 });
  const results: Record<string, unknown> = {};
  for await (const { custom_id: of, result } of await batches.results(id)) results[of] = result;
  const message = { type: 'message', content: [{ type: 'text', text: 't0 t1' }] };
  expect(results).toMatchObject({
    native: { type: 'succeeded', message },
    translated: { type: 'succeeded', message },
    absent: { type: 'errored', error: { type: 'error', error: { type: 'not_found_error' } } },
  });
  const listed: string[] = [];
  for await (const batch of batches.list({ limit: 1 })) listed.push(batch.id);
  expect(listed).toEqual([id]);
  expect((await batches.cancel(id)).processing_status).toBe('ended');
  expect(await batches.delete(id)).toEqual({ id, type: 'message_batch_deleted' });
  await expect(batches.retrieve(id)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
});

describe.skipIf(isWithoutPython('messages by the anthropic package of Python'))('the anthropic package of Python, unmodified', () => {
  it('[U230] [U231] [U233] [G128] [G129] counts, lists, reads documents and runs tools', async () => {
    const environment = { ANTHROPIC_BASE_URL: client.url, ANTHROPIC_API_KEY: client.apiKey };
    // A document, two counts, and two runs of a tool.
    await upstream.script({ tokens: 2 }, [{ tokens: 2 }, {}, {}, { tool: TOOL }, { tokens: 2 }, { tool: TOOL }, { tokens: 2 }]);
    const script = join(import.meta.dirname, 'anthropic-messages.py');
    const printed = await ranPython('python', [script, 'claude/opus', 'lab/small', 'turns/turning'], environment);
    const { counted, beta, ...rest } = JSON.parse(printed) as { counted: number[]; beta: number };
    expect(Math.min(...counted, beta)).toBeGreaterThan(0);
    expect(rest).toEqual({
      models: [true, true, 'model'],
      missing: [404, 'NotFoundError'],
      files: [501, 'HTTPNotImplementedError'],
      read: 't0 t1',
      ran: [
        ['tool_use', 'end_turn'],
        ['tool_use', 'end_turn'],
      ],
      interleaved: [
        ['text', 'I look.'],
        ['tool_use', CALLED_IN_TURN[0]?.input],
        ['tool_use', CALLED_IN_TURN[1]?.input],
        ['text', ' Twice.'],
      ],
    });
  });
});

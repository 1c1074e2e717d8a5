import { join } from 'node:path';

import Anthropic from '@anthropic-ai/sdk';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
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

let upstream: MockUpstream;
let server: Server;
let client: ApiClient;
let openai: OpenAI;
let anthropic: Anthropic;

const SECRET = 'sk-mock-0123456789abcdef';
const prices = { input: 1_000_000, output: 2_000_000 };
/** What upstreams answer, and the class of the clients' exception: of OpenAI's and of Anthropic's. */
const FAILURES = [
  [400, 'BadRequestError', 'BadRequestError'],
  [404, 'NotFoundError', 'NotFoundError'],
  [409, 'ConflictError', 'ConflictError'],
  [413, 'APIStatusError', 'ContentTooLargeError'],
  [422, 'UnprocessableEntityError', 'UnprocessableEntityError'],
  [429, 'RateLimitError', 'RateLimitError'],
  [500, 'InternalServerError', 'InternalServerError'],
  [503, 'InternalServerError', 'ServiceUnavailableError'],
  [529, 'InternalServerError', 'OverloadedError'],
] as const;
const WAYS = ['js', 'python'] as const;

const terms = { context_tokens: 100_000, output_tokens_max: 1_000, image_tokens_max: 1_000, prices };

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const common = { base_url: upstream.baseUrl, secret: SECRET };
  const serves = ['chat', 'completions', 'responses', 'embeddings', 'rerank', 'moderations'];
  await admin.create('/v1/upstreams', { ...common, name: 'lab', protocol: 'openai', models: [{ ...terms, name: 'small', serves }] });
  await admin.create('/v1/upstreams', {
    ...common,
    name: 'plain',
    protocol: 'openai',
    models: [{ ...terms, name: 'chatty', serves: ['chat'] }],
  });
  await admin.create('/v1/upstreams', {
    ...common,
    name: 'claude',
    protocol: 'anthropic',
    models: [{ ...terms, name: 'opus', serves: ['chat'] }],
  });
  // Each of a model of its own, so that no breaker is open from the one before.
  const models = FAILURES.flatMap(([status]) => WAYS.map((way) => ({ ...terms, name: `${way}-${status}`, serves: ['chat'] })));
  await admin.create('/v1/upstreams', { ...common, name: 'busy', protocol: 'openai', models });
  await admin.create('/v1/upstreams', { ...common, name: 'full', protocol: 'anthropic', models });
  ({ client } = await createTenant(server));
  openai = new OpenAI({ baseURL: `${client.url}/v1`, apiKey: client.apiKey, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: client.url, apiKey: client.apiKey, maxRetries: 0 });
});

beforeEach(() => upstream.reset());

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

const TOOL = { name: 'weather', arguments: '{"city":"Delft","days":2}' };
const said = (script: Script = {}) => [{ role: 'user' as const, content: scripted(script) }];
const chat = (model: string, script: Script = {}, more: object = {}) => ({ model, messages: said(script), ...more });

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

async function textOf(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

describe.each(['lab/small', 'claude/opus'])('the unmodified openai client, with %s', (model) => {
  it('[U31] [U32] completes chats, whole and as a stream', async () => {
    const whole = await openai.chat.completions.create(chat(model, { tokens: 3 }));
    expect(whole.choices[0]).toMatchObject({ message: { role: 'assistant', content: 't0 t1 t2' }, finish_reason: 'stop' });
    expect(whole.usage).toMatchObject({ completion_tokens: 3 });
    expect(await textOf(await openai.chat.completions.create({ ...chat(model, { tokens: 4, pieceBytes: 9 }), stream: true }))).toBe(
      't0 t1 t2 t3',
    );
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    const usages: unknown[] = [];
    for await (const { usage } of await openai.chat.completions.create({ ...chat(model, { tokens: 2 }), ...options })) usages.push(usage);
    expect(usages.at(-1)).toMatchObject({ completion_tokens: 2 });
    expect(usages.slice(0, -1).filter((usage) => usage !== null)).toEqual([]);
  });

  it('[U31] calls tools', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: { type: 'object', properties: {} } } }];
    const called = { tool_calls: [{ function: TOOL }] };
    const whole = await openai.chat.completions.create({ ...chat(model, { tool: TOOL }), tools });
    expect(whole.choices[0]).toMatchObject({ message: called, finish_reason: 'tool_calls' });
    const stream = openai.chat.completions.stream({ ...chat(model, { tool: TOOL }), tools });
    expect((await stream.finalChatCompletion()).choices[0]).toMatchObject({ message: called, finish_reason: 'tool_calls' });
  });

  it('[U31] answers responses, whole and as a stream, and calls tools', async () => {
    const whole = await openai.responses.create({ model, input: scripted({ tokens: 3 }) });
    expect(whole).toMatchObject({ output_text: 't0 t1 t2', status: 'completed', usage: { output_tokens: 3 } });
    const stream = openai.responses.stream({ model, input: scripted({ tokens: 3 }) });
    expect((await stream.finalResponse()).output_text).toBe('t0 t1 t2');
    const tools = [{ type: 'function' as const, name: 'weather', parameters: {}, strict: false }];
    const called = openai.responses.stream({ model, input: scripted({ tool: TOOL }), tools });
    expect((await called.finalResponse()).output).toMatchObject([{ type: 'function_call', ...TOOL }]);
  });

  it('[U36] throws where a stream breaks off, and keeps what came before', async () => {
    const stream = await openai.chat.completions.create({ ...chat(model, { tokens: 9, dieAfterTokens: 2 }), stream: true });
    let text = '';
    const error = await failure(
      (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })(),
    );
    expect(text).toBe('t0 t1');
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ code: 'upstream_failed' });
    expect(await upstream.truth()).toMatchObject({ requests: 1, died: 1 });
  });

  it('[U41] [U42] closes the connection to the upstream when its caller leaves', async () => {
    const stream = await openai.chat.completions.create({ ...chat(model, { tokens: 1_000, tokenDelayMs: 20 }), stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === ' t1') break;
    await expect.poll(() => upstream.truth()).toMatchObject({ open: 0, aborted: 1 });
  });
});

describe('the unmodified openai client', () => {
  it('[U31] answers responses by a model that serves chats alone', async () => {
    expect(await openai.responses.create({ model: 'plain/chatty', input: scripted({ tokens: 2 }) })).toMatchObject({
      output_text: 't0 t1',
    });
  });

  it('moderates, and completes texts', async () => {
    const { results } = await openai.moderations.create({ model: 'lab/small', input: ['peace', 'violence'] });
    expect(results.map(({ flagged }) => flagged)).toEqual([false, true]);
    const { choices } = await openai.completions.create({ model: 'lab/small', prompt: scripted({ tokens: 2 }) });
    expect(choices[0]?.text).toBe('t0 t1');
  });

  it('[U43] counts a request that an upstream serves once, whatever comes of it', async () => {
    const { client: counted } = await createTenant(server, { quota: { requests: { month: 3 } } });
    const embed = (model: string) => counted.post('/v1/embeddings', { model, input: 'canal' });
    expect((await embed('lab/small')).status).toBe(200);
    expect((await embed('lab/other')).status).toBe(404);
    expect((await embed('lab/small')).status, 'the last of three').toBe(200);
    expect(await embed('lab/small')).toMatchObject({ status: 429, body: { error: { code: 'insufficient_quota' } } });
  });

  it('[U43] embeds and ranks by an upstream, where the deployment has no such model', async () => {
    const input = ['canal', 'weir'];
    const { data, usage } = await openai.embeddings.create({ model: 'lab/small', input });
    expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
      [0, 8],
      [1, 8],
    ]);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    const { headers, status, body } = await client.post('/v1/rerank', { model: 'small', query: 'canal', documents: ['a', 'canal'] });
    expect([status, headers.get('x-sluice-route')]).toEqual([200, 'lab/small; attempts=1; reason=model']);
    expect(body.results).toMatchObject([{ index: 1 }, { index: 0 }]);
    expect(await failure(openai.embeddings.create({ model: 'lab/other', input }))).toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining('there are: ') as string,
    });
    expect(await upstream.truth()).toMatchObject({ requests: 2 });
  });

  it('[U33] [U37] learns what is wrong', async () => {
    expect(await failure(openai.chat.completions.create({ ...chat('claude/opus'), n: 2 }))).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'n',
    });
    expect(await failure(openai.chat.completions.create(chat('lab/small', { status: 422, message: 'too hot' })))).toMatchObject({
      status: 422,
      code: 'upstream_rejected',
      message: expect.stringContaining('too hot') as string,
    });
    expect(await failure(openai.chat.completions.create(chat('lab/other')))).toMatchObject({ status: 404, code: 'model_not_found' });
    expect(await failure(openai.embeddings.create({ model: 'claude/opus', input: 'a' }))).toMatchObject({ param: 'model' });
  });

  it('[U31] [U34] [U39] [U40] sends what came, with a limit and the secret, to the upstream alone', async () => {
    const { headers } = await client.post('/v1/chat/completions', chat('small', {}, { chat_template_kwargs: { a: [1] } }));
    expect(headers.get('x-sluice-route')).toBe('lab/small; attempts=1; reason=model');
    expect(headers.get('x-sluice-model')).toBe('lab/small');
    const { latest } = await upstream.truth();
    expect(latest[0]).toMatchObject({ body: { chat_template_kwargs: { a: [1] } }, headers: { authorization: `Bearer ${SECRET}` } });
    expect(JSON.stringify(latest)).not.toContain(client.apiKey);
    expect(latest[0]?.body['max_tokens'] ?? latest[0]?.body['max_completion_tokens']).toBeGreaterThan(0);
    // [U195] What it does not know goes to no upstream of the platform.
    const unknown = await client.post('/v1/chat/completions', chat('small', {}, { new_field: 1 }));
    expect([unknown.status, unknown.body.error.param]).toEqual([400, 'new_field']);
    expect(JSON.stringify((await upstream.truth()).latest)).not.toContain('new_field');
    const moved = await client.post(
      '/v1/chat/completions',
      chat('lab/small', { status: 307, headers: { location: `${upstream.baseUrl}/messages` } }),
    );
    expect(moved.status).toBe(502);
    expect((await upstream.truth()).latest.map(({ path }) => path)).not.toContain('/v1/messages');
  });
});

describe.each(['claude/opus', 'lab/small'])('the unmodified Anthropic client, with %s', (model) => {
  const message = (script: Script = {}) => ({ model, max_tokens: 100, messages: said(script) });

  it('[U31] answers messages, whole and as a stream, and calls tools', async () => {
    expect(await anthropic.messages.create(message({ tokens: 2 }))).toMatchObject({
      content: [{ type: 'text', text: 't0 t1' }],
      stop_reason: 'end_turn',
      usage: { output_tokens: 2 },
    });
    expect(await anthropic.messages.stream(message({ tokens: 3, pieceBytes: 13 })).finalText()).toBe('t0 t1 t2');
    const tools = [{ name: 'weather', input_schema: { type: 'object' as const } }];
    const called = await anthropic.messages.stream({ ...message({ tool: TOOL }), tools }).finalMessage();
    expect(called).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'tool_use', name: 'weather', input: JSON.parse(TOOL.arguments) as object }],
    });
    const cut = await anthropic.messages.create({ ...message({ tokens: 9 }), max_tokens: 4 });
    expect(cut).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 4 } });
  });

  it('[U195] runs tools, which asks for a thread first and goes on without one', async () => {
    await upstream.script({ tokens: 2 }, [{ tool: TOOL }]);
    const tool = { name: 'weather', input_schema: { type: 'object' as const }, run: () => 'dry', parse: (given: unknown) => given };
    const asked = { model, max_tokens: 100, messages: [{ role: 'user' as const, content: 'hello' }], tools: [tool] };
    const { content } = await anthropic.beta.messages.toolRunner(asked);
    expect(content).toMatchObject([{ type: 'text', text: 't0 t1' }]);
    const { requests, latest } = await upstream.truth();
    expect([requests, JSON.stringify(latest).includes('thread')]).toEqual([2, false]);
  });

  it('[U36] throws where a stream breaks off', async () => {
    const error = await failure(anthropic.messages.stream(message({ tokens: 9, dieAfterTokens: 2 })).finalMessage());
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(String(error)).toContain('broke off its answer');
  });
});

const failing = (model: string, status: number) => {
  // Anthropic's errors have a type alone.
  const words = model.startsWith('busy') ? { code: 'context_length_exceeded', param: 'messages' } : {};
  const error = { type: 'of_upstream', ...words };
  const script = { status, message: 'too much', error, headers: { 'retry-after': '60' } };
  return { model: `${model}-${status}`, max_tokens: 9, messages: said(script) };
};

describe.each(['busy', 'full'])('errors of the upstream %s', (name) => {
  it.each(FAILURES)('[U204] [U206] a %d is what both clients catch, whole and streamed', async (status, ofOpenai, ofAnthropic) => {
    const asked = failing(`${name}/js`, status);
    const arrived: unknown[] = [];
    for (const stream of [false, true]) {
      for (const [work, expected] of [
        [() => openai.chat.completions.create({ ...asked, stream }), ofOpenai],
        [() => anthropic.messages.create({ ...asked, stream }), ofAnthropic],
      ] as const) {
        const error = (await failure(work())) as {
          readonly status: number;
          readonly headers: Headers;
          readonly constructor: { name: string };
        };
        arrived.push(error);
        expect([error.status, error.constructor.name], `stream: ${stream}`).toEqual([
          status,
          expected === 'APIStatusError' ? 'APIError' : expected,
        ]);
        expect(error.headers.get('x-sluice-model')).toBe(asked.model);
        // Later ones meet the pause that the first one caused.
        if (status === 429) expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(20);
      }
    }
    const code = name === 'busy' ? 'context_length_exceeded' : expect.stringMatching(/^upstream_/);
    expect(arrived[0]).toMatchObject({ code, param: name === 'busy' ? 'messages' : null, requestID: expect.any(String) });
    expect(arrived[1]).toMatchObject({ error: { type: 'error' }, requestID: expect.any(String) });
    if (status === 529) expect(arrived[1]).toMatchObject({ type: name === 'full' ? 'of_upstream' : 'overloaded_error' });
  });
});

it("[G125] [G126] every error of Anthropic's paths and clients has its shape and request-id, and successes that header", async () => {
  const version = { 'anthropic-version': '2023-06-01' };
  const calls: readonly (readonly [status: number, method: string, path: string, headers: Record<string, string>, body?: string])[] = [
    [401, 'POST', '/v1/messages', { authorization: 'Bearer sk_none' }, '{}'],
    [400, 'POST', '/v1/messages', {}, '{}'],
    [400, 'POST', '/v1/messages', {}, '{'],
    [415, 'POST', '/v1/messages', { 'content-type': 'text/csv' }, '{}'],
    [413, 'POST', '/v1/messages', {}, `{"model":"${'x'.repeat(9 * 1024 * 1024)}"}`],
    [405, 'PUT', '/v1/messages', {}],
    [404, 'GET', '/v1/messages/nothing/here', {}],
    [404, 'GET', '/v1/models/none', version],
    [401, 'GET', '/v1/models', { ...version, authorization: 'Bearer sk_none' }],
    [404, 'GET', '/v1/skills', version],
    [405, 'DELETE', '/v1/models', version],
  ];
  for (const [status, method, path, headers, body] of calls) {
    const common = { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json', ...headers };
    const response = await fetch(`${client.url}${path}`, { method, headers: common, ...(body === undefined ? {} : { body }) });
    const answer = (await response.json()) as { readonly error: { readonly message: string }; readonly request_id: string };
    expect([response.status, response.headers.get('request-id')], `${method} ${path}`).toEqual([status, answer.request_id]);
    expect(answer, path).toMatchObject({ type: 'error', error: { type: expect.stringMatching(/^[a-z_]+$/), message: expect.any(String) } });
    expect(response.headers.get('x-request-id')).toBe(answer.request_id);
  }
  for (const stream of [false, true]) {
    const asked = { model: 'claude/opus', max_tokens: 9, messages: said({ tokens: 1 }), stream };
    const { response, request_id: id } = await anthropic.messages.create(asked).withResponse();
    expect([id, response.headers.get('x-request-id')]).toEqual([expect.any(String), id]);
    await response.body?.cancel().catch(() => undefined);
  }
});

it("[G127] OpenAI's paths keep their shape, whatever headers are sent for an upstream", async () => {
  const version = { 'anthropic-version': '2023-06-01' };
  for (const path of ['/v1/chat/completions', '/v1/responses', '/v1/completions']) {
    const { status, body, headers } = await client.post(path, {}, version);
    expect([status, body.type, body.error.code, headers.get('request-id')], path).toEqual([400, undefined, 'invalid_value', null]);
  }
});

it('[U37] refuses in the shape of Anthropic, whose clients read it', async () => {
  const request = { model: 'lab/other', max_tokens: 5, messages: said() };
  const error = await failure(anthropic.messages.create(request));
  expect(error).toBeInstanceOf(Anthropic.NotFoundError);
  expect(error).toMatchObject({ status: 404, error: { type: 'error', error: { type: 'not_found_error', code: 'model_not_found' } } });
  const denied = await failure(new Anthropic({ baseURL: client.url, apiKey: 'sk_none', maxRetries: 0 }).messages.create(request));
  expect(denied).toBeInstanceOf(Anthropic.AuthenticationError);
});

describe.each(['lab/small', 'claude/opus'])('the unmodified AI SDK, with %s', (model) => {
  it('[U31] generates and streams text', async () => {
    const provider = createOpenAICompatible({ name: 'sluice', baseURL: `${client.url}/v1`, apiKey: client.apiKey, includeUsage: true });
    const asked = { model: provider(model), prompt: scripted({ tokens: 3 }), maxRetries: 0 };
    const { text, usage, finishReason } = await generateText(asked);
    expect({ text, finishReason, output: usage.outputTokens }).toEqual({ text: 't0 t1 t2', finishReason: 'stop', output: 3 });
    const streamed = streamText(asked);
    expect(await streamed.text).toBe('t0 t1 t2');
    expect((await streamed.usage).outputTokens).toBe(3);
  });
});

describe.skipIf(isWithoutPython('chats by the openai package of Python'))('the openai package of Python, unmodified', () => {
  it('[U31] completes chats, whole and as a stream', async () => {
    const environment = { OPENAI_BASE_URL: `${client.url}/v1`, OPENAI_API_KEY: client.apiKey };
    const script = join(import.meta.dirname, 'openai-chat.py');
    const printed = await ranPython('python', [script, 'lab/small', 'lab/other'], environment);
    expect(JSON.parse(printed)).toEqual({ text: 't0 t1 t2 t3 t4', streamed: 't0 t1 t2 t3 t4', tokens: [5, 5], refused: 'model_not_found' });
  });

  it('[U204] [U206] raises the exceptions that its users and those of the anthropic package catch', async () => {
    const asked = FAILURES.flatMap(([status]) => ['busy', 'full'].map((name) => failing(`${name}/python`, status)));
    const script = join(import.meta.dirname, 'caught-errors.py');
    const printed = await ranPython('python', [script, JSON.stringify(asked)], { SLUICE_URL: client.url, SLUICE_KEY: client.apiKey });
    const expected = FAILURES.flatMap(([status, ofOpenai, ofAnthropic]) =>
      ['busy', 'full'].map((name) => ({
        status,
        openai: [ofOpenai, ofOpenai],
        anthropic: [ofAnthropic, ofAnthropic],
        code: name === 'busy' ? 'context_length_exceeded' : expect.stringMatching(/^upstream_/),
        param: name === 'busy' ? 'messages' : null,
        retry_after: expect.stringMatching(/^[2-6]\d$/),
        request_ids: [true, true],
      })),
    );
    expect(JSON.parse(printed)).toEqual(expected);
  });
});

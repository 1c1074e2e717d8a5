import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';
import { scripted } from '../support/upstreams/script.ts';

const MODELS = ['lab/small', 'claude/opus'] as const;
const terms = { context_tokens: 100_000, output_tokens_max: 1_000, prices: { input: 1_000_000, output: 2_000_000 } };

let upstream: MockUpstream;
let server: Server;
let client: ApiClient;
let other: OpenAI;
let openai: OpenAI;
/** The same key at another isolate. */
let elsewhere: OpenAI;

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(2, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const common = { base_url: upstream.baseUrl, secret: 'sk-mock-0123456789abcdef' };
  const model = (name: string, ...serves: string[]) => [{ ...terms, name, serves }];
  await admin.create('/v1/upstreams', { ...common, name: 'lab', protocol: 'openai', models: model('small', 'chat', 'responses') });
  await admin.create('/v1/upstreams', { ...common, name: 'claude', protocol: 'anthropic', models: model('opus', 'chat') });
  const openaiOf = (one: ApiClient, at: number) =>
    new OpenAI({ baseURL: `${server.urls[at] ?? ''}/v1`, apiKey: one.apiKey, maxRetries: 0 });
  ({ client } = await createTenant(server, { scopes: ['inference', 'requests:read', 'requests:write', 'files', 'jobs'] }));
  openai = openaiOf(client, 0);
  elsewhere = openaiOf(client, 1);
  other = openaiOf((await createTenant(server)).client, 0);
});

beforeEach(() => upstream.reset());

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

const asks = (model: string, text: string, more: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {}, script: Script = {}) => ({
  model,
  input: scripted(script, text),
  ...more,
});

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

async function answerOf(params: ReturnType<typeof asks>, isStream: boolean): Promise<OpenAI.Responses.Response> {
  if (!isStream) return openai.responses.create(params);
  return openai.responses.stream(params as unknown as Parameters<typeof openai.responses.stream>[0]).finalResponse();
}

describe.each(MODELS)('responses of %s, by the unmodified openai client', (model) => {
  it.each([false, true])('[U245] [U247] are there at once, elsewhere too, and are gone on from (stream: %s)', async (isStream) => {
    const first = await answerOf(asks(model, 'my name is Ann', { metadata: { topic: 'names' } }), isStream);
    expect(first).toMatchObject({ id: expect.stringMatching(/^resp_[0-9a-z]{26}$/) as string, store: true, status: 'completed' });
    const stored = await elsewhere.responses.retrieve(first.id);
    expect(stored).toMatchObject({ id: first.id, output_text: 't0 t1 t2 t3 t4', usage: first.usage });
    const second = await answerOf(asks(model, 'what is it?', { previous_response_id: first.id }), isStream);
    expect(second.previous_response_id).toBe(first.id);
    const said = JSON.stringify((await upstream.truth()).latest.at(-1)?.body);
    expect([said.includes('my name is Ann'), said.includes('t0 t1'), said.includes('what is it?')]).toEqual([true, true, true]);
    expect(said).not.toContain('previous_response_id');
    const items = await openai.responses.inputItems.list(second.id, { order: 'asc', limit: 2 });
    const all = [];
    for await (const item of items) all.push(item);
    expect(all).toMatchObject([{ role: 'user' }, { role: 'assistant' }, { role: 'user' }]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(3);
    const alone = await openai.responses.inputTokens.count({ model, input: 'what is it?' });
    const after = await openai.responses.inputTokens.count({ model, input: 'what is it?', previous_response_id: first.id });
    expect([alone.object, after.input_tokens > alone.input_tokens]).toEqual(['response.input_tokens', true]);
    await openai.responses.delete(first.id);
    expect(await failure(elsewhere.responses.retrieve(first.id))).toMatchObject({ status: 404, code: 'response_not_found' });
    const cut = failure(openai.responses.create(asks(model, 'and now?', { previous_response_id: second.id })));
    expect(await cut).toMatchObject({ status: 400, code: 'previous_response_not_found', param: 'previous_response_id' });
  });
});

describe('stored answers, by the unmodified openai client', () => {
  const chat = (text: string, more: object = {}) => ({
    model: 'claude/opus',
    messages: [{ role: 'user' as const, content: text }],
    ...more,
  });

  it('[U250] chats that say `store` are listed by metadata, changed and deleted', async () => {
    const unstored = await openai.chat.completions.create(chat('hello'));
    expect(await failure(openai.chat.completions.retrieve(unstored.id))).toMatchObject({ status: 404 });
    const ids: string[] = [];
    for (const stage of ['draft', 'draft', 'final']) {
      const { id } = await openai.chat.completions.create(chat(stage, { store: true, metadata: { stage, 'a b': 'c' } }));
      ids.push(id);
    }
    for await (const chunk of await openai.chat.completions.create({ ...chat('streamed', { store: true }), stream: true }))
      ids[3] = chunk.id;
    const stored = await elsewhere.chat.completions.retrieve(ids[3] ?? '');
    expect(stored.choices[0]).toMatchObject({ message: { role: 'assistant', content: 't0 t1 t2 t3 t4' }, finish_reason: 'stop' });
    const listed = [];
    for await (const one of openai.chat.completions.list({ limit: 1, metadata: { stage: 'draft', 'a b': 'c' } })) listed.push(one.id);
    expect(listed).toEqual(ids.slice(0, 2));
    expect((await openai.chat.completions.list({ order: 'desc', limit: 1 })).data.map(({ id }) => id)).toEqual([ids[3]]);
    const changed = await openai.chat.completions.update(ids[0] ?? '', { metadata: { stage: 'final' } });
    expect([changed.id, changed.metadata]).toEqual([ids[0], { stage: 'final' }]);
    const messages = await openai.chat.completions.messages.list(ids[0] ?? '');
    expect(messages.data).toMatchObject([{ id: `${ids[0]}-0`, role: 'user', content: 'draft' }]);
    expect(await openai.chat.completions.delete(ids[0] ?? '')).toMatchObject({ deleted: true, object: 'chat.completion.deleted' });
    expect(await failure(openai.chat.completions.retrieve(ids[0] ?? ''))).toMatchObject({ code: 'chat_completion_not_found' });
    expect(await failure(openai.chat.completions.list({ metadata: {}, stage: 'draft' } as object))).toMatchObject({
      status: 400,
      param: 'stage',
    });
  });

  it('[U251] belong to their tenant, and nothing is kept where its policy says so', async () => {
    const mine = await openai.responses.create(asks('lab/small', 'a secret'));
    const chatted = await openai.chat.completions.create(chat('a secret', { store: true }));
    const foreign = [
      () => other.responses.retrieve(mine.id),
      () => other.responses.inputItems.list(mine.id),
      () => other.responses.delete(mine.id),
      () => other.chat.completions.retrieve(chatted.id),
      () => other.chat.completions.messages.list(chatted.id),
      () => other.chat.completions.update(chatted.id, { metadata: {} }),
      () => other.chat.completions.delete(chatted.id),
    ];
    for (const call of foreign) expect(await failure(call())).toMatchObject({ status: 404 });
    expect((await other.chat.completions.list()).data).toEqual([]);
    const gone = other.responses.create(asks('lab/small', 'go on', { previous_response_id: mine.id }));
    expect(await failure(gone)).toMatchObject({ status: 400, code: 'previous_response_not_found' });
    expect((await openai.responses.retrieve(mine.id)).id).toBe(mine.id);
    expect((await client.put('/v1/stored_answers/policy', { retention_days: 0 })).status).toBe(200);
    expect(await failure(elsewhere.responses.retrieve(mine.id))).toMatchObject({ status: 404 });
    const unkept = await openai.responses.create(asks('lab/small', 'hello'));
    expect(unkept).toMatchObject({ store: false });
    expect(await failure(openai.responses.retrieve(unkept.id))).toMatchObject({ status: 404 });
    await client.put('/v1/stored_answers/policy', { retention_days: 30 });
  });

  it('[U252] `store: true` reaches no upstream of the platform', async () => {
    await openai.responses.create(asks('lab/small', 'hello', { store: true }));
    await openai.chat.completions.create({ ...chat('hello', { store: true }), model: 'lab/small' });
    const { latest } = await upstream.truth();
    expect(latest.map(({ body }) => body['store'])).toEqual([false, undefined]);
  });

  it('[U253] what is not offered is refused by its name', async () => {
    const refused = [
      () => openai.responses.cancel('resp_1'),
      () => openai.responses.compact({ model: 'gpt-5' }),
      () => openai.conversations.create(),
      () => openai.conversations.retrieve('conv_1'),
      () => openai.conversations.items.list('conv_1'),
    ];
    for (const call of refused) expect(await failure(call())).toMatchObject({ status: 501, code: 'not_offered' });
    const waiting = openai.responses.create(asks('lab/small', 'hello', { background: true }));
    expect(await failure(waiting)).toMatchObject({ status: 400, param: 'background' });
    const { id } = await openai.responses.create(asks('lab/small', 'hello'));
    expect(await failure(openai.responses.retrieve(id, { stream: true }) as Promise<unknown>)).toMatchObject({
      status: 400,
      param: 'stream',
    });
  });
});

describe('batches of calls, by the unmodified openai client', () => {
  type Line = { custom_id: string; response: { status_code: number; body: OpenAI.ChatCompletion } | null; error: { code: string } | null };

  const lineOf = (id: string, url: string, body: object) => JSON.stringify({ custom_id: id, method: 'POST', url, body });
  const linesIn = async (id: string | null | undefined): Promise<Line[]> =>
    (await (await openai.files.content(id ?? '')).text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);

  async function submit(lines: readonly string[], endpoint: '/v1/chat/completions' | '/v1/responses'): Promise<OpenAI.Batch> {
    const file = await openai.files.create({ file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'), purpose: 'batch' });
    return openai.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', metadata: { run: endpoint } });
  }

  async function ended(id: string): Promise<OpenAI.Batch> {
    const statuses = ['completed', 'failed', 'expired', 'cancelled'];
    await expect.poll(async () => (await openai.batches.retrieve(id)).status, { timeout: 20_000, interval: 50 }).toBeOneOf(statuses);
    return openai.batches.retrieve(id);
  }

  it('[J270] [J274] makes each call as a direct one is made, and counts what came of them', async () => {
    const ask = (text: string, model = 'lab/small') => ({ model, messages: [{ role: 'user', content: text }] });
    const good = Array.from({ length: 12 }, (_, n) =>
      lineOf(`good-${n}`, '/v1/chat/completions', ask(`line ${n}`, n % 2 ? 'claude/opus' : 'lab/small')),
    );
    const bad = [
      lineOf('no-model', '/v1/chat/completions', ask('x', 'nobody/nothing')),
      lineOf('no-messages', '/v1/chat/completions', { model: 'lab/small' }),
      lineOf('refused', '/v1/chat/completions', ask(scripted({ status: 400 }, 'y'))),
    ];
    const made = await submit([...good, ...bad], '/v1/chat/completions');
    expect(made).toMatchObject({ status: 'validating', output_file_id: null, request_counts: { total: 0 } });
    const batch = await ended(made.id);
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 15, completed: 12, failed: 3 },
      metadata: { run: '/v1/chat/completions' },
      usage: { output_tokens: 60 },
    });
    const output = await linesIn(batch.output_file_id);
    expect(output.map(({ custom_id: id }) => id)).toEqual(Array.from({ length: 12 }, (_, n) => `good-${n}`));
    for (const { response } of output) expect(response?.body.choices[0]?.message.content).toBe('t0 t1 t2 t3 t4');
    const errors = await linesIn(batch.error_file_id);
    expect(errors.map(({ custom_id: id, response }) => [id, response?.status_code])).toEqual([
      ['no-model', 404],
      ['no-messages', 400],
      ['refused', 400],
    ]);
    expect((await upstream.truth()).requests).toBe(13);
    const { body } = await client.get('/v1/requests?model=nobody/nothing');
    expect(body.data).toMatchObject([{ surface: 'chat', status: 404, code: 'model_not_found' }]);
    expect((await openai.batches.list({ limit: 1 })).data.map(({ id }) => id)).toEqual([batch.id]);
    expect(await failure(other.batches.retrieve(batch.id))).toMatchObject({ status: 404 });
  });

  it('[J271] fails as a whole where a line is no request of its endpoint', async () => {
    const body = { model: 'lab/small', input: 'x' };
    const made = await submit([lineOf('a', '/v1/responses', body), lineOf('a', '/v1/embeddings', body), '{'], '/v1/responses');
    const batch = await ended(made.id);
    expect(batch.status).toBe('failed');
    expect(batch.errors?.data?.map(({ code, line }) => [code, line])).toEqual([
      ['duplicate_custom_id', 2],
      ['invalid_json_line', 3],
    ]);
    expect((await upstream.truth()).requests).toBe(0);
  });

  it('[J270] batches that are made while others are worked on end, too', async () => {
    const lines = [lineOf('a', '/v1/chat/completions', { model: 'lab/small', messages: [{ role: 'user', content: 'hi' }] })];
    const made = await Promise.all(Array.from({ length: 6 }, () => submit(lines, '/v1/chat/completions')));
    for (const { id } of made) expect((await ended(id)).status).toBe('completed');
  });

  it('[J275] a batch that is cancelled begins no call any more, and keeps what is answered', async () => {
    const held = (n: number) => lineOf(`${n}`, '/v1/responses', asks('lab/small', `${n}`, {}, { hold: { gate: 'batch', afterTokens: 0 } }));
    const made = await submit(
      Array.from({ length: 30 }, (_, n) => held(n)),
      '/v1/responses',
    );
    await expect.poll(async () => (await upstream.truth()).open, { timeout: 20_000, interval: 50 }).toBe(8);
    expect((await openai.batches.cancel(made.id)).status).toBe('cancelling');
    await upstream.open('batch');
    const batch = await ended(made.id);
    expect(batch).toMatchObject({ status: 'cancelled', request_counts: { total: 30, completed: 8, failed: 22 } });
    expect(await linesIn(batch.output_file_id)).toHaveLength(8);
    expect((await linesIn(batch.error_file_id))[0]?.error?.code).toBe('batch_cancelled');
    expect((await upstream.truth()).requests).toBe(8);
    expect(await failure(openai.batches.cancel('batch_0123456789abcdefghjkmnpqrs'))).toMatchObject({ status: 404 });
  });
});

import OpenAI from 'openai';
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
  ({ client } = await createTenant(server, { scopes: ['inference', 'requests:read', 'requests:write'] }));
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
  return openai.responses.stream(params as Parameters<typeof openai.responses.stream>[0]).finalResponse();
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
    expect(await failure(openai.chat.completions.list({ metadata: {}, ...{ stage: 'draft' } }))).toMatchObject({
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

import { beforeEach, describe, expect, it } from 'vitest';

import { systemTimer } from '../../../durable-objects/system-time.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { Surface } from '../../../src/upstreams/protocol/surfaces.ts';
import { Exchanges } from '../../../src/upstreams/protocol/exchange.ts';
import { checkAddress } from '../../../src/upstreams/upstream-host.ts';
import type { Opened, TransportFault } from '../../../src/upstreams/transport.ts';
import { HttpTransport } from '../../../workers/gateway/adapters/upstreams/http-transport.ts';
import { targetOf } from '../../support/upstreams/target.ts';
import { WorkersAiDouble } from '../../support/upstreams/workers-ai-double.ts';

const TARGET = targetOf({
  protocol: 'workers-ai',
  baseUrl: 'binding:AI',
  model: { name: 'llama', upstreamName: '@cf/meta/llama-3.1-8b-instruct', serves: ['chat', 'embeddings'] },
});
const MESSAGES = [{ role: 'user', content: 'hello' }];

let ai: WorkersAiDouble;
beforeEach(() => {
  ai = new WorkersAiDouble();
});

const exchangeFor = (surface: Surface, body: object) =>
  new Exchanges({ surface, body: { model: 'llama', ...body }, headers: {}, nowMs: 5_000 }).with(
    TARGET,
    surface === 'embeddings' ? undefined : 64,
  );

async function open(surface: Surface, body: object, cancellation = new CancelSource()): Promise<Opened | TransportFault> {
  const transport = new HttpTransport({
    timer: systemTimer,
    clock: { nowMs: () => Date.now() },
    secretOf: () => Promise.resolve(undefined),
    workersAi: ai,
  });
  return transport.open(TARGET, exchangeFor(surface, body).request, cancellation);
}

async function textOf(opened: Opened | TransportFault): Promise<string> {
  if (opened.kind === 'fault') throw new Error(opened.fault);
  const pieces: Uint8Array[] = [];
  for (let piece = await opened.body.read(); piece !== undefined; piece = await opened.body.read()) {
    if ('kind' in piece) throw new Error(piece.fault);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

describe('[U45] a model of Workers AI', () => {
  it('[U45] answers chats in the shape of the API that was called', async () => {
    const answer = JSON.parse(await textOf(await open('chat', { messages: MESSAGES, temperature: 0.5 })));
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'llama',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 7, completion_tokens: 2 },
    });
    expect(ai.asked).toEqual([
      { model: '@cf/meta/llama-3.1-8b-instruct', inputs: { messages: MESSAGES, temperature: 0.5, max_tokens: 64 } },
    ]);
    const exchange = exchangeFor('messages', { messages: MESSAGES, max_tokens: 9 });
    const message = exchange.whole(await textOf(await open('messages', { messages: MESSAGES, max_tokens: 9 })));
    expect(JSON.parse(message?.text ?? '')).toMatchObject({ type: 'message', content: [{ type: 'text', text: 'Hello' }] });
    expect(message?.usage).toMatchObject({ inputTokens: 7, outputTokens: 2 });
  });

  it('[U45] calls tools, as older and newer models say it', async () => {
    ai.toolCalls = [
      { name: 'weather', arguments: { city: 'Bern' } },
      { id: 'c2', type: 'function', function: { name: 'time', arguments: '{}' } },
    ];
    const [choice] = JSON.parse(await textOf(await open('chat', { messages: MESSAGES, max_completion_tokens: 5 }))).choices;
    expect(choice).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [
          { id: 'call_0', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } },
          { id: 'c2', function: { name: 'time', arguments: '{}' } },
        ],
      },
    });
    expect(ai.asked[0]?.inputs).toMatchObject({ max_tokens: 64 });
    expect(ai.asked[0]?.inputs).not.toHaveProperty('max_completion_tokens');
  });

  it('[U45] streams chunks, with the usage for the settlement and without it for callers that did not ask', async () => {
    const opened = await open('chat', { messages: MESSAGES, stream: true });
    const stream = exchangeFor('chat', { messages: MESSAGES, stream: true }).stream();
    const sent: Uint8Array[] = [];
    if (opened.kind === 'fault') throw new Error(opened.fault);
    for (let piece = await opened.body.read(); piece !== undefined && !('kind' in piece); piece = await opened.body.read()) {
      const { send, problem } = stream.push(piece);
      expect(problem).toBeUndefined();
      if (send !== undefined) sent.push(send);
    }
    const events = Buffer.concat(sent).toString('utf8').split('\n\n').filter(Boolean);
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)).choices[0]);
    expect(chunks.map(({ delta }) => delta.content ?? '').join('')).toBe('Hello');
    expect(chunks.at(-1)).toMatchObject({ finish_reason: 'stop' });
    expect(stream.usage).toMatchObject({ inputTokens: 7, outputTokens: 2 });
    expect(stream.hasEnded).toBe(true);
  });

  it.each([false, true])('[U45] an answer with all the tokens that it may have was cut off, streamed: %s', async (stream) => {
    ai.texts = Array.from({ length: 64 }, () => 'a');
    expect(await textOf(await open('chat', { messages: MESSAGES, stream }))).toContain('"finish_reason":"length"');
    ai.texts = ai.texts.slice(1);
    expect(await textOf(await open('chat', { messages: MESSAGES, stream }))).toContain('"finish_reason":"stop"');
  });

  it('[U45] passes on what models that speak as OpenAI does have said', async () => {
    const native = { id: 'x', choices: [{ index: 0, message: { content: 'hi' } }], more: 1 };
    ai.run = () => Promise.resolve(Response.json(native));
    expect(JSON.parse(await textOf(await open('chat', { messages: MESSAGES })))).toEqual(native);
    const chunk = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n';
    ai.run = () => Promise.resolve(new Response(chunk));
    expect(await textOf(await open('chat', { messages: MESSAGES, stream: true }))).toBe(chunk);
  });

  it('[U45] embeds texts, as numbers or in base64', async () => {
    const plain = JSON.parse(await textOf(await open('embeddings', { input: ['a', 'four'] })));
    expect(plain).toMatchObject({
      object: 'list',
      data: [
        { index: 0, embedding: [1, 0.5] },
        { index: 1, embedding: [4, 0.5] },
      ],
    });
    expect(ai.asked[0]?.inputs).toEqual({ text: ['a', 'four'] });
    const { data } = JSON.parse(await textOf(await open('embeddings', { input: 'four', encoding_format: 'base64' })));
    const bytes = Buffer.from(data[0].embedding, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([4, 0.5]);
    expect(await open('embeddings', { input: [[1, 2]] })).toMatchObject({ status: 400 });
  });

  it.each([
    ['3040: Capacity temporarily exceeded, please try again.', 503],
    ['3036: You have used up your daily free allocation of neurons', 429],
    ['5007: No such model @cf/none', 404],
    ['5006: Error: required properties at \'/\' are "messages"', 400],
    ['something else', 502],
  ])('[U45] what it throws becomes a status: %s', async (message, status) => {
    ai.error = message;
    const opened = await open('chat', { messages: MESSAGES });
    expect(opened).toMatchObject({ kind: 'opened', status });
    expect(await textOf(opened)).toContain(JSON.stringify(message).slice(1, -1));
  });

  it('[U41] [U45] a caller that leaves ends the call of the binding', async () => {
    ai.hangs = true;
    const cancellation = new CancelSource();
    const opened = open('chat', { messages: MESSAGES }, cancellation);
    await expect.poll(() => ai.asked.length).toBe(1);
    cancellation.cancel();
    expect(await opened).toEqual({ kind: 'fault', fault: 'cancelled' });
  });
});

it('[U11] is called by the binding alone, and only where the deployment has it', () => {
  const hosts = { allowed: [], local: [] };
  const check = (text: string, hasWorkersAi: boolean) => checkAddress('workers-ai', text, { ...hosts, hasWorkersAi });
  expect(check('binding:AI', true)).toEqual({ ok: true, value: 'binding:AI' });
  expect(check('binding:AI', false)).toMatchObject({ error: { code: 'address_denied', path: ['base_url'] } });
  expect(check('https://api.cloudflare.com', true)).toMatchObject({ error: { code: 'invalid_value' } });
  expect(checkAddress('openai', 'binding:AI', { ...hosts, hasWorkersAi: true })).toMatchObject({ ok: false });
});

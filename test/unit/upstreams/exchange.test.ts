import { describe, expect, it } from 'vitest';

import { parseExactJson } from '../../../src/kernel/exact-json.ts';
import { joinedBytes, utf8 } from '../../../src/kernel/bytes.ts';
import type { Surface } from '../../../src/upstreams/protocol/surfaces.ts';
import { Exchanges, mayBegin, serves } from '../../../src/upstreams/protocol/exchange.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import { targetOf } from '../../support/upstreams/target.ts';

const OPENAI = targetOf();
const CLAUDE = targetOf({ protocol: 'anthropic' });

const exchangesOf = (surface: Surface, body: JsonObject): Exchanges => new Exchanges({ surface, body, headers: {}, nowMs: 7_000 });

function requestOf(surface: Surface, target: Target, body: JsonObject, limit: number | undefined = 100) {
  const { request } = exchangesOf(surface, body).with(target, limit);
  return { ...request, body: JSON.parse(request.body) as JsonObject };
}

const refusalOf = (surface: Surface, target: Target, body: JsonObject) => {
  const checked = exchangesOf(surface, body).check(target);
  return checked.ok ? undefined : checked.error;
};

const hello = { messages: [{ role: 'user', content: 'hello' }] };

describe('requests', () => {
  it('[U31] keeps unknown fields and large numbers where protocols are the same', () => {
    const text = '{"model":"small","messages":[{"role":"user","content":"a","x":1}],"seed":12345678901234567890,"new_field":{"a":[null]}}';
    const { request } = exchangesOf('chat', parseExactJson(text) as JsonObject).with(OPENAI, 9);
    expect(request.path).toBe('/chat/completions');
    expect(request.body).toContain('"seed":12345678901234567890,"new_field":{"a":[null]}');
    expect(JSON.parse(request.body)).toMatchObject({ model: 'small-2026', messages: [{ x: 1 }], max_tokens: 9 });
  });

  it('[U34] limits every answer in the field that the upstream knows', () => {
    expect(requestOf('chat', OPENAI, hello).body).toMatchObject({ max_tokens: 100 });
    expect(requestOf('chat', OPENAI, { ...hello, max_completion_tokens: 50 }, 50).body).toMatchObject({ max_completion_tokens: 50 });
    expect(requestOf('chat', targetOf({ baseUrl: 'https://api.openai.com/v1' }), hello).body).toMatchObject({ max_completion_tokens: 100 });
    expect(requestOf('chat', targetOf({ baseUrl: 'https://api.openai.com.evil.example/v1' }), hello).body).toMatchObject({
      max_tokens: 100,
    });
    expect(requestOf('completions', OPENAI, { prompt: 'a' }).body).toMatchObject({ max_tokens: 100 });
    expect(requestOf('chat', CLAUDE, hello).body).toMatchObject({ max_tokens: 100 });
    expect(requestOf('responses', targetOf({ model: { serves: ['responses'] } }), { input: 'a' }).body).toMatchObject({
      max_output_tokens: 100,
    });
    expect(requestOf('messages', OPENAI, { ...hello, max_tokens: 70 }, 70).body).toMatchObject({ max_tokens: 70 });
    expect(requestOf('moderations', OPENAI, { input: 'a' }).body).toEqual({ input: 'a', model: 'small-2026' });
  });

  it("[U270] adds no limit for a model that reasons at a server other than OpenAI's, and keeps the one that is given", () => {
    const at = (upstreamName: string, baseUrl = 'https://router.example/v1') => targetOf({ baseUrl, model: { upstreamName } });
    const limits = (target: Target, more: JsonObject = {}) => {
      const { max_tokens: older, max_completion_tokens: newer } = requestOf('chat', target, { ...hello, ...more }).body;
      return [older, newer];
    };
    for (const name of ['o3-mini', 'openai/o1', 'gpt-5.1', 'gpt-10']) expect(limits(at(name)), name).toEqual([undefined, undefined]);
    for (const name of ['gpt-4o', 'llama-o3', 'mistral']) expect(limits(at(name)), name).toEqual([100, undefined]);
    expect(limits(at('o3', 'https://api.openai.com/v1'))).toEqual([undefined, 100]);
    expect(limits(at('o3'), { max_tokens: 100 })).toEqual([100, undefined]);
    expect(limits(at('o3'), { max_completion_tokens: 100 })).toEqual([undefined, 100]);
  });

  it('[U32] asks streams for their usage, and keeps what the caller asked of them', () => {
    const streamed = { ...hello, stream: true, stream_options: { include_obfuscation: false } };
    expect(requestOf('chat', OPENAI, streamed).body['stream_options']).toEqual({ include_obfuscation: false, include_usage: true });
    expect(requestOf('messages', OPENAI, { ...hello, max_tokens: 5, stream: true }).body['stream_options']).toEqual({
      include_usage: true,
    });
    expect(requestOf('chat', OPENAI, hello).body).not.toHaveProperty('stream_options');
  });

  it('[U31] says a chat to Anthropic: system, images, tools, results, schema', () => {
    const tools = [
      { type: 'function', function: { name: 'now', description: 'the time', parameters: { type: 'object', properties: {} } } },
    ];
    const body = {
      messages: [
        { role: 'system', content: 'be brief' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'now', arguments: '{"z":1}' } }] },
        { role: 'tool', tool_call_id: 'c1', content: 'noon' },
      ],
      tools,
      tool_choice: 'required',
      parallel_tool_calls: false,
      n: 1,
      presence_penalty: 0,
      stop: 'END',
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } },
      metadata: { team: 'x' },
    };
    expect(requestOf('chat', CLAUDE, body)).toMatchObject({ path: '/messages', headers: { 'anthropic-version': '2023-06-01' } });
    expect(requestOf('chat', CLAUDE, body).body).toEqual({
      model: 'small-2026',
      max_tokens: 100,
      system: 'be brief',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what?' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          ],
        },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'now', input: { z: 1 } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: 'noon' }] }] },
      ],
      tools: [{ name: 'now', description: 'the time', input_schema: { type: 'object', properties: {} } }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      stop_sequences: ['END'],
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
    });
  });

  it('[U31] says a response as a chat: items, instructions, tools, text format', () => {
    const body = {
      instructions: 'be brief',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'time?' }] },
        { type: 'reasoning', summary: [] },
        { type: 'function_call', call_id: 'c1', name: 'now', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: 'noon' },
      ],
      tools: [{ type: 'function', name: 'now', parameters: { type: 'object' }, strict: true }],
      text: { format: { type: 'json_schema', name: 'a', schema: { type: 'object' } } },
      reasoning: { effort: 'low' },
      store: true,
    };
    expect(requestOf('responses', OPENAI, body).body).toEqual({
      model: 'small-2026',
      max_tokens: 100,
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'time?' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'now', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'c1', content: 'noon' },
      ],
      tools: [{ type: 'function', function: { name: 'now', parameters: { type: 'object' }, strict: true } }],
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } },
      reasoning_effort: 'low',
    });
  });

  it.each<[Surface, JsonObject, string]>([
    ['chat', { ...hello, logit_bias: { 5: 1 } }, 'logit_bias'],
    ['chat', { ...hello, n: 2 }, 'n'],
    ['chat', { ...hello, temperature: 1.5 }, 'temperature'],
    ['chat', { ...hello, new_field: 1 }, 'new_field'],
    ['chat', { ...hello, constructor: { tools: [{ type: 'web_search_20250305', name: 'web_search' }] } }, 'constructor'],
    ['responses', JSON.parse('{ "input": "a", "__proto__": { "n": 2 } }') as JsonObject, '__proto__'],
    ['chat', { ...hello, response_format: { type: 'json_object' } }, 'response_format.type'],
    ['chat', { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }, 'messages[0].content[0].type'],
    ['chat', { messages: [{ role: 'function', content: '' }] }, 'messages[0].role'],
    [
      'chat',
      { messages: [{ role: 'assistant', tool_calls: [{ function: { arguments: '[' } }] }] },
      'messages[0].tool_calls[0].function.arguments',
    ],
    ['responses', { input: 'a', previous_response_id: 'r' }, 'previous_response_id'],
    ['responses', { input: [{ role: 'user', content: [{ type: 'input_file' }] }] }, 'input[0].content[0].file_data'],
    ['responses', { input: 'a', tools: [{ type: 'web_search' }] }, 'tools[0].type'],
  ])('[U33] names what Anthropic cannot be asked by %s: %j', (surface, body, param) => {
    const refused = refusalOf(surface, CLAUDE, body);
    expect(refused?.code).toBe('invalid_value');
    expect(
      refused?.path?.reduce((text, one) => (typeof one === 'number' ? `${text}[${one}]` : text === '' ? one : `${text}.${one}`), ''),
    ).toBe(param);
  });

  it.each<[JsonObject, readonly (string | number)[]]>([
    [{ ...hello, top_k: 5 }, ['top_k']],
    [{ ...hello, constructor: { n: 9 } }, ['constructor']],
    [{ ...hello, thinking: { type: 'enabled', budget_tokens: 1024 } }, ['thinking']],
    [{ ...hello, tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, ['tools', 0, 'type']],
    [{ messages: [{ role: 'user', content: [{ type: 'document', source: {} }] }] }, ['messages', 0, 'content', 0, 'source', 'type']],
  ])('[U33] names what others than Anthropic cannot be asked by messages: %j', (body, path) => {
    expect(refusalOf('messages', OPENAI, body)).toMatchObject({ code: 'invalid_value', path });
    expect(refusalOf('messages', CLAUDE, body), 'Anthropic can').toBeUndefined();
  });

  it('[U38] knows which targets can be asked what', () => {
    expect(serves(CLAUDE, 'messages')).toBe(true);
    expect(serves(CLAUDE, 'responses')).toBe(true);
    expect(serves(targetOf({ protocol: 'anthropic', model: { serves: ['chat', 'completions'] } }), 'completions')).toBe(false);
    expect(serves(OPENAI, 'embeddings')).toBe(false);
  });
});

const eventsOf = (...events: readonly JsonObject[]): string =>
  events.map((event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`).join('');

const CLAUDE_EVENTS = eventsOf(
  { type: 'message_start', message: { id: 'msg_1', model: 'c', usage: { input_tokens: 5, cache_read_input_tokens: 2, output_tokens: 1 } } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'ping' },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hi' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4 } },
  { type: 'message_stop' },
);

function streamedAs(surface: Surface, target: Target, body: JsonObject, text: string) {
  const stream = exchangesOf(surface, { ...body, stream: true })
    .with(target, 100)
    .stream();
  const { send } = stream.push(utf8(text));
  return { stream, text: new TextDecoder().decode(send), end: stream.end() };
}

describe('answers', () => {
  it("[U31] says Anthropic's stream as a chat, and as a response", () => {
    const chat = streamedAs('chat', CLAUDE, { ...hello, stream_options: { include_usage: true } }, CLAUDE_EVENTS);
    const chunks = chat.text
      .split('\n\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(6));
    expect(chunks.at(-1)).toBe('[DONE]');
    const parsed = chunks
      .slice(0, -1)
      .map((chunk) => JSON.parse(chunk) as { choices: { delta: object; finish_reason: string }[]; usage?: object });
    expect(parsed.map(({ choices }) => choices[0]?.delta)).toEqual([{ role: 'assistant', content: '' }, { content: 'hi' }, {}, undefined]);
    expect(parsed[2]?.choices[0]?.finish_reason).toBe('stop');
    expect(parsed[3]?.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 2 } });
    expect(chat.stream.usage).toEqual({ inputTokens: 7, cachedTokens: 2, outputTokens: 4, reasoningTokens: 0 });
    expect(chat.end).toMatchObject({ isWhole: true });

    const response = streamedAs('responses', CLAUDE, { input: 'a' }, CLAUDE_EVENTS).text;
    const types = [...response.matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const sequence = [...response.matchAll(/"sequence_number":(\d+)/g)].map(([, number]) => Number(number));
    expect(sequence).toEqual(types.map((_, i) => i));
    expect(response).toContain('"usage":{"input_tokens":7,');
  });

  it('[U30] ends a stream of a server that says neither [DONE] nor ends its last event', () => {
    const text = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}';
    const stream = exchangesOf('chat', { ...hello, stream: true })
      .with(OPENAI, 100)
      .stream();
    expect(stream.push(utf8(text)).send).toBeUndefined();
    const { send, isWhole } = stream.end();
    expect(isWhole).toBe(true);
    expect(new TextDecoder().decode(send)).toBe(`${text}\n\ndata: [DONE]\n\n`);
  });

  it('[U36] knows a stream that is not whole, and what is no event', () => {
    const open = streamedAs('chat', OPENAI, hello, 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n');
    expect(open.end).toMatchObject({ isWhole: false });
    const stream = exchangesOf('chat', { ...hello, stream: true })
      .with(OPENAI, 100)
      .stream();
    expect(stream.push(utf8('data: {"choices": [{]}\n\n'))).toMatchObject({ problem: { kind: 'garbage' } });
    expect(stream.push(utf8('data: {"error":{"message":"overloaded"}}\n\n'))).toMatchObject({
      problem: { kind: 'error', said: { message: 'overloaded' } },
    });
  });

  it('[U32] hands on a piece that has whole events as it is', () => {
    const stream = exchangesOf('chat', { ...hello, stream: true })
      .with(OPENAI, 100)
      .stream();
    const piece = utf8('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n');
    expect(stream.push(joinedBytes([piece, piece])).send).toHaveLength(2 * piece.length);
    expect(stream.push(piece).send).toBe(piece);
  });

  it('[U30] passes nothing on that follows the end, wherever pieces end', () => {
    const end = 'data: [DONE]\n\n';
    expect(streamedAs('chat', OPENAI, hello, `${end}data: {"choices":[]}\n\n`).text).toBe(end);
  });

  it('[U31] keeps the calls apart of a server that does not number them', () => {
    const called = (id: string | undefined, args: string) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [{ id, function: { name: 'f', arguments: args } }] } }] })}\n\n`;
    const pieces = called('a', '{"x"') + called(undefined, ':1}') + called('b', '{}');
    const eventsIn = (surface: Surface, body: JsonObject) =>
      streamedAs(surface, OPENAI, body, `${pieces}data: [DONE]\n\n`)
        .text.split('\n')
        .filter((line) => line.startsWith('data: {'))
        .map((line) => JSON.parse(line.slice(6)) as JsonObject);
    const blocks = eventsIn('messages', hello).filter(({ type }) => type === 'content_block_start');
    expect(blocks).toMatchObject([{ content_block: { id: 'a' } }, { content_block: { id: 'b' } }]);
    expect(eventsIn('responses', { input: 'hello' }).at(-1)).toMatchObject({
      response: {
        output: [
          { call_id: 'a', arguments: '{"x":1}' },
          { call_id: 'b', arguments: '{}' },
        ],
      },
    });
  });

  it('[U35] takes no page for an answer', () => {
    expect(mayBegin('text/html', 'events', utf8('<'))).toBe(false);
    expect(mayBegin('application/json', 'events', utf8('{'))).toBe(false);
    expect(mayBegin('text/event-stream; charset=utf-8', 'events', utf8('d'))).toBe(true);
    expect(mayBegin('', 'events', utf8('data'))).toBe(true);
    expect(mayBegin('text/html', 'json', utf8('<'))).toBe(false);
    expect(mayBegin('application/json', 'json', utf8('{'))).toBe(true);
    expect(mayBegin('application/json', 'json', utf8(' \n{'))).toBe(true);
    expect(mayBegin('application/json', 'json', utf8('<html>'))).toBe(false);
    expect(mayBegin('application/json', 'json', utf8(''))).toBe(false);
    expect(mayBegin('text/event-stream', 'events', utf8('<html>'))).toBe(false);
    expect(mayBegin('text/event-stream', 'events', utf8(': ping'))).toBe(true);
    expect(mayBegin('text/event-stream', 'events', utf8('\n'))).toBe(true);
    expect(mayBegin('text/event-stream', 'events', utf8(''))).toBe(false);
    expect(exchangesOf('chat', hello).with(OPENAI, 1).whole('<html>')).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';

import type { Body } from '../../support/upstreams/answer.ts';
import { formFields, refusalOf } from '../../support/upstreams/strict-requests.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const OPENAI = { ...JSON_TYPE, authorization: 'Bearer sk-mock' };
const ANTHROPIC = { ...JSON_TYPE, 'x-api-key': 'sk-mock', 'anthropic-version': '2023-06-01' };

const user = (content: unknown) => ({ role: 'user', content });
const chat = (more: Body = {}): Body => ({ model: 'm', messages: [user('Hello')], ...more });
const message = (more: Body = {}): Body => ({ max_tokens: 64, ...chat(more) });
const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } };
const result = { role: 'tool', tool_call_id: 'a', content: '' };
const used = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] };
const image = (url: string) => user([{ type: 'image_url', image_url: { url } }]);

const said = (path: string, headers: object, body: Body) => refusalOf(path, headers as never, body)?.message;

describe('[G154] a strict upstream', () => {
  it('takes what the packages send', () => {
    for (const body of [
      chat({ temperature: 2, stream: true, stream_options: { include_usage: true } }),
      chat({ messages: [user('a'), { role: 'assistant', content: '', tool_calls: [call] }, result] }),
      chat({ messages: [image('https://example.com/a.png'), image('data:image/png;base64,aaaa')] }),
    ])
      expect(said('/v1/chat/completions', OPENAI, body)).toBeUndefined();
    for (const body of [
      message({ temperature: 1 }),
      message({ messages: [user('a'), used, user([{ type: 'tool_result', tool_use_id: 'a' }])] }),
    ])
      expect(said('/v1/messages', ANTHROPIC, body)).toBeUndefined();
    expect(said('/v1/messages?beta=true', ANTHROPIC, message({ mcp_servers: [] }))).toBeUndefined();
  });

  it.each<[string, Body]>([
    ['no messages', chat({ messages: [] })],
    ['a field that the API has not', chat({ top_k: 1 })],
    ['a temperature above 2', chat({ temperature: 3 })],
    ['stream_options without a stream', chat({ stream_options: { include_usage: true } })],
    ['tool_choice without tools', chat({ tool_choice: 'auto' })],
    ['a result of no call', chat({ messages: [user('a'), result] })],
    ['a call without its result', chat({ messages: [user('a'), { role: 'assistant', content: null, tool_calls: [call] }, user('b')] })],
    ['a URL that is none of an image', chat({ messages: [image('data:text/plain;base64,aaaa')] })],
    [
      'an image as the result of a tool',
      chat({
        messages: [
          user('a'),
          { role: 'assistant', tool_calls: [call] },
          { ...result, content: [{ type: 'image_url', image_url: { url: 'https://a' } }] },
        ],
      }),
    ],
    ['JSON that the prompt does not ask for', chat({ response_format: { type: 'json_object' } })],
    ['an assistant that says nothing', chat({ messages: [user('a'), { role: 'assistant', content: null }] })],
  ])('refuses a chat with %s', (_, body) => {
    expect(refusalOf('/v1/chat/completions', OPENAI, body)).toMatchObject({ status: 400 });
  });

  it.each<[string, Body]>([
    ['no max_tokens', chat()],
    ['a field that the API has not', message({ seed: 1 })],
    ['an assistant first', message({ messages: [{ role: 'assistant', content: 'a' }] })],
    ['a system message among the others', message({ messages: [{ role: 'system', content: 'a' }] })],
    ['an empty text', message({ messages: [user([{ type: 'text', text: '' }])] })],
    ['a call without its result', message({ messages: [user('a'), used, user('b')] })],
    [
      'a result behind a text',
      message({
        messages: [
          user('a'),
          used,
          user([
            { type: 'text', text: 'b' },
            { type: 'tool_result', tool_use_id: 'a' },
          ]),
        ],
      }),
    ],
    ['a result of no call', message({ messages: [user([{ type: 'tool_result', tool_use_id: 'a' }])] })],
    ['more thinking than tokens', message({ thinking: { type: 'enabled', budget_tokens: 2_000 } })],
  ])('refuses a message with %s', (_, body) => {
    expect(refusalOf('/v1/messages', ANTHROPIC, body)).toMatchObject({ status: 400 });
  });

  it('refuses headers of the other API, and requests without its own', () => {
    expect(refusalOf('/v1/chat/completions', ANTHROPIC, chat())).toMatchObject({ status: 401 });
    expect(said('/v1/chat/completions', { ...OPENAI, 'anthropic-version': '2023-06-01' }, chat())).toContain('anthropic-version');
    expect(said('/v1/messages', { ...JSON_TYPE, 'x-api-key': 'sk-mock' }, message())).toContain('anthropic-version');
    expect(refusalOf('/v1/messages', { ...ANTHROPIC, 'content-type': 'text/plain' }, message())).toMatchObject({ status: 415 });
  });

  it('reads forms as the packages write them', async () => {
    const form = new FormData();
    form.append('file', new Blob(['abc']), 'a.wav');
    form.append('temperature', '0');
    form.append('timestamp_granularities[]', 'word');
    form.append('timestamp_granularities[]', 'segment');
    const sent = new Response(form);
    const type = sent.headers.get('content-type') ?? '';
    const fields = await formFields(new Uint8Array(await sent.arrayBuffer()), type);
    expect(fields).toMatchObject({ file: { filename: 'a.wav', bytes: 3 }, temperature: 0, timestamp_granularities: ['word', 'segment'] });
    const headers = { authorization: 'Bearer sk-mock', 'content-type': type };
    expect(said('/v1/audio/transcriptions', headers, { ...fields, model: 'm' })).toBeUndefined();
    expect(refusalOf('/v1/audio/transcriptions', headers, fields)).toMatchObject({ status: 400 });
  });
});

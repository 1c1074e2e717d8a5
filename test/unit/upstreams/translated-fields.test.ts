import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { CHAT_FIELDS, chatToMessages } from '../../../src/upstreams/protocol/chat-to-messages.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import { MESSAGE_FIELDS, messagesToChat } from '../../../src/upstreams/protocol/messages-to-chat.ts';
import type { FieldTable } from '../../../src/upstreams/protocol/translated-fields.ts';

/** The fields of an interface in the types of a package, as its documentation names them. */
function fieldsOf(file: string, name: string): string[] {
  const text = readFileSync(fileURLToPath(new URL(`../../../node_modules/${file}`, import.meta.url)), 'utf8');
  const [, body = ''] = new RegExp(`\\n(?:export )?interface ${name} \\{\\n([^]*?)\\n\\}`).exec(text) ?? [];
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, field]) => field as string);
}

const CHAT = fieldsOf('openai/resources/chat/completions/completions.d.ts', 'ChatCompletionCreateParamsBase');
const MESSAGES = [
  ...fieldsOf('@anthropic-ai/sdk/resources/messages/messages.d.ts', 'MessageCreateParamsBase'),
  ...fieldsOf('@anthropic-ai/sdk/resources/beta/messages/messages.d.ts', 'MessageCreateParamsBase'),
];

/** Headers that the client sends, and fields that older versions have. */
const HEADERS = new Set(['betas', 'user_profile_id_header']);

const chat = (more: object): JsonObject => ({ model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: 9, ...more });

function ways(table: FieldTable, field: string): string[] {
  return [
    ...(table.leftOut.has(field) ? ['left out'] : []),
    ...(Object.hasOwn(table.fields, field) ? ['translated'] : []),
    ...(Object.hasOwn(table.refused, field) ? ['refused'] : []),
  ];
}

describe.each([
  { protocol: 'openai', fields: CHAT, table: CHAT_FIELDS, translate: chatToMessages },
  { protocol: 'anthropic', fields: MESSAGES, table: MESSAGE_FIELDS, translate: messagesToChat },
])('each field of a request in the protocol $protocol', ({ fields, table, translate }) => {
  it('[U231] is translated, left out or refused, as the types of its client have them', () => {
    expect(fields.length).toBeGreaterThan(25);
    const undecided = fields.filter((field) => !HEADERS.has(field) && ways(table, field).length !== 1);
    expect(undecided).toEqual([]);
    // A default is a value of a field that is refused otherwise.
    expect(Object.keys(table.defaults).filter((field) => !Object.hasOwn(table.refused, field))).toEqual([]);
  });

  it.each(Object.keys(table.refused))('[U231] `%s` is refused by its name, and says why', (field) => {
    const refused = translate(chat({ [field]: { any: 'value' } }));
    expect(refused).toMatchObject({ ok: false, error: { code: 'invalid_value', path: [field], message: table.refused[field] } });
    if (Object.hasOwn(table.defaults, field)) expect(translate(chat({ [field]: table.defaults[field] })).ok).toBe(true);
  });

  it('[U231] a field that the protocol has not is refused by its name, and null says nothing', () => {
    expect(translate(chat({ wish: 1 }))).toMatchObject({ ok: false, error: { path: ['wish'] } });
    expect(translate(chat({ constructor: 1 }))).toMatchObject({ ok: false, error: { path: ['constructor'] } });
    expect(translate(chat({ wish: null, seed: null, thinking: null })).ok).toBe(true);
  });
});

const translated = (outcome: ReturnType<typeof chatToMessages>): JsonObject => {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  return outcome.value;
};

describe('what values say in the other protocol', () => {
  it('[U231] a chat in the protocol `anthropic`', () => {
    const said = (more: object) => {
      const { messages: _, max_tokens: _limit, ...rest } = translated(chatToMessages(chat(more)));
      return rest;
    };
    expect(
      said({ user: 'ada', top_k: 4, stop: 'x', logit_bias: {}, modalities: ['text'], prediction: { type: 'content', content: 'x' } }),
    ).toEqual({
      metadata: { user_id: 'ada' },
      top_k: 4,
      stop_sequences: ['x'],
    });
    expect(said({ reasoning_effort: 'none' })).toEqual({ thinking: { type: 'disabled' } });
    expect(said({ reasoning_effort: 'max' })).toEqual({ output_config: { effort: 'max' } });
    const parameters = { type: 'object', properties: {} };
    expect(said({ tools: [{ type: 'function', function: { name: 'f', parameters, strict: true } }], parallel_tool_calls: false })).toEqual({
      tools: [{ name: 'f', input_schema: parameters, strict: true }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    });
  });

  it.each([
    [{ response_format: { type: 'json_object' } }, ['response_format', 'type']],
    [{ reasoning_effort: 'minimal' }, ['reasoning_effort']],
    [{ logit_bias: { 1: 2 } }, ['logit_bias']],
    [{ modalities: ['text', 'audio'] }, ['modalities']],
    [{ temperature: 1.5 }, ['temperature']],
    [{ messages: [{ role: 'assistant', audio: { id: 'a' } }] }, ['messages', 0, 'audio']],
    [{ messages: [{ role: 'assistant', function_call: { name: 'f', arguments: '{}' } }] }, ['messages', 0, 'function_call']],
    [{ messages: [{ role: 'function', name: 'f', content: 'x' }] }, ['messages', 0, 'role']],
    [{ tools: [{ type: 'custom', custom: { name: 'f' } }] }, ['tools', 0, 'type']],
  ])('[U231] refuses %j by its name for the protocol `anthropic`', (more, path) => {
    expect(chatToMessages(chat(more))).toMatchObject({ ok: false, error: { path } });
  });

  it('[U231] a message in the protocol `openai`', () => {
    const said = (more: object) => {
      const { messages: _, ...rest } = translated(messagesToChat(chat(more)));
      return rest;
    };
    const format = { type: 'json_schema', schema: { type: 'object' } };
    const response = {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' }, strict: true } },
    };
    expect(said({ output_format: format })).toEqual(response);
    expect(said({ output_config: { format, effort: 'xhigh' } })).toEqual({ ...response, reasoning_effort: 'xhigh' });
    expect(
      said({ thinking: { type: 'adaptive' }, speed: 'standard', inference_geo: 'global', mcp_servers: [], cache_control: {} }),
    ).toEqual({});
    expect(said({ metadata: { user_id: 'ada' }, stop_sequences: ['x'] })).toEqual({ user: 'ada', stop: ['x'] });
    expect(said({ tools: [{ name: 'f', input_schema: {}, strict: true, type: 'custom' }] })).toEqual({
      tools: [{ type: 'function', function: { name: 'f', parameters: {}, strict: true } }],
    });
  });

  it.each([
    [{ thinking: { type: 'enabled', budget_tokens: 1_024 } }, ['thinking']],
    [{ mcp_servers: [{ type: 'url', url: 'https://mcp.example.com', name: 'x' }] }, ['mcp_servers']],
    [{ output_config: { task_budget: 1 } }, ['output_config', 'task_budget']],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, ['tools', 0, 'type']],
    [{ messages: [{ role: 'assistant', content: [{ type: 'server_tool_use' }] }] }, ['messages', 0, 'content', 0, 'type']],
    [{ messages: [{ role: 'tool', content: 'x' }] }, ['messages', 0, 'role']],
  ])('[U231] refuses %j by its name for the protocol `openai`', (more, path) => {
    expect(messagesToChat(chat(more))).toMatchObject({ ok: false, error: { path } });
  });
});

describe('images and documents', () => {
  const PDF = 'JVBERi0xLjQK';
  const asked = (content: unknown) => messagesToChat(chat({ messages: [{ role: 'user', content }] }));
  const partsIn = (content: unknown) => (translated(asked(content))['messages'] as { content: unknown }[])[0]?.content;

  it('[U232] of a chat are blocks of Anthropic: images by base64 and by address, PDFs by base64', () => {
    const content = [
      { type: 'text', text: 'read' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${PDF}` } },
    ];
    expect(translated(chatToMessages(chat({ messages: [{ role: 'user', content }] })))['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'read' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: PDF }, title: 'a.pdf' },
        ],
      },
    ]);
  });

  it.each([
    [{ type: 'file', file: { file_id: 'file-1' } }, ['file', 'file_data']],
    [{ type: 'file', file: { file_data: 'data:text/plain;base64,AAAA' } }, ['file', 'file_data']],
    [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }, ['type']],
    [{ type: 'image_url', image_url: { url: 'http://example.com/a.png' } }, ['image_url', 'url']],
  ])('[U232] of a chat are refused by their names where Anthropic has none: %j', (part, path) => {
    expect(chatToMessages(chat({ messages: [{ role: 'user', content: [part] }] }))).toMatchObject({
      ok: false,
      error: { path: ['messages', 0, 'content', 0, ...path] },
    });
  });

  it("[U232] of Anthropic's are parts of a chat", () => {
    expect(
      partsIn([
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        { type: 'document', title: 'a.pdf', context: 'c', source: { type: 'base64', media_type: 'application/pdf', data: PDF } },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain' }, citations: { enabled: false } },
        { type: 'document', title: 't', source: { type: 'content', content: [{ type: 'text', text: 'inner' }] } },
        { type: 'document', source: { type: 'content', content: 'one text' } },
        { type: 'search_result', title: 's', source: 'https://example.com', content: [{ type: 'text', text: 'found' }] },
      ]),
    ).toEqual([
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      { type: 'text', text: 'c' },
      { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${PDF}` } },
      { type: 'text', text: 'plain' },
      { type: 'text', text: 't' },
      { type: 'text', text: 'inner' },
      { type: 'text', text: 'one text' },
      { type: 'text', text: 's\nhttps://example.com\nfound' },
    ]);
  });

  it.each([
    [{ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } }, ['source', 'type']],
    [{ type: 'document', source: { type: 'file', file_id: 'f' } }, ['source', 'type']],
    [{ type: 'document', source: { type: 'text', data: 'x' }, citations: { enabled: true } }, ['citations', 'enabled']],
    [{ type: 'search_result', citations: { enabled: true }, content: [] }, ['citations', 'enabled']],
    [{ type: 'image', source: { type: 'file', file_id: 'f' } }, ['source', 'type']],
    [{ type: 'container_upload', file_id: 'f' }, ['type']],
  ])("[U232] of Anthropic's are refused by their names where a chat has none: %j", (block, path) => {
    expect(asked([block])).toMatchObject({ ok: false, error: { path: ['messages', 0, 'content', 0, ...path] } });
  });

  it('[U232] that a tool has answered go into the next message of the user, behind all answers of tools', () => {
    const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
    const content = [
      { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'seen' }, image] },
      { type: 'text', text: 'and?' },
      { type: 'tool_result', tool_use_id: 'b', content: [image] },
    ];
    expect(translated(asked(content))['messages']).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'seen' },
      { role: 'tool', tool_call_id: 'b', content: '' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'text', text: 'and?' },
        ],
      },
    ]);
  });

  it("[U232] empty texts stay, but an empty message of the assistant, which Anthropic's servers refuse", () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const user = { role: 'user', content: 'a' };
    const use = { type: 'tool_use', id: 'c', name: 'f', input: {} };
    const empty = [user, { role: 'assistant', content: '' }];
    const answered = [user, { role: 'assistant', content: '', tool_calls: [call] }, { role: 'tool', tool_call_id: 'c', content: '' }];
    expect(translated(messagesToChat(chat({ messages: empty })))['messages']).toEqual(empty);
    expect(translated(chatToMessages(chat({ messages: empty })))['messages']).toEqual([user]);
    expect(translated(chatToMessages(chat({ messages: answered })))['messages']).toEqual([
      user,
      { role: 'assistant', content: [use] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: [] }] },
    ]);
  });

  it('[U231] a message of the system between others stays where it is in a chat', () => {
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'system', content: [{ type: 'text', text: 'now in Dutch' }] },
    ];
    expect(translated(messagesToChat(chat({ messages, system: 'be brief' })))['messages']).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'a' },
      { role: 'system', content: 'now in Dutch' },
    ]);
  });
});

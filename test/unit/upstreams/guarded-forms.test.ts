import { describe, expect, it } from 'vitest';

import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import { parseExactJson } from '../../../src/kernel/exact-json.ts';
import type { GuardSession } from '../../../src/upstreams/guardrails/guard-session.ts';
import { guardedEvents, PEOPLE, sessionOf } from '../../support/guardrails/guarded-call.ts';

const RESTORES = { ...PEOPLE, restores: true };
const WORDS: Extract<Hook, { kind: 'patterns' }> = {
  kind: 'patterns',
  name: 'words',
  on: 'both',
  patterns: ['forbidden', '[0-9]{8}'],
  action: 'mask',
};
const BLOCKS: typeof WORDS = { ...WORDS, action: 'block' };
const SHAPE: Hook = { kind: 'json-schema', name: 'shape', on: 'answer', schema: { type: 'object' }, action: 'block' };
const ASKS: Hook = { kind: 'webhook', name: 'judge', on: 'both', url: 'https://guard.example.com/', timeout_ms: 1, on_failure: 'block' };

async function sent(session: GuardSession, body: object) {
  const { body: judged } = await session.requestText(JSON.stringify(body));
  return judged.ok ? judged.value : judged.error;
}

async function answered(session: GuardSession, body: object) {
  const { text } = await session.answer(JSON.stringify(body));
  return text.ok ? (JSON.parse(text.value) as object) : text.error;
}

const says = (content: string) => ({ role: 'user', content });
const calls = (args: string) => ({ choices: [{ message: { tool_calls: [{ id: 'c', function: { name: 'f', arguments: args } }] } }] });

/** What the pieces of a tool call come to. */
const argumentsIn = (events: readonly object[]): string =>
  (events as ReturnType<typeof called>[]).map(({ choices }) => choices[0]?.delta.tool_calls[0]?.function.arguments).join('');
const called = (piece: string) => ({ choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: piece } }] } }] });

describe('masks', () => {
  it.each([
    ['in a text of its own', { messages: [says('who is [EMAIL_1]?'), says('jane@example.org')] }],
    ['behind what is masked', { messages: [says('jane@example.org'), says('who is [EMAIL_1]?')] }],
    ['in a key', { messages: [says('jane@example.org')], metadata: { '[EMAIL_1]': 'x' } }],
    [
      'in what a tool was called with',
      { messages: [says('jane@example.org'), { tool_calls: [{ function: { arguments: '{"a":"\\u005bEMAIL_1]"}' } }] }] },
    ],
  ])('[U115] are no word that the caller has written %s', async (_, body) => {
    const session = sessionOf([RESTORES]);
    expect(await sent(session, body)).toContain('[EMAIL_2]');
    expect(await answered(session, { choices: [{ message: { content: '[EMAIL_1] is not [EMAIL_2]' } }] })).toEqual({
      choices: [{ message: { content: '[EMAIL_1] is not jane@example.org' } }],
    });
  });
});

describe('JSON that is written as a text', () => {
  it.each([
    ['escapes', '{"to":"jane\\u0040m\\u00fcller.de"}', '{"to":"[EMAIL_1]"}'],
    ['a line before it', '{"text":"dear\\njane@example.org"}', '{"text":"dear\\n[EMAIL_1]"}'],
    ['a number', '{"card":4111111111111111,"of":"4111111111111111"}', '{"card":"[CARD_1]","of":"[CARD_1]"}'],
    ['a key', '{"jane@example.org":1}', '{"[EMAIL_1]":1}'],
    ['JSON in it', '{"body":"{\\"to\\":\\"jane@example.org\\"}"}', '{"body":"{\\"to\\":\\"[EMAIL_1]\\"}"}'],
    ['no JSON', 'to jane@example.org', 'to [EMAIL_1]'],
  ])('[U202] is read as its readers do, and stays JSON: %s', async (_, args, masked) => {
    expect(await answered(sessionOf([PEOPLE]), calls(args))).toEqual(calls(masked));
    const events = Array.from(args, called);
    const { sent: passed } = await guardedEvents(sessionOf([PEOPLE]), 'chat', events);
    expect(argumentsIn(passed)).toBe(masked);
  });

  it('[U202] gets back what was masked as a string of JSON has it', async () => {
    const session = sessionOf([{ ...RESTORES, pii: ['phone'] }]);
    await sent(session, { messages: [says('call 030\u00a0901820 or "030 901820"')] });
    expect(await answered(session, calls('{"call":"[PHONE_2]"}'))).toEqual(calls('{"call":"030 901820"}'));
  });

  it('[U112] what a tool is called with as an object is masked with its keys and numbers', async () => {
    const body = {
      messages: [{ content: [{ type: 'tool_use', id: 't', name: 'f', input: { 'jane@example.org': { card: 4111111111111111, n: 5 } } }] }],
    };
    const { body: masked } = await sessionOf([PEOPLE]).requestText(JSON.stringify(body));
    expect(masked.ok && JSON.parse(masked.value)).toEqual({
      messages: [{ content: [{ type: 'tool_use', id: 't', name: 'f', input: { '[EMAIL_1]': { card: '[CARD_1]', n: 5 } } }] }],
    });
  });

  it('[U32] numbers that no double holds keep their digits', async () => {
    const written = '{"seed":12345678901234567890,"messages":[{"content":"jane@example.org"}]}';
    const { body } = await sessionOf([PEOPLE]).requestText(JSON.stringify(parseExactJson(written)));
    expect(body).toEqual({ ok: true, value: written.replace('jane@example.org', '[EMAIL_1]') });
  });
});

describe('what no mask may change', () => {
  it.each([
    [{ stop: ['forbidden'] }, ['stop', 0]],
    [{ user: 'forbidden' }, ['user']],
    [{ metadata: { forbidden: 'x' } }, ['metadata']],
    [{ tools: [{ type: 'function', function: { name: 'forbidden' } }] }, ['tools', 0, 'function', 'name']],
    [
      { tools: [{ function: { parameters: { properties: { a: { description: 'forbidden', enum: ['forbidden'] } } } } }] },
      ['tools', 0, 'function', 'parameters', 'properties', 'a', 'enum', 0],
    ],
    [{ unheard_of: { forbidden: 1 } }, ['unheard_of']],
    [{ messages: [{ role: 'tool', tool_call_id: 'forbidden' }] }, ['messages', 0, 'tool_call_id']],
  ])('[U201] is refused by its name: %j', async (body, path) => {
    const refused = await sent(sessionOf([WORDS]), body);
    expect(refused).toMatchObject({ code: 'guardrail_blocked', path });
    expect(JSON.stringify(refused)).toMatch(/desk@1.*words/);
  });

  it('[U201] a name in an answer blocks it; an id of a server, and words of a protocol, are left alone', async () => {
    const call = { id: 'call_12345678abcd', type: 'function', function: { name: 'forbidden', arguments: '{}' } };
    const blocked = await answered(sessionOf([WORDS]), { choices: [{ message: { tool_calls: [call] } }] });
    expect(blocked).toMatchObject({
      code: 'guardrail_blocked',
      message: expect.stringContaining('choices[0].message.tool_calls[0].function.name'),
    });
    const fine = {
      messages: [
        { role: 'assistant', tool_calls: [{ ...call, function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: call.id },
      ],
    };
    expect(await sent(sessionOf([{ ...BLOCKS, patterns: ['[0-9]{8}', 'assistant', 'role', 'function'] }]), fine)).toBe(
      JSON.stringify(fine),
    );
  });
});

describe('bytes', () => {
  const bytes = Buffer.alloc(1_500_000, 'a picture').toString('base64');
  const asks = (url: string) => ({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] });

  it('[U112] in base64 are left alone, however many; what only begins so is not', async () => {
    const fine = asks(`data:image/png;base64,${bytes}==`);
    expect(await sent(sessionOf([WORDS]), fine)).toBe(JSON.stringify(fine));
    for (const end of ['=forbidden', '===', ' forbidden', '&x=forbidden'])
      expect(
        await sent(sessionOf([{ ...WORDS, patterns: ['forbidden', '==='] }]), asks(`data:image/png;base64,${bytes}${end}`)),
      ).toMatchObject({
        path: ['messages', 0, 'content', 0, 'image_url', 'url'],
      });
  });
});

describe('what nobody can read', () => {
  const LOGPROBS = { content: [{ token: 'forb', logprob: -1, top_logprobs: [{ token: 'forbidden', logprob: -2 }] }] };

  it('[U203] tokens of an answer are withheld where hooks change or stop it, and only there', async () => {
    const answer = { choices: [{ message: { content: 'fine' }, logprobs: LOGPROBS }] };
    for (const hook of [WORDS, BLOCKS])
      expect(await answered(sessionOf([hook]), answer)).toEqual({ choices: [{ message: { content: 'fine' }, logprobs: null }] });
    const others: Hook[] = [
      { ...BLOCKS, action: 'flag' },
      { ...WORDS, on: 'request' },
    ];
    for (const hook of others) expect(await answered(sessionOf([hook]), answer)).toEqual(answer);
    const { text } = await guardedEvents(sessionOf([BLOCKS]), 'chat', [
      { choices: [{ index: 0, delta: { content: 'fine' }, logprobs: LOGPROBS }] },
    ]);
    expect([text.includes('fine'), text.includes('forb')]).toEqual([true, false]);
  });

  it.each([{ input: [1, 2] }, { input: [[1, 2]] }, { prompt: [[5], 'a'] }])(
    '[U203] token ids are refused by their field: %j',
    async (body) => {
      expect(await sent(sessionOf([ASKS]), body)).toMatchObject({ code: 'guardrail_blocked', path: [Object.keys(body)[0]] });
    },
  );

  it('[U203] sound is not streamed, and is blocked whole where its words are', async () => {
    const asks = { stream: true, modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } };
    expect(await sent(sessionOf([WORDS]), asks)).toMatchObject({ code: 'guardrail_blocked', path: ['modalities'] });
    expect(await sent(sessionOf([{ ...WORDS, on: 'request' }]), asks)).toBe(JSON.stringify(asks));
    expect(
      await answered(sessionOf([WORDS]), { choices: [{ message: { audio: { data: 'UklGRg', transcript: 'forbidden' } } }] }),
    ).toMatchObject({
      code: 'guardrail_blocked',
    });
    const unasked = await guardedEvents(sessionOf([WORDS]), 'chat', [{ choices: [{ index: 0, delta: { audio: { data: 'UklGRg' } } }] }]);
    expect([unasked.isBlocked, unasked.text.includes('UklGRg')]).toEqual([true, false]);
  });
});

describe('a guarded stream', () => {
  it('[U114] repeats nothing but what it held back of a text', async () => {
    const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'find', arguments: '{"a":1}' } };
    const events = [
      { id: 'c', choices: [{ index: 0, delta: { role: 'assistant', tool_calls: [call] }, finish_reason: null }] },
      { id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
    ];
    const { sent: passed } = await guardedEvents(sessionOf([PEOPLE]), 'chat', events);
    expect(passed).toEqual([
      {
        id: 'c',
        choices: [
          {
            index: 0,
            delta: { role: 'assistant', tool_calls: [{ ...call, function: { name: 'find', arguments: '' } }] },
            finish_reason: null,
          },
        ],
      },
      {
        id: 'c',
        choices: [
          { index: 0, delta: { tool_calls: [{ index: 0, type: 'function', function: { arguments: '{"a":1}' } }] }, finish_reason: null },
        ],
      },
      events[1],
    ]);
  });

  it('[U114] says whose the rest of a text is where the server does not', async () => {
    const said = (...contents: string[]) => ({ choices: contents.map((content) => ({ delta: { content } })) });
    const { sent: passed } = await guardedEvents(sessionOf([PEOPLE]), 'chat', [said('a', 'b')]);
    expect(passed).toEqual([{ choices: [{ index: 0, delta: { content: 'a' } }] }, { choices: [{ index: 1, delta: { content: 'b' } }] }]);
  });

  it('[U200] says of an error what hooks let pass, also where they judge the whole', async () => {
    const failure = { error: { message: 'jane@example.org is forbidden', code: 'upstream_failed' } };
    const masked = await guardedEvents(sessionOf([PEOPLE]), 'chat', [failure]);
    expect(masked.sent).toEqual([{ error: { ...failure.error, message: '[EMAIL_1] is forbidden' } }]);
    expect((await guardedEvents(sessionOf([PEOPLE, SHAPE]), 'chat', [failure])).sent).toEqual(masked.sent);
    expect((await guardedEvents(sessionOf([BLOCKS]), 'chat', [failure])).text).not.toContain('forbidden');
    const judged = await guardedEvents(
      sessionOf([ASKS], () => Promise.resolve({ count: 1 })),
      'chat',
      [failure],
    );
    expect([judged.isBlocked, judged.text.includes('forbidden')]).toEqual([true, false]);
  });

  it('[U112] passes on no comment, and no field of an event but its data', async () => {
    const session = sessionOf([PEOPLE]);
    const raw = ': forbidden\n\nid: forbidden\ndata: {"choices":[]}\n\n';
    const { send } = await session.push('chat', 'req_1', new TextEncoder().encode(raw));
    expect(new TextDecoder().decode(send)).toBe(':\n\ndata: {"choices":[]}\n\n');
  });

  it('[U112] has those who are asked judge what comes whole, too, and each text once', async () => {
    const asked: (readonly string[])[] = [];
    const session = sessionOf([ASKS], (_, __, texts) => {
      asked.push(texts);
      return Promise.resolve({ count: 0 });
    });
    const part = { type: 'output_text', text: 'fine', annotations: [{ type: 'url_citation', title: 'a title', url: 'https://a.example' }] };
    await guardedEvents(session, 'responses', [
      { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'fine' },
      { type: 'response.content_part.done', output_index: 0, content_index: 0, part },
      { type: 'response.completed', response: { output: [{ type: 'message', content: [part] }] } },
    ]);
    expect(asked).toEqual([['fine', 'a title\nhttps://a.example']]);
  });
});

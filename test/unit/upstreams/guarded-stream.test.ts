import { describe, expect, it } from 'vitest';

import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import { PII_KINDS } from '../../../src/contract/guardrails/guardrails.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { compileHooks } from '../../../src/upstreams/guardrails/compiled-hook.ts';
import { GuardSession } from '../../../src/upstreams/guardrails/guard-session.ts';
import { noTurn } from '../../support/upstreams/unpaced-work.ts';
import type { Dialect } from '../../../src/upstreams/protocol/stream-tap.ts';

const decoder = new TextDecoder();
const PII: Hook = { kind: 'pii', name: 'people', on: 'both', pii: [...PII_KINDS], action: 'mask', restores: true };
const WORDS: Hook = { kind: 'patterns', name: 'words', on: 'answer', patterns: ['forbidden'], action: 'block' };
const SHAPE: Hook = { kind: 'json-schema', name: 'shape', on: 'answer', schema: { type: 'object' }, action: 'block' };

async function sessionOf(hooks: readonly Hook[], said = 'hello'): Promise<GuardSession> {
  const compiled = compileHooks({ policy: { name: 'desk@1', owner: 'platform', hooks }, hosts: { allowed: [], local: [] } });
  if (!compiled.ok) throw new Error(compiled.error.message);
  const session = new GuardSession({ hooks: compiled.value, ask: () => expect.unreachable(), clock: { nowMs: () => 0 }, turn: noTurn });
  await session.requestText(JSON.stringify({ messages: [{ role: 'user', content: said }] }));
  return session;
}

type Parsed = ReturnType<JSON['parse']>;
type Event = Readonly<Record<string, unknown>>;

/** What comes out of a stream of these events, piece by piece of so many bytes. */
async function through(session: GuardSession, dialect: Dialect, events: readonly (Event | string)[], pieceBytes = 7) {
  const written = events.map((event) => {
    if (typeof event === 'string') return `data: ${event}\n\n`;
    const { type } = event;
    return `${typeof type === 'string' ? `event: ${type}\n` : ''}data: ${JSON.stringify(event)}\n\n`;
  });
  const bytes = utf8(written.join(''));
  let text = '';
  let isBlocked = false;
  for (let at = 0; at < bytes.length && !isBlocked; at += pieceBytes) {
    const passed = await session.push(dialect, 'req_1', bytes.subarray(at, at + pieceBytes));
    text += decoder.decode(passed.send);
    ({ isBlocked } = passed);
  }
  const last = isBlocked ? undefined : await session.end();
  text += decoder.decode(last?.send);
  isBlocked ||= last?.isBlocked === true;
  const sent = text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(6)));
  return { text, sent, isBlocked, wasWritten: written.join('') };
}

const chunk = (content: string, finish: string | null = null, index = 0): Event => ({
  id: 'c',
  choices: [{ index, delta: finish === null ? { content } : {}, finish_reason: finish }],
});

const DIALECTS: readonly (readonly [Dialect, (pieces: readonly string[]) => (Event | string)[], (sent: Parsed[]) => string])[] = [
  [
    'chat',
    (pieces) => [...pieces.map((piece) => chunk(piece)), chunk('', 'stop'), { id: 'c', choices: [], usage: { total_tokens: 3 } }, '[DONE]'],
    (sent) => sent.map(({ choices }) => choices[0]?.delta?.content ?? '').join(''),
  ],
  [
    'completions',
    (pieces) => [
      ...pieces.map((text) => ({ choices: [{ index: 0, text, finish_reason: null }] })),
      { choices: [{ index: 0, text: '', finish_reason: 'stop' }] },
      '[DONE]',
    ],
    (sent) => sent.map(({ choices }) => choices[0].text).join(''),
  ],
  [
    'responses',
    (pieces) => [
      { type: 'response.created', response: { id: 'r', output: [] } },
      ...pieces.map((delta, n) => ({ type: 'response.output_text.delta', output_index: 0, content_index: 0, sequence_number: n, delta })),
      { type: 'response.output_text.done', output_index: 0, content_index: 0, text: pieces.join('') },
      {
        type: 'response.completed',
        response: { id: 'r', output: [{ type: 'message', content: [{ type: 'output_text', text: pieces.join('') }] }] },
      },
    ],
    (sent) => {
      const [done, completed] = [sent.at(-2).text, sent.at(-1).response.output[0].content[0].text];
      const streamed = sent.map(({ delta }) => delta ?? '').join('');
      expect([done, completed]).toEqual([streamed, streamed]);
      return streamed;
    },
  ],
  [
    'messages',
    (pieces) => [
      { type: 'message_start', message: { id: 'm', content: [] } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ...pieces.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
      { type: 'message_stop' },
    ],
    (sent) => {
      const at = (type: string) => sent.findIndex((event) => event.type === type);
      expect(sent.findLastIndex(({ type }) => type === 'content_block_delta')).toBeLessThan(at('content_block_stop'));
      return sent.map(({ delta }) => delta?.text ?? '').join('');
    },
  ],
];

const LONG = 'lorem ipsum dolor sit amet '.repeat(20);

describe.each(DIALECTS)('a stream of %s', (dialect, events, textOf) => {
  it('[U114] is masked and restored over pieces of any size, and ends as it would', async () => {
    const pieces = ['ask [EMA', 'IL_1] or new', '@e.com; ', ...LONG.match(/.{1,9}/g)!, 'bye'];
    const expected = `ask a@b.com or [EMAIL_2]; ${LONG}bye`;
    for (const pieceBytes of [1, 64, 1_000_000]) {
      const { sent, isBlocked, text } = await through(await sessionOf([PII], 'I am a@b.com'), dialect, events(pieces), pieceBytes);
      expect([textOf(sent), isBlocked]).toEqual([expected, false]);
      expect(text.includes('[DONE]')).toBe(events([]).includes('[DONE]'));
      expect(text).not.toContain('new@e.com');
    }
  });

  it('[U118] ends with an error of its dialect before anything of what blocks it', async () => {
    const { sent, text, isBlocked } = await through(await sessionOf([WORDS]), dialect, events([LONG, 'the forb', 'idden word', LONG]));
    expect(isBlocked).toBe(true);
    expect(text).not.toContain('forb');
    expect(JSON.stringify(sent.at(-1))).toContain('guardrail_blocked');
  });

  it('[U118] is sent whole or not at all where its whole is judged', async () => {
    const good = await through(await sessionOf([SHAPE]), dialect, events(['{"a":', '1}']));
    expect([good.isBlocked, textOf(good.sent)]).toEqual([false, '{"a":1}']);
    const bad = await through(await sessionOf([SHAPE]), dialect, events(['{"a":', '1']));
    expect([bad.isBlocked, bad.sent.length]).toEqual([true, 1]);
    expect(bad.text).toContain('guardrail_blocked');
  });
});

describe('a guarded stream', () => {
  it('[U114] is byte for byte as it came where nothing is found and texts end', async () => {
    const events = [chunk('', null), { id: 'c', choices: [], usage: {} }, '[DONE]'];
    const { text, wasWritten } = await through(await sessionOf([PII]), 'chat', events);
    expect(text).toBe(wasWritten);
  });

  it('[U114] keeps choices apart, and looks at what tools are called with', async () => {
    const call = (text: string) => ({
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: text } }] }, finish_reason: null }],
    });
    const events = [
      chunk('a@b', null, 0),
      chunk('x', null, 1),
      chunk('.com', null, 0),
      call('{"to":"c@d'),
      call('.com"}'),
      chunk('', 'stop'),
      '[DONE]',
    ];
    const { sent } = await through(await sessionOf([{ ...PII, restores: false }]), 'chat', events);
    const textAt = (of: number) => sent.flatMap(({ choices }) => choices).filter(({ index }) => index === of);
    expect(
      textAt(0)
        .map(({ delta }) => delta.content ?? '')
        .join(''),
    ).toBe('[EMAIL_1]');
    expect(
      textAt(1)
        .map(({ delta }) => delta.content ?? '')
        .join(''),
    ).toBe('x');
    expect(
      textAt(0)
        .map(({ delta }) => delta.tool_calls?.[0].function.arguments ?? '')
        .join(''),
    ).toBe('{"to":"[EMAIL_2]"}');
  });

  it('[U118] that breaks off under a schema says why, and nothing of what was held', async () => {
    const failure = { error: { message: 'broke', code: 'upstream_failed' } };
    const { sent, isBlocked } = await through(await sessionOf([SHAPE]), 'chat', [chunk('{"a'), failure]);
    expect([sent, isBlocked]).toEqual([[failure], false]);
  });

  it('[U118] records each hook once, with what it found', async () => {
    const session = await sessionOf([
      { ...PII, on: 'answer' },
      { ...WORDS, action: 'flag' },
    ]);
    const records = [];
    for (const piece of [chunk('a@b.com c@d.com forbidden'), chunk('', 'stop')]) {
      records.push(...(await session.push('chat', 'req_1', utf8(`data: ${JSON.stringify(piece)}\n\n`))).records);
    }
    records.push(...(await session.end()).records);
    expect(records.map(({ hook, outcome, count }) => [hook, outcome, count])).toEqual([
      ['people', 'masked', 2],
      ['words', 'flagged', 1],
    ]);
  });
});

import { expect, it } from 'vitest';

import { utf8 } from '../../../src/kernel/bytes.ts';
import type { Surface } from '../../../src/upstreams/protocol/surfaces.ts';
import { Exchanges } from '../../../src/upstreams/protocol/exchange.ts';
import { targetOf } from '../../support/upstreams/target.ts';

const OWN_KEY = 'odd.key';
const withoutSecret = (text: string): string => text.replaceAll(OWN_KEY, '[redacted]');
const MESSAGE = `the key ${OWN_KEY} and Bearer ${'a'.repeat(20)} are wrong`;
const SHOWN = 'the key [redacted] and [redacted] are wrong';

const OPENAI = targetOf({ model: { serves: ['chat', 'completions', 'responses'] } });
const CLAUDE = targetOf({ protocol: 'anthropic' });

const exchangeOf = (surface: Surface, target: typeof OPENAI, stream: boolean) =>
  new Exchanges({
    surface,
    body: { stream, ...(surface === 'responses' ? { input: 'a' } : { messages: [] }), max_tokens: 9 },
    headers: {},
    nowMs: 0,
  }).with(target, 9);

it.each<[string, Surface, typeof OPENAI, object]>([
  ['chats', 'chat', OPENAI, { error: { message: MESSAGE } }],
  ['chats, as a text', 'chat', OPENAI, { error: MESSAGE }],
  ['completions', 'completions', OPENAI, { error: { message: MESSAGE } }],
  ['responses', 'responses', OPENAI, { type: 'error', message: MESSAGE }],
  [
    'responses that end failed',
    'responses',
    OPENAI,
    { type: 'response.failed', response: { error: { code: 'server_error', message: MESSAGE } } },
  ],
  ['messages', 'messages', CLAUDE, { type: 'error', error: { type: 'overloaded_error', message: MESSAGE } }],
  ['messages for a chat', 'chat', CLAUDE, { type: 'error', error: { type: 'overloaded_error', message: MESSAGE } }],
])('[U191] a stream of %s says of an error nothing that the caller may not know', (_, surface, target, event) => {
  const stream = exchangeOf(surface, target, true).stream(undefined, undefined, withoutSecret);
  const { send, problem } = stream.push(utf8(`data: ${JSON.stringify(event)}\n\n`));
  expect(new TextDecoder().decode(send) + (problem?.said?.message ?? '')).toContain(SHOWN);
});

it.each<[string, Surface, object]>([
  ['chats', 'chat', { error: { message: MESSAGE } }],
  ['chats, as a text', 'chat', { error: MESSAGE }],
  ['responses', 'responses', { id: 'resp_1', status: 'failed', error: { code: 'server_error', message: MESSAGE }, output: [] }],
])('[U191] an answer of %s says of an error nothing that the caller may not know', (_, surface, answer) => {
  const { text } = exchangeOf(surface, OPENAI, false).whole(JSON.stringify(answer), undefined, withoutSecret) ?? { text: '' };
  expect(text).toContain(SHOWN);
});

it('[U32] an answer that says of an error without a secret stays as it came', () => {
  const text = '{ "error": {"message": "too hot"}, "seed": 12345678901234567890 }';
  expect(exchangeOf('chat', OPENAI, false).whole(text, undefined, withoutSecret)?.text).toBe(text);
});

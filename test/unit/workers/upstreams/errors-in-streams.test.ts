import { afterEach, expect, it, vi } from 'vitest';

import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { ErrorWorld } from './error-world.ts';

// What callers get of an error that an upstream ends its stream with, in relayed streams of each kind.

afterEach(() => vi.unstubAllGlobals());

type Protocol = 'openai' | 'anthropic';

const event = (value: object, name?: string): string => `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`;

/** How a stream begins, by what is spoken with the upstream. */
const BEGINNINGS: Readonly<Record<'chat' | 'responses' | 'messages', string>> = {
  chat: event({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: 'so ' }, finish_reason: null }] }),
  responses: event({ type: 'response.output_text.delta', item_id: 'm', output_index: 0, content_index: 0, delta: 'so ' }),
  messages:
    event({ type: 'message_start', message: { id: 'm', usage: { input_tokens: 1, output_tokens: 1 } } }, 'message_start') +
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }, 'content_block_start') +
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'so ' } }, 'content_block_delta'),
};

type Spoken = keyof typeof BEGINNINGS;

/** Each pair of what is called and what the upstream speaks. */
const PAIRS: readonly (readonly [Surface, Spoken])[] = [
  ['chat', 'chat'],
  ['chat', 'messages'],
  ['responses', 'chat'],
  ['responses', 'responses'],
  ['responses', 'messages'],
  ['messages', 'chat'],
  ['messages', 'messages'],
];

const errorEvent = (spoken: Spoken, error: object): string =>
  spoken === 'responses' ? event({ ...error, type: 'error' }, 'error') : event({ type: 'error', error }, 'error');

function worldOf(spoken: Spoken, body: string) {
  const protocol: Protocol = spoken === 'messages' ? 'anthropic' : 'openai';
  const serves = spoken === 'responses' ? (['chat', 'responses'] as const) : (['chat'] as const);
  const target = targetOf({ protocol, upstreamId: 'tn_1/lab', model: { serves: [...serves] } });
  return new ErrorWorld({ own: [target] }, () => ({ status: 200, body, headers: { 'content-type': 'text/event-stream' } }));
}

async function errorOf(surface: Surface, spoken: Spoken, error: object) {
  const { events } = await worldOf(spoken, BEGINNINGS[spoken] + errorEvent(spoken, error)).call(surface, { stream: true });
  const all = events.trim().split('\n\n');
  const [data] = /(?<=^data: ).*/m.exec(all.at(-1)!) ?? [''];
  return { isNamed: all.at(-1)!.startsWith('event: error'), ...JSON.parse(data) };
}

/** What is said, and the types by which callers know it: OpenAI's and Anthropic's. */
const ERRORS: readonly (readonly [what: string, words: Readonly<Record<string, string>>, openai: string, anthropic: string])[] = [
  ['is busy', { type: 'overloaded_error' }, 'server_error', 'overloaded_error'],
  ['has a limit', { type: 'rate_limit_error', code: 'rate_limit_exceeded' }, 'rate_limit_error', 'rate_limit_error'],
  ['refuses', { type: 'invalid_request_error', code: 'context_length_exceeded' }, 'invalid_request_error', 'invalid_request_error'],
  ['is late', { type: 'timeout_error' }, 'server_error', 'timeout_error'],
  ['has failed', { type: 'server_error', code: 'server_error' }, 'server_error', 'api_error'],
  ['says nothing', {}, 'server_error', 'api_error'],
];

it.each(PAIRS.flatMap(([surface, spoken]) => ERRORS.map((error) => [surface, spoken, ...error] as const)))(
  '[U206] a stream of %s whose upstream speaks %s and %s ends with that error',
  async (surface, spoken, _what, words, openai, anthropic) => {
    const { isNamed, error, request_id } = await errorOf(surface, spoken, { message: 'why not', ...words });
    const family: Protocol = surface === 'messages' ? 'anthropic' : 'openai';
    const theirs: Protocol = spoken === 'messages' ? 'anthropic' : 'openai';
    expect(error).toMatchObject({ message: 'why not', code: words['code'] ?? 'upstream_failed', upstream: { name: 'lab/small' } });
    // The type of an event of responses is that of the event.
    const own = family === theirs ? words['type'] : undefined;
    if (spoken !== 'responses') expect(error.type).toBe(own ?? (family === 'openai' ? openai : anthropic));
    expect([request_id, isNamed]).toEqual(['req_1', surface !== 'chat']);
  },
);

it.each(PAIRS)('[U191] [U207] a stream of %s whose upstream speaks %s ends without its secrets', async (surface, spoken) => {
  const secret = 's3cret-of-the-upstream';
  const { error } = await errorOf(surface, spoken, { message: `no ${secret}`, type: 'rate_limit_error', code: secret, param: secret });
  expect([error.message, error.code, error.param]).toEqual(['no [redacted]', 'upstream_failed', null]);
  const ours = await errorOf(surface, spoken, { message: 'wrong key', type: 'authentication_error', code: 'invalid_api_key' });
  expect([ours.error.code, ours.error.upstream]).toEqual(['upstream_failed', undefined]);
});

/** An error that is the first event, and the status that it stands for; 200: it is about the request, and comes in the stream. */
const FIRST: readonly (readonly [error: object, status: number, code: string])[] = [
  [{ message: 'why', type: 'overloaded_error', code: 'overloaded_error' }, 529, 'overloaded_error'],
  [{ message: 'why', type: 'rate_limit_error', code: 'rate_limit_exceeded' }, 429, 'rate_limit_exceeded'],
  [{ message: 'why', type: 'BadGateway', code: 503 }, 503, 'upstream_failed'],
  [{ message: 'why', type: 'server_error', code: 'server_error' }, 500, 'server_error'],
  [{ message: 'why', type: 'authentication_error', code: 'invalid_api_key' }, 502, 'upstream_misconfigured'],
];

it.each(PAIRS.flatMap(([surface, spoken]) => FIRST.map((first) => [surface, spoken, ...first] as const)))(
  '[U210] a stream of %s whose upstream speaks %s and begins with the error %o is none',
  async (surface, spoken, error, status, code) => {
    const world = worldOf(spoken, `: comment\n\n${errorEvent(spoken, error)}`);
    const { status: arrived, body, headers, events } = await world.call(surface, { stream: true });
    expect([arrived, body.error.code, events, world.asked.length]).toEqual([status, code, '', 2]);
    expect(headers['x-should-retry']).toBe(String(status !== 502));
    expect(world.dispatcher.health()[0]?.attempts).toMatchObject({ served: 0, broke_off: 0 });
  },
);

it.each(PAIRS)('[U210] a stream of %s whose upstream speaks %s and refuses the request first is asked once', async (surface, spoken) => {
  const world = worldOf(spoken, errorEvent(spoken, { message: 'why', type: 'invalid_request_error', code: 'context_length_exceeded' }));
  const { status, events } = await world.call(surface, { stream: true });
  expect([status, events.includes('context_length_exceeded'), world.asked.length]).toEqual([200, true, 1]);
});

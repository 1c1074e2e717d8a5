import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { ErrorWorld } from './error-world.ts';
import type { Said } from './error-world.ts';

// What callers get of the errors of upstreams, through the dispatcher, the transport and the error shapes of the product.

afterEach(() => vi.unstubAllGlobals());

type Protocol = 'openai' | 'anthropic';

const SERVES = ['chat', 'completions', 'responses', 'embeddings', 'rerank', 'moderations'] as const;
const target = (protocol: Protocol = 'openai', upstream = 'lab', upstreamId = `tn_1/${upstream}`) =>
  targetOf({ protocol, upstream, upstreamId, baseUrl: `https://${upstream}.example/v1`, model: { serves: [...SERVES] } });

const world = (says: Said | ((host: string) => Said), own = [target()], platform: ReturnType<typeof target>[] = []) =>
  new ErrorWorld({ own, platform }, typeof says === 'function' ? says : () => says);

/** As the real APIs write them. */
const bodyOf = (protocol: Protocol, { type, code, param }: { type: string; code?: string | null; param?: string | null }) =>
  protocol === 'openai'
    ? { error: { message: 'why not', type, param: param ?? null, code: code ?? null } }
    : { type: 'error', error: { type, message: 'why not' }, request_id: 'req_theirs' };

/** By status: what OpenAI and Anthropic call it, and whether a repetition may help. */
const STATUSES: readonly (readonly [status: number, openai: string, anthropic: string, mayRetry: boolean])[] = [
  [400, 'invalid_request_error', 'invalid_request_error', false],
  [404, 'not_found_error', 'not_found_error', false],
  [408, 'invalid_request_error', 'timeout_error', true],
  [409, 'conflict_error', 'conflict_error', true],
  [413, 'invalid_request_error', 'request_too_large', false],
  [415, 'invalid_request_error', 'invalid_request_error', false],
  [422, 'invalid_request_error', 'invalid_request_error', false],
  [429, 'rate_limit_error', 'rate_limit_error', true],
  [500, 'server_error', 'api_error', true],
  [502, 'server_error', 'api_error', true],
  [503, 'server_error', 'api_error', true],
  [504, 'server_error', 'timeout_error', true],
  [529, 'server_error', 'overloaded_error', true],
];

/** What is called, and the protocols that answer it. */
const CALLS: readonly (readonly [Surface, Protocol])[] = [
  ['chat', 'openai'],
  ['chat', 'anthropic'],
  ['completions', 'openai'],
  ['responses', 'openai'],
  ['responses', 'anthropic'],
  ['messages', 'openai'],
  ['messages', 'anthropic'],
  ['embeddings', 'openai'],
  ['rerank', 'openai'],
  ['moderations', 'openai'],
];
const STREAMED: ReadonlySet<Surface> = new Set(['chat', 'completions', 'responses', 'messages']);
const WAYS = CALLS.flatMap(([surface, protocol]) =>
  (STREAMED.has(surface) ? [false, true] : [false]).map((stream) => [surface, protocol, stream] as const),
);

describe.each(WAYS)('a call of %s that a model of the protocol %s answers (stream: %s)', (surface, protocol, stream) => {
  const family: Protocol = surface === 'messages' ? 'anthropic' : 'openai';

  it.each(STATUSES)("[U204] [U206] arrives with the upstream's status %d and its words", async (status, openai, anthropic, mayRetry) => {
    const theirs = protocol === 'openai' ? openai : anthropic;
    const said = bodyOf(protocol, { type: `its_${theirs}`, code: 'context_length_exceeded', param: 'messages[0].content' });
    for (const headers of [{}, { 'retry-after': '7' }, { 'retry-after-ms': '1500' }] as Record<string, string>[]) {
      const called = world({ status, body: said, headers }, [target(protocol)]);
      const { status: arrived, headers: sent, body } = await called.call(surface, { stream });
      const ofOpenai = protocol === 'openai';
      expect([arrived, body.error.message, body.request_id]).toEqual([status, 'why not', 'req_1']);
      expect(body.error).toMatchObject({
        // Its own word, where the caller knows it.
        type: protocol === family ? `its_${theirs}` : family === 'openai' ? openai : anthropic,
        code: ofOpenai ? 'context_length_exceeded' : expect.stringMatching(/^upstream_(?:rejected|busy|failed)$/),
        param: ofOpenai ? 'messages[0].content' : null,
        upstream: { name: 'lab/small', status },
      });
      expect(body.type).toBe(family === 'anthropic' ? 'error' : undefined);
      expect([sent['x-should-retry'], sent['x-sluice-model']]).toEqual([String(mayRetry), 'lab/small']);
      if ('retry-after' in headers && mayRetry) expect([sent['retry-after'], sent['retry-after-ms']]).toEqual(['7', '7000']);
      if ('retry-after-ms' in headers && mayRetry) expect([sent['retry-after'], sent['retry-after-ms']]).toEqual(['2', '1500']);
      expect(called.asked.length).toBe(mayRetry || status === 404 ? 2 : 1);
    }
  });

  it.each([401, 402, 403, 405])('[U207] a %d, which is about the account of Sluice there, is none of the caller', async (status) => {
    const said = bodyOf(protocol, { type: 'authentication_error', code: 'invalid_api_key' });
    const { status: arrived, headers, body } = await world({ status, body: said }, [target(protocol)]).call(surface, { stream });
    expect([arrived, body.error.code, headers['x-should-retry']]).toEqual([502, 'upstream_misconfigured', 'false']);
    expect(body.error.upstream).toBeUndefined();
    expect(body.error.message).toContain(`lab/small: ${status}`);
    expect(body.error.type).toBe(family === 'openai' ? 'server_error' : 'api_error');
  });
});

it('[U207] a 404 in which no API speaks is that of another server, and none of the caller', async () => {
  for (const body of ['<html>not here</html>', '', '{}', '[]']) {
    const { status, body: arrived } = await world({ status: 404, body }).call('chat');
    expect([status, arrived.error.code], body).toEqual([502, 'upstream_misconfigured']);
  }
});

describe('what an upstream says', () => {
  const arrive = async (body: object | string, more: Partial<Said> = {}, of = target()) =>
    (await world({ status: 400, ...more, body }, of.upstreamId.startsWith('tn_') ? [of] : [], [of]).call('chat')).body.error;

  it.each<[string, object, object]>([
    ['of vLLM', { object: 'error', message: 'too long', type: 'BadRequestError', param: null, code: 400 }, { type: 'BadRequestError' }],
    ['as a text', { error: 'too long' }, {}],
    ['as detail', { detail: 'too long' }, {}],
    ['with a code that is a number', { error: { message: 'too long', code: 400 } }, {}],
    ['with a code that is a sentence', { error: { message: 'too long', code: 'a b c', type: 'x'.repeat(200) } }, {}],
  ])('[U204] %s has its message, and no word that it has not', async (_, body, more) => {
    const common = { message: 'too long', type: 'invalid_request_error', code: 'upstream_rejected', param: null };
    expect(await arrive(body)).toEqual({ ...common, upstream: { name: 'lab/small', status: 400 }, ...more });
  });

  it('[U204] in nothing that can be read is its status', async () => {
    for (const body of ['', '<html>', '[1]', 'x'.repeat(100_000)])
      expect(await arrive(body, { status: 413 })).toMatchObject({ message: 'the upstream lab answered 413', upstream: { status: 413 } });
  });

  it('[U191] has no credentials, in any field', async () => {
    const secret = 's3cret-of-the-upstream';
    const error = { message: `${secret} is wrong`, type: secret, code: `sk-${'a'.repeat(20)}`, param: secret };
    const arrived = await arrive({ error });
    expect(JSON.stringify(arrived)).not.toMatch(/s3cret|sk-a/);
    expect(arrived).toMatchObject({ message: '[redacted] is wrong', code: 'upstream_rejected', param: null });
  });

  it("[U205] of its limits is passed on with its headers, but of the platform's accounts", async () => {
    const headers = {
      'x-ratelimit-remaining-requests': '0',
      'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:00Z',
      'set-cookie': 'a=b',
      server: 'theirs',
    };
    const body = {
      error: { message: 'Rate limit reached in organization org-AbCdEfGh12345', type: 'requests', code: 'rate_limit_exceeded' },
    };
    const arrived = async (of: ReturnType<typeof target>) => {
      const isOwn = of.upstreamId.startsWith('tn_');
      return world({ status: 429, headers, body }, isOwn ? [of] : [], isOwn ? [] : [of]).call('chat');
    };
    const own = await arrived(target());
    expect(own.headers).toMatchObject({
      'x-ratelimit-remaining-requests': '0',
      'anthropic-ratelimit-tokens-reset': '2026-01-01T00:00:00Z',
    });
    expect([own.headers['set-cookie'], own.headers['server']]).toEqual([undefined, undefined]);
    expect(own.body.error).toMatchObject({ type: 'requests', code: 'rate_limit_exceeded', message: body.error.message });
    const shared = await arrived(target('openai', 'lab', 'platform/lab'));
    expect(Object.keys(shared.headers).filter((name) => name.includes('ratelimit'))).toEqual([]);
    expect(shared.body.error.message).toBe('Rate limit reached in organization [redacted]');
  });

  it('[U205] of repeating the call is passed on, and an account without money is not asked again', async () => {
    const retry = async (said: Said) => (await world(said).call('chat')).headers['x-should-retry'];
    expect(await retry({ status: 500, headers: { 'x-should-retry': 'false' } })).toBe('false');
    expect(await retry({ status: 400, headers: { 'x-should-retry': 'true' } })).toBe('true');
    expect(await retry({ status: 400, headers: { 'x-should-retry': 'maybe' } })).toBe('false');
    expect(await retry({ status: 429, body: bodyOf('openai', { type: 'insufficient_quota', code: 'insufficient_quota' }) })).toBe('false');
  });
});

describe('of several upstreams', () => {
  const both = [target('openai', 'one'), target('openai', 'two')];
  const arrive = async (one: Said, two: Said, surface: Surface = 'chat') => {
    const called = world((host) => (host === 'one.example' ? one : two), both);
    const { status, headers, body } = await called.call(surface);
    return [status, body.error.upstream?.name, headers['retry-after-ms']];
  };
  const why = { body: bodyOf('openai', { type: 'any' }) };

  it('[U208] the most telling answer arrives: less traffic, then later, then not there', async () => {
    const [busy, broken, absent, wrong] = [{ status: 429 }, { status: 503 }, { status: 404, ...why }, { status: 401 }] as const;
    for (const [one, two, from] of [
      [busy, broken, 'one/small'],
      [broken, busy, 'two/small'],
      [broken, absent, 'one/small'],
      [absent, wrong, 'one/small'],
      [wrong, broken, 'two/small'],
    ] as const) {
      const status = from === 'one/small' ? one.status : two.status;
      expect((await arrive(one, two)).slice(0, 2), JSON.stringify([one, two])).toEqual([status, from]);
    }
  });

  it('[U208] of equals the last arrives, with the soonest time that any has named', async () => {
    const byHost = (host: string): Said => ({ status: host === 'one.example' ? 500 : 503 });
    const fallback = world(byHost, [target('openai', 'one')], [target('openai', 'two', 'platform/two')]);
    expect((await fallback.call('chat')).body.error.upstream).toEqual({ name: 'two/small', status: 503 });
    expect(fallback.asked).toEqual(['one.example', 'one.example', 'two.example', 'two.example']);
    const named = (s: string): Said => ({ status: 429, headers: { 'retry-after': s } });
    expect((await arrive(named('90'), named('60'))).at(2)).toBe('60000');
    expect((await arrive(named('60'), named('90'))).at(2)).toBe('60000');
  });

  it('[U204] a fallback that answers hides all of it; a request that is wrong goes to none', async () => {
    const fine: Said = { status: 200, body: { id: '1', choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } } };
    const called = world(
      (host) => (host === 'one.example' ? { status: 429, headers: { 'retry-after': '60' } } : fine),
      [target('openai', 'one')],
      [target('openai', 'two', 'platform/two')],
    );
    expect((await called.call('chat')).status).toBe(200);
    const wrong = world((host) => (host === 'one.example' ? { status: 400 } : fine), [target('openai', 'one')], [target('openai', 'two')]);
    expect([(await wrong.call('chat')).status, wrong.asked]).toEqual([400, ['one.example']]);
  });
});

describe('a pause', () => {
  it('[U208] has for those that meet it the status that asked for it, and no words of another call', async () => {
    const body = { error: { message: 'said to one caller', type: 'requests', code: 'rate_limit_exceeded', param: 'messages[3]' } };
    const called = world({ status: 429, body, headers: { 'retry-after': '60', 'x-ratelimit-remaining-requests': '0' } });
    await called.call('chat');
    const { status, headers, body: later } = await called.call('messages');
    expect([status, called.asked.length, headers['x-ratelimit-remaining-requests']]).toEqual([429, 1, undefined]);
    expect(later.error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded', param: null });
    expect(JSON.stringify(later)).not.toContain('said to one caller');
    expect(Number(headers['retry-after-ms'])).toBeGreaterThan(50_000);
    expect(Number(headers['retry-after-ms'])).toBeLessThanOrEqual(60_000);
  });

  it('[U209] counts against the upstream, as does a failure; a request that is wrong does not', async () => {
    const busy = world({ status: 429 });
    const { undispatched } = await busy.call('chat');
    expect(undispatched?.refusal.code).toBe('upstream_busy');
    expect(undispatched?.attempts.map(({ status }) => status)).toEqual([429, 429]);
    expect(busy.dispatcher.health()[0]?.attempts).toMatchObject({ paused: 2, failed: 0, rejected: 0 });
    const wrong = world({ status: 400 });
    expect((await wrong.call('chat', { stream: true })).undispatched?.refusal.code).toBe('upstream_rejected');
    expect(wrong.dispatcher.health()[0]?.attempts).toMatchObject({ paused: 0, failed: 0, rejected: 1 });
    const broken = world({ status: 500 });
    expect((await broken.call('chat')).undispatched?.refusal.code).toBe('upstream_failed');
    expect(broken.dispatcher.health()[0]?.attempts).toMatchObject({ failed: 2 });
  });
});

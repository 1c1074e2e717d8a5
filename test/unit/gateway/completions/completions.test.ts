import { beforeEach, describe, expect, it } from 'vitest';

import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { AddedUse } from '../../../../src/gateway/completions/added-use.ts';
import { Completions } from '../../../../src/gateway/completions/completion.ts';
import type { Routed } from '../../../../src/gateway/routes/model-router.ts';
import { explainedEvent, explainedText } from '../../../../src/upstreams/explained-answer.ts';
import { BalancedDispatcher } from '../../../../src/upstreams/serving/balanced-dispatcher.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import type { UpstreamQuantities } from '../../../../src/upstreams/money/settlement.ts';
import type { Opened, TransportFault, UpstreamRequest } from '../../../../src/upstreams/transport.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { byteCounts } from '../../../support/upstreams/token-counts.ts';

const { organisationId, tenantId, projectId, id: keyId } = idsOf(1);
const PRINCIPAL: TenantPrincipal = { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['inference'] };
const CLAUDE = targetOf({ upstream: 'claude', protocol: 'anthropic' });

/** Calls to upstreams that answer so, and the requests that those got. */
function callsTo(
  platform: readonly Target[],
  answer: (request: UpstreamRequest) => Partial<Opened> & { readonly text: string | TransportFault },
  routed?: Routed,
) {
  const asked: UpstreamRequest[] = [];
  const reserved: UpstreamQuantities[] = [];
  const completions = new Completions({
    tokens: byteCounts,
    cache: { open: () => expect.unreachable() },
    embedder: { check: () => expect.unreachable(), embed: () => expect.unreachable() },
    sha256: () => expect.unreachable(),
    wakeUps: new DirectWakeUps(),
    targets: () => Promise.resolve(ok({ own: [], platform })),
    router: { plan: () => Promise.resolve(ok(routed)) },
    dispatcher: new BalancedDispatcher({
      clock: { nowMs: () => 0 },
      timer: { after: () => () => undefined },
      rng: { bytes: (count) => new Uint8Array(count) },
    }),
    transport: {
      open: (_, request) => {
        asked.push(request);
        const { text, ...more } = answer(request);
        const pieces = [typeof text === 'string' ? utf8(text) : text];
        const body = { read: () => Promise.resolve(pieces.shift()), cancel: () => undefined };
        return Promise.resolve({ kind: 'opened', status: 200, contentType: '', body, ...more });
      },
    },
    clock: { nowMs: () => 1_000 },
    guard: { complete: () => expect.unreachable() },
    judge: { accepts: () => expect.unreachable() },
  });
  const call = (body: object) =>
    completions.complete({
      cacheTerms: undefined,
      onGuarded: () => expect.unreachable(),
      shadow: () => expect.unreachable(),
      added: new AddedUse(),
      surface: 'chat',
      body: { model: 'small', messages: [{ role: 'user', content: 'hello' }], ...body },
      headers: {},
      principal: PRINCIPAL,
      requestId: 'req_1',
      reserve: (quantities) => {
        reserved.push(quantities as UpstreamQuantities);
        return Promise.resolve(ok(undefined));
      },
      origin: { headers: {}, header: () => undefined, place: {} },
      cancellation: { isCancelled: false, onCancel: () => () => undefined },
    });
  return { call, asked, reserved };
}

const ANSWER = '{"id":"1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2},"unknown":1}';

it('[U32] answers what the upstream answered, and knows what it says of its tokens', async () => {
  const { call, asked } = callsTo([targetOf()], () => ({ text: ANSWER }));
  expect(await call({ seed: 5 })).toMatchObject({
    value: { answer: { text: ANSWER, end: { usage: { inputTokens: 3, outputTokens: 2 } } } },
  });
  expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ model: 'small-2026', seed: 5, max_tokens: 1_024 });
});

it('[U33] asks the targets to which the request can be said, and refuses where there is none', async () => {
  const both = callsTo([CLAUDE, targetOf()], () => ({ text: ANSWER }));
  expect(await both.call({ logit_bias: { 5: 1 } })).toMatchObject({ value: { target: { upstream: 'lab' } } });
  const one = callsTo([CLAUDE], () => ({ text: ANSWER }));
  expect(await one.call({ logit_bias: { 5: 1 } })).toMatchObject({ error: { refusal: { code: 'invalid_value', path: ['logit_bias'] } } });
  expect(one.asked).toEqual([]);
});

it('[U37] passes on what the upstream has against the request', async () => {
  const text = '{"error":{"message":"temperature: is too hot"}}';
  const { call } = callsTo([targetOf()], () => ({ status: 422, text }));
  expect(await call({})).toMatchObject({
    error: { refusal: { code: 'upstream_rejected', message: 'temperature: is too hot' } },
  });
  const long = callsTo([targetOf()], () => ({ status: 400, text: JSON.stringify({ message: 'x'.repeat(5_000) }) }));
  const refused = await long.call({});
  expect(refused.ok ? 0 : refused.error.refusal.message.length).toBeLessThan(1_100);
});

it.each(['message', 'error', 'detail'])('[U191] shows no credential that the upstream repeats in `%s`', async (field) => {
  const says = async (message: string) => {
    const text = JSON.stringify({ [field]: message });
    const withoutSecret = (said: string) => said.replaceAll('odd.key', '[redacted]');
    const refused = await callsTo([targetOf()], () => ({ status: 400, text, withoutSecret })).call({});
    return refused.ok ? '' : refused.error.refusal.message;
  };
  expect(await says('the key odd.key is wrong: odd.key')).toBe('the key [redacted] is wrong: [redacted]');
  expect(await says(`not with Bearer ${'a'.repeat(20)} or sk-${'b'.repeat(20)}`)).toBe('not with [redacted] or [redacted]');
  // Across the end of what is shown.
  expect(await says(`${'x'.repeat(990)} sk-${'b'.repeat(40)}`)).not.toContain('sk-');
  expect(await says(`${'x'.repeat(996)}odd.key`)).not.toContain('odd');
});

it.each<[string, string | TransportFault]>([
  ['breaks off', { kind: 'fault', fault: 'broken' }],
  ['is no JSON', '<html>'],
])('[U35] refuses an answer that %s', async (_, text) => {
  const { call } = callsTo([targetOf()], () => ({ text }));
  expect(await call({})).toMatchObject({ error: { refusal: { code: 'upstream_failed' } } });
});

it('[U72] [U73] reserves what it may cost, and sends the limit that it has reserved along', async () => {
  const { call, asked, reserved } = callsTo([targetOf({ model: { contextTokens: 600, outputTokensMax: 590 } })], () => ({ text: ANSWER }));
  const answered = await call({ n: 2 });
  const limit = JSON.parse(asked[0]?.body ?? '').max_tokens;
  const [{ upstream_input_tokens: input, upstream_output_tokens: output }] = reserved as [UpstreamQuantities];
  expect(limit).toBe(600 - input);
  expect(output).toBe(2 * limit);
  if (!answered.ok || answered.value.answer.kind !== 'whole') throw new Error('not answered');
  expect(answered.value.settle(answered.value.answer.end)).toMatchObject({ inputTokens: 3, outputTokens: 2, nano: 70, usage: 'reported' });
  expect((await callsTo([targetOf()], () => ({ text: ANSWER })).call({ max_tokens: 7 })).ok).toBe(true);
});

it('[U71] [U77] asks no upstream for what nothing bounds', async () => {
  const { call, asked, reserved } = callsTo([targetOf()], () => ({ text: ANSWER }));
  expect(await call({ modalities: ['video'] })).toMatchObject({ error: { refusal: { code: 'invalid_value', path: ['modalities'] } } });
  expect([asked, reserved]).toEqual([[], []]);
});

const CHUNKS = [
  '{"id":"1","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":null}',
  '{"id":"1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}',
  '[DONE]',
];

it.each([true, false])('[U78] says what a stream has cost where its usage was asked for: %s', async (isAsked) => {
  const { call } = callsTo([targetOf()], () => ({
    text: CHUNKS.map((chunk) => `data: ${chunk}\n\n`).join(''),
    contentType: 'text/event-stream',
  }));
  const answered = await call({ stream: true, ...(isAsked ? { stream_options: { include_usage: true } } : {}) });
  if (!answered.ok || answered.value.answer.kind !== 'stream') throw new Error('not answered');
  const { stream, ended } = answered.value.answer;
  const sent: Uint8Array[] = [];
  for (let piece = await stream.next(); piece !== undefined; piece = await stream.next()) sent.push(piece);
  const events = Buffer.concat(sent).toString('utf8').split('\n\n');
  // 70 for the tokens, 150 for the request.
  const noted = { ...JSON.parse(CHUNKS[1]!), sluice: { cost_usd: '0.000000220' } };
  expect(events.slice(0, -1).map((event) => event.slice('data: '.length))).toEqual(
    isAsked ? [CHUNKS[0], JSON.stringify(noted), CHUNKS[2]] : [CHUNKS[0], CHUNKS[2]],
  );
  expect(answered.value.settle(await ended)).toMatchObject({ inputTokens: 3, outputTokens: 2, nano: 70, usage: 'reported' });
});

it('[U12] is refused where no replica is ready, and nothing is reserved or asked', async () => {
  const { call, asked, reserved } = callsTo([targetOf({ baseUrl: 'replicas:job', replicas: [] })], () => ({ text: ANSWER }));
  expect(await call({})).toMatchObject({ error: { refusal: { code: 'no_healthy_replica' }, attempts: [] } });
  expect([asked, reserved]).toEqual([[], []]);
});

describe('[U91] a call that a route serves', () => {
  const ends: boolean[] = [];
  const routeTo = (...groups: Target[][]): Routed => ({
    plan: { groups, route: { name: 'chat', version: 2 }, reason: 'rule:long' },
    outputTokensMax: 50,
    explain: () => {
      throw new Error('nothing asked for it');
    },
    ended: (failed) => ends.push(failed),
  });
  beforeEach(() => ends.splice(0));

  it('[U91] goes to the targets of the route alone, with its token limit, without what is for Sluice', async () => {
    const lab = targetOf();
    const { call, asked } = callsTo([CLAUDE], () => ({ text: ANSWER }), routeTo([lab]));
    expect(await call({ model: 'chat', explain: true, max_tokens: 900 })).toMatchObject({
      value: { target: { upstream: 'lab' }, plan: { reason: 'rule:long', route: { version: 2 } }, routed: { outputTokensMax: 50 } },
    });
    const [sent] = asked.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(sent).toMatchObject({ model: 'small-2026', max_tokens: 50 });
    expect(sent).not.toHaveProperty('explain');
    await call({ model: 'chat', max_tokens: 20 });
    await call({ model: 'chat' });
    expect(asked.map(({ body }) => (JSON.parse(body) as Record<string, unknown>)['max_tokens'])).toEqual([50, 20, 50]);
    expect(ends).toEqual([false, false, false]);
  });

  it('[U97] counts for the canary when it fails, and does not when the request was at fault', async () => {
    const rejecting = callsTo([], () => ({ status: 422, text: '{}' }), routeTo([targetOf()]));
    expect(await rejecting.call({})).toMatchObject({ error: { refusal: { code: 'upstream_rejected' } } });
    expect(ends).toEqual([]);
    const breaking = callsTo([], () => ({ text: 'no JSON' }), routeTo([targetOf()]));
    expect((await breaking.call({})).ok).toBe(false);
    expect(ends).toEqual([true]);
  });

  it('[U90] answers its explanation behind what the upstream sent, which stays as it was', () => {
    const big = '{"id": 12345678901234567890, "choices": [] }';
    expect(explainedText(big, { route: 'chat' })).toBe('{"id": 12345678901234567890, "choices": [],"sluice":{"route":{"route":"chat"}}}');
    expect(JSON.parse(explainedText('{}', 1))).toEqual({ sluice: { route: 1 } });
    const text = (surface: 'chat' | 'messages') => new TextDecoder().decode(explainedEvent(surface, 'req_1', { route: 'chat' }));
    expect(JSON.parse(text('chat').slice('data: '.length))).toMatchObject({ choices: [], sluice: { route: { route: 'chat' } } });
    expect(text('messages')).toBe(': sluice {"route":{"route":"chat"}}\n\n');
  });
});

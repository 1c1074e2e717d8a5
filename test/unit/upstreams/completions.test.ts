import { expect, it } from 'vitest';

import type { TenantPrincipal } from '../../../src/contract/principal.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Completions } from '../../../src/gateway/upstreams/completion.ts';
import { BalancedDispatcher } from '../../../src/upstreams/serving/balanced-dispatcher.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import type { Opened, TransportFault, UpstreamRequest } from '../../../src/upstreams/transport.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';
import { targetOf } from '../../support/upstreams/target.ts';

const { organisationId, tenantId, projectId, id: keyId } = idsOf(1);
const PRINCIPAL: TenantPrincipal = { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['inference'] };
const CLAUDE = targetOf({ upstream: 'claude', protocol: 'anthropic' });

/** Calls to upstreams that answer so, and the requests that those got. */
function callsTo(
  platform: readonly Target[],
  answer: (request: UpstreamRequest) => Partial<Opened> & { readonly text: string | TransportFault },
) {
  const asked: UpstreamRequest[] = [];
  const completions = new Completions({
    targets: () => Promise.resolve(ok({ own: [], platform })),
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
        return Promise.resolve({ kind: 'opened', status: 200, headers: {}, body, ...more });
      },
    },
    clock: { nowMs: () => 1_000 },
  });
  const call = (body: object) =>
    completions.complete({
      surface: 'chat',
      body: { model: 'small', messages: [{ role: 'user', content: 'hello' }], ...body },
      headers: {},
      principal: PRINCIPAL,
      requestId: 'req_1',
      cancellation: { isCancelled: false, onCancel: () => () => undefined },
    });
  return { call, asked };
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
  expect(await both.call({ logit_bias: {} })).toMatchObject({ value: { target: { upstream: 'lab' } } });
  const one = callsTo([CLAUDE], () => ({ text: ANSWER }));
  expect(await one.call({ logit_bias: {} })).toMatchObject({ error: { code: 'invalid_value', path: ['logit_bias'] } });
  expect(one.asked).toEqual([]);
});

it('[U37] passes on what the upstream has against the request', async () => {
  const text = '{"error":{"message":"temperature: is too hot"}}';
  const { call } = callsTo([targetOf()], () => ({ status: 422, text }));
  expect(await call({})).toMatchObject({
    error: { code: 'upstream_rejected', message: 'the upstream answered 422: temperature: is too hot' },
  });
  const long = callsTo([targetOf()], () => ({ status: 400, text: JSON.stringify({ message: 'x'.repeat(5_000) }) }));
  const refused = await long.call({});
  expect(refused.ok ? 0 : refused.error.message.length).toBeLessThan(1_100);
});

it.each<[string, string | TransportFault]>([
  ['breaks off', { kind: 'fault', fault: 'broken' }],
  ['is no JSON', '<html>'],
])('[U35] refuses an answer that %s', async (_, text) => {
  const { call } = callsTo([targetOf()], () => ({ text }));
  expect(await call({})).toMatchObject({ error: { code: 'upstream_failed' } });
});

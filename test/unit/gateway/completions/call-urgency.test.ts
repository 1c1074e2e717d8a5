import { describe, expect, it } from 'vitest';

import { ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { AddedUse } from '../../../../src/gateway/completions/added-use.ts';
import { Completions } from '../../../../src/gateway/completions/completion.ts';
import { urgencyOf } from '../../../../src/upstreams/call-urgency.ts';
import type { DispatchRequest } from '../../../../src/upstreams/dispatch.ts';
import { prefixKeyOf } from '../../../../src/upstreams/prefix-key.ts';
import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import { refusal } from '../../../../src/contract/api/errors.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { byteCounts } from '../../../support/upstreams/token-counts.ts';

describe('[U63] how soon a call wants to be served', () => {
  const from =
    (headers: Readonly<Record<string, string>>) =>
    (name: string): string | undefined =>
      headers[name];
  const none = from({});

  it('[U63] is what its headers say, else its tier and the timeout of its client', () => {
    expect(urgencyOf({}, none)).toEqual({ priority: 0 });
    expect(urgencyOf({ service_tier: 'priority' }, none)).toEqual({ priority: 1 });
    expect(urgencyOf({ service_tier: 'flex' }, none)).toEqual({ priority: -1 });
    expect(urgencyOf({ service_tier: 'constructor' }, none)).toEqual({ priority: 0 });
    expect(urgencyOf({ service_tier: 'flex' }, from({ 'x-sluice-priority': '7' }))).toEqual({ priority: 7 });
    expect(urgencyOf({ service_tier: 'flex' }, from({ 'x-sluice-priority': '0' }))).toEqual({ priority: 0 });
    expect(urgencyOf({ service_tier: 'flex' }, from({ 'x-sluice-priority': 'Infinity' }))).toEqual({ priority: -1 });
    expect(urgencyOf({}, from({ 'x-sluice-deadline-ms': '250', 'x-stainless-timeout': '600' }))).toEqual({ priority: 0, deadlineMs: 250 });
    expect(urgencyOf({}, from({ 'x-stainless-timeout': '600' }))).toEqual({ priority: 0, deadlineMs: 601_000 });
    expect(urgencyOf({}, from({ 'x-stainless-read-timeout': '1.5' }))).toEqual({ priority: 0, deadlineMs: 2_500 });
    expect(urgencyOf({}, from({ 'x-sluice-priority': 'high', 'x-stainless-timeout': 'NOT_GIVEN' }))).toEqual({ priority: 0 });
  });

  it.each<[Surface, JsonObject]>([
    ['chat', { messages: [{ role: 'user', content: 'hello' }] }],
    ['completions', { prompt: 'hello' }],
    ['responses', { input: 'hello' }],
    ['messages', { messages: [{ role: 'user', content: 'hello' }], max_tokens: 9 }],
  ])('[U63] [U64] reaches the line of those that wait, and the choice of a target, for %s', async (surface, body) => {
    const asked: DispatchRequest[] = [];
    const { organisationId, tenantId, projectId, id: keyId } = idsOf(1);
    const principal: TenantPrincipal = { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['inference'] };
    const serves = ['chat', 'completions', 'responses'] as const;
    const platform = ['one', 'two'].map((upstream) => targetOf({ upstreamId: upstream, upstream, model: { serves } }));
    const completions = new Completions({
      tokens: byteCounts,
      cache: { open: () => expect.unreachable() },
      embedder: { check: () => expect.unreachable(), embed: () => expect.unreachable() },
      sha256: () => expect.unreachable(),
      wakeUps: new DirectWakeUps(),
      guard: { complete: () => expect.unreachable() },
      judge: { accepts: () => expect.unreachable() },
      targets: () => Promise.resolve(ok({ own: [], platform })),
      router: { plan: () => Promise.resolve(ok(undefined)) },
      transport: { open: () => expect.unreachable() },
      clock: { nowMs: () => 5_000 },
      dispatcher: {
        dispatch: (_, __, request) => {
          asked.push(request);
          return Promise.resolve({ ok: false, error: { refusal: refusal('upstream_busy', 'is busy'), attempts: [] } });
        },
      },
    });
    const call = (headers: Record<string, string>) =>
      completions.complete({
        surface,
        body: { model: 'small', ...body },
        headers: {},
        principal,
        requestId: 'req_1',
        reserve: () => Promise.resolve(ok(undefined)),
        origin: { headers, header: (name) => headers[name], place: {} },
        cacheTerms: undefined,
        onGuarded: () => undefined,
        shadow: () => expect.unreachable(),
        added: new AddedUse(),
        cancellation: { isCancelled: false, onCancel: () => () => undefined },
      });
    await call({ 'x-sluice-priority': '3', 'x-sluice-deadline-ms': '700' });
    await call({});
    const prefixKey = prefixKeyOf(surface, body, tenantId);
    expect(prefixKey).toBeDefined();
    expect(asked).toMatchObject([
      { priority: 3, deadlineMs: 5_700, prefixKey },
      { priority: 0, prefixKey },
    ]);
    expect(asked[1]).not.toHaveProperty('deadlineMs');
  });
});

describe('[U64] prefix keys', () => {
  const user = (content: unknown) => ({ role: 'user', content });
  const chat = (...messages: unknown[]) => prefixKeyOf('chat', { messages }, 'tn_a');

  it('[U64] are the same for all turns of a conversation, and others for other conversations and tenants', () => {
    const system = { role: 'system', content: 'be brief' };
    const first = chat(system, user('hello'));
    expect(chat(system, user('hello'), { role: 'assistant', content: 'hi' }, user('more'))).toBe(first);
    expect(chat(system, user([{ type: 'text', text: 'hello' }]))).toBe(first);
    expect(chat(system, user('goodbye'))).not.toBe(first);
    expect(chat({ role: 'system', content: 'be long' }, user('hello'))).not.toBe(first);
    expect(prefixKeyOf('chat', { messages: [system, user('hello')] }, 'tn_b')).not.toBe(first);
    expect(prefixKeyOf('messages', { system: 'be brief', messages: [user('hello')] }, 'tn_a')).toBe(first);
    expect(prefixKeyOf('responses', { instructions: 'be brief', input: [user('hello')] }, 'tn_a')).toBe(first);
  });

  it('[U64] are what the caller says, where it says one, and read no more than the beginning of a text', () => {
    const long = 'x'.repeat(1_024);
    expect(prefixKeyOf('completions', { prompt: `${long}a` }, 'tn_a')).toBe(prefixKeyOf('completions', { prompt: `${long}b` }, 'tn_a'));
    const named = (key: string, content: string) => prefixKeyOf('chat', { prompt_cache_key: key, messages: [user(content)] }, 'tn_a');
    expect(named('one', 'a')).toBe(named('one', 'b'));
    expect(named('one', 'a')).not.toBe(named('two', 'a'));
    expect(prefixKeyOf('embeddings', { input: 'hello' }, 'tn_a')).toBeUndefined();
    expect(chat(user([{ type: 'image_url', image_url: { url: 'data:' } }]))).toBeUndefined();
  });
});

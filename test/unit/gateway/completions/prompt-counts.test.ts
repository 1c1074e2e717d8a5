import { describe, expect, it } from 'vitest';

import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { Completions } from '../../../../src/gateway/completions/completion.ts';
import type { Routed } from '../../../../src/gateway/routes/model-router.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { BalancedDispatcher } from '../../../../src/upstreams/serving/balanced-dispatcher.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import type { UpstreamRequest } from '../../../../src/upstreams/transport.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { byteCounts } from '../../../support/upstreams/token-counts.ts';

const { organisationId, tenantId, projectId, id: keyId } = idsOf(1);
const PRINCIPAL: TenantPrincipal = { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['inference'] };
const CLAUDE = targetOf({ upstream: 'claude', protocol: 'anthropic' });
const LAB = targetOf();

/** Counts at upstreams that answer so. */
function counting(platform: readonly Target[], answer: { readonly status?: number; readonly text: string }, routed?: Partial<Routed>) {
  const asked: UpstreamRequest[] = [];
  const dispatcher = new BalancedDispatcher({
    clock: { nowMs: () => 0 },
    timer: { after: () => () => undefined },
    rng: { bytes: (count) => new Uint8Array(count) },
  });
  const plan = { groups: [platform], reason: 'route' };
  const completions = new Completions({
    tokens: byteCounts,
    cache: { open: () => expect.unreachable() },
    embedder: { check: () => expect.unreachable(), embed: () => expect.unreachable() },
    sha256: () => expect.unreachable(),
    wakeUps: new DirectWakeUps(),
    targets: () => Promise.resolve(ok({ own: [], platform })),
    router: { plan: () => Promise.resolve(ok(routed === undefined ? undefined : ({ plan, ...routed } as Routed))) },
    dispatcher,
    transport: {
      open: (_, request) => {
        asked.push(request);
        const pieces = [utf8(answer.text)];
        const body = { read: () => Promise.resolve(pieces.shift()), cancel: () => undefined };
        return Promise.resolve({ kind: 'opened', status: answer.status ?? 200, contentType: 'application/json', body });
      },
    },
    clock: { nowMs: () => 1_000 },
    guard: { complete: () => expect.unreachable() },
    judge: { accepts: () => expect.unreachable() },
  });
  const count = (body: object) =>
    completions.countTokens({
      surface: 'messages',
      body: { model: 'small', messages: [{ role: 'user', content: 'hello' }], ...body },
      headers: { 'anthropic-version': '2023-06-01' },
      principal: PRINCIPAL,
      requestId: 'req_1',
      origin: { headers: {}, header: () => undefined, place: {} },
      cancellation: { isCancelled: false, onCancel: () => () => undefined },
    });
  return { count, asked, dispatcher };
}

const COUNTED = { text: '{"input_tokens":42}' };

describe('the tokens of a prompt', () => {
  it("[U233] are counted by a model of Anthropic's protocol, asked for the prompt alone", async () => {
    const { count, asked } = counting([CLAUDE], COUNTED);
    const tools = [{ name: 'f', input_schema: {} }];
    expect(await count({ tools, max_tokens: 5, stream: true, metadata: { user_id: 'a' } })).toMatchObject({
      value: { inputTokens: 42, by: 'upstream', target: CLAUDE },
    });
    expect(asked).toMatchObject([{ path: '/messages/count_tokens', headers: { 'anthropic-version': '2023-06-01' }, streams: false }]);
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ model: 'small-2026', messages: [{ role: 'user', content: 'hello' }], tools });
  });

  it('[U233] are estimated for other protocols, with what images come to, and nothing goes out', async () => {
    const { count, asked } = counting([targetOf({ model: { imageTokensMax: 100 } })], COUNTED);
    const first = await count({});
    if (!first.ok) throw new Error('not counted');
    expect(first.value.by).toBe('estimate');
    const content = [
      { type: 'text', text: 'hello' },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      {
        type: 'tool_result',
        tool_use_id: 't',
        content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }],
      },
    ];
    const second = await count({ messages: [{ role: 'user', content }] });
    if (!second.ok) throw new Error('not counted');
    expect(second.value.inputTokens - first.value.inputTokens).toBeGreaterThanOrEqual(200);
    const long = await count({
      messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'text', data: 'x'.repeat(4_000) } }] }],
    });
    expect(long.ok && long.value.inputTokens).toBeGreaterThan(1_000 - 1);
    expect(asked).toEqual([]);
  });

  it.each([404, 405, 501])('[U233] are estimated where a server answers %i, which says nothing of its health', async (status) => {
    const { count, asked, dispatcher } = counting([CLAUDE], { status, text: '{"type":"error","error":{"message":"no such path"}}' });
    for (let times = 0; times < 12; times += 1) expect(await count({})).toMatchObject({ value: { by: 'estimate' } });
    expect(asked).toHaveLength(12);
    expect(dispatcher.health().map(({ breaker }) => breaker)).toEqual(['closed']);
  });

  it('[U233] are estimated where an answer does not say them', async () => {
    expect(await counting([CLAUDE], { text: '{"tokens":1}' }).count({})).toMatchObject({ value: { by: 'estimate' } });
  });

  it('[U233] are those of a prompt that the upstream takes: what it refuses is refused', async () => {
    const text = '{"type":"error","error":{"type":"invalid_request_error","message":"messages: roles must alternate"}}';
    const refused = await counting([CLAUDE], { status: 400, text }).count({});
    expect(refused).toMatchObject({ error: { refusal: { message: expect.stringContaining('roles must alternate') as unknown } } });
  });

  it('[U233] under guardrails, which have not judged the prompt, are estimated: nothing goes out', async () => {
    const { count, asked } = counting([CLAUDE], COUNTED, { guardrails: { hooks: [] } as unknown as NonNullable<Routed['guardrails']> });
    expect(await count({})).toMatchObject({ value: { by: 'estimate' } });
    expect(asked).toEqual([]);
  });

  it('[U233] are refused by the place of what nothing counts, and where there is no such model', async () => {
    const source = { type: 'base64', media_type: 'application/pdf', data: 'AAAA' };
    const pdf = { messages: [{ role: 'user', content: [{ type: 'document', source }] }] };
    expect(await counting([LAB], COUNTED).count(pdf)).toMatchObject({
      error: { refusal: { code: 'invalid_value', path: ['messages', 0, 'content', 0, 'source'] } },
    });
    expect(await counting([CLAUDE], COUNTED).count(pdf)).toMatchObject({ value: { inputTokens: 42 } });
    expect(await counting([LAB], COUNTED).count({ model: 'none' })).toMatchObject({ error: { refusal: { code: 'model_not_found' } } });
    expect(await counting([LAB], COUNTED).count({ thread: { type: 'create' } })).toMatchObject({
      error: { refusal: { path: ['thread'] } },
    });
  });
});

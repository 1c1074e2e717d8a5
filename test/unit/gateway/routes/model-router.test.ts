import { beforeEach, describe, expect, it } from 'vitest';

import { ROUTE_LIMITS } from '../../../../src/contract/routes/route-limits.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { RouteVersion } from '../../../../src/contract/routes/route-rules.ts';
import type { Routed, RoutedCall } from '../../../../src/gateway/routes/model-router.ts';
import type { GuardReport } from '../../../../src/gateway/guardrails/guardrails.ts';
import { UNJUDGED } from '../../../../src/gateway/guardrails/guardrails.ts';
import { ModelRouter } from '../../../../src/gateway/routes/model-router.ts';
import { RouteDirectory } from '../../../../src/gateway/routes/route-directory.ts';
import type { OrganisationId, KeyId, ProjectId, TenantId } from '../../../../src/kernel/ids.ts';
import { CascadeTally } from '../../../../src/upstreams/cascade/cascade-tally.ts';
import { NO_CHECKS } from '../../../../src/upstreams/reuse/reuse-evidence.ts';
import { CanaryTally } from '../../../../src/upstreams/routes/canary-tally.ts';
import type { RequestFacts } from '../../../../src/upstreams/routes/request-facts.ts';
import { factsOfCall } from '../../../../src/upstreams/routes/facts-of-call.ts';
import { RouteRegistry } from '../../../../src/upstreams/routes/route-registry.ts';
import { PEOPLE } from '../../../support/guardrails/guarded-call.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { routeFacts, routeTarget } from '../../../support/fixtures/route-facts.ts';
import { callOrigin } from '../../../../workers/gateway/routes/completions/call-origin.ts';

const CALLER: TenantPrincipal = {
  kind: 'tenant',
  organisationId: 'org_a' as OrganisationId,
  tenantId: 'tn_a' as TenantId,
  projectId: 'prj_a' as ProjectId,
  keyId: 'key_a' as KeyId,
  owner: 'testers',
  scopes: ['inference'],
};
const ACTING = { actor: 'admin', lease: undefined };
const TARGETS = [routeTarget('a/m'), routeTarget('b/m')];
const to = (target: string): RouteVersion => ({ rules: [], default: { kind: 'targets', groups: [[{ target }]] } });

let nowMs: number;
let isUp: boolean;
let asked: number;
let owners: Map<string, RouteRegistry>;
let directory: RouteDirectory;
let router: ModelRouter;
let background: Promise<unknown>[];
let left: RequestFacts['budget'];

const registry = (owner: string): RouteRegistry => {
  const known = owners.get(owner) ?? new RouteRegistry(new NodeSql(), { nowMs: () => nowMs });
  owners.set(owner, known);
  return known;
};

beforeEach(() => {
  [nowMs, isUp, asked, owners, background, left] = [10_000, true, 0, new Map(), [], undefined];
  const tally = new CanaryTally();
  const cascades = new CascadeTally();
  const clock = { nowMs: () => nowMs };
  const reached = <T>(call: () => T): Promise<T> => (isUp ? Promise.resolve(call()) : Promise.reject(new Error('no object')));
  directory = new RouteDirectory({
    routes: (owner) => ({
      directory: () => {
        asked += 1;
        return reached(() => registry(owner).directory());
      },
      report: (...reports) => reached(() => registry(owner).report(...reports)),
    }),
    tally,
    cascades,
    clock,
    background: (work) => background.push(work),
  });
  router = new ModelRouter({
    directory,
    tally,
    cascades,
    evidence: { of: () => NO_CHECKS, note: () => undefined },
    clock,
    breaker: () => 'closed',
    budgetLeft: () => left,
  });
});

const serve = (owner: string, name: string, rules: RouteVersion) =>
  registry(owner).add({ name, rules, comment: '', activate: true }, null, ACTING);

const call = (model: string, changes: Partial<RoutedCall> = {}): RoutedCall => ({
  surface: 'chat',
  body: { model, messages: [{ role: 'user', content: 'hello' }] },
  principal: CALLER,
  requestId: 'req_1',
  origin: { headers: {}, header: () => undefined, place: {} },
  ...changes,
});

const plan = (model: string, changes: Partial<RoutedCall> = {}) => router.plan(call(model, changes), TARGETS);

async function routed(model: string, changes: Partial<RoutedCall> = {}): Promise<Routed> {
  const planned = await plan(model, changes);
  if (!planned.ok || planned.value === undefined) throw new Error(`${model} is no route: ${JSON.stringify(planned)}`);
  return planned.value;
}

it('[U90] [T95] rules see what is left of a budget at each call; no range has it where nothing limits it', async () => {
  serve('tn_a', 'chat', {
    rules: [{ name: 'plenty', when: { budget: { left_share: { gt: 0.1 } } }, use: to('b/m').default }],
    default: to('a/m').default,
  });
  const seen: string[] = [];
  for (left of [undefined, { leftShare: 0.5, leftNano: 500 }, { leftShare: 0.1, leftNano: 100 }])
    seen.push((await routed('chat')).plan.reason);
  expect(seen).toEqual(['default', 'rule:plenty', 'default']);
});

it('[U90] rules see where a call came in, which is read for a route alone', async () => {
  serve('tn_a', 'chat', { rules: [{ name: 'near', when: { country: ['NL'] }, use: to('b/m').default }], default: to('a/m').default });
  let reads = 0;
  const from = (country: string): Pick<RoutedCall, 'origin'> => {
    const request = Object.defineProperty(new Request('https://sluice.test'), 'cf', { get: () => ((reads += 1), { country, colo: 5 }) });
    return { origin: callOrigin(request) };
  };
  await plan('a/m', from('NL'));
  expect(reads).toBe(0);
  expect((await routed('chat', from('NL'))).plan.reason).toBe('rule:near');
  expect((await routed('chat', from('BE'))).plan.reason).toBe('default');
});

it('[U63] [U90] rules see the deadline and the priority of the call', async () => {
  const urgent = { deadline_ms: { lte: 700 }, priority: { gte: 1 } };
  serve('tn_a', 'chat', { rules: [{ name: 'urgent', when: urgent, use: to('b/m').default }], default: to('a/m').default });
  const reasonOf = async (headers: Record<string, string>, more: object = {}) => {
    const { body } = call('chat');
    return (await routed('chat', { origin: { headers, header: (name) => headers[name], place: {} }, body: { ...body, ...more } })).plan
      .reason;
  };
  expect(await reasonOf({ 'x-sluice-deadline-ms': '700', 'x-sluice-priority': '1' })).toBe('rule:urgent');
  expect(await reasonOf({ 'x-sluice-deadline-ms': '700' }, { service_tier: 'priority' })).toBe('rule:urgent');
  expect(await reasonOf({ 'x-sluice-deadline-ms': '701', 'x-sluice-priority': '1' })).toBe('default');
  expect(await reasonOf({ 'x-sluice-priority': '1' })).toBe('default');
});

const upstreams = ({ plan: { groups } }: Routed) => groups.map((group) => group.map(({ upstream }) => upstream));

describe('[U91] a call that names a route', () => {
  it("[U91] is planned by the tenant's own route, else by the platform's; any other name is no route", async () => {
    serve('platform', 'chat', to('b/m'));
    expect(upstreams(await routed('chat'))).toEqual([['b']]);
    serve('tn_a', 'chat', to('a/m'));
    nowMs += ROUTE_LIMITS.routesFreshMs;
    expect(upstreams(await routed('chat'))).toEqual([['a']]);
    expect(await plan('gpt')).toEqual({ ok: true, value: undefined });
    // No route has a slash in its name: objects are not asked for models of upstreams.
    const before = asked;
    nowMs += ROUTE_LIMITS.routesFreshMs;
    expect(await plan('a/m')).toEqual({ ok: true, value: undefined });
    expect(asked).toBe(before);
  });

  it('[U91] is refused where no target that its caller may use is left, and never served by another', async () => {
    serve('tn_a', 'chat', to('c/m'));
    expect(await plan('chat')).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
  });

  it('[U90] is explained by the rules that decided, with its canary', async () => {
    serve('tn_a', 'chat', {
      rules: [{ name: 'long', when: { messages: { gte: 2 } }, use: to('b/m').default }],
      default: to('a/m').default,
    });
    expect((await routed('chat')).explain()).toMatchObject({
      route: 'chat',
      version: 1,
      is_canary: false,
      reason: 'default',
      rules: [{ rule: 'long', holds: false, conditions: [{ member: 'messages', value: 1, holds: false }] }],
      groups: [[{ target: 'a/m', weight: 1 }]],
    });
  });
});

describe('[U98] routes in an isolate', () => {
  it('[U98] are asked for once within their time, and renewed beside requests before it ends', async () => {
    serve('tn_a', 'chat', to('a/m'));
    await plan('chat');
    expect(asked).toBe(2);
    nowMs += ROUTE_LIMITS.routesFreshMs / 2 - 1;
    await plan('chat');
    expect([asked, background.length]).toEqual([2, 0]);
    serve('tn_a', 'chat', to('b/m'));
    nowMs += 1;
    expect(upstreams(await routed('chat'))).toEqual([['a']]);
    await Promise.all(background);
    expect(upstreams(await routed('chat'))).toEqual([['b']]);
    expect(asked).toBe(4);
  });

  it('[U98] serve on while their object does not answer, and then are unavailable, never unknown', async () => {
    serve('tn_a', 'chat', to('a/m'));
    await plan('chat');
    isUp = false;
    nowMs += ROUTE_LIMITS.routesStaleMs - 1;
    expect(upstreams(await routed('chat'))).toEqual([['a']]);
    nowMs += 1;
    expect(await plan('chat')).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(await plan('gpt')).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  });

  it('[U97] count a canary, report before they are renewed, and leave one that was rolled back', async () => {
    serve('tn_a', 'chat', to('a/m'));
    registry('tn_a').add({ name: 'chat', rules: to('b/m'), comment: '', activate: false }, null, ACTING);
    const settings = { steps: [0.5], stepRequestsMin: 1_000, stepMs: 1, marginMax: 0, falseAlarmMax: 0.01 };
    registry('tn_a').activate('chat', 2, settings, ACTING);
    const served = { a: 0, b: 0 };
    for (let i = 0; i < 120; i++) {
      const one = await routed('chat', { requestId: `req_${i}` });
      const [[upstream]] = upstreams(one) as [['a' | 'b']];
      served[upstream] += 1;
      expect(one.plan.reason).toBe(upstream === 'b' ? 'canary/default' : 'default');
      one.ended(upstream === 'b', 5);
    }
    expect(Math.min(served.a, served.b)).toBeGreaterThan(30);
    expect(registry('tn_a').find('chat')?.route.canary).toMatchObject({ canary: { requests: 0 } });
    nowMs += ROUTE_LIMITS.routesFreshMs;
    // The report that goes ahead of the renewal decides, so the renewal has no canary any more.
    const after = await Promise.all(Array.from({ length: 50 }, (_, i) => routed('chat', { requestId: `late_${i}` })));
    expect(new Set(after.flatMap(upstreams).flat())).toEqual(new Set(['a']));
    expect(registry('tn_a').find('chat')?.events[0]).toMatchObject({
      action: 'rollback',
      comparisons: [{ of: 'failures', canary: { events: served.b, trials: served.b }, stable: { events: 0, trials: served.a } }],
    });
  });
});

describe('[U90] what rules see of a call', () => {
  const { promptBytes: _, ...context } = routeFacts();

  it('[U90] is read off bodies of every dialect, and what is not as it should be is absent', () => {
    const chat = {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'ü' },
            { type: 'image_url', image_url: { url: 'x' } },
          ],
        },
      ],
      tools: [{ type: 'function' }],
      response_format: { type: 'json_schema', json_schema: {} },
      max_tokens: 50,
      max_completion_tokens: 40,
      metadata: { tier: 'gold', count: 3 },
      user: 'u',
      stream: true,
    };
    expect(factsOfCall(chat, context)).toMatchObject({
      has: ['tools', 'images', 'json_schema'],
      outputTokensMax: 40,
      user: 'u',
      stream: true,
      messages: 1,
    });
    expect(factsOfCall(chat, context).metadata).toEqual({ tier: 'gold' });
    expect(factsOfCall(chat, context).promptTokensMax).toBeGreaterThanOrEqual(new TextEncoder().encode(JSON.stringify(chat)).length);
    const response = {
      input: [{ role: 'user', content: [{ type: 'input_image' }] }],
      text: { format: { type: 'json_schema' } },
      max_output_tokens: 7,
    };
    expect(factsOfCall(response, context)).toMatchObject({ has: ['images', 'json_schema'], outputTokensMax: 7, messages: 1 });
    const odd = factsOfCall({ messages: 'x', tools: {}, metadata: [], max_tokens: '9', user: 3, stream: 'yes' }, context);
    expect(odd).toMatchObject({ has: [], messages: 0, metadata: {}, stream: false });
    expect([odd.outputTokensMax, odd.user]).toEqual([undefined, undefined]);
  });

  it('[U90] never has a credential', () => {
    const headers = { authorization: 'Bearer sk_x', 'x-api-key': 'sk_x', cookie: 'a=b', 'x-app': 'web', 'x-sluice-priority': '7' };
    expect(factsOfCall({}, { ...context, headers })).toMatchObject({ headers: { 'x-app': 'web', 'x-sluice-priority': '7' }, priority: 7 });
    expect(JSON.stringify(factsOfCall({}, { ...context, headers }))).not.toContain('sk_x');
  });
});

it('[U118] says that guardrails will judge a call before it can be refused', async () => {
  serve('tn_a', 'guarded', { rules: [], default: { kind: 'refuse', message: 'no' }, guardrails: [PEOPLE] });
  serve('tn_a', 'open', to('b/m'));
  const reports: GuardReport[] = [];
  const onGuarded = (report: GuardReport): void => void reports.push(report);
  expect((await plan('guarded', { onGuarded })).ok).toBe(false);
  expect(reports).toEqual([UNJUDGED]);
  await plan('open', { onGuarded });
  expect(reports).toHaveLength(1);
});

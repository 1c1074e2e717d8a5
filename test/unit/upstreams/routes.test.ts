import { describe, expect, it } from 'vitest';

import { parse } from '../../../src/contract/api/parse.ts';
import type { Condition } from '../../../src/contract/routes/route-conditions.ts';
import { routeVersion } from '../../../src/contract/routes/route-rules.ts';
import { checkRoute } from '../../../src/upstreams/routes/check-route.ts';
import { evaluateRoute } from '../../../src/upstreams/routes/evaluate-route.ts';
import { allHold, ConditionJudge } from '../../../src/upstreams/routes/judge-condition.ts';
import type { RequestFacts } from '../../../src/upstreams/routes/request-facts.ts';
import { planByRoute } from '../../../src/upstreams/routes/route-plan.ts';
import { shareOf } from '../../../src/upstreams/routes/stable-share.ts';
import { routeFacts, routeTarget } from '../../support/fixtures/route-facts.ts';

const to = (...targets: string[]) => ({ kind: 'targets', groups: targets.map((target) => [{ target }]) });

function version(value: unknown) {
  const read = parse(routeVersion, value);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

const refusalOf = (value: unknown) => {
  const read = parse(routeVersion, value);
  return read.ok ? undefined : read.error;
};

/** A condition as rules have it, read from JSON. */
const read = (when: unknown): Condition => version({ rules: [{ name: 'r', when, use: to('a/m') }], default: to('a/m') }).rules[0]!.when;

const holds = (when: unknown, facts: Partial<RequestFacts> = {}) => allHold(new ConditionJudge(routeFacts(facts), 'r').judge(read(when)));

describe('[U90] conditions', () => {
  const CASES: readonly [unknown, Partial<RequestFacts>, Partial<RequestFacts>][] = [
    [{ prompt_tokens: { gte: 8_000 } }, { promptTokensMax: 8_000 }, { promptTokensMax: 7_999 }],
    [{ prompt_bytes: { gt: 100, lte: 200 } }, { promptBytes: 200 }, { promptBytes: 100 }],
    [{ output_tokens: { lt: 100 } }, { outputTokensMax: 99 }, {}],
    [{ messages: { gte: 3 } }, { messages: 3 }, { messages: 2 }],
    [{ deadline_ms: { lt: 500 } }, { deadlineMs: 499 }, {}],
    [{ priority: { gte: 5 } }, { priority: 5 }, { priority: 4 }],
    [{ stream: true }, { stream: true }, { stream: false }],
    [{ has: ['tools', 'images'] }, { has: ['images', 'tools'] }, { has: ['tools'] }],
    [{ kind: ['embeddings', 'rerank'] }, { kind: 'rerank' }, { kind: 'chat' }],
    [{ metadata: { tier: { in: ['gold'] } } }, { metadata: { tier: 'gold' } }, { metadata: { tier: 'silver' } }],
    [{ metadata: { constructor: { exists: true } } }, { metadata: { constructor: 'x' } }, { metadata: {} }],
    [{ headers: { 'x-app': { prefix: 'web-' } } }, { headers: { 'x-app': 'web-1' } }, { headers: { 'x-app': 'ios' } }],
    [{ headers: { 'x-app': { exists: false } } }, {}, { headers: { 'x-app': '' } }],
    [{ tenant: ['tn_a'] }, {}, { tenantId: 'tn_b' }],
    [{ project: ['prj_b'] }, { projectId: 'prj_b' }, {}],
    [{ key: ['key_b'] }, { keyId: 'key_b' }, {}],
    [{ country: ['DE', 'FR'] }, { country: 'FR' }, {}],
    [{ continent: ['EU'] }, { continent: 'EU' }, { continent: 'NA' }],
    [{ colo: ['FRA'] }, { colo: 'FRA' }, {}],
    [{ budget: { left_share: { lt: 0.1 } } }, { budget: { leftShare: 0.05, leftNano: 5 } }, {}],
    [{ budget: { left_nano: { lt: 10 } } }, { budget: { leftShare: 1, leftNano: 9 } }, { budget: { leftShare: 1, leftNano: 10 } }],
    [{ breaker: { target: 'a/m', is: ['open'] } }, { breaker: (name) => (name === 'a/m' ? 'open' : 'closed') }, {}],
    [{ any: [{ stream: true }, { messages: { gte: 3 } }] }, { messages: 3 }, {}],
    [{ all: [{ stream: true }, { messages: { gte: 3 } }] }, { stream: true, messages: 3 }, { stream: true }],
    [{ not: { stream: true, messages: { gte: 3 } } }, { stream: true }, { stream: true, messages: 3 }],
  ];

  it.each(CASES)('[U90] %j tells requests apart', (when, meets, fails) => {
    expect([holds(when, meets), holds(when, fails)]).toEqual([true, false]);
  });

  it('[U90] times span midnight, of the day on which they began, in their own offset', () => {
    const night = { time: { from: '22:00', to: '06:00', days: ['thu'], utc_offset_minutes: 60 } };
    const at = (hours: number) => holds(night, { nowMs: hours * 3_600_000 });
    // The epoch is a Thursday. Its night is from 21:00 UTC until 5:00 UTC of Friday.
    expect([20.99, 21, 28.99, 29, 4].map(at)).toEqual([false, true, true, false, false]);
    expect(holds({ time: { from: '08:00', to: '18:00' } }, { nowMs: 12 * 3_600_000 })).toBe(true);
    expect(holds({ time: { from: '08:00', to: '18:00' } }, { nowMs: 18 * 3_600_000 })).toBe(false);
  });

  it.each([
    [{}, ['rules', 0, 'when']],
    [{ prompt_tokens: {} }, ['rules', 0, 'when', 'prompt_tokens']],
    [{ promt_tokens: { gte: 1 } }, ['rules', 0, 'when', 'promt_tokens']],
    [{ not: { stream: 'yes' } }, ['rules', 0, 'when', 'not', 'stream']],
    [{ headers: { authorization: { exists: true } } }, ['rules', 0, 'when', 'headers', 'authorization']],
    [{ share: { of: 0.5, by: 'weather' } }, ['rules', 0, 'when', 'share', 'by']],
  ])('[U90] refuses %j, naming the field', (when, path) => {
    expect(refusalOf({ rules: [{ name: 'r', when, use: to('a/m') }], default: to('a/m') })).toMatchObject({ code: 'invalid_value', path });
  });

  it('[U90] bounds how many conditions a version has, inner ones included', () => {
    const wide = { any: Array.from({ length: 16 }, () => ({ stream: true, messages: { gte: 1 } })) };
    const rules = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `r${i}`, when: { ...wide, priority: { gte: i } }, use: to('a/m') }));
    // 34 conditions each.
    expect(refusalOf({ rules: rules(7), default: to('a/m') })).toBeUndefined();
    expect(refusalOf({ rules: rules(8), default: to('a/m') })).toMatchObject({ code: 'limit_exceeded', path: ['rules'] });
    expect(refusalOf({ rules: [rules(1)[0], rules(1)[0]], default: to('a/m') })).toMatchObject({ path: ['rules', 1, 'name'] });
  });
});

describe('[U90] evaluation', () => {
  const route = version({
    rules: [
      { name: 'long', when: { prompt_tokens: { gte: 8_000 } }, use: to('big/m') },
      { name: 'gold', when: { metadata: { tier: { in: ['gold'] } }, stream: true }, use: to('fast/m', 'big/m') },
    ],
    default: to('small/m'),
  });

  it('[U90] the first rule that holds decides, and the explanation has what each condition found', () => {
    expect(evaluateRoute('r', route, routeFacts({ metadata: { tier: 'gold' }, stream: true }))).toEqual({
      choice: route.rules[1]!.use,
      reason: 'rule:gold',
      rules: [
        { rule: 'long', holds: false, conditions: [{ member: 'prompt_tokens', value: 110, holds: false }] },
        {
          rule: 'gold',
          holds: true,
          conditions: [
            { member: 'stream', value: true, holds: true },
            { member: 'metadata.tier', value: 'gold', holds: true },
          ],
        },
      ],
    });
    expect(evaluateRoute('r', route, routeFacts({ promptTokensMax: 9_000, metadata: { tier: 'gold' }, stream: true })).reason).toBe(
      'rule:long',
    );
    expect(evaluateRoute('r', route, routeFacts()).reason).toBe('default');
  });

  it('[U93] a split gives each part its weight, and the same user always the same part', () => {
    const parts = [
      { name: 'old', weight: 9, use: to('a/m') },
      { name: 'new', weight: 1, use: to('b/m') },
    ];
    const split = version({ default: { kind: 'split', by: 'user', parts } });
    const of = (user: string, requestId: string) => evaluateRoute('r', split, routeFacts({ user, requestId })).split!.part;
    const users = Array.from({ length: 5_000 }, (_, i) => `user ${i}`);
    const chosen = users.map((user) => of(user, 'req_1'));
    expect(users.map((user) => of(user, 'req_2'))).toEqual(chosen);
    const share = chosen.filter((part) => part === 'new').length / users.length;
    // Four standard deviations of a binomial share: the hash is fixed, so this holds always or never.
    expect(Math.abs(share - 0.1)).toBeLessThan(4 * Math.sqrt(0.09 / users.length));
    const inOther = users.filter((user) => evaluateRoute('other', split, routeFacts({ user })).split!.part === 'new').length;
    const inBoth = users.filter(
      (user, i) => chosen[i] === 'new' && evaluateRoute('other', split, routeFacts({ user })).split!.part === 'new',
    );
    expect(inBoth.length / inOther).toBeLessThan(0.2);
  });

  it('[U93] a share holds of the requests whose number is below it', () => {
    const half = { of: 0.5, by: 'user', salt: '' };
    const users = Array.from({ length: 20 }, (_, i) => ({ user: `u${i}` }));
    const below = users.map((user) => shareOf(routeFacts(user), half, 'r') < 0.5);
    expect(users.map((user) => holds({ share: half }, user))).toEqual(below);
    expect(new Set(below).size).toBe(2);
  });

  it('[U93] a request without what the shares are divided by is divided by its id', () => {
    const division = { by: 'metadata.session', salt: '' };
    const shares = Array.from({ length: 100 }, (_, i) => shareOf(routeFacts({ requestId: `req_${i}` }), division, 'r'));
    expect(new Set(shares).size).toBe(100);
    expect(shareOf(routeFacts({ metadata: { session: 's' } }), division, 'r')).toBe(
      shareOf(routeFacts({ metadata: { session: 's' }, requestId: 'other' }), division, 'r'),
    );
  });
});

const SEEING = routeTarget('blind/m');
/** Its settings say that it takes no images. */
const BLIND = { ...SEEING, model: { ...SEEING.model, imageTokensMax: 0 } };

describe('[U91] plans', () => {
  const known = new Map(
    [routeTarget('a/m'), routeTarget('b/m'), routeTarget('vectors/m', ['embeddings']), BLIND].map((target) => [
      `${target.upstream}/${target.model.name}`,
      target,
    ]),
  );
  const find = (target: string) => known.get(target);
  const plan = (value: unknown, facts: Partial<RequestFacts> = {}) =>
    planByRoute({ name: 'support', version: 3, rules: version(value) }, routeFacts(facts), find);

  it('[U91] has the targets that serve the request, and says which were left out and why', () => {
    const groups = [[{ target: 'gone/m' }, { target: 'a/m', weight: 7 }], [{ target: 'vectors/m' }], [{ target: 'b/m' }]];
    const made = plan({ default: { kind: 'targets', groups, output_tokens_max: 50 } });
    expect(made).toMatchObject({
      ok: true,
      value: {
        plan: { reason: 'default', route: { name: 'support', version: 3 } },
        leftOut: [
          { target: 'gone/m', why: 'unknown' },
          { target: 'vectors/m', why: 'kind' },
        ],
        outputTokensMax: 50,
      },
    });
    expect(made.ok && made.value.plan.groups.map((group) => group.map(({ upstream, weight }) => [upstream, weight]))).toEqual([
      [['a', 7]],
      [['b', 1]],
    ]);
    expect(plan({ default: to('a/m') }, { has: ['images'] }).ok).toBe(true);
    expect(plan({ default: to('blind/m') }, { has: ['images'] })).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
  });

  it('[U91] refuses what the route refuses, with its words, and what none of its targets serves', () => {
    expect(plan({ default: { kind: 'refuse', message: 'only in office hours' } })).toMatchObject({
      ok: false,
      error: { code: 'route_refused', message: expect.stringContaining('only in office hours') },
    });
    expect(plan({ default: to('vectors/m') })).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
  });
});

describe('[U175] cascades', () => {
  const TARGETS = new Map(
    [
      routeTarget('small/m'),
      routeTarget('large/m'),
      { ...routeTarget('claude/m'), protocol: 'anthropic' as const },
      routeTarget('ranker/m', ['rerank']),
      routeTarget('vectors/m', ['embeddings']),
    ].map((target) => [`${target.upstream}/m`, target]),
  );
  const find = (name: string) => TARGETS.get(name);
  const cascade = (more: object = {}) => ({
    kind: 'cascade',
    student: [[{ target: 'small/m' }]],
    teacher: [[{ target: 'large/m' }]],
    confidence: { kind: 'token-probability' },
    threshold: 0.8,
    ...more,
  });
  const on = (kind: string, use: object) => ({ rules: [{ name: 'r', when: { kind: [kind] }, use }], default: to('large/m') });

  it.each([
    [{ default: cascade() }, undefined],
    [{ default: cascade({ student: [[{ target: 'gone/m' }]] }) }, ['default', 'student', 0, 0, 'target']],
    [{ default: cascade({ teacher: [[{ target: 'vectors/m' }]] }) }, ['default', 'teacher', 0, 0, 'target']],
    [{ default: cascade({ teacher: [[{ target: 'large/m' }, { target: 'small/m' }]] }) }, ['default', 'student']],
    [{ default: cascade({ student: [[{ target: 'claude/m' }]] }) }, ['default', 'confidence', 'kind']],
    [{ default: cascade({ student: [[{ target: 'claude/m' }]], confidence: { kind: 'json-schema', schema: {} } }) }, undefined],
    [{ default: cascade({ confidence: { kind: 'verifier', target: 'vectors/m' } }) }, ['default', 'confidence', 'target']],
    [{ default: cascade({ confidence: { kind: 'verifier', target: 'ranker/m' } }) }, undefined],
    [on('embeddings', cascade()), ['rules', 0, 'use', 'confidence', 'kind']],
    [on('rerank', cascade({ confidence: { kind: 'top-score' } })), ['rules', 0, 'use', 'student', 0, 0, 'target']],
  ])('[U175] are refused where they cannot work: %j', (value, path) => {
    expect(checkRoute(version(value), find)).toMatchObject(path === undefined ? { ok: true } : { ok: false, error: { path } });
  });

  it('[U175] have no share or quality beyond one, and few shadows', () => {
    for (const more of [{ threshold: 1.1 }, { threshold: { quality: 2 } }, { escalated_share_max: 1.5 }, { shadow_share: 0.2 }])
      expect(refusalOf({ default: cascade(more) })).toBeDefined();
    expect(version({ default: cascade() }).default).toMatchObject({ escalated_share_max: 1, shadow_share: 0.01 });
  });

  it('[U170] plan students before teachers, and teachers alone for what no confidence is for', () => {
    const plan = (facts: Partial<RequestFacts>, more: object = {}) =>
      planByRoute({ name: 'chat', version: 1, rules: version({ default: cascade(more) }) }, routeFacts(facts), find);
    const asked = plan({});
    if (!asked.ok) throw new Error('no plan');
    expect(asked.value.plan.groups.map((group) => group.map(({ upstream }) => upstream))).toEqual([['small'], ['large']]);
    expect([...(asked.value.plan.cascade?.students ?? [])].map(({ upstream }) => upstream)).toEqual(['small']);
    const ranked = plan({}, { confidence: { kind: 'top-score' } });
    expect(ranked).toMatchObject({ value: { plan: { groups: [[{ upstream: 'large' }]] } } });
    expect(ranked.ok && ranked.value.plan.cascade).toBeUndefined();
  });
});

describe('[U92] static checks', () => {
  const find = (name: string) =>
    ['a/m', 'vectors/m'].includes(name) ? routeTarget(name, name === 'a/m' ? ['chat'] : ['embeddings']) : undefined;
  const check = (value: unknown) => checkRoute(version(value), find);
  const rule = (name: string, when: unknown, use: unknown = to('a/m')) => ({ name, when, use });

  it('[U92] refuses targets that are unknown, or serve nothing that can come to them', () => {
    expect(check({ default: to('a/m', 'b/m') })).toMatchObject({
      error: { code: 'model_not_found', path: ['default', 'groups', 1, 0, 'target'] },
    });
    expect(check({ rules: [rule('r', { kind: ['rerank', 'chat'] }, to('vectors/m'))], default: to('a/m') })).toMatchObject({
      error: { code: 'invalid_value', path: ['rules', 0, 'use', 'groups', 0, 0, 'target'] },
    });
    expect(check({ rules: [rule('r', { kind: ['embeddings'] }, to('vectors/m'))], default: to('a/m') }).ok).toBe(true);
    const inSplit = {
      kind: 'split',
      parts: [
        { name: 'x', weight: 1, use: to('a/m') },
        { name: 'y', weight: 1, use: to('b/m') },
      ],
    };
    expect(check({ default: inSplit })).toMatchObject({ error: { path: ['default', 'parts', 1, 'use', 'groups', 0, 0, 'target'] } });
  });

  it.each([
    [[rule('r', { prompt_tokens: { gt: 5, lt: 5 } })], 0],
    [[rule('r', { not: { share: { of: 1 } } })], 0],
    [[rule('wide', { prompt_tokens: { gte: 5 } }), rule('narrow', { prompt_tokens: { gt: 7 }, stream: true })], 1],
    [[rule('wide', { kind: ['chat', 'rerank'] }), rule('narrow', { all: [{ kind: ['chat'] }] })], 1],
    [[rule('wide', { any: [{ stream: true }, { messages: { gte: 2 } }] }), rule('narrow', { messages: { gte: 3 } })], 1],
    [[rule('wide', { metadata: { t: { exists: true } } }), rule('narrow', { metadata: { t: { in: ['x'] } } })], 1],
    [[rule('half', { share: { of: 0.5 } }), rule('other', { stream: true }), rule('less', { share: { of: 0.2 } })], 2],
    [[rule('all', { share: { of: 1 } }), rule('never', { stream: true })], 1],
  ])('[U92] refuses a rule that never decides: %j', (rules, at) => {
    expect(check({ rules, default: to('a/m') })).toMatchObject({ ok: false, error: { path: ['rules', at, 'when'] } });
  });

  it('[U92] refuses a version that is too large to be read by every isolate', () => {
    const groups = Array.from({ length: 8 }, () => Array.from({ length: 16 }, () => ({ target: `a/${'m'.repeat(250)}` })));
    const rules = Array.from({ length: 3 }, (_, i) => rule(`r${i}`, { priority: { gte: 3 - i } }, { kind: 'targets', groups }));
    expect(check({ rules, default: to('a/m') })).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', limit: { name: 'routeVersionBytesMax' }, path: ['rules'] },
    });
  });

  it('[U92] takes rules that only overlap', () => {
    const rules = [
      rule('a', { prompt_tokens: { gte: 5 } }),
      rule('b', { prompt_tokens: { gte: 4 } }),
      rule('c', { share: { of: 0.1 } }),
      rule('d', { share: { of: 0.2 } }),
      rule('e', { share: { of: 0.1, by: 'user' } }),
      rule('f', { not: { stream: true } }),
    ];
    expect(check({ rules, default: to('a/m') })).toEqual({ ok: true, value: null });
  });
});

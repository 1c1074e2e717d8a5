import { expect, it } from 'vitest';

import type { ExplanationReply, RouteReply, RouteVersionReply } from '../../../../src/contract/routes/routes.ts';
import { explanationLines, routeText } from '../../../../workers/cli/routes/route-text.ts';

const ROUTE: RouteReply = {
  object: 'route',
  name: 'desk',
  owned_by: 'tenant',
  active_version: 1,
  newest_version: 2,
  canary: { version: 2, share: 0.05, requests: { canary: 40, stable: 900 }, failures: { canary: 3, stable: 9 } },
  cascades: [
    {
      student: ['lab/small'],
      teacher: ['lab/large'],
      confidence: 'token-probability',
      requests: 90,
      escalated: 20,
      capped: 4,
      shadows: { count: 2, cost_usd: '0.000052000' },
      outcomes: 21.6,
      curve: [],
    },
  ],
  events: [{ at: 1_795_856_887, by: 'key_1', action: 'canary', version: 1, share: 0.05, comparisons: [] }],
  created_at: 1_795_856_887,
};

const targets = (count: number) => Array.from({ length: count }, (_, at) => ({ target: `upstream-${at}/model` }));
const VERSION: RouteVersionReply = {
  object: 'route.version',
  route: 'desk',
  version: 1,
  rules: [{ name: 'long', when: { prompt_tokens: { gte: 200 } }, use: { kind: 'targets', groups: [targets(4), targets(1)] } }],
  default: { kind: 'refuse', message: 'a { brace },\nand [another]' },
  guardrails: [{ kind: 'pii', name: 'people', action: 'mask' }],
  answer_reuse: {
    kind: 'reworded',
    false_hit_max: 0.05,
    check_share: 0.05,
    agreement_min: 1,
    checked: 73,
    differed: 2,
    false_hit_bound: 0.0951,
    state: 'off',
  },
  comment: 'shorter prompts',
  created_at: 1_795_856_887,
  created_by: 'key_1',
  is_active: true,
};

it('shows a version as the file that would make it again, in lines that fit', () => {
  const text = routeText(ROUTE, VERSION);
  const json = text.slice(text.indexOf('{\n'), text.indexOf('\n}\n') + 2);
  const terms = { kind: 'reworded', false_hit_max: 0.05, check_share: 0.05, agreement_min: 1 };
  const { rules, default: otherwise, guardrails, comment } = VERSION;
  expect(JSON.parse(json)).toEqual({ name: 'desk', rules, default: otherwise, guardrails, answer_reuse: terms, comment });
  expect(json).toContain('      "when": { "prompt_tokens": { "gte": 200 } },\n');
  expect(Math.max(...json.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
});

it('shows what was measured of a route, and nothing of what it does not have', () => {
  const text = routeText(ROUTE, VERSION);
  for (const part of [
    'canary desk@2 has 5.0 % of the requests: 3 of 40 failed, 9 of 900 without it',
    'cascade lab/small to lab/large by token-probability: 20 of 90 requests escalated, 4 kept by the cap; 22 answers compared',
    'reuse of answers: off; 2 of 73 checked differed, so at most 9.5 % are false (limit 5.0 %)',
  ])
    expect(text).toContain(part);
  const plain = routeText({ ...ROUTE, canary: null, cascades: [] }, { ...VERSION, answer_reuse: null, guardrails: [], comment: '' });
  expect(plain).not.toMatch(/canary desk|cascade|reuse|guardrails|comment/);
  expect(routeText({ ...ROUTE, active_version: null }, undefined)).not.toContain('"rules"');
});

it('explains which conditions hold, what a request lacks, and which hooks would judge it', () => {
  const explained: ExplanationReply = {
    object: 'route.explanation',
    route: 'desk',
    version: 1,
    is_canary: false,
    reason: 'default',
    rules: [
      {
        rule: 'gold',
        holds: false,
        conditions: [
          { member: 'metadata.tier', value: 'gold', holds: true },
          { member: 'budget.left_share', value: null, holds: false },
          { member: 'share', value: 0.1322866298723966, holds: false },
        ],
      },
    ],
    split: null,
    groups: [[{ target: 'lab/small', weight: 1 }]],
    left_out: [{ target: 'lab/blind', why: 'images' }],
    guardrails: [{ hook: 'people', kind: 'pii', on: 'both' }],
    cascade: null,
    reuse: null,
    refusal: null,
  };
  expect(explanationLines(explained)).toEqual([
    'desk@1: default',
    'not      gold  +metadata.tier="gold" -budget.left_share (has none) -share=0.132287',
    '1. lab/small (1)',
    'left out: lab/blind (images)',
    'guardrail: people (pii, on both)',
  ]);
});

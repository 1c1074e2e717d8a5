import { expect, it } from 'vitest';

import type { CostReportReply } from '../../../../src/contract/planning/cost.ts';
import { COST_EVIDENCE } from '../../../../src/gateway/planning/cost-evidence.ts';
import { REPLAYED } from '../../../../src/inference/cost/replayed-stack.ts';
import { STRATEGIES } from '../../../../src/inference/cost/strategies.ts';
import { reportText } from '../../../../workers/cli/planning/cost-text.ts';
import { reportPage } from '../../../../workers/cli/planning/report-page.ts';

const USD = '0.000001000';
const NONE = { requests: 0, cost_usd: '0.000000000' } as const;
const REPORT: CostReportReply = {
  ...COST_EVIDENCE,
  object: 'cost.report',
  month: '2026-11',
  from: 1_793_491_200,
  to: 1_793_500_000,
  is_logged: true,
  spent_usd: '0.000012000',
  upstreams: { requests: 3, cost_usd: '0.000003000' },
  unanswered: { requests: 1, cost_usd: '0.000000000' },
  shadows: { requests: 4, cost_usd: '0.000009000' },
  targets: [
    {
      target: 'evil/<script>&"',
      requests: 2,
      input_tokens: 20,
      cached_tokens: 0,
      output_tokens: 4,
      cost_usd: '0.000002000',
      beside: NONE,
      shadows: NONE,
    },
    {
      target: 'lab/small',
      requests: 1,
      input_tokens: 10,
      cached_tokens: 0,
      output_tokens: 2,
      cost_usd: USD,
      beside: { requests: 1, cost_usd: '0.000000500' },
      shadows: NONE,
    },
  ],
  savings: [
    { name: 'answer_cache', quantity: 1, unit: 'requests', saved_usd: '0.000004000', compared_with: 'the same answers' },
    { name: 'routes', quantity: 2, unit: 'requests', saved_usd: '0.000001000', compared_with: 'the dearest target' },
  ],
  saved_usd: '0.000005000',
  reuse: [
    {
      route: 'desk@2',
      kind: 'verified',
      state: 'reusing',
      checked: 120,
      differed: 1,
      false_hit_bound: 0.0457,
      false_hit_max: 0.05,
      reused: 40,
      saved_usd: '0.000007000',
    },
  ],
  next: [
    {
      name: 'answer_cache',
      applies_to_usd: USD,
      saves_usd: { low: '0.000000100', high: '0.000000300' },
      basis: 'as 100 calls',
      how: 'ask',
    },
    { name: 'routes', applies_to_usd: USD, saves_usd: null, basis: 'not known', how: 'route' },
  ],
};

/** How wide the bars of a colour are, in percent. */
const widthsOf = (page: string, colour: string): (string | undefined)[] =>
  [...page.matchAll(/<i style="width: ([\d.]+)%; background: (#\w+)"/g)].filter((match) => match[2] === colour).map((match) => match[1]);

it('[U151] a terminal shows what was spent, what was saved and against what', () => {
  const text = reportText(REPORT);
  for (const part of ['3 answered calls to upstreams, 0.000003000 USD', 'Saved: 0.000005000 USD', 'the dearest target', 'lab/small'])
    expect(text).toContain(part);
});

it('[U272] what was spent comes first, of which shadows are a part of their own', () => {
  const text = reportText(REPORT);
  expect(text).toContain('Spent: 0.000012000 USD');
  expect(text).toContain('4 shadows, 0.000009000 USD');
  expect(text.indexOf('Spent:')).toBeLessThan(text.indexOf('Saved:'));
  expect(text).toContain('0.000000500');
  expect(reportPage(REPORT)).toContain('<b>0.000012000 USD</b> were spent');
});

it('[U152] a terminal shows ranges of what would save more, and what is unknown as unknown', () => {
  const text = reportText(REPORT);
  expect(text).toContain('answer_cache: 0.000000100 to 0.000000300 of 0.000001000 USD (as 100 calls)');
  expect(text).toContain('routes: unknown of 0.000001000 USD (not known)');
});

it('[U153] a terminal and a page show how often reused answers may be false, and what they saved', () => {
  for (const shown of [reportText(REPORT), reportPage(REPORT)])
    for (const part of ['desk@2', 'verified', 'reusing', '0.046', '0.000007000']) expect(shown).toContain(part);
  expect(reportText({ ...REPORT, reuse: [] })).not.toContain('Answers reused');
});

it('[U150] a terminal shows figures of strategies where they are asked for, and says how', () => {
  const [short, full] = [reportText(REPORT, { hasEvidence: false }), reportText(REPORT)];
  expect(full).toContain('Evidence for each strategy');
  expect(short).not.toContain('published');
  expect(short).toMatch(/of \d+ strategies, with their sources: sluice cost report --evidence$/);
});

it('[U150] a terminal and a page show published figures with source, measured ones with command and load', () => {
  for (const shown of [reportText(REPORT), reportPage(REPORT)]) {
    for (const { name, published, measured, notWhen } of STRATEGIES) {
      expect(shown).toContain(name);
      expect(shown).toContain(notWhen);
      for (const { figure, source } of published) for (const part of [figure, source]) expect(shown).toContain(part);
      for (const { command, date, load } of measured) for (const part of [command, date, load]) expect(shown).toContain(part);
    }
  }
});

it('[U154] a terminal and a page show the replayed stack by step, and the sensible baseline', () => {
  const strict = REPLAYED.stacks.filter(({ measure }) => measure === 'strict');
  expect(strict).toHaveLength(4);
  const [text, page] = [reportText(REPORT), reportPage(REPORT)];
  for (const shown of [text, page]) {
    for (const part of [REPLAYED.command, REPLAYED.date, `load ${REPLAYED.load}`, '23.8 %', 'at most 1 %']) expect(shown).toContain(part);
    for (const { place, tokens, total, ofSensible } of strict) {
      expect(shown).toContain(`teacher at the ${place}, texts of ${tokens} tokens`);
      for (const { mean, low, high } of [total, ofSensible])
        expect(shown).toContain(`${mean.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`);
    }
  }
  expect(text).not.toContain('-0 %');
  const stacked = page.slice(page.indexOf('Stacked on one trace'));
  const widths = widthsOf(stacked, '#2471a3');
  const usd = strict.flatMap(({ steps }) => steps.map(({ usdPerMillion }) => usdPerMillion / steps[0]!.usdPerMillion));
  expect(widths).toEqual(usd.map((share) => (share * 100).toFixed(1)));
});

it('[U150] [U154] the report of the API has all of the evidence, and every number of the replayed stack', () => {
  const { strategies, replayed } = COST_EVIDENCE;
  expect(strategies.map(({ name, not_when }) => [name, not_when])).toEqual(STRATEGIES.map(({ name, notWhen }) => [name, notWhen]));
  const numbers = (value: object): number[] =>
    Object.values(value).flatMap((inner: unknown) => {
      if (typeof inner === 'number') return [inner];
      return typeof inner === 'object' && inner !== null ? numbers(inner) : [];
    });
  const ascending = (value: object): number[] => numbers(value).toSorted((a, b) => a - b);
  expect(ascending(replayed)).toEqual(ascending(REPLAYED));
  expect(JSON.stringify(replayed)).not.toMatch(/"\w*[a-z][A-Z]\w*":/);
});

it('[U151] a terminal gets no line that is wider, and the same words', () => {
  const [narrow, wide] = [reportText(REPORT, { columns: 100 }), reportText(REPORT)];
  const evidence = narrow.slice(narrow.indexOf('Evidence')).split('\n');
  expect(Math.max(...evidence.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(narrow.split(/\s+/)).toEqual(wide.split(/\s+/));
});

it('[U151] a month of which nothing is kept is no span of time', () => {
  const { to } = REPORT;
  for (const shown of [reportText({ ...REPORT, from: to }), reportPage({ ...REPORT, from: to })])
    expect(shown).toContain('2026-11: nothing is kept of this month');
});

it('[U151] says that the log is off instead of showing zeros', () => {
  expect(reportText({ ...REPORT, is_logged: false })).toContain('not in the report');
  expect(reportPage({ ...REPORT, is_logged: false })).toContain('not in the report');
});

it('[U151] a page draws each target and each saving in proportion', () => {
  expect(widthsOf(reportPage({ ...REPORT, targets: REPORT.targets.toReversed() }), '#2471a3').slice(0, 2)).toEqual(['100.0', '50.0']);
  expect(widthsOf(reportPage(REPORT), '#1e8449')).toEqual(['100.0', '25.0']);
  const lost = REPORT.savings.map((line, at) => (at === 1 ? { ...line, saved_usd: '-0.000002000' } : line));
  expect(widthsOf(reportPage({ ...REPORT, savings: lost }), '#c0392b')).toEqual(['50.0']);
});

it('[U151] a page is one file without scripts, and shows names of others as text', () => {
  const page = reportPage(REPORT);
  expect(page).not.toMatch(/<script|<link|<img|<iframe|url\(|@import/i);
  expect(page).toContain('evil/&lt;script&gt;&amp;&quot;');
  expect(page).toContain('<meta name="viewport"');
});

it('[U151] a page of a month without calls has no broken numbers', () => {
  const idle = { ...REPORT, targets: [], savings: REPORT.savings.map((line) => ({ ...line, saved_usd: '0.000000000' })), next: [] };
  const page = reportPage(idle);
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
  expect(page).toContain('Nothing at upstreams.');
});

import { describe, expect, it } from 'vitest';
import { DEBT_RULES } from '../../../src/contract/debt/debt-items.ts';
import type { DebtFact } from '../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { assess, RULES } from '../../../src/debt/rules/assess.ts';
import { ASSUMED_MINUTES } from '../../../src/debt/evidence/change-time.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { ML_TEST_CHECKS } from '../../../src/debt/ml-test-score.ts';
import { census, fact, NOW_S } from '../../support/fixtures/debt-facts.ts';

const assessed = (facts: readonly DebtFact[], policy = {}) =>
  assess(new FactSet(facts, NOW_S), debtPolicy.parse({ expects: [], confidence_min: 0, ...policy }));
const file = (path: string, churn: number, worst: number, changes = 0): DebtFact[] => [
  fact('function-changes', path, changes, { symbol: `${path}Function` }),
  fact('code-lines', path, 200),
  fact('code-churn', path, churn),
  fact('code-complexity', path, worst),
  ...(worst > 15 ? [fact('code-complexity', path, worst, { symbol: `${path}Function`, detail: { line: 7 } })] : []),
];

describe('[D10] hotspots', () => {
  const facts = [
    census('hotspots'),
    ...Array.from({ length: 40 }, (_, i) => file(`f${i}`, i, 5)).flat(),
    ...file('hot', 100, 50, 5),
    ...file('cold', 0, 45),
    ...file('busy', 90, 14),
  ];

  it('are what changes most and is hard to read; what is only one of both is none', () => {
    const { findings } = assessed(facts);
    expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(['hotspot hot', 'complex-function cold']);
    expect(findings[0]?.title).toContain('hotFunction has a complexity of 50');
    // Ten, one for each point above 15, and what any change takes.
    expect(findings[0]?.principal_minutes.p50).toBeCloseTo(45 + ASSUMED_MINUTES.p50, 9);
    expect(findings[0]?.title).toContain('5 commits of the last year changed it');
    expect(findings[1]?.interest_minutes_per_week.p50).toBe(0);
  });

  it('cost what changing their function takes, by the commits of a year', () => {
    const of = (history_days: number) =>
      assessed([...facts.slice(1), census('hotspots', { detail: { history_days } }), fact('change-time', '.', 20, { detail: { days: 9 } })])
        .findings[0]?.interest_minutes_per_week.p90 ?? 0;
    expect(of(100_000)).toBeCloseTo((5 / 52) * 20 * 1.24, 6);
    expect(of(28)).toBe(of(100_000));
  });

  it('[D107] cost the repairs, too, that healthy code would not have needed', () => {
    const fixes = (value: number) => fact('function-fixes', 'hot', value, { symbol: 'hotFunction', detail: { commits: 9 } });
    const of = (...more: DebtFact[]) => {
      const [hot] = assessed([...facts, fact('change-time', '.', 120, { detail: { days: 9 } }), ...more]).findings;
      return hot?.interest_minutes_per_week.p90 ?? 0;
    };
    expect(of(fixes(6)) - of(fixes(0))).toBeCloseTo((6 / 104) * 120 * (14 / 15), 6);
  });

  it('[D107] of several functions cost the changes of all of them, as their minutes are for all', () => {
    const other = { symbol: 'other', detail: { line: 90 } };
    const more = [fact('code-complexity', 'hot', 50, other), fact('function-changes', 'hot', 5, { symbol: 'other' })];
    const of = (...others: DebtFact[]) => assessed([...facts, ...others]).findings.find(({ rule }) => rule === 'hotspot');
    expect(of(...more)?.interest_minutes_per_week.p50).toBeCloseTo(2 * (of()?.interest_minutes_per_week.p50 ?? 0), 6);
  });

  it('[D107] take the assumed price where a fact of an earlier version has the time between two commits', () => {
    const of = (...more: DebtFact[]) => assessed([...facts, ...more]).findings[0]?.interest_minutes_per_week;
    expect(of(fact('change-time', '.', 3, { detail: { gaps: 900, p10: 1, p90: 40 } }))).toEqual(of());
    expect(of(fact('change-time', '.', 60, { detail: { days: 40, p10: 20, p90: 200 } }))?.p50).toBeCloseTo((5 / 52) * 60 * 0.62, 6);
  });

  it('need three commits to their function; below that it is a complex one, and still code only from 30', () => {
    const rulesOf = (worst: number, changes: number): string[] =>
      assessed([...facts.slice(0, -8), ...file('hot', 100, worst, changes)]).findings.map(({ rule, symbol }) => `${rule} ${symbol}`);
    expect(rulesOf(50, 3)).toEqual(['hotspot ']);
    expect(rulesOf(50, 2)).toEqual(['complex-function hotFunction']);
    expect([rulesOf(25, 1), rulesOf(26, 1)]).toEqual([[], ['complex-function hotFunction']]);
    expect([rulesOf(29, 0), rulesOf(30, 0)]).toEqual([[], ['complex-function hotFunction']]);
  });
});

describe('assessments', () => {
  it('take a multiplier from closed items of the rule alone', () => {
    const facts = [census('todos'), fact('todo', 'a', 100, { symbol: 'x', detail: { text: 'do' } })];
    const ratios = new Map([['old-todo', Array<number>(10).fill(4)] as const]);
    const of = (known: typeof ratios | undefined) =>
      assess(new FactSet(facts, NOW_S), debtPolicy.parse({ expects: [], confidence_min: 0 }), known).findings[0];
    const once = 30 + ASSUMED_MINUTES.p50;
    expect(of(undefined)?.principal_minutes.p50).toBeCloseTo(once, 9);
    expect(of(undefined)?.principal_minutes.p90).toBeGreaterThan(2 * once);
    expect(of(ratios)?.principal_minutes.p50).toBeCloseTo(2 * once, 9);
  });

  it('list findings by priority, whose owner is that of the component', () => {
    const facts = [
      census('ownership'),
      census('flags'),
      census('todos'),
      fact('owner', 'web', '@web @all'),
      fact('todo', 'web/a.ts', 100, { symbol: 'x' }),
      fact('flag-age', 'web/flags.json', 100, { symbol: 'x' }),
    ];
    const { findings, components } = assessed(facts);
    expect(findings.map(({ rule, owner }) => [rule, owner])).toEqual([
      ['stale-flag', '@web'],
      ['old-todo', '@web'],
    ]);
    expect(components).toMatchObject([{ name: 'web', owner: '@web', items: 2, tier: 3 }]);
  });

  it('say what is expected and not known, in the words of the signal', () => {
    const { findings, total } = assessed([], { expects: ['coverage'] });
    expect(findings).toMatchObject([{ rule: 'measurement-gap', symbol: 'coverage', is_blocking: false, principal_minutes: { p50: 30 } }]);
    expect(total.rating).toBe('C');
  });

  it('score the ML Test Score by section and tier', () => {
    const facts = [census('ml-tests'), ...ML_TEST_CHECKS.map((check, i) => fact('ml-test', 'ranker', i < 7 ? 1 : 0.5, { symbol: check }))];
    const of = (tier: number) => assessed(facts, { components: [{ name: 'ranker', kind: 'model', tier }] }).findings.length;
    expect(ML_TEST_CHECKS).toHaveLength(28);
    expect([of(1), of(2), of(3)]).toEqual([0, 0, 0]);
    const fewer = [census('ml-tests'), ...ML_TEST_CHECKS.map((check, i) => fact('ml-test', 'ranker', i < 2 ? 1 : 0, { symbol: check }))];
    const sections = assessed(fewer, { components: [{ name: 'ranker', kind: 'model', tier: 2 }] }).findings.map(({ symbol }) => symbol);
    expect(sections.sort()).toEqual(['infrastructure', 'model', 'monitoring']);
  });

  it('fire for behaviour in service: incidents, idle pools, loops, and tests that are flaky by chance or not', () => {
    const facts = [
      census('service-levels'),
      census('pools'),
      census('tests'),
      census('data-dependencies'),
      fact('incident', 'web', 130, { symbol: 'i1', detail: { fixed: false, text: 'out of memory' } }),
      fact('incident', 'web', 130, { symbol: 'i2', detail: { fixed: true, text: 'fixed' } }),
      fact('pool-idle', 'gpu', 0.7),
      fact('pool-idle', 'cpu', 0.5),
      fact('feedback-loop', 'clicks', 2, { detail: { through: 'clicks ranker' } }),
      fact('flaky-test', 'a.test.ts', 1, { symbol: 'often', detail: { runs: 50, share_upper: 0.1 } }),
      fact('flaky-test', 'a.test.ts', 1, { symbol: 'once', detail: { runs: 5_000, share_upper: 0.001 } }),
    ];
    expect(
      assessed(facts)
        .findings.map(({ rule, subject, symbol }) => `${rule} ${subject} ${symbol}`.trim())
        .sort(),
    ).toEqual(['feedback-loop clicks', 'flaky-test a.test.ts often', 'idle-pool gpu', 'incident web i1']);
  });
});

it('every rule says when it fires and what it takes', () => {
  expect(Object.keys(RULES).sort()).toEqual(DEBT_RULES.filter((rule) => rule !== 'measurement-gap').sort());
  for (const { about } of Object.values(RULES)) expect(about).toMatch(/^Fires .*\.$/);
});

describe('[D25] a single author', () => {
  it('is found of a component, and not of the files at the root', () => {
    const shareOf = (subject: string) => fact('author-share', subject, 0.95, { detail: { authors_of_repository: 5 } });
    const { findings } = assessed([census('ownership'), shareOf('search'), shareOf('repository')]);
    expect(findings.map(({ rule, subject }) => [rule, subject])).toEqual([['single-author', 'search']]);
  });
});

describe('[D21] holes in types', () => {
  it('say what of a kind is counted', () => {
    const { findings } = assessed([census('types'), fact('type-hole', 'a.py', 3, { symbol: 'type: ignore' })]);
    expect(findings[0]?.title).toBe('types are not checked in 3 places: 3 x type: ignore without a code');
  });
});

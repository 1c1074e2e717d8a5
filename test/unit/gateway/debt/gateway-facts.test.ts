import { describe, expect, it } from 'vitest';

import { debtFact } from '../../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { PLANNING_LIMITS } from '../../../../src/contract/planning/planning-limits.ts';
import { assess } from '../../../../src/debt/rules/assess.ts';
import { FactSet } from '../../../../src/debt/fact.ts';
import { gatewayFacts } from '../../../../src/gateway/debt/gateway-facts.ts';
import { INPUTS_MIN, lengthHistogram, shiftFacts } from '../../../../src/gateway/debt/input-shifts.ts';
import { errorBudget } from '../../../../src/slo/error-budget.ts';
import type { EventCounts, Indicator } from '../../../../src/slo/objective.ts';
import type { ObjectiveView } from '../../../../src/slo/slo-register.ts';
import type { InputHistograms } from '../../../../src/tenancy/usage/input-tallies.ts';

const NOW_S = 1_800_000_000;

function viewOf(name: string, indicator: Indicator, target: number, window: EventCounts, week: EventCounts): ObjectiveView {
  const objective = { name, indicator, target, windowDays: 30, owner: 'team', createdAtMs: 0 };
  return { objective, budget: errorBudget(objective, window), burns: [], week, observedMs: 0 };
}

const calls: Indicator = { kind: 'availability', by: 'route', name: 'support' };
const recall: Indicator = { kind: 'recall', index: 'notes' };
const factsOf = (views: readonly ObjectiveView[], inputs: readonly InputHistograms[]) => [
  ...gatewayFacts(views, NOW_S),
  ...shiftFacts(inputs, NOW_S),
];
const rulesOf = (facts: ReturnType<typeof gatewayFacts>): string[] =>
  assess(new FactSet(facts, NOW_S), debtPolicy.parse({ expects: ['service-levels'] })).findings.map(
    ({ rule, subject }) => `${rule} ${subject}`,
  );
const lengths = (count: number, tokens: number): number[] => lengthHistogram(Array.from({ length: count }, (_, at) => tokens + (at % 7)));

describe('what the gateway measures of itself', () => {
  it('[D95] are facts with evidence, of which rules make items', () => {
    const views = [
      viewOf('answers', calls, 0.99, { good: 9_000, total: 10_000 }, { good: 900, total: 1_000 }),
      viewOf('notes-recall', recall, 0.85, { good: 970, total: 1_000 }, { good: 900, total: 1_000 }),
    ];
    const inputs = [{ input: 'length', subject: 'live/small', before: lengths(300, 20), lately: lengths(300, 2_000) }];
    const facts = factsOf(views, inputs);
    for (const fact of facts) expect(debtFact.safeParse(fact).error).toBeUndefined();
    expect(rulesOf(facts).toSorted()).toEqual(['budget-burn route:support', 'drifted-model live/small', 'recall-loss index:notes']);
    expect(facts.find(({ kind }) => kind === 'budget-burn')?.value).toBeCloseTo(10, 6);
  });

  it('[D95] are no debt where all is well, and are known to be none', () => {
    const views = [
      viewOf('answers', calls, 0.9, { good: 990, total: 1_000 }, { good: 99, total: 100 }),
      viewOf('notes-recall', recall, 0.9, { good: 970, total: 1_000 }, { good: 960, total: 1_000 }),
    ];
    const inputs = [{ input: 'length', subject: 'live/small', before: lengths(300, 20), lately: lengths(500, 21) }];
    const facts = factsOf(views, inputs);
    expect(rulesOf(facts)).toEqual([]);
    const known = new FactSet(facts, NOW_S);
    expect([known.isKnown('service-levels'), known.isKnown('model-quality'), known.isKnown('model-inputs')]).toEqual([true, true, true]);
    // A day later nothing of it is known, and that is debt.
    expect(assess(new FactSet(facts, NOW_S + 27 * 3_600), debtPolicy.parse({ expects: [] })).findings.map(({ rule }) => rule)).toEqual([
      'measurement-gap',
      'measurement-gap',
      'measurement-gap',
    ]);
  });

  it('[D95] are not made of too few events', () => {
    const [few, enough] = [PLANNING_LIMITS.sloEventsMin - 1, PLANNING_LIMITS.sloEventsMin].map((total) => ({ good: total - 1, total }));
    const burnsOf = (week: EventCounts = { good: 0, total: 0 }) =>
      factsOf([viewOf('quiet', calls, 0.999, week, week)], []).filter(({ kind }) => kind === 'budget-burn');
    expect([burnsOf(few).length, burnsOf(enough).length]).toEqual([0, 1]);
    const views = [viewOf('new', recall, 0.9, { good: 0, total: 0 }, { good: 0, total: 0 })];
    const inputs = [{ input: 'length', subject: 'live/small', before: lengths(INPUTS_MIN - 1, 20), lately: lengths(500, 2_000) }];
    expect(factsOf(views, inputs).map(({ kind, symbol, value }) => [kind, symbol, value])).toEqual([['census', 'service-levels', 0]]);
  });
});

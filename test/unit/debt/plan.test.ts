import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { BudgetReading, DebtTeam } from '../../../src/contract/debt/debt-plan.ts';
import { debtShares } from '../../../src/contract/debt/debt-plan.ts';
import type { PlanInput, PlannedItem } from '../../../src/debt/plan.ts';
import { planDebt } from '../../../src/debt/plan.ts';
import { forecastRoadmap } from '../../../src/debt/roadmap.ts';
import { evenSpread } from '../../../src/debt/spread.ts';

const SHARES = debtShares.parse({});
const CAPACITY = 1_000;

function item(id: string, principal: number, interest: number, change: Partial<PlannedItem> = {}): PlannedItem {
  return {
    id,
    title: id,
    component: 'search',
    owner: 'search-team',
    is_blocking: false,
    principal_minutes: evenSpread(principal),
    interest_minutes_per_week: evenSpread(interest),
    priority: evenSpread((interest * 13 - principal) / Math.max(principal, 15)),
    ...change,
  };
}

const team = (name = 'search-team', capacity = CAPACITY): DebtTeam => ({
  name,
  capacity_minutes_per_week: capacity,
  members: [],
  on_call: [],
});

const planOf = (items: readonly PlannedItem[], change: Partial<PlanInput> = {}) =>
  planDebt({ items, teams: [team()], readings: [], rising: new Set(), shares: SHARES, weeks: 1, ...change });

function plan(items: readonly PlannedItem[], change: Partial<PlanInput> = {}) {
  return planOf(items, change).owners[0]!;
}

const reading = (left: number, cause: BudgetReading['cause'] = 'own', component = 'search'): BudgetReading => ({
  component,
  budget_left: left,
  cause,
});
const names = (items: readonly PlannedItem[]): string[] => items.map(({ id }) => id);

describe("a team's share for debt", () => {
  const cheap = [item('a', 10, 1)];

  it.each([
    ['with no service level', [], 0.15],
    ['with half of the budget left', [reading(0.5)], 0.15],
    ['with a quarter of it left', [reading(0.25)], 0.325],
    ['with none left', [reading(0)], 0.5],
    ['with more spent than there was', [reading(-3)], 0.5],
    ['by the worst of several components', [reading(1), reading(0.25, 'own', 'other')], 0.15],
  ])('[D50] %s', (_, readings, share) => {
    expect(plan(cheap, { readings }).share).toBeCloseTo(share, 10);
  });

  it('[D50] grows with interest above what is free, up to a limit, and while the ratio rises', () => {
    expect(plan([item('a', 10, 50)]).share).toBeCloseTo(0.15, 10);
    expect(plan([item('a', 10, 100)]).share).toBeCloseTo(0.2, 10);
    expect(plan([item('a', 10, 900)]).share).toBeCloseTo(0.3, 10);
    expect(plan(cheap, { rising: new Set(['search']) }).share).toBeCloseTo(0.2, 10);
    expect(plan([item('a', 10, 900)], { rising: new Set(['search']), readings: [reading(0)] }).share).toBe(0.6);
  });

  it('[D50] never shrinks when more budget is spent or more interest is due, and stays within its bounds', () => {
    const left = fc.double({ min: -2, max: 1, noNaN: true });
    fc.assert(
      fc.property(left, left, fc.nat(2_000), fc.nat(2_000), fc.boolean(), (a, b, interest, more, isRising) => {
        const rising = new Set(isRising ? ['search'] : []);
        const shareOf = (budget: number, due: number): number => plan([item('a', 10, due)], { readings: [reading(budget)], rising }).share;
        const share = shareOf(Math.max(a, b), interest);
        expect(share).toBeGreaterThanOrEqual(SHARES.min);
        expect(share).toBeLessThanOrEqual(SHARES.max);
        expect(shareOf(Math.min(a, b), interest + more)).toBeGreaterThanOrEqual(share);
      }),
    );
  });
});

describe('a plan', () => {
  it('[D52] takes items by priority while they fit, smaller ones behind, and leaves cheap debt', () => {
    const found = plan([item('dear', 120, 20), item('best', 40, 15), item('small', 20, 3), item('cheap', 100, 1)]);
    expect(names(found.chosen)).toEqual(['best', 'small']);
    expect(names(found.deferred)).toEqual(['dear']);
    expect(names(found.left)).toEqual(['cheap']);
    expect(found).toMatchObject({ chosenMinutes: 60, interestSavedPerWeek: 18, interestKeptPerWeek: 21 });
  });

  it('[D53] takes items that block whatever the share, before all others, and no more than the time', () => {
    const found = plan([
      item('best', 140, 90),
      item('licence', 900, 0, { is_blocking: true }),
      item('contract', 200, 0, { is_blocking: true }),
    ]);
    expect(names(found.chosen)).toEqual(['contract']);
    expect(names(found.deferred)).toEqual(['licence', 'best']);
  });

  it('[D51] gives the items of a frozen component the whole time, and only if its own team overspent', () => {
    const items = [item('a', 400, 40), item('b', 300, 40), item('c', 90, 40, { component: 'pages' })];
    const frozen = plan(items, { readings: [reading(-0.1)] });
    expect(frozen.frozen).toEqual(['search']);
    expect(names(frozen.chosen)).toContain('a');
    expect(names(frozen.chosen)).toContain('b');
    for (const cause of ['network', 'other_team', 'out_of_scope'] as const) {
      expect(plan(items, { readings: [reading(-0.1, cause)] }).frozen).toEqual([]);
    }
    expect(plan(items, { readings: [reading(0.01)] }).frozen).toEqual([]);
  });

  it('[D53] names the items of nobody whose time is known', () => {
    const items = [item('a', 10, 1), item('b', 10, 1, { owner: null }), item('c', 10, 1, { owner: 'others' })];
    expect(names(planOf(items).unplanned)).toEqual(['b', 'c']);
  });

  it('[D53] of whatever items accounts for each once and stays within the time', () => {
    const one = fc.record({
      principal: fc.integer({ min: 1, max: 900 }),
      interest: fc.integer({ min: 0, max: 100 }),
      isBlocking: fc.boolean(),
      component: fc.constantFrom('search', 'pages'),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), fc.integer({ min: 1, max: 6 }), fc.boolean(), (made, weeks, isFrozen) => {
        const items = made.map(({ principal, interest, isBlocking, component }, i) =>
          item(`${i}`, principal, interest, { is_blocking: isBlocking, component }),
        );
        const found = plan(items, { weeks, readings: isFrozen ? [reading(-1)] : [] });
        expect(names([...found.chosen, ...found.deferred, ...found.left]).sort()).toEqual(names(items).sort());
        expect(found.chosenMinutes).toBeLessThanOrEqual(CAPACITY * weeks);
        const budgeted = found.chosen.filter(({ is_blocking, component }) => !is_blocking && !found.frozen.includes(component));
        const minutes = budgeted.reduce((sum, { principal_minutes }) => sum + principal_minutes.p50, 0);
        expect(minutes).toBeLessThanOrEqual(found.share * CAPACITY * weeks + 1e-9);
      }),
    );
  });
});

describe('a forecast of the roadmap', () => {
  const feature = (name: string, minutes: number) => ({ name, owner: 'search-team', estimate_minutes: minutes });

  it('[D54] says which features slip, and what the interest is if nothing is paid', () => {
    // The item takes one week of a fifth of the time, and a fifth of the time each week until then.
    const found = plan([item('a', 200, 200)], { weeks: 4 });
    expect(found.share).toBeCloseTo(0.3, 10);
    const { features, interestPaidMinutes, interestUnpaidMinutes } = forecastRoadmap([feature('x', 600), feature('y', 1_000)], [found], 4);
    expect(interestPaidMinutes).toBe(200);
    expect(interestUnpaidMinutes).toBe(800);
    expect(features).toEqual([
      // Paid: 1,000 - 200 interest - 200 debt = 600 in the first week, then 1,000 a week; unpaid: 800 a week.
      { feature: 'x', owner: 'search-team', paidWeek: 1, unpaidWeek: 0.75 },
      { feature: 'y', owner: 'search-team', paidWeek: 2, unpaidWeek: 2 },
    ]);
  });

  it('[D55] keeps features waiting for items that block and for frozen components', () => {
    const items = [item('best', 90, 90, { component: 'pages' }), item('frozen', 1_200, 1), item('blocks', 300, 0, { is_blocking: true })];
    const found = plan(items, { weeks: 4, readings: [reading(-1)] });
    const { features } = forecastRoadmap([feature('x', 100)], [found], 8);
    const [x] = features;
    expect(names(found.chosen)).toEqual(['blocks', 'frozen', 'best']);
    expect(x!.unpaidWeek).toBeLessThan(1);
    expect(x!.paidWeek).toBeGreaterThan(1.5);
  });

  it('[D54] names features that are not done in time, and those of owners without a plan', () => {
    const found = plan([], { weeks: 2 });
    const { features, unplanned } = forecastRoadmap([feature('long', 9_000), { ...feature('lost', 1), owner: 'nobody' }], [found], 2);
    expect(features).toEqual([{ feature: 'long', owner: 'search-team', paidWeek: null, unpaidWeek: null }]);
    expect(unplanned).toEqual(['lost']);
  });
});

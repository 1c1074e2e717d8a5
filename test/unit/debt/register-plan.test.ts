import { describe, expect, it } from 'vitest';

import type { DebtItem } from '../../../src/contract/debt/debt-items.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { evenSpread } from '../../../src/debt/spread.ts';
import { planRegister } from '../../../src/debt/store/register-plan.ts';
import { factOf } from '../../support/debt/signed-upload.ts';

const NOW_S = 1_800_000_000;

const itemOf = (id: string, more: Partial<DebtItem> = {}): DebtItem => ({
  id,
  rule: 'old-todo',
  signal: 'todos',
  subject: `src/${id}.ts`,
  symbol: '',
  component: 'src',
  owner: 'search',
  title: id,
  remedy: 'fix it',
  risk: 1,
  confidence: 1,
  is_blocking: false,
  principal_minutes: evenSpread(100),
  interest_minutes_per_week: evenSpread(20),
  priority: evenSpread(1),
  evidence: [],
  state: 'open',
  opened_at: NOW_S,
  closed_at: null,
  accepted_until: null,
  assignee: null,
  override_minutes: null,
  ...more,
});

const policy = debtPolicy.parse({
  teams: [{ name: 'search', capacity_minutes_per_week: 1_000 }],
  components: [{ name: 'src', paths: ['src'] }],
});
const planOf = (more: Partial<Parameters<typeof planRegister>[0]>) =>
  planRegister({ items: [itemOf('a')], policy, sources: [], history: [], weeks: 1, nowS: NOW_S, ...more });

describe('a plan of the register', () => {
  it('[D97] has open items, at what a person said that they cost', () => {
    const items = [itemOf('a', { override_minutes: 90 }), itemOf('b', { state: 'accepted' }), itemOf('c', { state: 'closed' })];
    const { owners } = planOf({ items, weeks: 10 });
    expect(owners.map(({ chosen, chosenMinutes }) => [chosen.map(({ id }) => id), chosenMinutes])).toEqual([[['a'], 90]]);
  });

  it('[D97] follows the worst error budget of a component, and not one that has expired', () => {
    const census = factOf({ kind: 'census', subject: '.', symbol: 'service-levels', value: 2, unit: 'subjects' }, NOW_S);
    const burn = (subject: string, value: number) => factOf({ kind: 'budget-burn', subject, symbol: subject, value, unit: 'ratio' }, NOW_S);
    const facts = [census, burn('src/one', 0.2), burn('src/two', 0.9), burn('src/three', 0.3)];
    const budgetLeft = (nowS: number) => planOf({ sources: [facts], nowS }).owners[0]?.budgetLeft;
    expect(budgetLeft(NOW_S)).toBeCloseTo(0.1, 9);
    expect(budgetLeft(NOW_S + 2 * 86_400)).toBeNull();
    const [without, withReading] = [planOf({}), planOf({ sources: [facts] })].map(({ owners }) => owners[0]?.share ?? 0);
    expect(withReading).toBeGreaterThan(without ?? 1);
  });

  it('[D97] takes the worse of what the repository and the gateway measured of one objective', () => {
    const sourceOf = (value: number, agoS: number) => [
      factOf({ kind: 'census', subject: '.', symbol: 'service-levels', value: 1, unit: 'subjects' }, NOW_S - agoS),
      factOf({ kind: 'budget-burn', subject: 'src', symbol: 'answers', value, unit: 'ratio' }, NOW_S - agoS),
    ];
    const budgetLeft = (...sources: ReturnType<typeof sourceOf>[]) => planOf({ sources }).owners[0]?.budgetLeft;
    expect(budgetLeft(sourceOf(0.9, 60), sourceOf(0.2, 0))).toBeCloseTo(0.1, 9);
    expect(budgetLeft(sourceOf(0.2, 60), sourceOf(0.9, 0))).toBeCloseTo(0.1, 9);
  });

  it('[D51] freezes what its team overspent, not what the network spent', () => {
    const burnBy = (detail: Record<string, string>) => [
      factOf({ kind: 'census', subject: '.', symbol: 'service-levels', value: 1, unit: 'subjects' }, NOW_S),
      factOf({ kind: 'budget-burn', subject: 'src', value: 2, unit: 'ratio', detail }, NOW_S),
    ];
    const frozen = (detail: Record<string, string>) => planOf({ sources: [burnBy(detail)] }).owners[0]?.frozen;
    expect([frozen({ cause: 'network' }), frozen({})]).toEqual([[], ['src']]);
  });

  it('gives more time where the ratio rose twice', () => {
    const days = (...ratios: number[]) => ratios.map((ratio, day) => ({ day, open: 1, principal: 1, interest: 1, ratio }));
    const share = (...ratios: number[]) => planOf({ history: days(...ratios) }).owners[0]?.parts.rising;
    expect(share(0.1, 0.2, 0.3)).toBe(0.05);
    expect([share(0.3, 0.2, 0.3), share(0.1, 0.3, 0.3), share(0.2, 0.2, 0.3), share(0.1, 0.2)]).toEqual([0, 0, 0, 0]);
  });

  it('takes each owner for a team where the policy names none, and lists what has no owner', () => {
    const items = [itemOf('a'), itemOf('b', { owner: 'ads' }), itemOf('c', { owner: null })];
    const { owners, unplanned } = planOf({ items, policy: debtPolicy.parse({ capacity_minutes_per_week: 600 }) });
    expect(owners.map(({ owner, capacityMinutesPerWeek: minutes }) => [owner, minutes])).toEqual([
      ['ads', 600],
      ['search', 600],
    ]);
    expect(unplanned.map(({ id }) => id)).toEqual(['c']);
  });
});

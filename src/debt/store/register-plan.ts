import type { BudgetReading, DebtTeam } from '../../contract/debt-plan.ts';
import type { DebtFact } from '../../contract/debt-facts.ts';
import type { DebtItem } from '../../contract/debt-items.ts';
import type { DebtPolicy } from '../../contract/debt-policy.ts';
import { Components } from '../components.ts';
import { FactSet } from '../fact.ts';
import { principalOf } from '../item.ts';
import type { OwnerPlan, PlannedItem } from '../plan.ts';
import { planDebt, unplannedItems } from '../plan.ts';
import type { DebtDay } from './sqlite-debt-store.ts';

export interface RegisterPlan {
  readonly weeks: number;
  readonly owners: readonly OwnerPlan[];
  /** Of owners whose time is not known. */
  readonly unplanned: readonly PlannedItem[];
}

interface PlanSources {
  readonly items: readonly DebtItem[];
  readonly policy: DebtPolicy;
  /** Of the repository, and what the gateway measured: the worst budget of a component counts. */
  readonly facts: readonly DebtFact[];
  readonly history: readonly DebtDay[];
  readonly weeks: number;
  readonly nowS: number;
}

/** What each team pays of a repository's open items; accepted ones cost their interest and are not paid. [D97] */
export function planRegister({ items, policy, facts, history, weeks, nowS }: PlanSources): RegisterPlan {
  const open = items.filter(({ state }) => state === 'open').map((item) => ({ ...item, principal_minutes: principalOf(item) }));
  const teams = policy.teams.length > 0 ? policy.teams : ownersAsTeams(open, policy);
  const { hiring_weeks: _, ...shares } = policy.plan;
  const readings = readingsOf(facts, policy, nowS);
  const rising = isRising(history) ? new Set(open.map(({ component }) => component)) : new Set<string>();
  return {
    weeks,
    owners: planDebt({ items: open, teams, readings, rising, shares, weeks }),
    unplanned: unplannedItems({ items: open, teams }),
  };
}

const ownersAsTeams = (items: readonly DebtItem[], { capacity_minutes_per_week: capacity }: DebtPolicy): DebtTeam[] =>
  [...new Set(items.flatMap(({ owner }) => owner ?? []))]
    .sort()
    .map((name) => ({ name, capacity_minutes_per_week: capacity, members: [], on_call: [] }));

/** By component, what is left of the error budget that is spent most. */
function readingsOf(facts: readonly DebtFact[], policy: DebtPolicy, nowS: number): BudgetReading[] {
  const components = new Components(policy);
  const left = new Map<string, number>();
  for (const { subject, value } of new FactSet(facts, nowS).of('budget-burn')) {
    const component = components.of(subject);
    left.set(component, Math.min(left.get(component) ?? 1, 1 - Number(value)));
  }
  return [...left].map(([component, budgetLeft]) => ({ component, budget_left: budgetLeft, cause: 'own' }));
}

/** Whether the ratio has risen from the last day but two to the last but one, and again to the last. */
function isRising(history: readonly DebtDay[]): boolean {
  const [first, second, third] = history.slice(-3).map(({ ratio }) => ratio);
  return first !== undefined && second !== undefined && third !== undefined && first < second && second < third;
}

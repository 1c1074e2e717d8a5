import type { DebtTeam } from '../../contract/debt-plan.ts';
import type { DebtFact } from '../../contract/debt-facts.ts';
import type { DebtItem } from '../../contract/debt-items.ts';
import type { DebtPolicy } from '../../contract/debt-policy.ts';
import { Components } from '../components.ts';
import { worstBudgets } from '../error-budgets.ts';
import { FactSet } from '../fact.ts';
import { principalOf } from '../item.ts';
import type { OwnerPlan, PlannedItem } from '../plan.ts';
import { planDebt, unplannedItems } from '../plan.ts';
import type { DebtDay } from './sqlite-debt-store.ts';

export interface RegisterPlan {
  readonly owners: readonly OwnerPlan[];
  /** Of owners whose time is not known. */
  readonly unplanned: readonly PlannedItem[];
}

interface PlanSources {
  readonly items: readonly DebtItem[];
  readonly policy: DebtPolicy;
  /** Of the repository, and what the gateway measured: apart, so that facts of one never replace those of the other. */
  readonly sources: readonly (readonly DebtFact[])[];
  readonly history: readonly DebtDay[];
  readonly weeks: number;
  readonly nowS: number;
}

/** What each team pays of a repository's open items; accepted ones cost their interest and are not paid. [D97] */
export function planRegister({ items, policy, sources, history, weeks, nowS }: PlanSources): RegisterPlan {
  const open = items.filter(({ state }) => state === 'open').map((item) => ({ ...item, principal_minutes: principalOf(item) }));
  const teams = policy.teams.length > 0 ? policy.teams : ownersAsTeams(open, policy);
  const { hiring_weeks: _, ...shares } = policy.plan;
  const known = sources.map((facts) => new FactSet(facts, nowS));
  const readings = worstBudgets(known, new Components(policy));
  const rising = isRising(history) ? new Set(open.map(({ component }) => component)) : new Set<string>();
  return {
    owners: planDebt({ items: open, teams, readings, rising, shares, weeks }),
    unplanned: unplannedItems({ items: open, teams }),
  };
}

const ownersAsTeams = (items: readonly DebtItem[], { capacity_minutes_per_week: capacity }: DebtPolicy): DebtTeam[] =>
  [...new Set(items.flatMap(({ owner }) => owner ?? []))]
    .sort()
    .map((name) => ({ name, capacity_minutes_per_week: capacity, members: [], on_call: [] }));

/** Whether the ratio has risen from the last day but two to the last but one, and again to the last. */
function isRising(history: readonly DebtDay[]): boolean {
  const [first, second, third] = history.slice(-3).map(({ ratio }) => ratio);
  return first !== undefined && second !== undefined && third !== undefined && first < second && second < third;
}

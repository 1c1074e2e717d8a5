import type { DebtTeam } from '../../contract/debt/debt-plan.ts';
import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtItem } from '../../contract/debt/debt-items.ts';
import type { DebtPolicy } from '../../contract/debt/debt-policy.ts';
import { Components } from '../components.ts';
import { worstBudgets } from '../error-budgets.ts';
import { FactSet } from '../fact.ts';
import { openItems } from '../item.ts';
import type { DebtPlan } from '../plan.ts';
import { hasRisenTwice, planDebt } from '../plan.ts';
import type { DebtDay } from './sqlite-debt-store.ts';

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
export function planRegister({ items, policy, sources, history, weeks, nowS }: PlanSources): DebtPlan {
  const open = openItems(items);
  const teams = policy.teams.length > 0 ? policy.teams : ownersAsTeams(open, policy);
  const known = sources.map((facts) => new FactSet(facts, nowS));
  const readings = worstBudgets(known, new Components(policy));
  const rising = hasRisenTwice(history.map(({ ratio }) => ratio)) ? new Set(open.map(({ component }) => component)) : new Set<string>();
  return planDebt({ items: open, teams, readings, rising, shares: policy.plan, weeks });
}

const ownersAsTeams = (items: readonly DebtItem[], { capacity_minutes_per_week: capacity }: DebtPolicy): DebtTeam[] =>
  [...new Set(items.flatMap(({ owner }) => owner ?? []))]
    .sort()
    .map((name) => ({ name, capacity_minutes_per_week: capacity, members: [], on_call: [] }));

import type { BudgetReading } from '../contract/debt/debt-plan.ts';
import type { Components } from './components.ts';
import type { FactSet } from './fact.ts';

/** What is left of the error budget of each component: of all its objectives and sources the worst counts. [D56] [D97] */
export function worstBudgets(sources: readonly FactSet[], components: Components): BudgetReading[] {
  const worst = new Map<string, BudgetReading>();
  for (const facts of sources) {
    for (const fact of facts.of('budget-burn')) {
      const component = components.of(fact.subject);
      const left = 1 - Number(fact.value);
      if (left < (worst.get(component)?.budget_left ?? Infinity)) {
        worst.set(component, { component, budget_left: left, cause: causeOf(fact.detail?.['cause']) });
      }
    }
  }
  return [...worst.values()];
}

const causeOf = (value: unknown): BudgetReading['cause'] =>
  value === 'network' || value === 'other_team' || value === 'out_of_scope' ? value : 'own';

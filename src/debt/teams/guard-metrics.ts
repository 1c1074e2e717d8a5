import type { DebtItem } from '../../contract/debt/debt-items.ts';
import { sumOf } from '../evidence/number-table.ts';
import type { TeamLoad } from './team-load.ts';

/** What of an item counts here; a finding that no register holds is open. */
export type CountedItem = Pick<DebtItem, 'rule' | 'component' | 'owner' | 'subject' | 'interest_minutes_per_week'> & {
  readonly state?: DebtItem['state'];
};

/** A figure that a team may be praised for, and the one that shows at whose cost it was improved. */
export interface GuardedMetric {
  readonly metric: 'commits_per_week' | 'open_items' | 'interest_minutes_per_week' | 'load';
  readonly value: number;
  readonly guard: 'open_incidents' | 'unmeasured_signals' | 'accepted_interest_minutes_per_week' | 'components_of_one_author';
  readonly guardValue: number;
}

interface GuardInput {
  readonly load: TeamLoad;
  readonly items: readonly CountedItem[];
  /** Of the team's components, those that one author keeps from being unknown. */
  readonly componentsOfOneAuthor: number;
}

/**
 * Measures that can be improved by doing harm, each beside the measure of that harm: more commits and more incidents, fewer items because
 * nothing measures them, less interest because it was only accepted, less load because one person does each part. [D76]
 */
export function guardedMetrics({ load, items, componentsOfOneAuthor }: GuardInput): readonly GuardedMetric[] {
  const open = items.filter(({ state = 'open' }) => state === 'open');
  const accepted = items.filter(({ state }) => state === 'accepted');
  const count = (rule: DebtItem['rule']): number => open.filter((one) => one.rule === rule).length;
  const unmeasured = count('measurement-gap');
  return [
    { metric: 'commits_per_week', value: load.commitsPerWeek, guard: 'open_incidents', guardValue: count('incident') },
    { metric: 'open_items', value: open.length - unmeasured, guard: 'unmeasured_signals', guardValue: unmeasured },
    {
      metric: 'interest_minutes_per_week',
      value: totalInterest(open),
      guard: 'accepted_interest_minutes_per_week',
      guardValue: totalInterest(accepted),
    },
    { metric: 'load', value: load.load, guard: 'components_of_one_author', guardValue: componentsOfOneAuthor },
  ];
}

/** Minutes a week that items cost. */
export const totalInterest = (items: readonly CountedItem[]): number =>
  sumOf(items.map(({ interest_minutes_per_week: { p50 } }) => p50).toSorted((a, b) => a - b));

import type { DebtItem, DebtRule } from '../contract/debt/debt-items.ts';
import type { DatedCommit } from './evidence/change-time.ts';
import { minutesOfCommits } from './evidence/change-time.ts';
import { sumOf } from './evidence/number-table.ts';
import { multiplierOf } from './price.ts';

/** `actual / estimate` of closed items, by rule, the newest last. */
export type PaidRatios = Readonly<Partial<Record<DebtRule, readonly number[]>>>;

/** So many of each rule say enough, and what was long ago is of other people and tools. */
const RATIOS_MAX_COUNT = 200;

/** What some of the commits took, in minutes; `commits`: all of their time, because those of a day share it. */
export function minutesOf(commits: readonly DatedCommit[], chosen: ReadonlySet<string>): number {
  const minutes = minutesOfCommits(commits);
  return sumOf(Array.from(chosen, (id) => minutes.get(id) ?? 0));
}

/** An item that its rule closed, and what the commits took that touched its subject. */
export interface PaidItem {
  readonly item: DebtItem;
  readonly actualMinutes: number;
}

/** The ratios with those of items that were closed: what each took over what its rule had estimated. [D19] */
export function withPaid(ratios: PaidRatios, paid: readonly PaidItem[]): PaidRatios {
  const next: Partial<Record<DebtRule, readonly number[]>> = { ...ratios };
  for (const { item, actualMinutes } of paid) {
    // What took nothing was not paid: its subject went, or its facts did.
    if (actualMinutes <= 0) continue;
    // The estimate before it was multiplied, or multipliers would chase each other.
    const estimate = item.principal_minutes.p50 / multiplierOf(ratios[item.rule] ?? []).p50;
    next[item.rule] = [...(next[item.rule] ?? []), actualMinutes / Math.max(1, estimate)].slice(-RATIOS_MAX_COUNT);
  }
  return next;
}

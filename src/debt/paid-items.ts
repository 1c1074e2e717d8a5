import type { DebtItem, DebtRule } from '../contract/debt/debt-items.ts';
import { SESSION_GAP_S } from './evidence/change-history.ts';
import { multiplierOf } from './price.ts';

/** A commit between two collections, the oldest first. */
export interface DatedCommit {
  readonly id: string;
  readonly author: string;
  readonly atS: number;
}

/** `actual / estimate` of closed items, by rule, the newest last. */
export type PaidRatios = Readonly<Partial<Record<DebtRule, readonly number[]>>>;

/** So many of each rule say enough, and what was long ago is of other people and tools. */
const RATIOS_MAX_COUNT = 200;

/**
 * What commits took, in minutes: the time since the author's commit before, if that was of the same session. What came before the first commit of a
 * session is not known: it counts as the usual time between two.
 */
export function minutesOf(commits: readonly DatedCommit[], chosen: ReadonlySet<string>, usualMinutes: number): number {
  const before = new Map<string, number>();
  let minutes = 0;
  for (const { id, author, atS } of commits) {
    const gapS = atS - (before.get(author) ?? -Infinity);
    before.set(author, atS);
    if (chosen.has(id)) minutes += gapS < SESSION_GAP_S ? gapS / 60 : usualMinutes;
  }
  return minutes;
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

import type { BudgetReading, DebtShares, DebtTeam } from '../contract/debt/debt-plan.ts';
import type { DebtFinding } from '../contract/debt/debt-items.ts';
import { groupBy } from '../kernel/grouped.ts';

/** An item as far as a plan needs it; `owner` null: it has none. */
export type PlannedItem = Pick<
  DebtFinding,
  'id' | 'title' | 'component' | 'owner' | 'is_blocking' | 'principal_minutes' | 'interest_minutes_per_week' | 'priority'
>;

export interface PlanInput {
  readonly items: readonly PlannedItem[];
  readonly teams: readonly DebtTeam[];
  readonly readings: readonly BudgetReading[];
  /** Components whose debt ratio has risen twice in a row. */
  readonly rising: ReadonlySet<string>;
  readonly shares: DebtShares;
  readonly weeks: number;
}

/** What a share of an owner's time is the sum of, before it is bounded. */
export interface ShareParts {
  readonly base: number;
  readonly spentBudget: number;
  readonly interest: number;
  readonly rising: number;
}

export interface OwnerPlan {
  readonly owner: string;
  readonly capacityMinutesPerWeek: number;
  /** Of the time, for debt (D50). */
  readonly share: number;
  readonly parts: ShareParts;
  /** The least that is left of an error budget of the owner's components; null: no service level is known. */
  readonly budgetLeft: number | null;
  /** Components whose error budget the owner spent: nothing but debt is worked on there (D51). */
  readonly frozen: readonly string[];
  readonly chosen: readonly PlannedItem[];
  readonly deferred: readonly PlannedItem[];
  /** Items that cost more to pay than they cost in a quarter. */
  readonly left: readonly PlannedItem[];
  readonly chosenMinutes: number;
  /** Minutes a week that the chosen items cost until they are paid, and that the deferred and the others go on to cost. */
  readonly interestSavedPerWeek: number;
  readonly interestKeptPerWeek: number;
}

/** What teams pay of their debt. */
export interface DebtPlan {
  readonly owners: readonly OwnerPlan[];
  /** Items of owners whose time is not known. */
  readonly unplanned: readonly PlannedItem[];
}

const between = (least: number, value: number, most: number): number => Math.min(most, Math.max(least, value));
const total = (items: readonly PlannedItem[], minutesOf: (item: PlannedItem) => number): number =>
  items.reduce((sum, item) => sum + minutesOf(item), 0);
export const principalOf = (item: PlannedItem): number => item.principal_minutes.p50;
export const interestOf = (item: PlannedItem): number => item.interest_minutes_per_week.p50;

/** Whether an item is paid whatever the share is. */
export const isUrgent = (item: PlannedItem, frozen: readonly string[]): boolean => item.is_blocking || frozen.includes(item.component);

/** Urgent items first, of these the blocking ones, then by what paying is worth. */
const byUrgency =
  (frozen: readonly string[]) =>
  (a: PlannedItem, b: PlannedItem): number =>
    Number(b.is_blocking) - Number(a.is_blocking) ||
    Number(isUrgent(b, frozen)) - Number(isUrgent(a, frozen)) ||
    b.priority.p50 - a.priority.p50 ||
    (a.id < b.id ? -1 : 1);

/**
 * What each team pays of its debt in so many weeks, and what it puts off.
 *
 * The share of a team's time follows its worst error budget, as Google's error budget policy has it (SRE workbook, appendix B), and the
 * interest it pays already. Within it items are taken by priority; those that block are taken whatever the share is, and those of a
 * frozen component with the whole time (D50 to D53).
 */
export function planDebt({ items, teams, readings, rising, shares, weeks }: PlanInput): DebtPlan {
  const ofOwner = groupBy(items, ({ owner }) => owner ?? '');
  const readingOf = new Map(readings.map((reading) => [reading.component, reading]));
  const owners = teams.map(({ name, capacity_minutes_per_week: capacity }) => {
    const own = ofOwner.get(name) ?? [];
    const components = new Set(own.map(({ component }) => component));
    const known = [...components].flatMap((component) => readingOf.get(component) ?? []);
    const budgetLeft = known.length === 0 ? null : Math.min(...known.map(({ budget_left: left }) => left));
    const parts = partsOf(
      shares,
      budgetLeft,
      total(own, interestOf) / capacity,
      [...components].some((one) => rising.has(one)),
    );
    const share = between(shares.min, parts.base + parts.spentBudget + parts.interest + parts.rising, shares.max);
    const frozen = known.filter(({ budget_left: left, cause }) => left <= 0 && cause === 'own').map(({ component }) => component);
    return {
      owner: name,
      capacityMinutesPerWeek: capacity,
      share,
      parts,
      budgetLeft,
      frozen,
      ...choose(own, share * capacity * weeks, capacity * weeks, frozen),
    };
  });
  const planned = new Set(teams.map(({ name }) => name));
  return { owners, unplanned: items.filter(({ owner }) => owner === null || !planned.has(owner)).sort(byUrgency([])) };
}

/** Whether the last of some debt ratios is above the one before it, and that above its own. */
export function hasRisenTwice(ratios: readonly number[]): boolean {
  const [first, second, third] = ratios.slice(-3);
  return first !== undefined && second !== undefined && third !== undefined && first < second && second < third;
}

function partsOf(shares: DebtShares, budgetLeft: number | null, interestShare: number, isRising: boolean): ShareParts {
  return {
    base: shares.base,
    spentBudget: budgetLeft === null ? 0 : shares.spent_budget * between(0, (0.5 - budgetLeft) / 0.5, 1),
    interest: between(0, interestShare - shares.interest_free, shares.interest_max),
    rising: isRising ? shares.rising : 0,
  };
}

/** Takes items in order while they fit: an item that does not fit is put off, and smaller ones behind it are still taken. */
function choose(own: readonly PlannedItem[], shareMinutes: number, allMinutes: number, frozen: readonly string[]) {
  const chosen: PlannedItem[] = [];
  const deferred: PlannedItem[] = [];
  const left: PlannedItem[] = [];
  let [leftOfShare, leftOfAll] = [shareMinutes, allMinutes];
  for (const item of [...own].sort(byUrgency(frozen))) {
    const minutes = principalOf(item);
    const isBeyondBudget = isUrgent(item, frozen);
    if (!isBeyondBudget && item.priority.p50 <= 0) left.push(item);
    else if (minutes <= (isBeyondBudget ? leftOfAll : Math.min(leftOfShare, leftOfAll))) {
      chosen.push(item);
      leftOfAll -= minutes;
      leftOfShare -= minutes;
    } else deferred.push(item);
  }
  return {
    chosen,
    deferred,
    left,
    chosenMinutes: total(chosen, principalOf),
    interestSavedPerWeek: total(chosen, interestOf),
    interestKeptPerWeek: total(deferred, interestOf) + total(left, interestOf),
  };
}

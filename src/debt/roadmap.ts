import type { RoadmapFeature } from '../contract/debt/debt-plan.ts';
import type { OwnerPlan, PlannedItem } from './plan.ts';
import { interestOf, isUrgent, principalOf } from './plan.ts';

/** When a feature is done, with the debt of the plan paid and with none paid, in weeks from now; null: not within the weeks looked at. */
export interface FeatureForecast {
  readonly feature: string;
  readonly owner: string;
  readonly paidWeek: number | null;
  readonly unpaidWeek: number | null;
}

export interface RoadmapForecast {
  readonly features: readonly FeatureForecast[];
  /** Minutes of all owners that interest takes over all weeks. */
  readonly interestPaidMinutes: number;
  readonly interestUnpaidMinutes: number;
  /** Features whose owner has no plan: their end is not known. */
  readonly unplanned: readonly string[];
}

interface Outlook {
  readonly weekOf: ReadonlyMap<string, number>;
  readonly interestMinutes: number;
}

/**
 * When features are done, week by week: interest is taken from a team's time first, then the plan's share pays items in its order, and features
 * get the rest in theirs. A paid item costs no interest from the next week on. Urgent items take the whole time, so that features wait for them
 * (D54, D55).
 */
export function forecastRoadmap(features: readonly RoadmapFeature[], plans: readonly OwnerPlan[], weeks: number): RoadmapForecast {
  const forecasts: FeatureForecast[] = [];
  const planned = new Map(plans.map((plan) => [plan.owner, plan]));
  let [paidMinutes, unpaidMinutes] = [0, 0];
  for (const plan of plans) {
    const own = features.filter(({ owner }) => owner === plan.owner);
    const paid = simulate(own, plan, weeks, true);
    const unpaid = simulate(own, plan, weeks, false);
    paidMinutes += paid.interestMinutes;
    unpaidMinutes += unpaid.interestMinutes;
    for (const { name, owner } of own) {
      forecasts.push({ feature: name, owner, paidWeek: paid.weekOf.get(name) ?? null, unpaidWeek: unpaid.weekOf.get(name) ?? null });
    }
  }
  return {
    features: forecasts,
    interestPaidMinutes: paidMinutes,
    interestUnpaidMinutes: unpaidMinutes,
    unplanned: features.filter(({ owner }) => !planned.has(owner)).map(({ name }) => name),
  };
}

interface Payable {
  readonly item: PlannedItem;
  minutes: number;
}

interface Work {
  readonly feature: RoadmapFeature;
  minutes: number;
}

function simulate(features: readonly RoadmapFeature[], plan: OwnerPlan, weeks: number, isPaying: boolean): Outlook {
  const weekOf = new Map<string, number>();
  const work = features.map((feature) => ({ feature, minutes: feature.estimate_minutes }));
  const toPay = isPaying ? plan.chosen.map((item) => ({ item, minutes: principalOf(item) })) : [];
  const open = new Set<PlannedItem>([...plan.chosen, ...plan.deferred, ...plan.left]);
  let interestMinutes = 0;
  for (let week = 0; week < weeks; week++) {
    const owed = [...open].reduce((sum, item) => sum + interestOf(item), 0);
    const interest = Math.min(owed, plan.capacityMinutesPerWeek);
    interestMinutes += interest;
    const time = plan.capacityMinutesPerWeek - interest;
    const left = time - payFor(toPay, open, plan, time);
    for (const { feature, spent } of workOff(work, left)) weekOf.set(feature.name, week + (time - left + spent) / time);
  }
  return { weekOf, interestMinutes };
}

/** Pays items in their order out of a week's `time`; those that are paid leave `toPay` and `open`. Answers the minutes that it took. */
function payFor(toPay: Payable[], open: Set<PlannedItem>, { share, frozen, capacityMinutesPerWeek }: OwnerPlan, time: number): number {
  let spent = 0;
  for (let next = toPay[0]; next !== undefined; next = toPay[0]) {
    // Urgent items come first in a plan, so no feature gets time before they are paid.
    const limit = isUrgent(next.item, frozen) ? time : Math.min(time, share * capacityMinutesPerWeek);
    const minutes = Math.max(0, Math.min(next.minutes, limit - spent));
    next.minutes -= minutes;
    spent += minutes;
    if (next.minutes > 0) break;
    open.delete(next.item);
    toPay.shift();
  }
  return spent;
}

/** Works on features in their order for so many minutes; yields those that are done, each with the minutes spent until then. */
function* workOff(work: readonly Work[], minutes: number): Iterable<{ readonly feature: RoadmapFeature; readonly spent: number }> {
  let spent = 0;
  for (const each of work.filter((one) => one.minutes > 0)) {
    const used = Math.min(each.minutes, minutes - spent);
    each.minutes -= used;
    spent += used;
    if (each.minutes > 0) return;
    yield { feature: each.feature, spent };
  }
}

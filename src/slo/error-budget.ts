import type { EventCounts, Objective } from './objective.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../kernel/time-units.ts';

export const windowMsOf = ({ windowDays }: Pick<Objective, 'windowDays'>): number => windowDays * DAY_MS;

/** The error budget of a window, and how much of it is spent. */
export interface ErrorBudget {
  readonly events: EventCounts;
  /** The share of good events; undefined without any. [SL8] */
  readonly attained: number | undefined;
  /** Bad events over those that may be bad: above 1 the objective is missed. */
  readonly spent: number;
}

export function errorBudget({ target }: Pick<Objective, 'target'>, events: EventCounts): ErrorBudget {
  const { good, total } = events;
  return {
    events,
    attained: total === 0 ? undefined : good / total,
    spent: total === 0 ? 0 : burnRate({ target }, events),
  };
}

/** The share of bad events over the share that may be. */
export const burnRate = ({ target }: Pick<Objective, 'target'>, { good, total }: EventCounts): number =>
  total === 0 ? 0 : (total - good) / total / (1 - target);

/** The share of the budget that may be spent within the long span. A page needs action now; a ticket can wait for working hours. */
const POLICIES = {
  page_fast: { severity: 'page', share: 0.02, longMs: HOUR_MS, shortMs: 5 * MINUTE_MS },
  page_slow: { severity: 'page', share: 0.05, longMs: 6 * HOUR_MS, shortMs: 30 * MINUTE_MS },
  ticket: { severity: 'ticket', share: 0.1, longMs: 3 * DAY_MS, shortMs: 6 * HOUR_MS },
} as const;

export type BurnPolicy = keyof typeof POLICIES;

export const BURN_POLICIES = Object.keys(POLICIES) as readonly BurnPolicy[];

/** How long samples stay by the minute. Older ones are merged by the hour. */
export const MINUTES_KEPT_MS = 7 * HOUR_MS;

export interface Burn {
  readonly policy: BurnPolicy;
  readonly severity: 'page' | 'ticket';
  /** The rate from which on it fires. */
  readonly threshold: number;
  readonly longMs: number;
  readonly shortMs: number;
  readonly longRate: number;
  readonly shortRate: number;
  readonly isFiring: boolean;
}

/** `countsSince`: the events of the last so many milliseconds. [SL1] [SL2] */
export function burnsOf(
  objective: Objective,
  firing: ReadonlySet<BurnPolicy>,
  countsSince: (spanMs: number) => EventCounts,
  eventsMin: number,
): Burn[] {
  return BURN_POLICIES.map((policy) => {
    const { severity, share, longMs, shortMs } = POLICIES[policy];
    // Slower than at 1, no budget is ever spent.
    const threshold = Math.max(1, (share * windowMsOf(objective)) / longMs);
    const [long, short] = [countsSince(longMs), countsSince(shortMs)];
    const [longRate, shortRate] = [burnRate(objective, long), burnRate(objective, short)];
    const isBurning = longRate >= threshold && shortRate >= threshold && long.total >= eventsMin;
    const isFiring = isBurning || (firing.has(policy) && shortRate >= threshold);
    return { policy, severity, threshold, longMs, shortMs, longRate, shortRate, isFiring };
  });
}

/** What a webhook receives: a policy of an objective has fired, or cleared. */
export interface BurnNews {
  readonly kind: 'slo.burning' | 'slo.recovered';
  readonly objective: string;
  readonly policy: BurnPolicy;
  readonly severity: Burn['severity'];
  readonly burnRate: number;
  readonly threshold: number;
  readonly spentShare: number;
}

/** The changes since the policies that fire were last looked at. [SL3] */
export function newsOf({ name }: Objective, before: ReadonlySet<BurnPolicy>, burns: readonly Burn[], spentShare: number): BurnNews[] {
  return burns
    .filter(({ policy, isFiring }) => isFiring !== before.has(policy))
    .map(({ policy, severity, threshold, longRate, isFiring }) => ({
      kind: isFiring ? 'slo.burning' : 'slo.recovered',
      objective: name,
      policy,
      severity,
      burnRate: longRate,
      threshold,
      spentShare,
    }));
}

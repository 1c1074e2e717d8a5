import type { EventCounts, Objective } from './objective.ts';
import { DAY_MS } from '../kernel/time-units.ts';

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

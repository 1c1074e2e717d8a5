import type { Assumed } from '../assumptions.ts';
import type { Saturation } from './saturation.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

/** What reaches its limit. */
export type CeilingKind = 'quota' | 'budget' | 'index' | 'pool' | 'cache';

export interface Advice {
  readonly action: 'raise_quota' | 'raise_budget' | 'add_index' | 'add_accelerators' | 'extend_cache';
  /** Units above the limit at the end of the forecast, by the upper end of its interval. */
  readonly quantity: number;
  readonly leadDays: number;
  /** The latest time to order: `leadDays` before the limit may be reached at the earliest. May lie in the past. */
  readonly orderByMs: number;
  /** Price a month; absent for what has no price of its own, such as a quota. */
  readonly usdPerMonth?: number;
}

const ACTIONS = {
  quota: 'raise_quota',
  budget: 'raise_budget',
  index: 'add_index',
  pool: 'add_accelerators',
  cache: 'extend_cache',
} as const satisfies Record<CeilingKind, Advice['action']>;

export const leadDaysOf = (kind: CeilingKind, a: Assumed): number =>
  ({
    quota: a.quotaLeadDays,
    budget: a.budgetLeadDays,
    index: a.indexLeadDays,
    pool: a.acceleratorLeadDays,
    cache: a.cacheLeadDays,
  })[kind];

/** What to do about a ceiling that is reached; undefined where even the upper end of the interval stays below it. [K14] */
export function adviceOn(
  kind: CeilingKind,
  { earliestMs }: Saturation,
  missing: number,
  usdPerUnitMonth: number | undefined,
  a: Assumed,
): Advice | undefined {
  if (earliestMs === undefined) return undefined;
  const leadDays = leadDaysOf(kind, a);
  return {
    action: ACTIONS[kind],
    quantity: Math.ceil(Math.max(0, missing)),
    leadDays,
    orderByMs: earliestMs - leadDays * DAY_MS,
    ...(usdPerUnitMonth === undefined ? {} : { usdPerMonth: Math.max(0, missing) * usdPerUnitMonth }),
  };
}

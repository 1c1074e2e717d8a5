import type { Assumed } from '../assumptions.ts';
import type { Saturation } from './saturation.ts';

/** What is used up. */
export type CeilingKind = 'quota' | 'budget' | 'index' | 'pool';

export interface Advice {
  readonly action: 'raise_quota' | 'raise_budget' | 'add_index' | 'add_accelerators';
  /** How much is missing at the end of the forecast by the upper end of its interval, in the unit of the ceiling. */
  readonly quantity: number;
  readonly leadDays: number;
  /** When it has to be ordered: so many days before the earliest moment; in the past where that has gone by. */
  readonly orderByMs: number;
  /** What it costs a month; absent where it costs nothing of itself. */
  readonly usdPerMonth?: number;
}

const ACTIONS = {
  quota: 'raise_quota',
  budget: 'raise_budget',
  index: 'add_index',
  pool: 'add_accelerators',
} as const satisfies Record<CeilingKind, Advice['action']>;

const DAY_MS = 86_400_000;

export const leadDaysOf = (kind: CeilingKind, a: Assumed): number =>
  ({ quota: a.quotaLeadDays, budget: a.budgetLeadDays, index: a.indexLeadDays, pool: a.acceleratorLeadDays })[kind];

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

import type { FundRequest, PricedTime } from '../../contract/jobs/job-funds.ts';
import type { Quantities } from '../../contract/api/meter.ts';
import type { Amounts } from './amounts.ts';
import { amountsOf, keysOf } from './amounts.ts';
import type { PriceEdition } from '../usage/price-book.ts';
import { costNanoMax } from '../usage/price-book.ts';
import type { Granted } from './decision.ts';
import type { Path, Taken } from './take.ts';
import { headroom, openedAt, take } from './take.ts';

/** One job takes at most this share of what is left, unless that is little. */
const FUND_SHARE = 4;

/** What a request comes to: a grant of so many units of its meter, or who is refused. */
export type Funded = Pick<Taken, 'path' | 'alerts'> &
  (
    | { readonly granted: Granted; readonly units: number }
    | { readonly granted: null; readonly refusedTo: 'payer' | 'job'; readonly leftNano?: number }
  );

/**
 * Takes as much of what a job asks for as quotas, budgets and the job's own limit allow: never more than any of them, and at least `least`,
 * and what it needs to its end, or nothing. As what is left runs low, grants shrink, down to the last unit.
 */
export function fund(path: Path, request: FundRequest, edition: PriceEdition, nowMs: number): Funded {
  const { meter, want, least, toEnd = 0, enough, costMaxNano } = request;
  const current = openedAt(path, nowMs);
  const amounts = (quantity: number): Amounts => amountsOf({ [meter]: quantity }, edition, request);
  const isWithin = (share: number) => (quantity: number) => {
    const needed = amounts(quantity);
    return keysOf(needed).every((key) => (needed[key] ?? 0) <= Math.floor(headroom(current, key) / share));
  };
  const isAffordable = (quantity: number): boolean =>
    costMaxNano === null || jobNanoMax(request, { [meter]: quantity }, edition) <= costMaxNano;
  const affordable = mostWhere(want, isAffordable);
  if (affordable < least) return { path: current, alerts: [], granted: null, refusedTo: 'job' };
  const available = mostWhere(affordable, isWithin(1));
  // More than the job may cost it needs in no case.
  const needs = Math.min(affordable, Math.max(least, toEnd));
  const refused = { granted: null, refusedTo: 'payer', ...leftOf(current, amounts(needs)) } as const;
  // What is left is of use to others.
  if (least <= available && available < needs) return { path: current, alerts: [], ...refused };
  const units = Math.min(available, Math.max(enough, needs, mostWhere(affordable, isWithin(FUND_SHARE))));
  const needed = amounts(Math.max(units, least));
  const { path: after, alerts, decision } = take(current, { need: needed, draw: needed, want: needed, returned: [] }, nowMs);
  const rest = { path: after, alerts };
  return decision.kind === 'granted' ? { ...rest, granted: decision, units } : { ...rest, ...refused };
}

/** What a job has cost at most once it has had so much more: accelerator time of one price as a whole, each at its own. */
function jobNanoMax({ had, hadTime = [], ...terms }: FundRequest, more: Quantities, edition: PriceEdition): number {
  const { accelerator_ms: earlierMs = 0, ...others } = had;
  const { accelerator_ms: moreMs = 0, job_tokens: tokens = 0 } = more;
  const byPrice = new Map<string, PricedTime>();
  for (const time of [...hadTime, { accelerator: terms.accelerator, priceId: terms.priceId ?? null, acceleratorMs: earlierMs + moreMs }]) {
    const key = `${time.priceId ?? ''} ${time.accelerator ?? ''}`;
    byPrice.set(key, { ...time, acceleratorMs: time.acceleratorMs + (byPrice.get(key)?.acceleratorMs ?? 0) });
  }
  const rest = costNanoMax({ ...others, job_tokens: (others.job_tokens ?? 0) + tokens }, edition);
  return [...byPrice.values()].reduce((sum, time) => sum + costNanoMax({ accelerator_ms: time.acceleratorMs }, edition, time), rest);
}

/** What is left of money, where that is what does not suffice. */
function leftOf(path: Path, needed: Amounts): { readonly leftNano?: number } {
  const leftNano = Math.max(0, headroom(path, 'spend_nano'));
  return (needed.spend_nano ?? 0) > leftNano ? { leftNano } : {};
}

/** The largest quantity up to `most` that satisfies a condition which larger ones do not regain. */
function mostWhere(most: number, holds: (quantity: number) => boolean): number {
  if (holds(most)) return most;
  let low = 0;
  for (let high = most; high - low > 1;) {
    const middle = low + Math.floor((high - low) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

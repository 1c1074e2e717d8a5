import type { Spread } from '../contract/debt/debt-items.ts';
import { evenSpread, productOf, quantileOf, spreadOf } from './spread.ts';

/** So many closed items weigh as much as the assumption that estimates are right. */
const PRIOR_ITEMS = 10;
/** Before anything was closed, an estimate is taken to be right within a factor of two, four times of five. */
const PRIOR_FACTOR = 2;
const MULTIPLIER_MIN = 0.25;
const MULTIPLIER_MAX = 4;

/** Weeks in which paying an item has to pay off: a quarter. */
export const HORIZON_WEEKS = 13;
/** Cheaper items count as this much, so that trivial ones do not come first by their ratio alone. */
const PRINCIPAL_FLOOR_MINUTES = 15;

/**
 * The share by which changing code of low quality takes longer. Tornhill and Borg measured 1.24 between the worst and the healthy code of 39
 * codebases (Code Red, TechDebt 2022): an upper anchor, so it is the 90th percentile here; the others are chosen.
 */
const EXTRA_TIME = spreadOf(0.31, 0.62, 1.24);
/**
 * Of the repairs of code of low quality, the share that healthy code would not have needed: it had a fifteenth of the defects (the same study). Again
 * the measured one is the 90th percentile.
 */
const NEEDLESS_REPAIRS = spreadOf(14 / 60, 14 / 30, 14 / 15);

const bounded = (severity: number): number => Math.min(1, Math.max(0, severity));

/** What a rule's estimates have to be multiplied by, from `actual / estimate` of the items of that rule that were closed (D4). */
export function multiplierOf(ratios: readonly number[]): Spread {
  const logs = ratios
    .filter((ratio) => ratio > 0 && Number.isFinite(ratio))
    .map(Math.log)
    .sort((a, b) => a - b);
  const weight = logs.length / (logs.length + PRIOR_ITEMS);
  const at = (share: number, prior: number): number => {
    const log = (logs.length === 0 ? 0 : weight * quantileOf(logs, share)) + (1 - weight) * Math.log(prior);
    return Math.min(MULTIPLIER_MAX, Math.max(MULTIPLIER_MIN, Math.exp(log)));
  };
  return spreadOf(at(0.1, 1 / PRIOR_FACTOR), at(0.5, 1), at(0.9, PRIOR_FACTOR));
}

/**
 * Minutes a week that a fault in code costs those that change it (D5).
 *
 * `changeMinutes`: what a change takes. `severity`, 0 to 1: how far the measured value lies between the target and the worst of the repository.
 */
export const interestOfTouched = (touchesPerWeek: number, changeMinutes: Spread, severity: number): Spread =>
  productOf(productOf(changeMinutes, EXTRA_TIME), evenSpread(touchesPerWeek * bounded(severity)));

/** Minutes a week that its repairs cost which healthy code would not have needed (D107). */
export const interestOfRepaired = (repairsPerWeek: number, changeMinutes: Spread, severity: number): Spread =>
  productOf(productOf(changeMinutes, NEEDLESS_REPAIRS), evenSpread(repairsPerWeek * bounded(severity)));

/**
 * What paying an item is worth in relation to what it takes (D5). Cheap interest goes with dear principal at the 10th percentile, and the other
 * way round at the 90th: the range is that of the estimates together.
 */
export function priorityOf(risk: number, principal: Spread, interest: Spread): Spread {
  const at = (interestMinutes: number, principalMinutes: number): number =>
    (risk * (interestMinutes * HORIZON_WEEKS - principalMinutes)) / Math.max(principalMinutes, PRINCIPAL_FLOOR_MINUTES);
  return spreadOf(at(interest.p10, principal.p90), at(interest.p50, principal.p50), at(interest.p90, principal.p10));
}

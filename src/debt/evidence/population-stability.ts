import { sumOf } from './number-table.ts';

/** A bin that is empty counts as this share: else one new value would be infinitely far. */
const SHARE_MIN = 1e-4;

/**
 * The population stability index of two histograms over the same bins: the sum of (p - q) ln(p / q). Undefined where one is empty or they have
 * different bins.
 */
export function populationStability(reference: readonly number[], current: readonly number[]): number | undefined {
  const [before, now] = [sumOf(reference), sumOf(current)];
  if (reference.length !== current.length || !(before > 0) || !(now > 0)) return undefined;
  return reference.reduce((sum, count, i) => {
    const p = Math.max(SHARE_MIN, count / before);
    const q = Math.max(SHARE_MIN, (current[i] ?? 0) / now);
    return sum + (p - q) * Math.log(p / q);
  }, 0);
}

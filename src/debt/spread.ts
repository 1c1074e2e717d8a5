import type { Spread } from '../contract/debt/debt-items.ts';

export const spreadOf = (p10: number, p50: number, p90: number): Spread => ({ p10, p50, p90 });

export const evenSpread = (value: number): Spread => spreadOf(value, value, value);

/** Each percentile of the one with the same of the other. */
export const combined = (a: Spread, b: Spread, combine: (a: number, b: number) => number): Spread =>
  spreadOf(combine(a.p10, b.p10), combine(a.p50, b.p50), combine(a.p90, b.p90));

/** The value below which a share of sorted values lies, with linear interpolation; NaN of none. */
export function quantileOf(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

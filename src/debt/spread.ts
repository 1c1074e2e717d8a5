import type { Spread } from '../contract/debt/debt-items.ts';

export const spreadOf = (p10: number, p50: number, p90: number): Spread => ({ p10, p50, p90 });

export const evenSpread = (value: number): Spread => spreadOf(value, value, value);

/** Each percentile of the one with the same of the other. */
export const combined = (a: Spread, b: Spread, combine: (a: number, b: number) => number): Spread =>
  spreadOf(combine(a.p10, b.p10), combine(a.p50, b.p50), combine(a.p90, b.p90));

/**
 * The product of two quantities that do not depend on each other. Each percentile of one with the same of the other would be too wide: that both are
 * so low or so high at once is rare. As of two log-normal ones, the distances from the medians add up as squares do. [D107]
 */
export function productOf(a: Spread, b: Spread): Spread {
  const p50 = a.p50 * b.p50;
  if (a.p50 === 0 || b.p50 === 0) return combined(a, b, (one, other) => one * other);
  const away = (at: 'p10' | 'p90'): number => Math.hypot(Math.log(a[at] / a.p50), Math.log(b[at] / b.p50));
  return spreadOf(p50 * Math.exp(-away('p10')), p50, p50 * Math.exp(away('p90')));
}

/** The value below which a share of sorted values lies, with linear interpolation; NaN of none. */
export function quantileOf(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

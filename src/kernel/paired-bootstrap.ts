import { Seeded } from './seeded.ts';

/** A figure with the interval that 95 % of the resamples fall into. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;
const TAIL = 0.025;

/**
 * The ratio of two means over the same queries, resampled with both figures of a query together: queries differ far more than models do, and
 * pairing takes that out. A base of zero gives NaN, which no bound accepts.
 */
export function pairedRatio(candidate: Float64Array, base: Float64Array, seed: number): Interval {
  const rng = new Seeded(seed);
  const ratios = Float64Array.from({ length: RESAMPLES }, () => {
    let [above, below] = [0, 0];
    for (let i = 0; i < base.length; i++) {
      const query = Math.floor(rng.next() * base.length);
      above += candidate[query] ?? Number.NaN;
      below += base[query] ?? Number.NaN;
    }
    return ratio(above, below);
  }).sort();
  return {
    value: ratio(sum(candidate), sum(base)),
    low: ratios[Math.floor(TAIL * RESAMPLES)] ?? Number.NaN,
    high: ratios[Math.ceil((1 - TAIL) * RESAMPLES) - 1] ?? Number.NaN,
  };
}

/** The mean of a figure over queries. */
export const pairedMean = (values: Float64Array, seed: number): Interval =>
  pairedRatio(values, new Float64Array(values.length).fill(1), seed);

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

/** NaN, not infinity, over nothing: infinity would pass any least bound. */
const ratio = (above: number, below: number): number => (below === 0 ? Number.NaN : above / below);

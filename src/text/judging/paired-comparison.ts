import { assert } from '../../kernel/assert.ts';
import type { Interval } from '../../kernel/paired-bootstrap.ts';
import { pairedMean } from '../../kernel/paired-bootstrap.ts';
import { Seeded } from '../../kernel/seeded.ts';

/** How a figure of one setting differs from that of another over the same queries. */
export interface Comparison {
  /** The mean of the second minus the mean of the first, with its interval. */
  readonly difference: Interval;
  /** How often as large a difference, of either sign, comes of chance alone. */
  readonly pValue: number;
  readonly isSignificant: boolean;
  /** Queries of which the second does better, and worse. */
  readonly wins: number;
  readonly losses: number;
}

/** Shuffles of which setting a figure belongs to; so many tell p-values of .05 to within .01. */
const ROUNDS = 2_000;
const SIGNIFICANT_P = 0.05;
/** Figures that differ by less differ by rounding. */
const EQUAL_TO = 1e-12;

/**
 * Compares two settings query by query: queries differ far more than settings do. The p-value is that of a randomisation test (Smucker, Allan and
 * Carterette 2007): if the settings were the same, each difference could as well have the other sign.
 */
export function comparePairs(first: Float64Array, second: Float64Array, seed: number): Comparison {
  assert(first.length === second.length && first.length > 0, 'both settings were measured with the same queries, at least one');
  const differences = second.map((value, query) => value - first[query]!);
  const observed = Math.abs(sumOf(differences));
  // Sums of the same numbers in other signs may differ in their last bits.
  const reached = observed - EQUAL_TO * differences.length;
  const rng = new Seeded(seed);
  let extreme = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let sum = 0;
    for (const difference of differences) sum += rng.next() < 0.5 ? difference : -difference;
    if (Math.abs(sum) >= reached) extreme++;
  }
  const pValue = (extreme + 1) / (ROUNDS + 1);
  return {
    difference: pairedMean(differences, seed),
    pValue,
    isSignificant: pValue < SIGNIFICANT_P,
    wins: differences.filter((difference) => difference > EQUAL_TO).length,
    losses: differences.filter((difference) => difference < -EQUAL_TO).length,
  };
}

const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

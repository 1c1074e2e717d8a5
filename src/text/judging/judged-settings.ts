import type { Measure } from '../../contract/vectors/judged/measure-names.ts';
import { must } from '../../kernel/assert.ts';
import type { Interval } from '../../kernel/paired-bootstrap.ts';
import { pairedMean } from '../../kernel/paired-bootstrap.ts';
import type { Gains } from './measures.ts';
import { measured } from './measures.ts';
import type { Comparison } from './paired-comparison.ts';
import { comparePairs } from './paired-comparison.ts';

/** One query, and what each setting found. */
export interface JudgedQuery {
  readonly gains: Gains;
  /** By setting, ids with the best first. */
  readonly rankings: readonly (readonly string[])[];
}

/** One measure of all settings. */
export interface JudgedMeasure {
  /** By setting, the figure of each query. */
  readonly figures: readonly Float64Array[];
  /** By setting, the mean with its interval. */
  readonly means: readonly Interval[];
  /** By setting behind the first, how it differs from the first. */
  readonly comparisons: readonly Comparison[];
}

/** Measures settings by the same queries, at least one, and compares each with the first. */
export function judgeSettings(queries: readonly JudgedQuery[], measure: Measure, seed: number): JudgedMeasure {
  const settings = must(queries[0], 'at least one query was judged').rankings.length;
  const figures = Array.from({ length: settings }, (_, setting) =>
    Float64Array.from(queries, ({ gains, rankings }) => measured(must(rankings[setting], 'a ranking of each setting'), gains, measure)),
  );
  return judgeFigures(figures, seed);
}

/** The same of figures that were measured before. */
export function judgeFigures(figures: readonly Float64Array[], seed: number): JudgedMeasure {
  const [first, ...others] = figures;
  return {
    figures,
    means: figures.map((values) => pairedMean(values, seed)),
    comparisons: others.map((values) => comparePairs(must(first, 'there is a first setting'), values, seed)),
  };
}

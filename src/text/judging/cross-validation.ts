import { assert, must } from '../../kernel/assert.ts';
import { Seeded } from '../../kernel/seeded.ts';
import type { Comparison } from './paired-comparison.ts';
import { comparePairs } from './paired-comparison.ts';

/** What tuning found. */
export interface Tuned {
  /** The setting that is best over all queries, by position. */
  readonly best: number;
  /** The mean figure over all queries of the setting in use, and of the best: the latter flatters, since it was chosen on the same queries. */
  readonly current: number;
  readonly chosen: number;
  /** How settings that were chosen without a query do on it, beside the setting in use: what may be expected of queries to come. */
  readonly heldOut: Comparison & { readonly mean: number };
}

export const FOLDS = 5;

/**
 * Chooses the best of several settings by cross-validation: each fifth of the queries is measured under the setting that is best on the others, so no
 * query takes part in the choice that it judges.
 *
 * @param figures by setting, the figure of each query.
 * @param current the position of the setting in use, which wins ties, as does the earlier of two others.
 */
export function crossValidate(figures: readonly Float64Array[], current: number, seed: number): Tuned {
  const inUse = must(figures[current], 'the setting in use is among those measured');
  const count = inUse.length;
  assert(count >= FOLDS, `cross-validation takes at least ${FOLDS} queries`);
  const foldOf = foldsOf(count, seed);
  const heldOut = new Float64Array(count);
  for (let fold = 0; fold < FOLDS; fold++) {
    const chosen = figures[bestOf(figures, current, (query) => foldOf[query] !== fold)]!;
    for (let query = 0; query < count; query++) if (foldOf[query] === fold) heldOut[query] = chosen[query]!;
  }
  const best = bestOf(figures, current, () => true);
  return {
    best,
    current: meanOf(inUse),
    chosen: meanOf(figures[best]!),
    heldOut: { ...comparePairs(inUse, heldOut, seed), mean: meanOf(heldOut) },
  };
}

/** Which fold each query is of; folds differ in size by one at most. */
function foldsOf(count: number, seed: number): Uint8Array {
  const folds = Uint8Array.from({ length: count }, (_, query) => query % FOLDS);
  const rng = new Seeded(seed);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(rng.next() * (last + 1));
    [folds[last], folds[other]] = [folds[other]!, folds[last]!];
  }
  return folds;
}

function bestOf(figures: readonly Float64Array[], current: number, isCounted: (query: number) => boolean): number {
  const sumOf = (values: Float64Array): number => values.reduce((sum, value, query) => (isCounted(query) ? sum + value : sum), 0);
  let [best, most] = [current, sumOf(figures[current]!)];
  figures.forEach((values, setting) => {
    const sum = sumOf(values);
    // Equal but for rounding is no reason to change.
    if (sum > most + 1e-9) [best, most] = [setting, sum];
  });
  return best;
}

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

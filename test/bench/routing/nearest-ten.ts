import { compareScores, dot, score } from '../../../src/ann/metric.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt } from '../ann/vectors.ts';

/** The rows of the ten nearest vectors of the first queries, by exhaustive search. */
export function nearestTen({ metric, base, queries }: VectorSet, count: number): number[][] {
  return Array.from({ length: count }, (_, query) => {
    const values = vectorAt(queries, query);
    const best: { readonly row: number; readonly score: number }[] = [];
    for (let row = 0; row < base.count; row += 1) {
      const other = vectorAt(base, row);
      // A set for `cosine` has unit length.
      const found = metric === 'cosine' ? dot(values, other) : score(metric, values, other);
      const last = best[9];
      if (last !== undefined && compareScores(metric, found, last.score) >= 0) continue;
      best.push({ row, score: found });
      best.sort((a, b) => compareScores(metric, a.score, b.score));
      if (best.length > 10) best.pop();
    }
    return best.map(({ row }) => row);
  });
}

import type { Measure } from '../../contract/vectors/judged/measure-names.ts';

/** How much each document that was judged is worth, by id: 0 or less is not relevant, and what is not named was not judged, which counts the same. */
export type Gains = ReadonlyMap<string, number>;

/**
 * A figure of one ranking, best first, each document once; equal to trec_eval's (Buckley and Voorhees 2005), in [0, 1]. Of a query without relevant
 * documents it is 0.
 *
 * - `ndcg`: the gains, each over the binary logarithm of its rank plus one, as a share of the best that any ranking has (Järvelin and Kekäläinen 2002);
 * - `recall`: the share of the relevant that is found; `success`: 1 if any is;
 * - `mrr`: the reciprocal of the rank of the first relevant, whatever the rank unless there is a k;
 * - `map`: the mean, over all relevant, of the precision down to each that is found;
 * - `r_precision`: the precision down to as many as are relevant.
 */
export function measured(ranking: readonly string[], gains: Gains, measure: Measure): number {
  const relevant = [...gains.values()].filter((gain) => gain > 0);
  if (relevant.length === 0) return 0;
  const isRelevant = (id: string): boolean => (gains.get(id) ?? 0) > 0;
  const foundOf = (k: number): number => ranking.slice(0, k).filter(isRelevant).length;
  switch (measure.kind) {
    case 'ndcg': {
      const found = ranking.slice(0, measure.k).map((id) => Math.max(0, gains.get(id) ?? 0));
      return discounted(found) / discounted(relevant.sort((a, b) => b - a).slice(0, measure.k));
    }
    case 'recall':
      return foundOf(measure.k) / relevant.length;
    case 'success':
      return foundOf(measure.k) > 0 ? 1 : 0;
    case 'mrr': {
      const first = ranking.slice(0, measure.k).findIndex(isRelevant);
      return first === -1 ? 0 : 1 / (first + 1);
    }
    case 'map': {
      let [found, sum] = [0, 0];
      ranking.slice(0, measure.k).forEach((id, at) => {
        if (isRelevant(id)) sum += ++found / (at + 1);
      });
      return sum / relevant.length;
    }
    case 'r_precision':
      return foundOf(relevant.length) / relevant.length;
  }
}

const discounted = (gains: readonly number[]): number => gains.reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0);

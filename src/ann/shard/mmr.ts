import type { Metric } from '../../contract/indexes/index-settings.ts';
import { must } from '../../kernel/assert.ts';
import { dot, score } from '../metric.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { Diversification } from '../shard-protocol.ts';
import type { VectorMatch } from '../stored-vector.ts';
import type { VectorReader } from '../store/vector-reader.ts';

/** A match that may be chosen. */
export interface Candidate {
  readonly values: Float32Array;
  /** Its score against the query. */
  readonly score: number;
}

/**
 * Chooses `count` candidates, or all if there are fewer, by maximal marginal relevance (Carbonell and Goldstein, 1998): one after
 * another, the one whose closeness to the query, times 1 - `diversity`, less its closeness to the nearest one chosen before, times
 * `diversity`, is greatest. Closeness is the score, or minus a distance. Candidates come closest first, and the earlier of two equal
 * ones is chosen; so the first is the closest of all.
 *
 * Answers their positions in the order in which they were chosen. Takes `mmrProducts` multiplications.
 */
export function maximalMarginalRelevance(metric: Metric, candidates: readonly Candidate[], count: number, diversity: number): number[] {
  const closeness = closenessOf(metric, candidates);
  const sign = metric === 'l2' ? -1 : 1;
  const rest = candidates.map((candidate, position) => ({ position, relevance: sign * candidate.score, nearest: -Infinity }));
  const chosen: number[] = [];
  for (let at = 0; chosen.length < count && rest.length > 0;) {
    const [taken] = rest.splice(at, 1);
    const last = must(taken, 'a candidate is left').position;
    chosen.push(last);
    if (chosen.length === count) break;
    at = 0;
    let best = -Infinity;
    for (const [i, candidate] of rest.entries()) {
      candidate.nearest = Math.max(candidate.nearest, closeness(candidate.position, last));
      const marginal = (1 - diversity) * candidate.relevance - diversity * candidate.nearest;
      if (marginal > best) [best, at] = [marginal, i];
    }
  }
  return chosen;
}

/** How many multiplications choosing takes: each one chosen but the last is compared with all that are left. */
export const mmrProducts = (candidateCount: number, count: number, dimensions: number): number =>
  ((count - 1) * candidateCount - (count * (count - 1)) / 2) * dimensions;

/** The closeness of two candidates, by their positions. */
function closenessOf(metric: Metric, candidates: readonly Candidate[]): (a: number, b: number) => number {
  const valuesOf = (position: number) => must(candidates[position], 'a position is that of a candidate').values;
  if (metric === 'l2') return (a, b) => -score('l2', valuesOf(a), valuesOf(b));
  if (metric === 'dot') return (a, b) => dot(valuesOf(a), valuesOf(b));
  const lengths = Float64Array.from(candidates, ({ values }) => Math.sqrt(dot(values, values)));
  return (a, b) => dot(valuesOf(a), valuesOf(b)) / (lengths[a]! * lengths[b]! || 1);
}

/** The `topK` matches that are best diversified, given the matches closest first. */
export function diversified(
  store: Pick<VectorReader, 'read'>,
  matches: readonly VectorMatch[],
  topK: number,
  { diversity }: Diversification,
  header: ShardHeader,
): VectorMatch[] {
  const stored = store.read(header)(matches.map(({ row }) => row));
  const valuesOf = new Map([...stored].map(({ row, values }) => [row, values]));
  const candidates = matches.map((match) => ({ score: match.score, values: must(valuesOf.get(match.row), 'a match is stored') }));
  return maximalMarginalRelevance(header.metric, candidates, topK, diversity).map((at) => must(matches[at], 'a candidate is a match'));
}

import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Metric } from '../../contract/indexes/index-settings.ts';
import { must } from '../../kernel/assert.ts';
import { compareScores } from '../metric.ts';
import type { SearchCost } from '../search-cost.ts';
import { addCosts, NO_COST } from '../search-cost.ts';
import type { RecallSlice, SampleRecall } from '../shard-protocol.ts';
import type { Row, StoredVector, VectorMatch } from '../stored-vector.ts';

/** Searches as a query of the shard does, or exhaustively. */
export type MeasuredSearch = (query: { readonly values: Float32Array; readonly topK: number; readonly exact: boolean }) => {
  readonly matches: readonly VectorMatch[];
  readonly explanation: SearchCost;
};

/**
 * Searches around stored vectors, as a query would and exactly, until a slice's work is done; at least around one. Each is left out
 * of its own answer. Those that are there no longer are passed over.
 */
export function measureSlice(
  metric: Metric,
  vectors: readonly (StoredVector | undefined)[],
  topK: number,
  search: MeasuredSearch,
): RecallSlice {
  const samples: SampleRecall[] = [];
  const { recallSliceBytesMax: bytesMax, recallSliceRowsMaxCount: rowsMax } = INDEX_LIMITS;
  let [cost, exactCost, taken] = [NO_COST, NO_COST, 0];
  for (const vector of vectors) {
    const { bytesTouched, rowsRead } = addCosts(cost, exactCost);
    if (bytesTouched >= bytesMax || rowsRead >= rowsMax) break;
    taken += 1;
    if (vector === undefined) continue;
    const { row, id, values } = vector;
    // One more than asked for, as the vector finds itself.
    const truth = search({ values, topK: topK + 1, exact: true });
    const found = search({ values, topK: topK + 1, exact: false });
    const nearest = others(truth.matches, row, topK);
    // Nothing can be missed where nothing is.
    if (nearest.length === 0) continue;
    samples.push({ id, found: hits(metric, nearest, others(found.matches, row, topK)), of: nearest.length });
    cost = addCosts(cost, found.explanation);
    exactCost = addCosts(exactCost, truth.explanation);
  }
  return { samples, taken, cost, exactCost };
}

const others = (matches: readonly VectorMatch[], row: Row, topK: number): VectorMatch[] =>
  matches.filter((match) => match.row !== row).slice(0, topK);

/** How many of the found are as close as the last of the nearest: of several that tie for the last rank, any will do. */
function hits(metric: Metric, nearest: readonly VectorMatch[], found: readonly VectorMatch[]): number {
  const last = must(nearest.at(-1), 'there is a nearest').score;
  return new Set(found.filter(({ score }) => compareScores(metric, score, last) <= 0).map(({ row }) => row)).size;
}

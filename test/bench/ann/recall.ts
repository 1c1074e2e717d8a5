import { compareScores, score } from '../../../src/ann/metric.ts';
import { assert, must } from '../../../src/kernel/assert.ts';
import type { Truth } from './truth.ts';
import { TRUTH_RANKS } from './truth.ts';
import type { VectorSet } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

/**
 * The share of the `topK` closest vectors that was found, over the queries from `from` on. A vector counts if it is as close as the last one
 * of the ground truth, so that any choice among ties is right.
 */
export function recallOf(set: VectorSet, truth: Truth, found: Int32Array, topK: number, from = 0): number {
  const { metric, base, queries } = set;
  let hits = 0;
  for (let at = 0; at < found.length; at += topK) {
    const query = from + at / topK;
    const last = must(truth[query * TRUTH_RANKS + topK - 1], 'the truth reaches that rank');
    const rows = new Set(found.subarray(at, at + topK));
    for (const row of rows) {
      assert(row < base.count, `vector ${row} is one of the set`);
      if (row >= 0 && compareScores(metric, score(metric, vectorAt(queries, query), vectorAt(base, row)), last) <= 0) hits += 1;
    }
  }
  return hits / found.length;
}

import type { Metric } from '../contract/metric.ts';
import { BoundedHeap } from '../kernel/bounded-heap.ts';
import { compareScores, score } from './metric.ts';
import type { ReadVectors, Row, VectorMatch } from './vector-engine.ts';

// Rows read at once: one statement's fixed cost is spread thin, and at most 4 MiB of vectors are held.
const READ_ROWS = 256;

/** The `topK` closest of a few rows, without an engine: reads and scores each. In the order of `VectorEngine.search`. */
export function exactSearch(
  metric: Metric,
  { values, topK }: { readonly values: Float32Array; readonly topK: number },
  rows: readonly Row[],
  readVectors: ReadVectors,
): VectorMatch[] {
  const best = new BoundedHeap<VectorMatch>(topK, (a, b) => compareScores(metric, a.score, b.score) || (a.id < b.id ? -1 : 1));
  for (let start = 0; start < rows.length; start += READ_ROWS) {
    for (const stored of readVectors(rows.slice(start, start + READ_ROWS))) {
      best.push({ row: stored.row, id: stored.id, score: score(metric, values, stored.values) });
    }
  }
  return best.toSorted();
}

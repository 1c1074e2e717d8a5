import type { Metric } from '../contract/metric.ts';
import { Rescoring } from './engine/rescoring.ts';
import type { ReadVectors, Row, VectorMatch } from './vector-engine.ts';

/** The `topK` closest of a few rows, without an engine: reads and scores each. In the order of `VectorEngine.search`. */
export function exactSearch(
  metric: Metric,
  query: { readonly values: Float32Array; readonly topK: number },
  rows: readonly Row[],
  readVectors: ReadVectors,
): VectorMatch[] {
  const rescoring = new Rescoring(metric, query, readVectors);
  rescoring.push(rows.map((row) => ({ row, closest: Infinity })));
  return rescoring.matches();
}

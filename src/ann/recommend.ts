import type { Metric } from '../contract/metric.ts';
import { must } from '../kernel/assert.ts';

const FLOAT32_MAX = 3.402_823_466_385_288_6e38;

/**
 * Where to search for vectors like some examples and unlike others: twice the mean of the former less the mean of the latter, or the
 * mean of the former alone. For cosines the examples count by their directions only. At least one is positive.
 */
export function recommend(metric: Metric, positive: readonly Float32Array[], negative: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const towards = mean(metric, positive);
  const away = negative.length === 0 ? towards : mean(metric, negative);
  const target = towards.map((x, i) => 2 * x - (away[i] ?? 0));
  return Float32Array.from(target, (x) => Math.max(-FLOAT32_MAX, Math.min(FLOAT32_MAX, x)));
}

function mean(metric: Metric, vectors: readonly Float32Array[]): Float64Array {
  const sum = new Float64Array(must(vectors[0], 'a mean is of something').length);
  for (const values of vectors) {
    const weight = (metric === 'cosine' ? 1 / lengthOf(values) : 1) / vectors.length;
    for (const [i, x] of values.entries()) sum[i]! += x * weight;
  }
  return sum;
}

/** A zero vector has no direction: it adds nothing, whatever its stored length. */
const lengthOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)) || 1;

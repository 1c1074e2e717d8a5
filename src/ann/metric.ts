import type { Metric } from '../contract/indexes/index-settings.ts';

/**
 * The score of two vectors of equal length. `cosine` and `dot` are higher when closer, a cosine within [-1, 1]; `l2` is the
 * Euclidean distance, not squared, lower when closer. A vector of zeros has no direction: its cosine to anything is 0.
 *
 * Computed in float64 over the float32 components, summed in index order: the same components give the same bits everywhere.
 */
export const score = (metric: Metric, a: Float32Array, b: Float32Array): number => scorer(metric, a)(b);

/** The score of one vector against any other, to the bit as `score` states it. */
export function scorer(metric: Metric, a: Float32Array): (b: Float32Array) => number {
  switch (metric) {
    case 'cosine': {
      const square = dot(a, a);
      return (b) => cosine(a, square, b);
    }
    case 'dot':
      return (b) => dot(a, b);
    case 'l2':
      return (b) => Math.sqrt(squaredDistance(a, b));
  }
}

/** Negative when score `a` is closer than score `b`. */
export const compareScores = (metric: Metric, a: number, b: number): number => (metric === 'l2' ? a - b : b - a);

function cosine(a: Float32Array, square: number, b: Float32Array): number {
  let [product, other] = [0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const component = b[i]!;
    product += a[i]! * component;
    other += component * component;
  }
  // One square root of the product: a vector against itself scores exactly 1.
  const lengths = Math.sqrt(square * other);
  return lengths === 0 ? 0 : Math.max(-1, Math.min(1, product / lengths));
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return sum;
}

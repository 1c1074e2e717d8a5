import { assert } from '../../kernel/assert.ts';
import type { Matrix } from './matrix.ts';

/** The inverse of a symmetric positive definite matrix, by its Cholesky factor. The matrix given is not changed. */
export function inverseOfPositive({ columns: n, values }: Matrix): Matrix {
  const lower = factor(values.slice(), n);
  const inverseLower = inverseOfLower(lower, n);
  const inverse = new Float64Array(n * n);
  // The inverse is the transpose of the factor's inverse times the factor's inverse: sums of outer products of its rows.
  for (let k = 0; k < n; k++) {
    for (let i = 0; i <= k; i++) {
      const scale = inverseLower[k * n + i]!;
      if (scale === 0) continue;
      for (let j = 0; j <= i; j++) inverse[i * n + j] = inverse[i * n + j]! + scale * inverseLower[k * n + j]!;
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) inverse[j * n + i] = inverse[i * n + j]!;
  return { columns: n, values: inverse };
}

/** The lower triangle becomes the Cholesky factor, in place. */
function factor(a: Float64Array, n: number): Float64Array {
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (i === j) assert(sum > 0, 'the matrix is positive definite: its ridge is above 0');
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j]!;
    }
  }
  return a;
}

/** The inverse of a lower triangle, by rows. */
function inverseOfLower(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const diagonal = lower[i * n + i]!;
    for (let k = 0; k < i; k++) {
      const scale = lower[i * n + k]! / diagonal;
      if (scale === 0) continue;
      for (let c = 0; c <= k; c++) inverse[i * n + c] = inverse[i * n + c]! - scale * inverse[k * n + c]!;
    }
    inverse[i * n + i] = 1 / diagonal;
  }
  return inverse;
}

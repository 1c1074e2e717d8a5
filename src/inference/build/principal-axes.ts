import { assert } from '../../kernel/assert.ts';
import type { Matrix } from './matrix.ts';

/** Eigenvectors of a symmetric matrix: column `k` of `axes` is a unit vector with eigenvalue `variances[k]`, in falling order. */
interface PrincipalAxes {
  readonly axes: Matrix;
  readonly variances: Float64Array;
}

const SWEEPS_MAX = 50;

/**
 * Cyclic Jacobi rotations. Only + - x / and square root are used, which IEEE 754 fixes to the bit, so every engine gets the same axes.
 * The sign of each axis is fixed too: its largest entry is positive.
 */
export function principalAxes(symmetric: Matrix): PrincipalAxes {
  const n = symmetric.columns;
  const a = symmetric.values.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  let sweeps = 0;
  while (sweep(a, v, n)) assert(++sweeps < SWEEPS_MAX, 'Jacobi sweeps converge quadratically');
  const order = Array.from({ length: n }, (_, k) => k).toSorted((x, y) => a[y * n + y]! - a[x * n + x]! || x - y);
  const axes = new Float64Array(n * n);
  order.forEach((from, to) => {
    const sign = signOfLargest(v, from, n);
    for (let i = 0; i < n; i++) axes[i * n + to] = sign * v[i * n + from]!;
  });
  return { axes: { columns: n, values: axes }, variances: Float64Array.from(order, (k) => a[k * n + k]!) };
}

/** Zeroes each off-diagonal pair in turn; answers whether any was worth it. */
function sweep(a: Float64Array, v: Float64Array, n: number): boolean {
  let rotated = false;
  for (let p = 0; p < n - 1; p++) {
    for (let q = p + 1; q < n; q++) {
      const apq = a[p * n + q]!;
      const app = a[p * n + p]!;
      const aqq = a[q * n + q]!;
      if (Math.abs(apq) <= 1e-15 * Math.sqrt(Math.abs(app * aqq))) continue;
      rotated = true;
      const theta = (aqq - app) / (2 * apq);
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
      const c = 1 / Math.sqrt(t * t + 1);
      const s = t * c;
      rotate(a, p, q, c, s, n, 1, n);
      rotate(a, p, q, c, s, 1, n, n);
      a[p * n + q] = a[q * n + p] = 0;
      rotate(v, p, q, c, s, n, 1, n);
    }
  }
  return rotated;
}

/** Rotates lines `p` and `q`: columns when a step along a line is `n` and lines lie 1 apart, rows the other way round. */
function rotate(m: Float64Array, p: number, q: number, c: number, s: number, step: number, apart: number, n: number): void {
  for (let k = 0; k < n; k++) {
    const x = m[k * step + p * apart]!;
    const y = m[k * step + q * apart]!;
    m[k * step + p * apart] = c * x - s * y;
    m[k * step + q * apart] = s * x + c * y;
  }
}

function signOfLargest(v: Float64Array, column: number, n: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) if (Math.abs(v[i * n + column]!) > Math.abs(largest)) largest = v[i * n + column]!;
  return largest < 0 ? -1 : 1;
}

/** How far `partialWhitening` goes: a variance v becomes v ** (1 - 3/4). */
export const WHITENING_EXPONENT = 0.75;

/**
 * The map onto the principal axes, each axis divided by (standard deviation) ** WHITENING_EXPONENT.
 * What all texts have in common lies on the first axes; this shrinks it and keeps the order of the axes, so prefixes stay meaningful.
 */
export function partialWhitening({ axes, variances }: PrincipalAxes): Matrix {
  const values = axes.values.slice();
  variances.forEach((variance, k) => {
    assert(variance > 0, 'the texts span every axis');
    // v ** (3/8) by square roots: unlike Math.pow they are exact to the bit everywhere.
    const eighthRoot = Math.sqrt(Math.sqrt(Math.sqrt(variance)));
    const scale = 1 / (eighthRoot * eighthRoot * eighthRoot);
    for (let i = 0; i < axes.columns; i++) values[i * axes.columns + k] = values[i * axes.columns + k]! * scale;
  });
  return { columns: axes.columns, values };
}

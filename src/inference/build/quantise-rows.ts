import type { Matrix } from './matrix.ts';
import { rowCount, rowOf } from './matrix.ts';

/** Row `r` of the matrix is about `codes[r * columns + d] * scales[r]`: off by at most half a scale, plus rounding. */
export interface QuantisedRows {
  readonly codes: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
}

const CODE_MAX = 127;

/** Symmetric int8 with one scale a row, so that a row's largest number becomes 127. Zero rows get scale 0. */
export function quantiseRows(matrix: Matrix): QuantisedRows {
  const rows = rowCount(matrix);
  const codes = new Int8Array(rows * matrix.columns);
  const scales = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    const row = rowOf(matrix, r);
    scales[r] = row.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0) / CODE_MAX;
    const scale = scales[r]!;
    if (scale === 0) continue;
    for (let d = 0; d < row.length; d++) {
      // The scale is rounded to float32, so the largest number may land a hair beyond 127.
      codes[r * matrix.columns + d] = Math.max(-CODE_MAX, Math.min(CODE_MAX, Math.round(row[d]! / scale)));
    }
  }
  return { codes, scales };
}

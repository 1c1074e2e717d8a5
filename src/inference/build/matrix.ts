import type { GroupCodes } from './quantise/group-codes.ts';
import { groupCodes } from './quantise/group-codes.ts';

/** A row-major matrix: number `column` of row `row` is `values[row * columns + column]`. */
export interface Matrix {
  readonly columns: number;
  readonly values: Float64Array;
}

export const rowCount = (matrix: Matrix): number => matrix.values.length / matrix.columns;

export const rowOf = ({ values, columns }: Matrix, row: number): Float64Array => values.subarray(row * columns, (row + 1) * columns);

/** `left x right`. */
export function multiply(left: Matrix, right: Matrix): Matrix {
  const rows = rowCount(left);
  const product = { columns: right.columns, values: new Float64Array(rows * right.columns) };
  for (let row = 0; row < rows; row++) {
    const out = rowOf(product, row);
    for (let inner = 0; inner < left.columns; inner++) {
      const factor = left.values[row * left.columns + inner]!;
      const from = inner * right.columns;
      for (let column = 0; column < out.length; column++) out[column] = out[column]! + factor * right.values[from + column]!;
    }
  }
  return product;
}

/** Mean over the rows of the outer product of each with itself: the second moment about zero. */
export function secondMoment(matrix: Matrix): Matrix {
  const { columns } = matrix;
  const moment = new Float64Array(columns * columns);
  const rows = rowCount(matrix);
  for (let row = 0; row < rows; row++) {
    const vector = rowOf(matrix, row);
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j <= i; j++) moment[i * columns + j] = moment[i * columns + j]! + vector[i]! * vector[j]!;
    }
  }
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j <= i; j++) moment[j * columns + i] = moment[i * columns + j] = moment[i * columns + j]! / rows;
  }
  return { columns, values: moment };
}

/** Row `r` of the matrix is about `codes[r * columns + d] * scales[r]`: off by at most half a scale, plus rounding. */
export type QuantisedRows = GroupCodes;

/** Symmetric int8 with one scale a row, so that a row's largest number becomes 127. Zero rows get scale 0. */
export const quantiseRows = ({ values, columns }: Matrix): QuantisedRows => groupCodes(values, { bits: 8, columns, group: columns });

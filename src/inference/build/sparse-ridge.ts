import type { Matrix } from './matrix.ts';

/** What texts or words are made of, end to end: bag `i` has `ids[offsets[i] .. offsets[i + 1])`. Ids below 0 count for nothing. */
export interface Bags {
  readonly ids: Int32Array;
  readonly offsets: Int32Array;
  /** How much each id counts; absent: 1. */
  readonly weights?: Float64Array;
}

interface RidgeSettings {
  /** How many rows there are: ids are below it. */
  readonly rows: number;
  /** Weight of the penalty. */
  readonly ridge: number;
  /** Steps of conjugate gradients. Few: the later ones fit the noise of what is rare. */
  readonly iterations: number;
  /** The rows that the penalty draws to; absent: zero. */
  readonly start?: Matrix;
}

/**
 * The rows X that minimise |A X - Y|^2 + ridge |X - start|^2, where row `i` of A counts what bag `i` is made of, by conjugate gradients, a column at a
 * time. Only + - x / are used, so every engine gets the same bits.
 */
export function ridgeRows(bags: Bags, targets: Matrix, { rows, ridge, iterations, start }: RidgeSettings): Matrix {
  const { columns } = targets;
  const solution = { columns, values: start?.values.slice() ?? new Float64Array(rows * columns) };
  const residual = transposedTimes(bags, start === undefined ? targets : difference(targets, times(bags, start)), rows);
  const direction = { columns, values: residual.values.slice() };
  let squares = columnDots(residual, residual);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const image = transposedTimes(bags, times(bags, direction), rows);
    direction.values.forEach((value, i) => (image.values[i] = image.values[i]! + ridge * value));
    const curvatures = columnDots(direction, image);
    // A column that is solved has no direction left.
    const steps = squares.map((square, d) => (square === 0 ? 0 : square / curvatures[d]!));
    addScaled(solution, direction, steps);
    addScaled(
      residual,
      image,
      steps.map((step) => -step),
    );
    const next = columnDots(residual, residual);
    const ratios = next.map((square, d) => (square === 0 ? 0 : square / squares[d]!));
    squares = next;
    for (let i = 0; i < direction.values.length; i++) {
      direction.values[i] = residual.values[i]! + ratios[i % columns]! * direction.values[i]!;
    }
  }
  return solution;
}

/** `A x rows`: for each bag the sum of the rows of what it is made of. */
export function times({ ids, offsets, weights }: Bags, { columns, values }: Matrix): Matrix {
  const sums = { columns, values: new Float64Array((offsets.length - 1) * columns) };
  for (let bag = 0; bag < offsets.length - 1; bag++) {
    const base = bag * columns;
    for (let at = offsets[bag]!; at < offsets[bag + 1]!; at++) {
      const from = ids[at]! * columns;
      if (from < 0) continue;
      const weight = weights === undefined ? 1 : weights[at]!;
      for (let d = 0; d < columns; d++) sums.values[base + d] = sums.values[base + d]! + weight * values[from + d]!;
    }
  }
  return sums;
}

/** `transpose(A) x rows`: for each id the sum of the rows of the bags that have it. */
function transposedTimes({ ids, offsets, weights }: Bags, { columns, values }: Matrix, rows: number): Matrix {
  const sums = { columns, values: new Float64Array(rows * columns) };
  for (let bag = 0; bag < offsets.length - 1; bag++) {
    const from = bag * columns;
    for (let at = offsets[bag]!; at < offsets[bag + 1]!; at++) {
      const base = ids[at]! * columns;
      if (base < 0) continue;
      const weight = weights === undefined ? 1 : weights[at]!;
      for (let d = 0; d < columns; d++) sums.values[base + d] = sums.values[base + d]! + weight * values[from + d]!;
    }
  }
  return sums;
}

function difference({ columns, values }: Matrix, other: Matrix): Matrix {
  return { columns, values: values.map((value, i) => value - other.values[i]!) };
}

/** The dot product of each column of one matrix with the same of the other. */
function columnDots(left: Matrix, right: Matrix): Float64Array {
  const { columns } = left;
  const dots = new Float64Array(columns);
  for (let from = 0; from < left.values.length; from += columns) {
    for (let d = 0; d < columns; d++) dots[d] = dots[d]! + left.values[from + d]! * right.values[from + d]!;
  }
  return dots;
}

/** Adds to each column the same column of `other` times its factor. */
function addScaled({ columns, values }: Matrix, other: Matrix, factors: Float64Array): void {
  for (let from = 0; from < values.length; from += columns) {
    for (let d = 0; d < columns; d++) values[from + d] = values[from + d]! + factors[d]! * other.values[from + d]!;
  }
}

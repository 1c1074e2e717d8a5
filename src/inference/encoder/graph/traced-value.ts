import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';

/**
 * What is known of a value of a graph that is traced with one text alone, whose tokens all count: the numbers that shapes, masks and positions
 * are made of, a constant, or the operator that computes it. Equal expressions are one object.
 */
export type Traced = TracedNumbers | TracedConstant | Expression;

/** Numbers, row by row; integers or floats by `isFloat`. */
export interface TracedNumbers {
  readonly kind: 'numbers';
  readonly dims: readonly number[];
  readonly numbers: readonly number[];
  readonly isFloat: boolean;
}

/** A table, matrix or vector of weights. */
export interface TracedConstant {
  readonly kind: 'constant';
  readonly dims: readonly number[];
  readonly tensor: OnnxTensor;
}

/** `operator`: of ONNX, with the domain before a dot where it is not the standard one; or one that `canonical` puts for several. */
export interface Expression {
  readonly kind: 'expression';
  readonly operator: string;
  readonly inputs: readonly (Traced | undefined)[];
  readonly attributes: ReadonlyMap<string, readonly number[]>;
  /** Which of the operator's outputs. */
  readonly output: number;
  /** Undefined: not known. */
  readonly dims: readonly number[] | undefined;
  readonly isFloat: boolean;
}

export const isExpression = <Operator extends string>(
  value: Traced | undefined,
  operator: Operator,
): value is Expression & { readonly operator: Operator } => value?.kind === 'expression' && value.operator === operator;

export const countOf = (dims: readonly number[]): number => dims.reduce((count, size) => count * size, 1);

export const sameDims = (a: readonly number[] | undefined, b: readonly number[] | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && a.every((size, axis) => size === b[axis]);

/** The number that all of it is. */
export function scalarOf(value: Traced | undefined): number | undefined {
  if (value?.kind !== 'numbers') return undefined;
  const [first] = value.numbers;
  return value.numbers.every((number) => number === first) ? first : undefined;
}

/** As broadcasting has it; undefined: the two do not fit. */
export function broadcastDims(a: readonly number[] | undefined, b: readonly number[] | undefined): readonly number[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis += 1) {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) return undefined;
    dims.push(x === 1 ? y : x);
  }
  return dims;
}

/** Where an axis that counts from the end stands. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

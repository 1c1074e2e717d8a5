import { MODEL_LIMITS } from '../../../contract/models/model-limits.ts';
import { elementType } from '../onnx-tensor.ts';

/** What is known of a value of a graph before a run: bounds of its size and, of the few numbers that shapes are made of, the numbers. */
export interface GraphValue {
  /** TensorProto.DataType. */
  readonly dataType: number;
  /** Each dimension is at most so long. Undefined: nothing is known but that the value fits the runtime's memory. */
  readonly dims: readonly number[] | undefined;
  /** Whether the dimensions are known, and not only bounded. */
  readonly isExact: boolean;
  /** All numbers of it, row by row; undefined: unknown, or too many. */
  readonly numbers: readonly number[] | undefined;
}

export const DATA = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float64: 11 } as const;

/** Floats of 32 and 64 bits, halves, and what is smaller still. */
const FLOATS: ReadonlySet<number> = new Set([1, 10, 11, 16, 17, 18, 19, 20, 23]);

export const isFloat = (dataType: number): boolean => FLOATS.has(dataType);

/** Longer values are tables, and no shapes. */
export const NUMBERS_MAX = 256;

export const productOf = (numbers: readonly number[]): number => numbers.reduce((product, number) => product * number, 1);

export function valueOf(dataType: number, dims: readonly number[], isExact = true): GraphValue {
  return { dataType, dims, isExact, numbers: undefined };
}

/** A value whose numbers are known, unless they are too many. */
export const numbersOf = (dataType: number, dims: readonly number[], numbers: readonly number[]): GraphValue => ({
  ...valueOf(dataType, dims),
  numbers: numbers.length <= NUMBERS_MAX && numbers.every((number) => Number.isFinite(number)) ? numbers : undefined,
});

export const unknownOf = (dataType: number): GraphValue => ({ dataType, dims: undefined, isExact: false, numbers: undefined });

const bytesPerElement = (dataType: number): number => Math.max(1, (elementType(dataType)?.bits ?? 0) / 8);

/** No more than the memory of the runtime holds: a run that needs more is refused there. */
export function elementsOf({ dataType, dims }: GraphValue): number {
  const most = MODEL_LIMITS.runtimeBytesMax / bytesPerElement(dataType);
  return dims === undefined ? most : Math.min(most, productOf(dims));
}

export const bytesOf = (value: GraphValue): number => elementsOf(value) * bytesPerElement(value.dataType);

/** In units of four bytes; what is smaller takes a step each, too. */
export const wordsOf = (value: GraphValue): number => elementsOf(value) * Math.max(1, bytesPerElement(value.dataType) / 4);

/** As many dimensions as the longest has, each as long as the longest there. */
export function broadcast(dataType: number, values: readonly GraphValue[]): GraphValue {
  let dims: number[] = [];
  for (const value of values) {
    if (value.dims === undefined) return unknownOf(dataType);
    const [longer, shorter] = value.dims.length > dims.length ? [value.dims, dims] : [dims, value.dims];
    const first = longer.length - shorter.length;
    dims = longer.map((size, axis) => (axis < first ? size : broadcastSize(size, shorter[axis - first] ?? 1)));
  }
  const isExact = values.every((value) => value.isExact);
  return valueOf(dataType, dims, isExact);
}

/** A size of one is repeated; also to nothing. */
const broadcastSize = (a: number, b: number): number => (a === 1 ? b : b === 1 ? a : Math.max(a, b));

import type { TracedNumbers } from './traced-value.ts';
import { axisOf, broadcastDims, countOf } from './traced-value.ts';

/** What an operator makes of numbers; undefined: it is not computed here. */
type NumberOperator = (inputs: readonly (TracedNumbers | undefined)[], attributes: Attributes) => TracedNumbers | undefined;

export type Attributes = ReadonlyMap<string, readonly number[]>;

/** Larger ones are no shapes, masks or positions. */
export const NUMBERS_MAX = 65_536;

export const numbersOf = (dims: readonly number[], numbers: readonly number[], isFloat = false): TracedNumbers => ({
  kind: 'numbers',
  dims,
  numbers,
  isFloat,
});

const strides = (dims: readonly number[]): number[] => {
  const steps = dims.map(() => 1);
  for (let axis = dims.length - 2; axis >= 0; axis -= 1) steps[axis] = steps[axis + 1]! * dims[axis + 1]!;
  return steps;
};

/** For each element of `dims`, what `at` says of its place. */
function filled(dims: readonly number[], at: (place: readonly number[]) => number): number[] | undefined {
  const count = countOf(dims);
  if (count > NUMBERS_MAX) return undefined;
  const steps = strides(dims);
  return Array.from({ length: count }, (_, i) => at(dims.map((size, axis) => Math.floor(i / steps[axis]!) % size)));
}

const made = (dims: readonly number[], isFloat: boolean, at: (place: readonly number[]) => number): TracedNumbers | undefined => {
  const numbers = filled(dims, at);
  return numbers === undefined ? undefined : numbersOf(dims, numbers, isFloat);
};

/** Reads numbers as if they had been broadcast to more dimensions. */
function broadcastReader({ dims, numbers }: TracedNumbers, rank: number): (place: readonly number[]) => number {
  const steps = strides(dims);
  const first = rank - dims.length;
  return (place) => numbers[dims.reduce((sum, size, axis) => sum + (size === 1 ? 0 : place[axis + first]! * steps[axis]!), 0)]!;
}

const pairwise =
  (combine: (a: number, b: number, isFloat: boolean) => number, isBool = false): NumberOperator =>
  ([a, b]) => {
    if (a === undefined || b === undefined) return undefined;
    const dims = broadcastDims(a.dims, b.dims);
    if (dims === undefined) return undefined;
    const [left, right] = [broadcastReader(a, dims.length), broadcastReader(b, dims.length)];
    return made(dims, a.isFloat && !isBool, (place) => combine(left(place), right(place), a.isFloat));
  };

const each =
  (change: (x: number) => number): NumberOperator =>
  ([a]) =>
    a && numbersOf(a.dims, a.numbers.map(change), a.isFloat);

const bool = (is: boolean): number => (is ? 1 : 0);

const listOf = (input: TracedNumbers | undefined, attribute: readonly number[] | undefined): readonly number[] | undefined =>
  input?.numbers ?? attribute;

const gather: NumberOperator = ([data, indices], attributes) => {
  if (data === undefined || indices === undefined || data.dims.length === 0) return undefined;
  const axis = axisOf(attributes.get('axis')?.[0] ?? 0, data.dims.length);
  const dims = [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)];
  const read = broadcastReader(data, data.dims.length);
  const readIndex = broadcastReader(indices, indices.dims.length);
  const size = data.dims[axis]!;
  return made(dims, data.isFloat, (place) => {
    const index = readIndex(place.slice(axis, axis + indices.dims.length));
    return read([...place.slice(0, axis), index < 0 ? index + size : index, ...place.slice(axis + indices.dims.length)]);
  });
};

const clamped = (value: number, size: number): number => Math.max(0, Math.min(size, value < 0 ? value + size : value));

/** The ranges of a `Slice` by axis; undefined: they are not known, or go backwards. */
export function sliceRanges(
  dims: readonly number[],
  [, starts, ends, axes, steps]: readonly (TracedNumbers | undefined)[],
  attributes: Attributes,
): Map<number, { readonly from: number; readonly to: number }> | undefined {
  const [from, to] = [listOf(starts, attributes.get('starts')), listOf(ends, attributes.get('ends'))];
  if (from === undefined || to === undefined || (steps?.numbers ?? []).some((step) => step !== 1)) return undefined;
  const over = listOf(axes, attributes.get('axes')) ?? from.map((_, axis) => axis);
  return new Map(
    over.map((given, i) => {
      const axis = axisOf(given, dims.length);
      const size = dims[axis] ?? 0;
      return [axis, { from: clamped(from[i]!, size), to: clamped(to[i]!, size) }];
    }),
  );
}

const slice: NumberOperator = (inputs, attributes) => {
  const [data] = inputs;
  const ranges = data && sliceRanges(data.dims, inputs, attributes);
  if (data === undefined || ranges === undefined) return undefined;
  const read = broadcastReader(data, data.dims.length);
  const dims = data.dims.map((size, axis) => {
    const range = ranges.get(axis);
    return range === undefined ? size : Math.max(0, range.to - range.from);
  });
  return made(dims, data.isFloat, (place) => read(place.map((at, axis) => at + (ranges.get(axis)?.from ?? 0))));
};

const concat: NumberOperator = (inputs, attributes) => {
  const parts = inputs.flatMap((input) => (input === undefined ? [] : [input]));
  const [first] = parts;
  if (first === undefined || parts.length < inputs.length) return undefined;
  const axis = axisOf(attributes.get('axis')?.[0] ?? 0, first.dims.length);
  const dims = first.dims.map((size, at) => (at === axis ? parts.reduce((sum, part) => sum + part.dims[axis]!, 0) : size));
  const readers = parts.map((part) => broadcastReader(part, dims.length));
  return made(dims, first.isFloat, (place) => {
    let at = place[axis]!;
    const of = parts.findIndex((part) => {
      if (at < part.dims[axis]!) return true;
      at -= part.dims[axis]!;
      return false;
    });
    return readers[of]!(place.map((step, i) => (i === axis ? at : step)));
  });
};

const expand: NumberOperator = ([data, shape]) => {
  const dims = data && shape && broadcastDims(data.dims, shape.numbers);
  if (data === undefined || dims === undefined) return undefined;
  return made(dims, data.isFloat, broadcastReader(data, dims.length));
};

const where: NumberOperator = ([condition, a, b]) => {
  if (condition === undefined || a === undefined || b === undefined) return undefined;
  const dims = broadcastDims(condition.dims, broadcastDims(a.dims, b.dims));
  if (dims === undefined) return undefined;
  const [which, left, right] = [condition, a, b].map((value) => broadcastReader(value, dims.length)) as [Reader, Reader, Reader];
  return made(dims, a.isFloat, (place) => (which(place) === 0 ? right(place) : left(place)));
};

type Reader = (place: readonly number[]) => number;

const range: NumberOperator = ([start, limit, delta]) => {
  const [from, to, step = 1] = [start?.numbers[0], limit?.numbers[0], delta?.numbers[0]];
  if (from === undefined || to === undefined || step === 0) return undefined;
  const count = Math.max(0, Math.ceil((to - from) / step));
  return made([count], start?.isFloat === true, ([i]) => from + i! * step);
};

const constantOfShape: NumberOperator = ([shape, fill]) => shape && made(shape.numbers, fill?.isFloat ?? true, () => fill?.numbers[0] ?? 0);

/** As many as a text that is tried has, and more. */
const CUMULATED_MAX = 256;

/** Sums along an axis, as far as each place. */
const cumulated: NumberOperator = ([data, axisInput], attributes) => {
  if (data === undefined || axisInput === undefined || attributes.get('exclusive')?.[0] === 1 || attributes.get('reverse')?.[0] === 1)
    return undefined;
  const axis = axisOf(axisInput.numbers[0] ?? 0, data.dims.length);
  // A sum for each place.
  if (countOf(data.dims) > CUMULATED_MAX) return undefined;
  const read = broadcastReader(data, data.dims.length);
  return made(data.dims, data.isFloat, (place) => {
    let sum = 0;
    for (let at = 0; at <= place[axis]!; at += 1) sum += read(place.map((step, i) => (i === axis ? at : step)));
    return sum;
  });
};

/** Those that change the dimensions alone. The tracer knows the new ones. */
export const LAYOUT = new Set(['Reshape', 'Unsqueeze', 'Squeeze', 'Flatten', 'Identity']);

/** By name. What is not here leaves a graph to the runtime. */
export const NUMBER_OPERATORS: Readonly<Record<string, NumberOperator>> = {
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Expand: expand,
  Where: where,
  Range: range,
  ConstantOfShape: constantOfShape,
  CumSum: cumulated,
  Add: pairwise((a, b) => a + b),
  Sub: pairwise((a, b) => a - b),
  Mul: pairwise((a, b) => a * b),
  Div: pairwise((a, b, isFloat) => (isFloat ? a / b : Math.trunc(a / b))),
  Pow: pairwise((a, b) => a ** b),
  Max: pairwise((a, b) => Math.max(a, b)),
  Min: pairwise((a, b) => Math.min(a, b)),
  Equal: pairwise((a, b) => bool(a === b), true),
  Less: pairwise((a, b) => bool(a < b), true),
  Greater: pairwise((a, b) => bool(a > b), true),
  LessOrEqual: pairwise((a, b) => bool(a <= b), true),
  GreaterOrEqual: pairwise((a, b) => bool(a >= b), true),
  And: pairwise((a, b) => bool(a !== 0 && b !== 0), true),
  Or: pairwise((a, b) => bool(a !== 0 || b !== 0), true),
  Not: each((x) => bool(x === 0)),
  Neg: each((x) => -x),
  Abs: each(Math.abs),
  Sqrt: each(Math.sqrt),
  Reciprocal: each((x) => 1 / x),
  Floor: each(Math.floor),
};

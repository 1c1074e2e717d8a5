import { sliceRange } from './layout-shapes.ts';
import type { GraphStep } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { DATA, isFloat, numbersOf, productOf } from './graph-value.ts';

/** Results of operators on few numbers: with these, graphs compute the shapes of others. Undefined: not known. */
type NumberRule = (step: GraphStep) => GraphValue | undefined;

const known = (value: GraphValue | undefined): readonly number[] | undefined => value?.numbers;

/** One number may stand for all. */
const at = (numbers: readonly number[], i: number): number => numbers[numbers.length === 1 ? 0 : i] ?? 0;

/** Numbers that are combined one by one: of equal count, or one for all. */
const pairwise =
  (combine: (a: number, b: number) => number, dataType?: number): NumberRule =>
  (step) => {
    const [left, right] = [step.input(0), step.input(1)];
    const [a, b] = [known(left), known(right)];
    if (a === undefined || b === undefined || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
    const longer = b.length > a.length || (right.dims ?? []).length > (left.dims ?? []).length ? right : left;
    const count = Math.max(a.length, b.length);
    const numbers = Array.from({ length: count }, (_, i) => combine(at(a, i), at(b, i)));
    return numbersOf(dataType ?? left.dataType, longer.dims ?? [], numbers);
  };

const one =
  (change: (a: number) => number, dataType?: number): NumberRule =>
  (step) => {
    const [input, numbers] = [step.input(0), known(step.input(0))];
    return numbers === undefined ? undefined : numbersOf(dataType ?? input.dataType, input.dims ?? [], numbers.map(change));
  };

const divide: NumberRule = (step) =>
  isFloat(step.input(0).dataType) ? pairwise((a, b) => a / b)(step) : pairwise((a, b) => Math.trunc(a / b))(step);

const asBool = (is: boolean): number => (is ? 1 : 0);

/** A remainder with the sign of the divisor, or of the dividend. */
const modulo: NumberRule = (step) => pairwise((a, b) => (step.int('fmod', 0) === 1 ? a % b : a - b * Math.floor(a / b)))(step);

const shape: NumberRule = (step) => {
  const { dims, isExact } = step.input(0);
  if (dims === undefined || !isExact) return undefined;
  const sizes = dims.slice(step.int('start', 0), step.hasAttribute('end') ? step.int('end', 0) : undefined);
  return numbersOf(DATA.int64, [sizes.length], sizes);
};

const size: NumberRule = (step) => {
  const { dims, isExact } = step.input(0);
  return dims === undefined || !isExact ? undefined : numbersOf(DATA.int64, [], [productOf(dims)]);
};

const cast: NumberRule = (step) => {
  const to = step.int('to', 0);
  return one((x) => (isFloat(to) ? x : to === DATA.bool ? asBool(x !== 0) : Math.trunc(x)), to)(step);
};

const concat: NumberRule = (step) => {
  const lists = step.given.map(known);
  if (lists.some((list) => list === undefined) || step.given.some(({ dims }) => dims?.length !== 1)) return undefined;
  const numbers = lists.flatMap((list) => list ?? []);
  return numbersOf(step.input(0).dataType, [numbers.length], numbers);
};

const gather: NumberRule = (step) => {
  const [data, indices] = [step.input(0), step.input(1)];
  const [from, places] = [known(data), known(indices)];
  if (from === undefined || places === undefined || data.dims?.length !== 1) return undefined;
  const numbers = places.map((index) => from.at(index) ?? Number.NaN);
  return numbersOf(data.dataType, indices.dims ?? [], numbers);
};

const slice: NumberRule = (step) => {
  const data = step.input(0);
  const [from, starts, ends, steps] = [known(data), step.sizes('starts', 1), step.sizes('ends', 2), step.sizes('steps', 4)];
  if (from === undefined || data.dims?.length !== 1 || typeof starts !== 'object' || typeof ends !== 'object' || steps === undefined)
    return undefined;
  const stride = steps === 'absent' ? 1 : (steps[0] ?? 1);
  if (stride === 0) return undefined;
  const range = sliceRange(from.length, starts[0] ?? 0, ends[0] ?? 0, stride);
  const numbers = Array.from({ length: range.count }, (_, i) => from[range.from + i * stride] ?? 0);
  return numbersOf(data.dataType, [numbers.length], numbers);
};

const where: NumberRule = (step) => {
  const [condition, left, right] = [step.input(0), step.input(1), step.input(2)];
  const [which, a, b] = [known(condition), known(left), known(right)];
  if (which === undefined || a === undefined || b === undefined) return undefined;
  const count = Math.max(which.length, a.length, b.length);
  if ([which, a, b].some(({ length }) => length !== 1 && length !== count)) return undefined;
  const numbers = Array.from({ length: count }, (_, i) => (at(which, i) === 0 ? at(b, i) : at(a, i)));
  const longest = [condition, left, right].reduce((most, value) => ((value.dims ?? []).length > (most.dims ?? []).length ? value : most));
  return numbersOf(left.dataType, (longest.dims ?? []).length === 0 ? [] : [count], numbers);
};

const range: NumberRule = (step) => {
  const [start, end, delta] = [known(step.input(0))?.[0], known(step.input(1))?.[0], known(step.input(2))?.[0] ?? 1];
  if (start === undefined || end === undefined || delta === 0) return undefined;
  const count = Math.max(0, Math.ceil((end - start) / delta));
  const { dataType } = step.input(0);
  // A count alone says how long it is; only few numbers are kept.
  const numbers = Array.from({ length: Math.min(count, LISTED_MAX) }, (_, i) => start + i * delta);
  return { ...numbersOf(dataType, [count], numbers), numbers: count <= LISTED_MAX ? numbers : undefined };
};

const LISTED_MAX = 256;

const constantOfShape: NumberRule = (step) => {
  const dims = known(step.input(0));
  if (dims === undefined) return undefined;
  const fill = step.input(CONSTANT_OF_SHAPE_FILL);
  const value = step.has(CONSTANT_OF_SHAPE_FILL) ? known(fill)?.[0] : 0;
  const count = productOf(dims);
  const dataType = step.has(CONSTANT_OF_SHAPE_FILL) ? fill.dataType : DATA.float32;
  const numbers = value === undefined || count > LISTED_MAX ? undefined : Array.from({ length: count }, () => value);
  return { dataType, dims, isExact: true, numbers };
};

/** The tensor that is an attribute of `ConstantOfShape` stands behind its inputs. */
export const CONSTANT_OF_SHAPE_FILL = 1;

const expand: NumberRule = (step) => {
  const [numbers, dims] = [known(step.input(0)), known(step.input(1))];
  const count = dims === undefined ? 0 : productOf(dims);
  if (numbers?.length !== 1 || dims === undefined || count > LISTED_MAX) return undefined;
  return numbersOf(
    step.input(0).dataType,
    dims,
    Array.from({ length: count }, () => numbers[0] ?? 0),
  );
};

/** Of all numbers together. */
const reduced =
  (reduce: (numbers: readonly number[]) => number): NumberRule =>
  (step) => {
    const input = step.input(0);
    const numbers = known(input);
    if (numbers === undefined || (input.dims ?? []).length > 1) return undefined;
    return numbersOf(input.dataType, step.int('keepdims', 1) === 1 ? (input.dims ?? []).map(() => 1) : [], [reduce(numbers)]);
  };

/** Operators that graphs compute shapes with, by name. Layout operators keep numbers where they only change dimensions. */
export const KNOWN_NUMBERS: Readonly<Record<string, NumberRule>> = {
  Shape: shape,
  Size: size,
  Cast: cast,
  Concat: concat,
  Gather: gather,
  Slice: slice,
  Where: where,
  Range: range,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Identity: one((x) => x),
  Add: pairwise((a, b) => a + b),
  Sub: pairwise((a, b) => a - b),
  Mul: pairwise((a, b) => a * b),
  Div: divide,
  Mod: modulo,
  Pow: pairwise((a, b) => a ** b),
  Min: pairwise(Math.min),
  Max: pairwise(Math.max),
  Equal: pairwise((a, b) => asBool(a === b), DATA.bool),
  Less: pairwise((a, b) => asBool(a < b), DATA.bool),
  Greater: pairwise((a, b) => asBool(a > b), DATA.bool),
  LessOrEqual: pairwise((a, b) => asBool(a <= b), DATA.bool),
  GreaterOrEqual: pairwise((a, b) => asBool(a >= b), DATA.bool),
  And: pairwise((a, b) => asBool(a !== 0 && b !== 0), DATA.bool),
  Or: pairwise((a, b) => asBool(a !== 0 || b !== 0), DATA.bool),
  Not: one((x) => asBool(x === 0), DATA.bool),
  Neg: one((x) => -x),
  Abs: one(Math.abs),
  Floor: one(Math.floor),
  Ceil: one(Math.ceil),
  Sqrt: one(Math.sqrt),
  ReduceProd: reduced(productOf),
  ReduceSum: reduced((numbers) => numbers.reduce((sum, x) => sum + x, 0)),
  ReduceMax: reduced((numbers) => Math.max(...numbers)),
  ReduceMin: reduced((numbers) => Math.min(...numbers)),
};

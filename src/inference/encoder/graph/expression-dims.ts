import { sliceRanges } from './number-operators.ts';
import type { Attributes } from './number-operators.ts';
import type { Traced, TracedNumbers } from './traced-value.ts';
import { axisOf, broadcastDims, countOf } from './traced-value.ts';

type Dims = readonly number[] | undefined;

interface DimsOf {
  readonly inputs: readonly (Traced | undefined)[];
  readonly attributes: Attributes;
  readonly output: number;
  readonly opset: number;
}

const numbersAt = (inputs: readonly (Traced | undefined)[], at: number): TracedNumbers | undefined => {
  const input = inputs[at];
  return input?.kind === 'numbers' ? input : undefined;
};

const first = ({ inputs }: DimsOf): Dims => inputs[0]?.dims;

/** Of all inputs; what is absent has none. */
const broadcast = ({ inputs }: DimsOf): Dims =>
  inputs.reduce<Dims>((dims, input) => (input === undefined ? dims : broadcastDims(dims, input.dims)), []);

/** Axes by an attribute, or, of later versions, by an input. */
const axesOf = ({ inputs, attributes }: DimsOf): readonly number[] | undefined => attributes.get('axes') ?? numbersAt(inputs, 1)?.numbers;

function reshaped({ inputs, attributes }: DimsOf): Dims {
  const [from, to] = [inputs[0]?.dims, numbersAt(inputs, 1)?.numbers];
  if (from === undefined || to === undefined) return undefined;
  const isZeroKept = attributes.get('allowzero')?.[0] === 1;
  const sizes = to.map((size, axis) => (size === 0 && !isZeroKept ? (from[axis] ?? 0) : size));
  const rest = countOf(from) / countOf(sizes.filter((size) => size !== -1));
  const dims = sizes.map((size) => (size === -1 ? rest : size));
  return countOf(dims) === countOf(from) && dims.every((size) => Number.isInteger(size)) ? dims : undefined;
}

function unsqueezed(of: DimsOf): Dims {
  const [from, axes] = [of.inputs[0]?.dims, axesOf(of)];
  if (from === undefined || axes === undefined) return undefined;
  const rank = from.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  const left = [...from];
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : left.shift()!));
}

function squeezed(of: DimsOf): Dims {
  const from = of.inputs[0]?.dims;
  const axes = axesOf(of);
  if (from === undefined) return undefined;
  const dropped = new Set((axes ?? from.flatMap((size, axis) => (size === 1 ? [axis] : []))).map((axis) => axisOf(axis, from.length)));
  return from.filter((_, axis) => !dropped.has(axis));
}

const transposed = ({ inputs, attributes }: DimsOf): Dims => {
  const from = inputs[0]?.dims;
  const perm = attributes.get('perm') ?? from?.map((_, axis) => from.length - 1 - axis);
  return from && perm?.map((axis) => from[axis] ?? 0);
};

const product = ({ inputs }: DimsOf): Dims => matMulDims(inputs[0]?.dims, inputs[1]?.dims);

/** As `MatMul` has them, of two dimensions and more. */
export function matMulDims(a: Dims, b: Dims): Dims {
  if (a === undefined || b === undefined || a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) return undefined;
  const outer = broadcastDims(a.slice(0, -2), b.slice(0, -2));
  return outer && [...outer, a.at(-2)!, b.at(-1)!];
}

function gathered({ inputs, attributes }: DimsOf): Dims {
  const [data, indices] = [inputs[0]?.dims, inputs[1]?.dims];
  if (data === undefined || indices === undefined) return undefined;
  const axis = axisOf(attributes.get('axis')?.[0] ?? 0, data.length);
  return [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
}

function reduced(of: DimsOf): Dims {
  const [from, axes] = [of.inputs[0]?.dims, axesOf(of)];
  if (from === undefined || axes === undefined || of.attributes.get('keepdims')?.[0] === 0) return undefined;
  const over = new Set(axes.map((axis) => axisOf(axis, from.length)));
  return from.map((size, axis) => (over.has(axis) ? 1 : size));
}

function concatenated({ inputs, attributes }: DimsOf): Dims {
  const [from] = inputs;
  const dims = from?.dims;
  if (dims === undefined || inputs.some((input) => input?.dims === undefined)) return undefined;
  const axis = axisOf(attributes.get('axis')?.[0] ?? 0, dims.length);
  return dims.map((size, at) => (at === axis ? inputs.reduce((sum, input) => sum + (input!.dims![axis] ?? 0), 0) : size));
}

function sliced({ inputs, attributes }: DimsOf): Dims {
  const dims = inputs[0]?.dims;
  const given = inputs.map((_, at) => numbersAt(inputs, at));
  if (dims === undefined || inputs.some((input, at) => at > 0 && input !== undefined && given[at] === undefined)) return undefined;
  const ranges = sliceRanges(dims, given, attributes);
  return ranges && dims.map((size, axis) => (ranges.has(axis) ? Math.max(0, ranges.get(axis)!.to - ranges.get(axis)!.from) : size));
}

const RULES: Readonly<Record<string, (of: DimsOf) => Dims>> = {
  Reshape: reshaped,
  Unsqueeze: unsqueezed,
  Squeeze: squeezed,
  Transpose: transposed,
  MatMul: product,
  MatMulInteger: product,
  Gather: gathered,
  ReduceMean: reduced,
  Concat: concatenated,
  Slice: sliced,
  Expand: ({ inputs }) => broadcastDims(inputs[0]?.dims, numbersAt(inputs, 1)?.numbers),
  DynamicQuantizeLinear: (of) => (of.output === 0 ? first(of) : []),
  Add: broadcast,
  Sub: broadcast,
  Mul: broadcast,
  Div: broadcast,
  Where: broadcast,
};

/** Those that keep the dimensions of their first input. */
const KEEPING = new Set(
  `Pow Erf Tanh Sqrt Reciprocal Relu Floor Neg Gelu Cast Identity Dropout Softmax IsNaN DequantizeLinear LayerNormalization Equal Not
  com.microsoft.Gelu com.microsoft.FastGelu com.microsoft.BiasGelu`.split(/\s+/),
);

/** The dimensions of what an operator computes; undefined: not known here. */
export function expressionDims(
  operator: string,
  inputs: readonly (Traced | undefined)[],
  attributes: Attributes,
  { output, opset }: { readonly output: number; readonly opset: number },
): readonly number[] | undefined {
  const of = { inputs, attributes, output, opset };
  if (operator === 'Softmax' && !isLastAxis(of)) return undefined;
  return KEEPING.has(operator) ? first(of) : RULES[operator]?.(of);
}

/** Before opset 13 all axes from the one that is named are one, and the one is 1 unless it is named. */
function isLastAxis({ inputs, attributes, opset }: DimsOf): boolean {
  const rank = inputs[0]?.dims?.length ?? 0;
  return axisOf(attributes.get('axis')?.[0] ?? (opset < 13 ? 1 : -1), rank) === rank - 1;
}

import type { GraphStep, ShapeRule } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { elementsOf, productOf, unknownOf, valueOf } from './graph-value.ts';

/** An axis from the start. Undefined: the rank is unknown, or there is no such axis. */
export function axisOf({ dims }: GraphValue, axis: number): number | undefined {
  if (dims === undefined) return undefined;
  const from = axis < 0 ? axis + dims.length : axis;
  return from >= 0 && from < dims.length ? from : undefined;
}

type DimsRule = (dims: readonly number[], step: GraphStep) => readonly number[] | undefined;

/** Rules of operators whose one answer is their first input with other dimensions; what is known of it is `answerOf`. */
const byDims =
  (answerOf: (data: GraphValue, dims: readonly number[]) => GraphValue) =>
  (dimsOf: DimsRule): ShapeRule =>
  (step) => {
    const data = step.input(0);
    const dims = data.dims === undefined ? undefined : dimsOf(data.dims, step);
    return dims === undefined ? undefined : [answerOf(data, dims)];
  };

/** Numbers stay as they are, in the same order. */
const reshaped = byDims((data, dims) => ({ ...data, dims }));

export const resized = byDims(({ dataType, isExact }, dims) => valueOf(dataType, dims, isExact));

const withSize = (value: GraphValue, axis: number, size: number, isExact = value.isExact): GraphValue =>
  value.dims === undefined ? value : valueOf(value.dataType, value.dims.with(axis, size), isExact);

/** Other dimensions for as many elements: 0 keeps one, -1 takes what is left. */
const reshape = reshaped((dims, step) => {
  const wanted = step.sizes('shape', 1);
  if (typeof wanted !== 'object') return undefined;
  const keepsZeros = step.int('allowzero', 0) === 0;
  const known = wanted.map((size, axis) => (size === 0 && keepsZeros ? (dims[axis] ?? 1) : size));
  const rest = productOf(known.filter((size) => size !== -1));
  return known.map((size) => (size === -1 ? Math.floor(productOf(dims) / Math.max(1, rest)) : size));
});

const flatten = reshaped((dims, step) => {
  const axis = step.int('axis', 1);
  const from = axis < 0 ? axis + dims.length : axis;
  return [productOf(dims.slice(0, from)), productOf(dims.slice(from))];
});

const squeeze = reshaped((dims, step) => {
  const data = step.input(0);
  const axes = step.sizes('axes', 1);
  if (axes === undefined || (axes === 'absent' && !data.isExact)) return undefined;
  const gone = axes === 'absent' ? undefined : new Set(axes.map((axis) => axisOf(data, axis)));
  return dims.filter((size, axis) => (gone === undefined ? size !== 1 : !gone.has(axis)));
});

const unsqueeze = reshaped((dims, step) => {
  const axes = step.sizes('axes', 1);
  if (typeof axes !== 'object') return undefined;
  const rank = dims.length + axes.length;
  const ones = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const old = dims.values();
  return Array.from({ length: rank }, (_, axis) => (ones.has(axis) ? 1 : (old.next().value ?? 1)));
});

const transpose = resized((dims, step) => (step.ints('perm') ?? [...dims.keys()].toReversed()).map((axis) => dims[axis] ?? 1));

function concat(step: GraphStep): GraphValue[] | undefined {
  const values = step.given;
  const [first] = values;
  const axis = first === undefined ? undefined : axisOf(first, step.int('axis', 1));
  if (first?.dims === undefined || axis === undefined || values.some(({ dims }) => dims?.length !== first.dims?.length)) return undefined;
  const dims = first.dims.map((_, at) => {
    const sizes = values.map((value) => value.dims?.[at] ?? 0);
    return at === axis ? sizes.reduce((sum, size) => sum + size, 0) : Math.max(...sizes);
  });
  const isExact = values.every((value) => value.isExact);
  return [valueOf(first.dataType, dims, isExact)];
}

function split(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  const axis = axisOf(data, step.int('axis', 0));
  const parts = step.sizes('split', 1);
  if (data.dims === undefined || axis === undefined) return undefined;
  const whole = data.dims[axis] ?? 0;
  const even = Math.ceil(whole / step.outputCount);
  const listed = parts === undefined || parts === 'absent' ? undefined : parts;
  const isKnown = listed !== undefined || whole % step.outputCount === 0;
  return Array.from({ length: step.outputCount }, (_, part) =>
    withSize(data, axis, listed?.[part] ?? (parts === 'absent' ? even : whole), data.isExact && isKnown),
  );
}

/** How many steps from start to end there are in an axis of a size, as `Slice` counts. */
export function sliceRange(size: number, start: number, end: number, step: number): { from: number; count: number } {
  const clamp = (at: number, low: number, high: number) => Math.min(high, Math.max(low, at < 0 ? at + size : at));
  const from = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
  const to = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1);
  return { from, count: Math.max(0, Math.ceil((to - from) / step)) };
}

function slice(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  if (data.dims === undefined) return undefined;
  // What is cut off is not known; what is left is no more than all of it.
  return [cut(step, data) ?? { ...data, isExact: false, numbers: undefined }];
}

function cut(step: GraphStep, data: GraphValue): GraphValue | undefined {
  const [starts, ends, axes, steps] = [step.sizes('starts', 1), step.sizes('ends', 2), step.sizes('axes', 3), step.sizes('steps', 4)];
  const isKnown = typeof starts === 'object' && typeof ends === 'object' && axes !== undefined && steps !== undefined;
  if (!isKnown || !data.isExact) return undefined;
  let value = data;
  for (const [i, start] of starts.entries()) {
    const axis = axisOf(data, axes === 'absent' ? i : (axes[i] ?? i));
    if (axis === undefined) return undefined;
    const stride = (steps === 'absent' ? 1 : steps[i]) || 1;
    const { count } = sliceRange(data.dims?.[axis] ?? 0, start, ends[i] ?? 0, stride);
    value = withSize(value, axis, count);
  }
  return value;
}

function gather(step: GraphStep): GraphValue[] | undefined {
  const [data, indices] = [step.input(0), step.input(1)];
  const axis = axisOf(data, step.int('axis', 0));
  if (data.dims === undefined || indices.dims === undefined || axis === undefined) return undefined;
  const dims = [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)];
  return [valueOf(data.dataType, dims, data.isExact && indices.isExact)];
}

const gatherNd = resized((dims, step) => {
  const indices = step.input(1).dims;
  const depth = indices?.at(-1);
  if (indices === undefined || depth === undefined) return undefined;
  return [...indices.slice(0, -1), ...dims.slice(step.int('batch_dims', 0) + depth)];
});

const expand = resized((dims, step) => {
  const wanted = step.input(1).numbers;
  if (wanted === undefined) return undefined;
  const rank = Math.max(dims.length, wanted.length);
  const at = (sizes: readonly number[], axis: number) => sizes[axis - rank + sizes.length] ?? 1;
  return Array.from({ length: rank }, (_, axis) => (at(dims, axis) === 1 ? at(wanted, axis) : at(dims, axis)));
});

const tile = resized((dims, step) => {
  const repeats = step.input(1).numbers;
  return repeats === undefined ? undefined : dims.map((size, axis) => size * (repeats[axis] ?? 1));
});

const pad = resized((dims, step) => {
  const pads = step.sizes('pads', 1);
  if (typeof pads !== 'object' || step.has(3)) return undefined;
  return dims.map((size, axis) => size + (pads[axis] ?? 0) + (pads[axis + dims.length] ?? 0));
});

function oneHot(step: GraphStep): GraphValue[] | undefined {
  const [indices, depth] = [step.input(0), step.input(1).numbers?.[0]];
  if (indices.dims === undefined || depth === undefined) return undefined;
  const axis = step.int('axis', -1);
  const at = axis < 0 ? axis + indices.dims.length + 1 : axis;
  return [valueOf(step.input(2).dataType, indices.dims.toSpliced(at, 0, depth), indices.isExact)];
}

/** Blocks of an image become channels, or channels blocks. */
const blocks = (direction: 1 | -1): ShapeRule =>
  resized(([n, c, h, w], step) => {
    if (n === undefined || c === undefined || h === undefined || w === undefined) return undefined;
    const size = Math.max(1, step.int('blocksize', 1)) ** direction;
    return [n, Math.ceil(c / size ** 2), Math.ceil(h * size), Math.ceil(w * size)];
  });

/** The positions of what is not zero: as many as there are elements, at most. */
function nonZero(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  return data.dims === undefined ? undefined : [valueOf(7, [data.dims.length, elementsOf(data)], false)];
}

/** As many as there are, at most; then where each stands first, where it is found, and how often. */
function unique(step: GraphStep): GraphValue[] {
  const data = step.input(0);
  const count = elementsOf(data);
  const one =
    data.dims === undefined ? unknownOf(data.dataType) : valueOf(data.dataType, data.dims.length === 1 ? data.dims : [count], false);
  return [one, ...Array.from({ length: step.outputCount - 1 }, () => valueOf(7, [count], false))];
}

function topK(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  const axis = axisOf(data, step.int('axis', -1));
  const k = step.sizes('k', 1);
  if (axis === undefined) return undefined;
  const count = Array.isArray(k) ? (k as readonly number[])[0] : undefined;
  const values = withSize(data, axis, count ?? data.dims?.[axis] ?? 0, data.isExact && count !== undefined);
  return [values, { ...values, dataType: 7 }];
}

/** Operators that move what they have, by name. */
export const LAYOUT_SHAPES: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  ExpandDims: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherND: gatherNd,
  GatherElements: (step) => [{ ...step.input(1), dataType: step.input(0).dataType, numbers: undefined }],
  Expand: expand,
  Tile: tile,
  Pad: pad,
  OneHot: oneHot,
  DepthToSpace: blocks(1),
  SpaceToDepth: blocks(-1),
  NonZero: nonZero,
  Unique: unique,
  TopK: topK,
};

import type { GraphStep, ShapeRule } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { elementsOf, productOf, unknownOf, valueOf } from './graph-value.ts';

/** An axis from the start. Undefined: the rank is unknown, or there is no such axis. */
export function axisOf({ dims }: GraphValue, axis: number): number | undefined {
  if (dims === undefined) return undefined;
  const from = axis < 0 ? axis + dims.length : axis;
  return from >= 0 && from < dims.length ? from : undefined;
}

/** The same value with other dimensions. */
const shaped = (value: GraphValue, dims: readonly number[]): GraphValue => ({ ...value, dims });

const withSize = (value: GraphValue, axis: number, size: number, isExact = value.isExact): GraphValue =>
  value.dims === undefined ? value : valueOf(value.dataType, value.dims.with(axis, size), isExact);

/** Other dimensions for as many elements: 0 keeps one, -1 takes what is left. */
function reshape(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  const wanted = step.sizes('shape', 1);
  if (wanted === undefined || wanted === 'absent' || data.dims === undefined) return undefined;
  const keepsZeros = step.int('allowzero', 0) === 0;
  const known = wanted.map((size, axis) => (size === 0 && keepsZeros ? (data.dims?.[axis] ?? 1) : size));
  const rest = productOf(known.filter((size) => size !== -1));
  const dims = known.map((size) => (size === -1 ? Math.floor(productOf(data.dims ?? []) / Math.max(1, rest)) : size));
  return [shaped(data, dims)];
}

function flatten(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  if (data.dims === undefined) return undefined;
  const axis = step.int('axis', 1);
  const from = axis < 0 ? axis + data.dims.length : axis;
  return [shaped(data, [productOf(data.dims.slice(0, from)), productOf(data.dims.slice(from))])];
}

function squeeze(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  const axes = step.sizes('axes', 1);
  if (axes === undefined || data.dims === undefined) return undefined;
  const gone = axes === 'absent' ? undefined : new Set(axes.map((axis) => axisOf(data, axis)));
  if (gone === undefined && !data.isExact) return undefined;
  return [
    shaped(
      data,
      data.dims.filter((size, axis) => (gone === undefined ? size !== 1 : !gone.has(axis))),
    ),
  ];
}

function unsqueeze(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  const axes = step.sizes('axes', 1);
  if (axes === undefined || axes === 'absent' || data.dims === undefined) return undefined;
  const rank = data.dims.length + axes.length;
  const ones = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const old = data.dims.values();
  return [
    shaped(
      data,
      Array.from({ length: rank }, (_, axis) => (ones.has(axis) ? 1 : (old.next().value ?? 1))),
    ),
  ];
}

function transpose(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  if (data.dims === undefined) return undefined;
  const order = step.ints('perm') ?? data.dims.map((_, axis) => axis).toReversed();
  return [
    valueOf(
      data.dataType,
      order.map((axis) => data.dims?.[axis] ?? 1),
      data.isExact,
    ),
  ];
}

function concat(step: GraphStep): GraphValue[] | undefined {
  const values = step.given;
  const [first] = values;
  const axis = first === undefined ? undefined : axisOf(first, step.int('axis', 1));
  if (first?.dims === undefined || axis === undefined || values.some(({ dims }) => dims?.length !== first.dims?.length)) return undefined;
  const dims = first.dims.map((_, at) => {
    const sizes = values.map((value) => value.dims?.[at] ?? 0);
    return at === axis ? sizes.reduce((sum, size) => sum + size, 0) : Math.max(...sizes);
  });
  return [
    valueOf(
      first.dataType,
      dims,
      values.every(({ isExact }) => isExact),
    ),
  ];
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

function gatherNd(step: GraphStep): GraphValue[] | undefined {
  const [data, indices] = [step.input(0), step.input(1)];
  const depth = indices.dims?.at(-1);
  if (data.dims === undefined || indices.dims === undefined || depth === undefined) return undefined;
  return [valueOf(data.dataType, [...indices.dims.slice(0, -1), ...data.dims.slice(step.int('batch_dims', 0) + depth)], data.isExact)];
}

function expand(step: GraphStep): GraphValue[] | undefined {
  const [data, wanted] = [step.input(0), step.input(1).numbers];
  if (data.dims === undefined || wanted === undefined) return undefined;
  const rank = Math.max(data.dims.length, wanted.length);
  const at = (sizes: readonly number[], axis: number) => sizes[axis - rank + sizes.length] ?? 1;
  const dims = Array.from({ length: rank }, (_, axis) => {
    const [have, want] = [at(data.dims ?? [], axis), at(wanted, axis)];
    return have === 1 ? want : have;
  });
  return [valueOf(data.dataType, dims, data.isExact)];
}

function tile(step: GraphStep): GraphValue[] | undefined {
  const [data, repeats] = [step.input(0), step.input(1).numbers];
  if (data.dims === undefined || repeats === undefined) return undefined;
  return [
    valueOf(
      data.dataType,
      data.dims.map((size, axis) => size * (repeats[axis] ?? 1)),
      data.isExact,
    ),
  ];
}

function pad(step: GraphStep): GraphValue[] | undefined {
  const data = step.input(0);
  const pads = step.sizes('pads', 1);
  if (data.dims === undefined || pads === undefined || pads === 'absent' || step.has(3)) return undefined;
  const rank = data.dims.length;
  return [
    valueOf(
      data.dataType,
      data.dims.map((size, axis) => size + (pads[axis] ?? 0) + (pads[axis + rank] ?? 0)),
      data.isExact,
    ),
  ];
}

function oneHot(step: GraphStep): GraphValue[] | undefined {
  const [indices, depth] = [step.input(0), step.input(1).numbers?.[0]];
  if (indices.dims === undefined || depth === undefined) return undefined;
  const axis = step.int('axis', -1);
  const at = axis < 0 ? axis + indices.dims.length + 1 : axis;
  return [valueOf(step.input(2).dataType, indices.dims.toSpliced(at, 0, depth), indices.isExact)];
}

/** Blocks of an image become channels, or channels blocks. */
const blocks =
  (direction: 1 | -1): ShapeRule =>
  (step) => {
    const data = step.input(0);
    const [n, c, h, w] = data.dims ?? [];
    if (n === undefined || c === undefined || h === undefined || w === undefined) return undefined;
    const size = Math.max(1, step.int('blocksize', 1)) ** direction;
    return [valueOf(data.dataType, [n, Math.ceil(c / size ** 2), Math.ceil(h * size), Math.ceil(w * size)], data.isExact)];
  };

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

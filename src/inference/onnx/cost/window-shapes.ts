import type { GraphStep, ShapeRule } from './graph-step.ts';
import type { GraphValue } from './graph-value.ts';
import { valueOf } from './graph-value.ts';
import { resized } from './layout-shapes.ts';

/** Along one axis: how many steps a window takes over an image. */
function windowSteps(step: GraphStep, axis: number, size: number, kernel: number): number {
  const [stride, dilation] = [step.ints('strides')?.[axis] ?? 1, step.ints('dilations')?.[axis] ?? 1];
  const auto = step.text('auto_pad');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') return Math.ceil(size / Math.max(1, stride));
  const pads = auto === 'VALID' ? [] : (step.ints('pads') ?? []);
  const padded = size + (pads[axis] ?? 0) + (pads[axis + pads.length / 2] ?? 0);
  const room = (padded - (dilation * (kernel - 1) + 1)) / Math.max(1, stride);
  return Math.max(0, (step.int('ceil_mode', 0) === 1 ? Math.ceil(room) : Math.floor(room)) + 1);
}

/** Sizes of the kernel of a convolution or a pool. */
export const kernelOf = (step: GraphStep, weights: GraphValue | undefined): readonly number[] | undefined =>
  step.ints('kernel_shape') ?? weights?.dims?.slice(2);

const conv =
  (weightsAt: number, dataType?: number): ShapeRule =>
  (step) => {
    const [data, weights] = [step.input(0), step.input(weightsAt)];
    const kernel = kernelOf(step, weights);
    const [n, , ...sizes] = data.dims ?? [];
    const channels = weights.dims?.[0];
    if (n === undefined || channels === undefined || kernel === undefined) return undefined;
    const spatial = sizes.map((size, axis) => windowSteps(step, axis, size, kernel[axis] ?? 1));
    return [valueOf(dataType ?? data.dataType, [n, channels, ...spatial], data.isExact)];
  };

const convTranspose = resized(([n, , ...sizes], step) => {
  const weights = step.input(1);
  const kernel = kernelOf(step, weights);
  const channels = (weights.dims?.[1] ?? 0) * step.int('group', 1);
  // What is padded when the graph runs (`ConvTransposeWithDynamicPads`) only makes it smaller.
  if (n === undefined || weights.dims === undefined || kernel === undefined) return undefined;
  const isSame = step.text('auto_pad').startsWith('SAME');
  const spatial = sizes.map((size, axis) => {
    const [stride, dilation] = [step.ints('strides')?.[axis] ?? 1, step.ints('dilations')?.[axis] ?? 1];
    const pads = step.ints('pads') ?? [];
    const whole = stride * (size - 1) + (step.ints('output_padding')?.[axis] ?? 0) + dilation * ((kernel[axis] ?? 1) - 1) + 1;
    const cut = whole - (pads[axis] ?? 0) - (pads[axis + sizes.length] ?? 0);
    return step.ints('output_shape')?.at(axis - sizes.length) ?? (isSame ? stride * size : cut);
  });
  return [n, channels, ...spatial];
});

const pool: ShapeRule = (step) => {
  const data = step.input(0);
  const kernel = kernelOf(step, undefined);
  const [n, c, ...sizes] = data.dims ?? [];
  if (n === undefined || c === undefined || kernel === undefined) return undefined;
  if (step.int('channels_last', 0) === 1) return undefined;
  const spatial = sizes.map((size, axis) => windowSteps(step, axis, size, kernel[axis] ?? 1));
  const pooled = valueOf(data.dataType, [n, c, ...spatial], data.isExact);
  return [pooled, { ...pooled, dataType: 7 }];
};

const globalPool = resized((dims) => dims.map((size, axis) => (axis < 2 ? size : 1)));

/** By factors or by sizes: attributes, or inputs. */
const resize = resized((dims, step) => {
  if (step.hasAttribute('axes')) return undefined;
  const isOld = step.operator === 'Upsample' || step.opset < 11;
  const sizes = isOld ? undefined : step.input(3).numbers;
  if (sizes?.length === dims.length) return sizes;
  const factors = step.ints('scales') ?? step.input(isOld ? 1 : 2).numbers;
  return factors?.length === dims.length ? dims.map((size, axis) => Math.floor(size * (factors[axis] ?? 1))) : undefined;
});

const regions: ShapeRule = (step) => {
  const [data, boxes] = [step.input(0), step.input(1)];
  const crop =
    step.operator === 'CropAndResize'
      ? step.input(3).numbers
      : (step.ints('pooled_shape') ?? [step.int('output_height', 1), step.int('output_width', 1)]);
  const [count, channels] = [boxes.dims?.[0], data.dims?.[1]];
  if (count === undefined || channels === undefined || crop === undefined) return undefined;
  return [valueOf(data.dataType, [count, channels, crop[0] ?? 1, crop[1] ?? 1], boxes.isExact)];
};

const gridSample: ShapeRule = (step) => {
  const [data, grid] = [step.input(0), step.input(1)];
  const [n, c] = data.dims ?? [];
  if (n === undefined || c === undefined || grid.dims === undefined) return undefined;
  return [valueOf(data.dataType, [n, c, ...grid.dims.slice(1, -1)], data.isExact && grid.isExact)];
};

/** Operators that pass windows over images, by name. */
export const WINDOW_SHAPES: Readonly<Record<string, ShapeRule>> = {
  Conv: conv(1),
  FusedConv: conv(1),
  DeformConv: conv(1),
  ConvInteger: conv(1, 6),
  QLinearConv: conv(3),
  ConvTranspose: convTranspose,
  ConvTransposeWithDynamicPads: convTranspose,
  AveragePool: pool,
  MaxPool: pool,
  LpPool: pool,
  QLinearAveragePool: pool,
  MaxpoolWithMask: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  QLinearGlobalAveragePool: globalPool,
  Resize: resize,
  Upsample: resize,
  RoiAlign: regions,
  MaxRoiPool: regions,
  CropAndResize: regions,
  GridSample: gridSample,
};

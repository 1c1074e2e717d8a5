import type { Metric } from '../../contract/indexes/index-settings.ts';
import { METRICS } from '../../contract/indexes/index-settings.ts';
import { CODE_MAX } from '../quantise.ts';
import { checksum, intact } from './integrity.ts';

/** What an index has learnt about its vectors; immutable. */
export interface ListModel {
  readonly metric: Metric;
  readonly dimensions: number;
  readonly subspaceDimensions: number;
  /** Subtracted from every vector before anything else: zeros unless `l2`. [dimensions] */
  readonly mean: Float32Array;
  /** Codewords of residuals. [subspaces x 16 x subspaceDimensions]; what the last subspace has past the dimensions is zero. */
  readonly codebook: Float32Array;
  /** Levels of the two bias nibbles (`l2` only, else 0): bias = biasMin + biasStep * (16 * high + low). */
  readonly biasMin: number;
  readonly biasStep: number;
  /** Mean squared length of what encoding lost, on the sample it was trained on: what drift is measured against. */
  readonly distortion: number;
  /** Whether entries have a second plane of codes, for high precision. */
  readonly hasLowPlane: boolean;
}

/** Codewords of each subspace: four bits. */
export const CODEWORDS = 16;

export const subspaceCount = ({ dimensions, subspaceDimensions }: Pick<ListModel, 'dimensions' | 'subspaceDimensions'>): number =>
  Math.ceil(dimensions / subspaceDimensions);

/** Nibbles of an entry: one a subspace and for `l2` two of its bias, the high one first. */
export const nibbleCount = (model: Pick<ListModel, 'metric' | 'dimensions' | 'subspaceDimensions'>): number =>
  subspaceCount(model) + (model.metric === 'l2' ? 2 : 0);

/** A list's centroid: its codes times its scale, exactly. */
export interface Centroid {
  /** In [-127, 127]. [dimensions] */
  readonly codes: Int8Array;
  /** A float32. */
  readonly scale: number;
}

/** The closest vector that a centroid can be: what it loses is lost before anything is assigned to it. */
export function centroidOf(values: Float32Array): Centroid {
  const codes = new Int8Array(values.length);
  return { codes, scale: quantiseTo(values, codes) };
}

export function centroidValues({ codes, scale }: Centroid): Float32Array<ArrayBuffer> {
  return Float32Array.from(codes, (code) => code * scale);
}

/** Squared, to the bit as of `centroidValues`, without making them: of the vector that begins at `from`. */
export function distanceToCentroid(values: Float32Array, from: number, { codes, scale }: Centroid): number {
  let sum = 0;
  for (let i = 0; i < codes.length; i += 1) {
    const difference = values[from + i]! - Math.fround(codes[i]! * scale);
    sum += difference * difference;
  }
  return sum;
}

/** Writes int8 codes of a vector under one scale, a float32, which it answers: each value is `scale` times its code, but for half a scale. */
export function quantiseTo(values: Float32Array, codes: Int8Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i += 1) largest = Math.max(largest, Math.abs(values[i]!));
  const scale = Math.fround(largest / CODE_MAX);
  // Values near the least of float32 vanish.
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < values.length; i += 1) codes[i] = Math.max(-CODE_MAX, Math.min(CODE_MAX, Math.round(values[i]! * inverse)));
  return scale;
}

export function squaredLength({ codes, scale }: Centroid): number {
  return scale * scale * codes.reduce((sum, code) => sum + code * code, 0);
}

// Reaches are multiples of it, so that their sum does not depend on their order.
const REACH_STEP = 2 ** -20;

/**
 * How far the vectors of a list usually lie from its centroid: of unit vectors whose mean is c, the mean square of |x - c| is 1 - |c|^2. Of
 * others, the centroid alone does not say: 0.
 */
export function reachOf(metric: Metric, centroid: Centroid): number {
  if (metric !== 'cosine') return 0;
  return Math.round(Math.sqrt(Math.max(0, 1 - squaredLength(centroid))) / REACH_STEP) * REACH_STEP;
}

const FLOAT32_MAX = 3.4028234663852886e38;

/**
 * Brings vectors into the space of an index, where `q.x + b` is their closeness, larger is closer. `cosine`: to unit length, b = 0 (zeros stay
 * zeros). `dot`: as they are, b = 0. `l2`: less the mean, b = -|x|^2 / 2. [n x dimensions]; `out` may be `values`.
 */
export function prepare(
  { metric, mean, dimensions }: Pick<ListModel, 'metric' | 'mean' | 'dimensions'>,
  values: Float32Array,
  out: Float32Array,
): void {
  switch (metric) {
    case 'cosine':
      for (let start = 0; start < values.length; start += dimensions) toUnitLength(values, out, start, start + dimensions);
      return;
    case 'dot':
      if (out !== values) out.set(values);
      return;
    case 'l2':
      for (let start = 0; start < values.length; start += dimensions) {
        for (let i = 0; i < dimensions; i += 1) {
          // A difference of the largest float32 is none.
          out[start + i] = Math.max(-FLOAT32_MAX, Math.min(FLOAT32_MAX, values[start + i]! - mean[i]!));
        }
      }
  }
}

function toUnitLength(values: Float32Array, out: Float32Array, start: number, end: number): void {
  let squared = 0;
  for (let i = start; i < end; i += 1) squared += values[i]! * values[i]!;
  const inverse = squared === 0 ? 0 : 1 / Math.sqrt(squared);
  for (let i = start; i < end; i += 1) out[i] = values[i]! * inverse;
}

// Layout 1, little-endian: u32 magic and layout; u32 metric, dimensions, dimensions of a subspace, low plane (0 or 1); float64 biasMin,
// biasStep, distortion; float32 mean and codebook; u32 checksum of all before.
const MAGIC = 0x4d4c_0001;
const HEADER_BYTES = 5 * 4 + 3 * 8;

export function encodeListModel(model: ListModel): Uint8Array<ArrayBuffer> {
  const floats = [model.mean, model.codebook];
  const length = HEADER_BYTES + 4 * (model.mean.length + model.codebook.length);
  const view = new DataView(new ArrayBuffer(length + 4));
  const words = [MAGIC, METRICS.indexOf(model.metric), model.dimensions, model.subspaceDimensions, Number(model.hasLowPlane)];
  for (const [at, word] of words.entries()) view.setUint32(at * 4, word, true);
  for (const [at, double] of [model.biasMin, model.biasStep, model.distortion].entries()) view.setFloat64(20 + at * 8, double, true);
  let at = HEADER_BYTES;
  for (const values of floats) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  const bytes = new Uint8Array(view.buffer);
  view.setUint32(length, checksum(bytes.subarray(0, length)), true);
  return bytes;
}

/** Throws `CorruptList`. */
export function decodeListModel(bytes: Uint8Array): ListModel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length - 4;
  intact(length >= HEADER_BYTES, 'a model has a header');
  intact(view.getUint32(0, true) === MAGIC, 'this is a model of layout 1');
  intact(view.getUint32(length, true) === checksum(bytes.subarray(0, length)), 'the checksum of a model fits its bytes');
  const metric = METRICS[view.getUint32(4, true)];
  const [dimensions, subspaceDimensions] = [view.getUint32(8, true), view.getUint32(12, true)];
  intact(metric !== undefined, 'the metric of a model is known');
  intact(dimensions > 0 && subspaceDimensions > 0, 'a model has dimensions');
  const codebookLength = subspaceCount({ dimensions, subspaceDimensions }) * CODEWORDS * subspaceDimensions;
  intact(length === HEADER_BYTES + 4 * (dimensions + codebookLength), 'a model has a mean and a codebook');
  const floats = (start: number, count: number) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i, true));
  return {
    metric,
    dimensions,
    subspaceDimensions,
    mean: floats(HEADER_BYTES, dimensions),
    codebook: floats(HEADER_BYTES + 4 * dimensions, codebookLength),
    biasMin: view.getFloat64(20, true),
    biasStep: view.getFloat64(28, true),
    distortion: view.getFloat64(36, true),
    hasLowPlane: view.getUint32(16, true) === 1,
  };
}

/**
 * Entries coded against the centroids of their lists: columns of `count` items.
 *
 * A vector x of the index's space (see `prepare`) is `scale * (codes + low / 256)`, but for what quantising lost; without a low plane, `low` is
 * zero. `quantiseTo` gives codes and scale; with a low plane, `low` is the rest in 256ths, rounded, within [-128, 127].
 * There is no column of biases: |x|^2 follows from the codes.
 */
export interface EncodedEntries {
  readonly count: number;
  /** Row numbers, whole, below 2^32. */
  readonly rows: Float64Array;
  /** Codewords of x less the centroid, one a byte; for `l2` then the high and the low nibble of the bias. [count x nibbleCount(model)] */
  readonly nibbles: Uint8Array;
  /** [count x dimensions], within [-127, 127]. */
  readonly codes: Int8Array;
  /** Float32, not negative. */
  readonly scales: Float32Array;
  /** [count x dimensions] when the model has a low plane, else null. */
  readonly low: Int8Array | null;
}

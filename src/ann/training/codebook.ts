import { chance } from '../../kernel/seeded.ts';
import { finite } from '../float32.ts';
import { CODEWORDS } from '../lists/list-model.ts';
import type { CentroidSet } from './centroid-set.ts';
import type { NearestCentroids } from './nearest-centroids.ts';
import { batchCountMax } from './nearest-centroids.ts';
import type { ProductCoder, Subspaces } from './product-coder.ts';
import { momentSize } from './product-coder.ts';
import type { Sample } from './sample.ts';

// Residuals to choose codewords from.
const RESIDUALS_MAX = 1_024;
const RESIDUAL_COMPONENTS_MAX = 524_288;
const STEP_DISTANCES = 131_072;

/** First codewords (k-means++): residuals, each chosen with a probability as the square of its distance from those chosen before. */
export function* seedCodebook(
  { sample, of, places }: AssignedSample,
  centroids: CentroidSet,
  { dimensions, count, width }: Subspaces,
  seed: number,
): Generator<undefined, Float32Array> {
  const chosenOf = Math.min(of, RESIDUALS_MAX, Math.max(CODEWORDS, Math.floor(RESIDUAL_COMPONENTS_MAX / dimensions)));
  // Padded like the codebook; float64 because a difference of float32 may be none.
  const residuals = new Float64Array(chosenOf * count * width);
  const perStep = Math.ceil(STEP_DISTANCES / 8 / dimensions);
  for (let i = 0; i < chosenOf; i += 1) {
    const at = Math.floor((i * of) / chosenOf);
    const vector = sample.read(of, at, at + 1);
    const { codes, scale } = centroids.at(places[at]!);
    for (let j = 0; j < dimensions; j += 1) residuals[i * count * width + j] = vector[j]! - codes[j]! * scale;
    if (i % perStep === perStep - 1) yield;
  }
  const codebook = new Float32Array(count * CODEWORDS * width);
  for (let m = 0; m < count; m += 1) {
    const draw = (k: number) => chance(seed, m, k);
    const chosen = scattered(chosenOf, draw, (a, b) => squaredDistance(residuals, (a * count + m) * width, (b * count + m) * width, width));
    for (const [k, i] of chosen.entries()) {
      for (let j = 0; j < width; j += 1) codebook[(m * CODEWORDS + k) * width + j] = finite(residuals[(i * count + m) * width + j]!);
    }
    yield;
  }
  return codebook;
}

/** Sixteen of `count` points; some more than once if fewer are distinct. */
function scattered(count: number, draw: (k: number) => number, squared: (a: number, b: number) => number): number[] {
  const chosen = [Math.floor(draw(0) * count)];
  const nearest = new Float64Array(count).fill(Infinity);
  while (chosen.length < CODEWORDS) {
    const last = chosen.at(-1)!;
    let total = 0;
    for (let i = 0; i < count; i += 1) {
      nearest[i] = Math.min(nearest[i]!, squared(i, last));
      total += nearest[i]!;
    }
    let rest = draw(chosen.length) * total;
    let next = 0;
    while (next < count - 1 && rest >= nearest[next]!) {
      rest -= nearest[next]!;
      next += 1;
    }
    chosen.push(next);
  }
  return chosen;
}

function squaredDistance(values: Float64Array, a: number, b: number, width: number): number {
  let sum = 0;
  for (let j = 0; j < width; j += 1) sum += (values[a + j]! - values[b + j]!) ** 2;
  return sum;
}

// Codewords that a step solves for: a millisecond.
const STEP_SOLVED = 2_048;

/** Vectors and the indexes of their lists' centroids, which `nearest` holds. */
export interface AssignedSample {
  readonly sample: Sample;
  readonly of: number;
  readonly nearest: NearestCentroids;
  readonly places: Uint32Array;
}

/** What the codes of a round lost, with the codebook from before it moved. */
interface CodebookRound {
  readonly distortion: number;
  readonly biasMin: number;
  readonly biasMax: number;
}

/**
 * Codes the vectors, then moves each codeword towards where it is best given all other codes. All move at once, so together they would
 * overshoot along the vectors, where all errors add up: by as much as an error there counts more. They go part of the way.
 */
export function* codebookRound(
  assigned: AssignedSample,
  subspaces: Subspaces,
  codebook: Float32Array,
  weight: number,
  coder: ProductCoder,
): Generator<undefined, CodebookRound> {
  const { sample, of, nearest, places } = assigned;
  const perStep = batchCountMax(subspaces.dimensions);
  const [errors, biases] = [new Float64Array(perStep), new Float64Array(perStep)];
  const out = { nibbles: new Uint8Array(perStep * subspaces.count), stride: subspaces.count, errors, biases };
  let [squaredError, biasMin, biasMax] = [0, Infinity, -Infinity];
  coder.setCodebook(codebook, weight);
  for (let from = 0; from < of; from += perStep) {
    const to = Math.min(of, from + perStep);
    coder.encode(sample.read(of, from, to), 0, to - from, nearest, places.subarray(from, to), out);
    for (let i = 0; i < to - from; i += 1) {
      squaredError += errors[i]!;
      biasMin = Math.min(biasMin, biases[i]!);
      biasMax = Math.max(biasMax, biases[i]!);
    }
    yield;
  }
  yield* move(subspaces, codebook, weight, coder);
  return { distortion: squaredError / of, biasMin, biasMax };
}

function* move({ count, width }: Subspaces, codebook: Float32Array, weight: number, coder: ProductCoder): Generator<undefined> {
  const part = 2 / (2 + weight);
  const size = momentSize(width);
  const solved = new Float64Array(width);
  for (let m = 0; m < count; m += 1) {
    const { moments, unit } = coder.momentsOf(m);
    for (let k = 0; k < CODEWORDS; k += 1) {
      if (!solveCodeword(moments.subarray(k * size, (k + 1) * size), width, weight, solved)) continue;
      const start = (m * CODEWORDS + k) * width;
      for (let j = 0; j < width; j += 1)
        codebook[start + j] = finite(codebook[start + j]! + part * (solved[j]! / unit - codebook[start + j]!));
    }
    if ((m * CODEWORDS) % STEP_SOLVED === STEP_SOLVED - CODEWORDS) yield;
  }
}

/**
 * Solves for the codeword that its vectors are coded best with, given their other codes: of `(n I + weight U) w = t`, where `moments` has
 * n, t and the upper triangle of U row by row. Positive definite by n > 0. Writes w; false, and nothing, when n is 0.
 */
function solveCodeword(moments: Float64Array, width: number, weight: number, codeword: Float64Array): boolean {
  const count = moments[0]!;
  if (count === 0) return false;
  const matrix = new Float64Array(width * width);
  let at = 1 + width;
  for (let i = 0; i < width; i += 1) {
    codeword[i] = moments[1 + i]!;
    for (let j = i; j < width; j += 1) {
      const entry = (i === j ? count : 0) + weight * moments[at]!;
      matrix[i * width + j] = entry;
      matrix[j * width + i] = entry;
      at += 1;
    }
  }
  eliminate(matrix, width, codeword);
  return true;
}

/** Gauss without pivoting, which positive definite systems do not need. The right side becomes the solution. */
function eliminate(matrix: Float64Array, width: number, right: Float64Array): void {
  for (let i = 0; i < width; i += 1) {
    for (let row = i + 1; row < width; row += 1) {
      const factor = matrix[row * width + i]! / matrix[i * width + i]!;
      for (let j = i; j < width; j += 1) matrix[row * width + j]! -= factor * matrix[i * width + j]!;
      right[row]! -= factor * right[i]!;
    }
  }
  for (let i = width - 1; i >= 0; i -= 1) {
    for (let j = i + 1; j < width; j += 1) right[i]! -= matrix[i * width + j]! * right[j]!;
    right[i]! /= matrix[i * width + i]!;
  }
}

import { CODEWORDS } from '../lists/list-model.ts';
import { finite } from './float-unit.ts';
import type { NearestCentroids } from './nearest-centroids.ts';
import { batchCountMax } from './nearest-centroids.ts';
import type { ProductCoder, Subspaces } from './product-coder.ts';
import { momentSize } from './product-coder.ts';
import type { Sample } from './sample.ts';
import { solveCodeword } from './solve-codeword.ts';

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
export interface CodebookRound {
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

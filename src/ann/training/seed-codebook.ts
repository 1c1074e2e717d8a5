import { CODEWORDS } from '../lists/list-model.ts';
import type { CentroidSet } from './centroid-set.ts';
import { chance } from './chance.ts';
import type { AssignedSample } from './codebook-round.ts';
import { finite } from './float-unit.ts';
import type { Subspaces } from './product-coder.ts';

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

import type { CentroidSet } from './centroid-set.ts';
import { STEP_COMPONENTS } from './centroid-set.ts';
import { ListSums } from './list-sums.ts';
import type { NearestCentroids } from './nearest-centroids.ts';
import type { Sample } from './sample.ts';

// Products of components that a step takes at most: about a millisecond.
const STEP_PRODUCTS = 16_777_216;

/** Vectors that one step assigns to the nearest of `centroidCount` centroids. */
export const assignedPerStep = (dimensions: number, centroidCount: number): number =>
  Math.max(4, Math.floor(Math.min(STEP_COMPONENTS, STEP_PRODUCTS / centroidCount) / dimensions));

/**
 * One round of k-means over `of` vectors of the sample: each centroid moves to the mean of the vectors nearest to it. Answers how much
 * less than their squared lengths the squared distances from the centroids before are, halved, in sum: the more the better.
 */
export function* lloydRound(sample: Sample, of: number, centroids: CentroidSet, nearest: NearestCentroids): Generator<undefined, number> {
  const { count, dimensions } = centroids;
  yield* centroids.loadInto(nearest);
  const sums = new ListSums(count, dimensions);
  const perStep = assignedPerStep(dimensions, count);
  const [places, gains] = [new Uint32Array(perStep), new Float64Array(perStep)];
  let gain = 0;
  for (let from = 0; from < of; from += perStep) {
    const to = Math.min(of, from + perStep);
    const vectors = sample.read(of, from, to);
    nearest.nearest(vectors, to - from, places, gains);
    for (let i = 0; i < to - from; i += 1) {
      sums.add(places[i]!, vectors, i * dimensions);
      gain += gains[i]!;
    }
    yield;
  }
  yield* sums.evenOut();
  const mean = new Float32Array(dimensions);
  const movedPerStep = Math.ceil(STEP_COMPONENTS / dimensions);
  for (let place = 0; place < count; place += 1) {
    if (sums.meanOf(place, mean)) centroids.set(place, mean);
    if (place % movedPerStep === movedPerStep - 1) yield;
  }
  return gain;
}

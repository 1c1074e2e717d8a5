import { prepare } from '../../../src/ann/lists/list-model.ts';
import { PostingLists } from '../../../src/ann/lists/posting-lists.ts';
import type { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';
import { Encoder } from '../../../src/ann/training/encoder.ts';
import type { TrainKernels } from '../../../src/ann/training/train-kernels.ts';
import { Training } from '../../../src/ann/training/training.ts';
import { subspaceDimensionsFor } from '../../../src/ann/training/training-options.ts';
import type { ImageList } from './list-image.ts';
import { encodeImage } from './list-image.ts';
import type { VectorSet } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

export interface ListPlan {
  readonly listCount: number;
  readonly sampleCount: number;
  readonly subspaceDimensions?: number;
  readonly hasLowPlane: boolean;
}

const BATCH = 1024;

/** Trains on a sample and makes every vector of a set an entry: what a shard's upkeep does, without its store and its slices. */
export function buildLists(train: TrainKernels, probe: ProbeKernels, set: VectorSet, plan: ListPlan): Uint8Array<ArrayBuffer> {
  const { metric, base } = set;
  const { dimensions } = base;
  const sample = sampleOf(set, plan.sampleCount);
  const options = { subspaceDimensions: subspaceDimensionsFor(dimensions), ...plan, metric, dimensions, seed: 1 };
  const training = Training.start(train, options, sample);
  while (!training.step());
  const { model, centroids } = training.result();
  training.free();
  const lists = new PostingLists(probe, model);
  centroids.forEach((centroid, list) => lists.putList(list, centroid, 0));
  const encoder = new Encoder(train, model);
  encoder.setCentroids(centroids.map((centroid, list) => ({ list, centroid })));
  for (let start = 0; start < base.count; start += BATCH) {
    const rows = Array.from({ length: Math.min(BATCH, base.count - start) }, (_, i) => start + i);
    const prepared = new Float32Array(rows.length * dimensions);
    prepare(model, base.values.subarray(start * dimensions, (start + rows.length) * dimensions), prepared);
    const assigned = encoder.assign(prepared, rows.length);
    const { entries } = encoder.encode(prepared, rows, assigned);
    assigned.forEach((list, i) => lists.append(list, entries, i, i + 1));
  }
  const stored = centroids.map((centroid, list): ImageList => {
    return { list, centroid, entryCount: lists.entryCount(list), blocks: lists.blocks(list, 0) };
  });
  const image = encodeImage(model, stored);
  lists.free();
  encoder.free();
  return image;
}

/** Evenly spread over the set, whose order says nothing. */
function sampleOf({ base }: VectorSet, count: number): Float32Array {
  const taken = Math.min(count, base.count);
  const sample = new Float32Array(taken * base.dimensions);
  for (let i = 0; i < taken; i += 1) sample.set(vectorAt(base, Math.floor((i * base.count) / taken)), i * base.dimensions);
  return sample;
}

import { PageMemory } from '../../../src/ann/page-memory.ts';
import { TrainKernels } from '../../../src/ann/training/train-kernels.ts';
import type { TrainingOptions } from '../../../src/ann/training/training-state.ts';
import { Training } from '../../../src/ann/training/training.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { trainModule } from '../fakes/train-module.ts';

export const trainKernels = new TrainKernels(trainModule, new PageMemory(32 * 1024 * 1024));

/** Runs a training from start to end. */
export function trainWhole(options: TrainingOptions, sample: Float32Array): ReturnType<Training['result']> {
  const training = Training.start(trainKernels, options, sample.slice());
  while (!training.step());
  training.free();
  return training.result();
}

/** Vectors around `clusters` centres, within `spread` of them in every component; each cluster has half the share of the one before. */
export function clustered(count: number, dimensions: number, clusters: number, spread: number, seed: number): Float32Array {
  const random = new Seeded(seed);
  const centres = Float32Array.from({ length: clusters * dimensions }, () => random.next() * 2 - 1);
  const values = new Float32Array(count * dimensions);
  for (let i = 0; i < count; i += 1) {
    const cluster = Math.min(clusters - 1, Math.floor(-Math.log2(1 - random.next())));
    for (let j = 0; j < dimensions; j += 1)
      values[i * dimensions + j] = centres[cluster * dimensions + j]! + (random.next() * 2 - 1) * spread;
  }
  return values;
}

import type { Centroid, ListModel } from '../lists/list-model.ts';
import type { TrainKernels } from './train-kernels.ts';
import type { TrainingOptions } from './training-options.ts';

/** Learns centroids and a model from a sample, in bounded steps. However it is interrupted and resumed, the result is the same. */
export declare class Training {
  /** `sample`: vectors as stored, at least one. [count x dimensions] */
  static start(kernels: TrainKernels, options: TrainingOptions, sample: Float32Array): Training;
  /** Goes on from a checkpoint made under the same options and sample. Throws if the bytes are not such a checkpoint. */
  static resume(kernels: TrainKernels, options: TrainingOptions, sample: Float32Array, checkpoint: Uint8Array): Training;
  /** Bytes of page memory it holds. */
  get bytes(): number;
  /** Does one bounded piece of work; true once there is nothing left. */
  step(): boolean;
  /** Where to go on from. Work since the last such point is done again: a fraction of a second at most. */
  checkpoint(): Uint8Array<ArrayBuffer>;
  /** Once done. */
  result(): { model: ListModel; centroids: Centroid[] };
  free(): void;
}

import type { EncodedEntries } from '../lists/encoded-entries.ts';
import type { Centroid, ListModel } from '../lists/list-model.ts';
import type { TrainKernels } from './train-kernels.ts';

export interface Encoding {
  readonly entries: EncodedEntries;
  /** Summed squared length of what the codes lose: over the count, to be compared with the model's `distortion`. */
  readonly squaredError: number;
}

/** Finds the lists of vectors and codes them against their centroids. All vectors are prepared ones: see `prepare`. */
export declare class Encoder {
  constructor(kernels: TrainKernels, model: ListModel);
  /** Bytes of page memory it holds. */
  get bytes(): number;
  /** The centroids to assign to and code against, in place of those before. At least one. */
  setCentroids(lists: readonly { readonly list: number; readonly centroid: Centroid }[]): void;
  /** The list whose centroid is nearest to each vector, the one given first if several are. [count x dimensions] -> [count] */
  assign(prepared: Float32Array, count: number): Uint32Array;
  /** `lists` has the list of each vector, which need not be the nearest one. */
  encode(prepared: Float32Array, rows: readonly number[], lists: Uint32Array): Encoding;
  free(): void;
}

/** Pages an encoder takes at most. */
export declare function encoderBytes(dimensions: number, subspaceDimensions: number, listCount: number): number;

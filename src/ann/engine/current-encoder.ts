import { Encoder } from '../training/encoder.ts';
import type { TrainKernels } from '../training/train-kernels.ts';
import type { ResidentGeneration } from './resident-generation.ts';

/** The encoder of the generation that was asked for last, with the centroids that its lists have now. */
export class CurrentEncoder {
  readonly #kernels: TrainKernels;
  #current: { readonly encoder: Encoder; readonly generation: ResidentGeneration; readonly centroidsVersion: number } | undefined;

  constructor(kernels: TrainKernels) {
    this.#kernels = kernels;
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#current?.encoder.bytes ?? 0;
  }

  /** Not to be stored by callers: the next change of centroids replaces it. */
  of(generation: ResidentGeneration): Encoder {
    const { centroidsVersion } = generation;
    if (this.#current?.generation !== generation || this.#current.centroidsVersion !== centroidsVersion) {
      this.free();
      const encoder = new Encoder(this.#kernels, generation.model);
      encoder.setCentroids(Array.from(generation.centroids, ([list, centroid]) => ({ list, centroid })));
      this.#current = { encoder, generation, centroidsVersion };
    }
    return this.#current.encoder;
  }

  free(): void {
    this.#current?.encoder.free();
    this.#current = undefined;
  }
}

import type { Metric } from '../../contract/metric.ts';

/** The options of a training. The same options and the same sample give the same result, to the bit. */
export interface TrainingOptions {
  readonly metric: Metric;
  readonly dimensions: number;
  /** How many lists, at least 1. More than there are vectors in the sample leave lists that no vector is nearest to. */
  readonly listCount: number;
  /** A uint32. */
  readonly seed: number;
  /** Whether the index keeps a low-byte plane: goes into the model as it is. */
  readonly hasLowPlane: boolean;
  /** See `subspaceDimensionsFor`. */
  readonly subspaceDimensions: number;
}

/** Dimensions that share a 4-bit code: more codes a vector where there are few dimensions, and never more than 512 codes. */
export function subspaceDimensionsFor(dimensions: number): number {
  if (dimensions <= 8) return 1;
  if (dimensions <= 48) return 2;
  if (dimensions <= 128) return 3;
  return Math.max(4, Math.ceil(dimensions / 512));
}

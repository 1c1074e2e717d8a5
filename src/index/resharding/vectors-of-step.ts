import { SHARD_CENTROIDS } from './split-region.ts';

/** Multiplications of one step: about a millisecond. */
const STEP_PRODUCTS = 1_000_000;

/** So many vectors are ranked by so many shards in one step. */
export const vectorsOfStep = (shards: number, dimensions: number): number =>
  Math.max(1, Math.floor(STEP_PRODUCTS / (shards * SHARD_CENTROIDS * dimensions)));

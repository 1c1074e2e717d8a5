import { LIMITS } from '../../contract/limits.ts';

/** How many shards with a region a shard group may have. */
export interface DistrictSizes {
  /** One that has more is divided in two. */
  readonly shardsMax: number;
  /** One that has fewer joins its nearest. Less than half of the most. */
  readonly shardsMin: number;
}

export const DISTRICT_SIZES: DistrictSizes = { shardsMax: LIMITS.districtShardsMaxCount, shardsMin: LIMITS.districtShardsMinCount };

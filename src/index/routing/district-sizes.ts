import { LIMITS } from '../../contract/limits.ts';

/** Shards of a shard group that own a region. */
export interface DistrictSizes {
  /** One that has more is divided in two. */
  readonly shardsMax: number;
  /** One that has fewer joins its nearest. Less than half of the most. */
  readonly shardsMin: number;
}

export const DISTRICT_SIZES: DistrictSizes = { shardsMax: LIMITS.districtShardsMaxCount, shardsMin: LIMITS.districtShardsMinCount };

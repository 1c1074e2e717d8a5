import { DEFAULT_SETTINGS } from '../../contract/pool-record.ts';
import type { PoolRecord } from '../../contract/pool-record.ts';
import type { PoolSpec } from '../engine/model/pool-spec.ts';

/** A pool as the engine sees it. */
export function poolSpecOf({ id, settings = DEFAULT_SETTINGS }: PoolRecord): PoolSpec {
  const { market, region, placer, elasticity, eviction } = settings;
  const spec: PoolSpec = { id, region, backend: 'agent', market, elasticity, placer };
  if (eviction === null) return spec;
  // What a pool says of who may evict counts for nothing: that is up to queues.
  return {
    ...spec,
    eviction: {
      ...eviction,
      victimOrder: 'least_lost_work',
      reclaimWithinCohort: true,
      preemptWithinQueue: true,
      preemptForFairShare: true,
    },
  };
}

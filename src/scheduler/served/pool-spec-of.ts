import { DEFAULT_SETTINGS } from '../../contract/pool-record.ts';
import type { PoolRecord } from '../../contract/pool-record.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { PoolSpec } from '../engine/model/pool-spec.ts';
import { brought } from './node-of.ts';

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

/** What the engine learns of a pool that comes or changes: also which accelerators it would bring if jobs asked for them. [J113] */
export const poolEvents = (kind: 'add_pool' | 'change_pool', pool: PoolRecord): readonly CellEvent[] => [
  ...brought(namesOf(pool)),
  { kind, spec: poolSpecOf(pool) },
];

function namesOf({ settings }: PoolRecord): readonly string[] {
  const name = settings?.elasticity?.template.accelerator ?? null;
  return name === null ? [] : [name];
}

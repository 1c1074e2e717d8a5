import type { PoolId } from '../../kernel/ids.ts';
import { KIND_FACTS } from '../jobs/job-facts.ts';
import type { MARKETS } from '../jobs/job-terms.ts';
import type { Capacity } from '../jobs/node-capacity.ts';

export const PLACERS = ['least_waste', 'tightest_fit'] as const;
export const SCHEDULER_KINDS = [...new Set(Object.values(KIND_FACTS).map(({ schedulerKind }) => schedulerKind))] as const;

/** A pool as registered. Plain data: it crosses RPC and is stored as one row. */
export interface PoolRecord {
  readonly id: PoolId;
  readonly name: string;
  /** The team that owns it. */
  readonly owner: string;
  readonly createdAtMs: number;
  /** Absent in pools of before there were any: `DEFAULT_SETTINGS`. */
  readonly settings?: PoolSettings;
}

/** The settings of a pool. Plain data. */
export interface PoolSettings {
  readonly market: (typeof MARKETS)[number];
  readonly region: string;
  readonly placer: (typeof PLACERS)[number];
  readonly elasticity: {
    readonly nodesMin: number;
    readonly nodesMax: number;
    readonly template: Capacity;
    readonly provisioningMs: number;
    readonly idleMs: number;
  } | null;
  readonly eviction: {
    readonly runtimeMinMs: number;
    readonly graceMaxMs: number;
    readonly leavingMaxCount: number;
    readonly protectedPriority: number | null;
    readonly protectedKinds: readonly (typeof SCHEDULER_KINDS)[number][];
  } | null;
  /** Hosts at which replicas of the pool may be, besides the addresses of its agents. Absent in pools of before: none. */
  readonly replicaHosts?: readonly string[];
}

/** A price as operators state it: what it is for, from when until when, what an hour costs the pool, and the margin on that. */
export interface StatedPrice {
  readonly accelerator: string | null;
  readonly fromMs: number;
  /** Null: until it is stated anew. */
  readonly untilMs: number | null;
  readonly costNanoDollarsPerHour: number;
  /** Thousandths of the cost. */
  readonly marginPerMille: number;
}

/** A pool of before there were settings. */
export const DEFAULT_SETTINGS: PoolSettings = {
  market: 'reserved',
  region: 'local',
  placer: 'least_waste',
  elasticity: null,
  eviction: null,
  replicaHosts: [],
};

import type { PoolId } from '../../../kernel/ids.ts';

/** How capacity is bought. */
export type Market = 'reserved' | 'on_demand' | 'spot';

/** A set of nodes of one kind, run by one backend in one region. */
export interface PoolSpec {
  readonly id: PoolId;
  readonly region: string;
  readonly backend: 'agent' | 'slurm' | 'kubernetes' | 'ray' | 'openai';
  readonly market: Market;
  /** How the pool grows and shrinks; null when its nodes are what they are. */
  readonly elasticity: PoolElasticity | null;
  /** What the pool adds to the policies of queues; nothing where it is absent. */
  readonly eviction?: EvictionPolicy;
  /** How nodes are chosen in it; `least_waste` where it is absent. */
  readonly placer?: PlacerPolicy;
}

/**
 * `least_waste`: where the least is lost for the jobs that there are. `tightest_fit`: on the nodes that are left with least, so that others
 * stay empty.
 */
export type PlacerPolicy = 'least_waste' | 'tightest_fit';

export interface PoolElasticity {
  readonly nodesMin: number;
  readonly nodesMax: number;
  /** What each node of the pool is. */
  readonly template: NodeTemplate;
  /** From asking for a node to work on it. */
  readonly provisioningMs: number;
  /** A node that had nothing to do for this long is given back. */
  readonly idleMs: number;
}

export interface NodeTemplate {
  readonly accelerator: string | null;
  readonly acceleratorCount: number;
  readonly cpuMilli: number;
  readonly memoryMib: number;
}

/** A machine that jobs run on. */
export interface NodeSpec extends NodeTemplate {
  readonly id: string;
  readonly poolId: PoolId;
  /** The domains it lies in, by level, such as `rack: r7` or, for a TPU host, `slice: pod-2`. */
  readonly domains: Readonly<Record<string, string>>;
  /** Its ordinal among its neighbours: slices of TPUs are blocks of hosts whose first ordinal is a multiple of the block's size. */
  readonly ordinal: number;
  /** Jobs that it runs at once, at most; as many as there is room for where it is absent. */
  readonly jobsMax?: number;
  /** What it has for weights, those in use counted in, whatever jobs claim; absent: memory that no job claims. */
  readonly weightsMaxMib?: number;
}

/** A kind of accelerator. Amounts of it are counted in thousandths of one device: 1000 is a whole one. */
export interface AcceleratorType {
  readonly name: string;
  readonly kind: 'gpu' | 'tpu' | 'inference';
  readonly memoryMib: number;
  /** Whether jobs may share one device. */
  readonly sharing: 'fractional' | 'whole';
}

/** All of one device. */
export const WHOLE_MILLI = 1000;

/** What a job is, as policies tell jobs apart. */
export type JobKind = 'training' | 'batch_inference' | 'online_inference' | 'index_build' | 'distillation' | 'command';

/** How jobs of a queue, or in a pool, may be evicted. Where both say something, the stricter holds. */
export interface EvictionPolicy {
  /** Which of the permitted victims goes first. */
  readonly victimOrder: 'least_lost_work' | 'most_recent';
  /** A job is left alone for this long after it has started to run. */
  readonly runtimeMinMs: number;
  /** The longest a job is given to save and leave, whatever it asks for. */
  readonly graceMaxMs: number;
  /** Jobs that may be leaving at once. */
  readonly leavingMaxCount: number;
  /** Jobs of this priority and above are not evicted for others; null when none are safe. */
  readonly protectedPriority: number | null;
  readonly protectedKinds: readonly JobKind[];
  /** Whether its jobs take back what others borrowed. */
  readonly reclaimWithinCohort: boolean;
  /** Whether that is from jobs of less priority alone; absent: from any. */
  readonly reclaimsLowerOnly?: boolean;
  /** Whether its jobs evict others of the same queue with less priority. */
  readonly preemptWithinQueue: boolean;
  /** Whether its jobs evict those of queues that have a larger share. */
  readonly preemptForFairShare: boolean;
}

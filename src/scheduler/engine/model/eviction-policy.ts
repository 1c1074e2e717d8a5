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

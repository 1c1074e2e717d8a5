import type { EvictionPolicy } from '../preemption/eviction-policy.ts';

/** A node of the cohort tree. Queues are its leaves; what a cohort does not use, its members may borrow. */
export interface CohortSpec {
  readonly name: string;
  readonly parent: string | null;
  /** Of several that want the same, one of twice the weight gets twice as much. 1000 is one. */
  readonly weightMilli: number;
  /** By resource: `cpu`, `memory` or a type of accelerator. One that no member of a tree has a quota of is not limited there. */
  readonly quotas: Readonly<Record<string, Quota>>;
  /** How jobs of the queue may be evicted, and what they may evict; null for a cohort. */
  readonly eviction: EvictionPolicy | null;
}

export interface Quota {
  /** Guaranteed, whatever others do. */
  readonly nominal: number;
  /** The most it may use of what others leave; null when all. */
  readonly borrowingMax: number | null;
  /** The most of its own that others may use; null when all. */
  readonly lendingMax: number | null;
}

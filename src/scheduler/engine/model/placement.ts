import type { NodeDemand } from './node-demand.ts';

/** What a job holds of one node. */
export interface Slot {
  /** Index of the node in the `ClusterState`. */
  readonly node: number;
  /** Which accelerators of the node: bit `i` is the i-th. */
  readonly mask: number;
}

/** Where a job runs: the same demand on each of its nodes. */
export interface Placement {
  readonly demand: NodeDemand;
  readonly slots: readonly Slot[];
}

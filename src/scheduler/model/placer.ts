import type { ClusterState } from './cluster-state.ts';
import type { NodeDemand } from './node-demand.ts';
import type { Slot } from './placement.ts';
import type { TopologyRequest } from './resource-option.ts';

/** What is to be placed: `count` times `demand`, each on a node of its own. */
export interface PlacementRequest {
  /** Where it may go, by index: those without accelerators first where none are needed. */
  readonly nodes: readonly number[];
  readonly demand: NodeDemand;
  readonly count: number;
  readonly topology: TopologyRequest | null;
  /** Whether one of `nodes` may be used now, whatever room it has. */
  readonly allows: (node: number) => boolean;
}

/** Chooses nodes. The same state and request give the same answer, and nothing is changed: the caller allocates. */
export type Placer = (cluster: ClusterState, request: PlacementRequest) => readonly Slot[] | undefined;

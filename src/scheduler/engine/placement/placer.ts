import type { Slot } from '../model/cluster-state.ts';
import type { NodeDemand, TopologyRequest } from '../model/job-spec.ts';

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

/** Chooses nodes of one cluster. The same state and request give the same answer, and nothing is changed: the caller allocates. */
export interface Placer {
  place(request: PlacementRequest): readonly Slot[] | undefined;
  /** What a placement that there is room for wastes: placements of the same demand may be compared, wherever they are. */
  waste(demand: NodeDemand, slots: readonly Slot[]): number;
}

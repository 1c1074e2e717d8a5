import { tightestMask } from '../model/accelerator-mask.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { NodeDemand } from '../model/node-demand.ts';

/** The sets of accelerators worth comparing on a node that fits: for a part of one, the first of each amount free that is enough. */
export function candidateMasks(cluster: ClusterState, node: number, demand: NodeDemand): readonly number[] {
  if (demand.acceleratorCount !== 1) return [tightestMask(cluster, node, demand)];
  const masks: number[] = [];
  const amounts: number[] = [];
  for (let index = 0; index < cluster.spec(node).acceleratorCount; index++) {
    const free = cluster.acceleratorFreeMilli(node, index);
    if (free < demand.milliEach || amounts.includes(free)) continue;
    amounts.push(free);
    masks.push(1 << index);
  }
  return masks;
}

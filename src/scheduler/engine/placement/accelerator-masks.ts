import type { ClusterState } from '../model/cluster-state.ts';
import type { NodeDemand } from '../model/job-spec.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';

/**
 * The accelerators a demand would best take on a node that fits it: those with the least free that is enough, lowest index first,
 * so that parts gather on few devices and whole ones stay whole.
 */
export function tightestMask(cluster: ClusterState, node: number, { acceleratorCount, milliEach }: NodeDemand): number {
  let mask = 0;
  for (let taken = 0; taken < acceleratorCount; taken++) {
    let best = -1;
    let bestFree = WHOLE_MILLI + 1;
    for (let index = 0; index < cluster.spec(node).acceleratorCount; index++) {
      const free = cluster.acceleratorFreeMilli(node, index);
      if ((mask & (1 << index)) === 0 && free >= milliEach && free < bestFree) {
        best = index;
        bestFree = free;
      }
    }
    mask |= 1 << best;
  }
  return mask;
}

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

/** What is free of each accelerator of a node once `milliEach` is taken of those of a mask. */
export function freeAfter(cluster: ClusterState, node: number, mask: number, milliEach: number): number[] {
  const free: number[] = [];
  for (let index = 0; index < cluster.spec(node).acceleratorCount; index++) {
    free.push(cluster.acceleratorFreeMilli(node, index) - ((mask >> index) & 1) * milliEach);
  }
  return free;
}

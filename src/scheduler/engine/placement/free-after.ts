import type { ClusterState } from '../model/cluster-state.ts';

/** What is free of each accelerator of a node once `milliEach` is taken of those of a mask. */
export function freeAfter(cluster: ClusterState, node: number, mask: number, milliEach: number): number[] {
  const free: number[] = [];
  for (let index = 0; index < cluster.spec(node).acceleratorCount; index++) {
    free.push(cluster.acceleratorFreeMilli(node, index) - ((mask >> index) & 1) * milliEach);
  }
  return free;
}

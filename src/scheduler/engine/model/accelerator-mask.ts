import { WHOLE_MILLI } from './accelerator-type.ts';
import type { NodeDemand } from './node-demand.ts';

/** What is free of each accelerator of a node. */
interface FreeAccelerators {
  spec(node: number): { readonly acceleratorCount: number };
  acceleratorFreeMilli(node: number, index: number): number;
}

/** How many accelerators a mask names. */
export function maskSize(mask: number): number {
  let size = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) size += 1;
  return size;
}

/**
 * The accelerators a demand would best take on a node that fits it: those with the least free that is enough, lowest index first,
 * so that parts gather on few devices and whole ones stay whole.
 */
export function tightestMask(cluster: FreeAccelerators, node: number, { acceleratorCount, milliEach }: NodeDemand): number {
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

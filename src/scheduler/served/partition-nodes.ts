import type { PartitionName } from '../../contract/pool-partition.ts';
import { partitionAt, partitionOfAgent, ROOT_PARTITION } from '../../contract/pool-partition.ts';
import type { Fleet } from '../engine/cell/fleet.ts';

/** The nodes of each partition of a pool, counted anew only when nodes have come or gone. [P33] */
export class PartitionNodes {
  /** By the list of a pool's nodes, which grows in place and is replaced when it shrinks. */
  readonly #counted = new WeakMap<readonly number[], { readonly length: number; readonly counts: ReadonlyMap<number, number> }>();

  nodesOf(fleet: Fleet, partition: PartitionName): readonly number[] {
    const { poolId, number } = partitionAt(partition);
    return fleet.nodesOf(poolId).filter((index) => partitionOfAgent(fleet.node(index).spec.id) === number);
  }

  countOf(fleet: Fleet, partition: PartitionName): number {
    const { poolId, number } = partitionAt(partition);
    const nodes = fleet.nodesOf(poolId);
    const known = this.#counted.get(nodes);
    if (known?.length === nodes.length) return known.counts.get(number) ?? 0;
    const counts = new Map<number, number>([[ROOT_PARTITION, 0]]);
    for (const index of nodes) {
      const of = partitionOfAgent(fleet.node(index).spec.id);
      counts.set(of, (counts.get(of) ?? 0) + 1);
    }
    this.#counted.set(nodes, { length: nodes.length, counts });
    return counts.get(number) ?? 0;
  }
}

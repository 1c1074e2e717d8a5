import type { ClusterState } from '../../engine/model/cluster-state.ts';
import { candidateMasks } from '../../engine/placement/candidate-masks.ts';
import { Fragmentation } from '../../engine/placement/fragmentation.ts';
import { freeAfter } from '../../engine/placement/free-after.ts';
import type { NodeChoice, NodeCost } from '../../engine/placement/node-cost.ts';
import type { Shape, WeightedShape } from '../../engine/placement/shape.ts';
import { WHOLE_MILLI } from '../../engine/model/accelerator-type.ts';

/**
 * Fragmentation Gradient Descent as published (Weng et al., ATC 2023): how much the fragmentation of a node falls, squeezed into whole
 * points from 0 to 100. Many nodes get the same points: that the first of them is taken is part of its results.
 */
export class FgdCost implements NodeCost {
  readonly #cluster: ClusterState;
  readonly #typical: readonly WeightedShape[];
  readonly #fragmentation = new Map<string, Fragmentation>();

  constructor(cluster: ClusterState, typical: readonly WeightedShape[]) {
    this.#cluster = cluster;
    this.#typical = typical;
  }

  choose(node: number, shape: Shape): NodeChoice {
    const cpuFree = this.#cluster.columns.cpuFreeMilli[node] ?? 0;
    const before = this.#milli(node, cpuFree, freeAfter(this.#cluster, node, 0, 0));
    let best: NodeChoice = { cost: Infinity, mask: 0 };
    for (const mask of candidateMasks(this.#cluster, node, shape)) {
      const after = this.#milli(node, cpuFree - shape.cpuMilli, freeAfter(this.#cluster, node, mask, shape.milliEach));
      const points = Math.floor(100 / (1 + Math.exp((after - before) / WHOLE_MILLI)));
      if (-points < best.cost) best = { cost: -points, mask };
    }
    return best;
  }

  #milli(node: number, cpuFreeMilli: number, free: readonly number[]): number {
    const { accelerator } = this.#cluster.spec(node);
    if (accelerator === null) return 0;
    const known = this.#fragmentation.get(accelerator) ?? new Fragmentation(this.#typical, accelerator);
    this.#fragmentation.set(accelerator, known);
    return known.milli(cpuFreeMilli, free);
  }
}

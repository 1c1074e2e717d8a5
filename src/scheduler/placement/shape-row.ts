import type { ClusterState } from '../model/cluster-state.ts';
import type { NodeCost } from './node-cost.ts';
import type { Shape } from './shape.ts';
import { acceptsType } from './shape.ts';

/** The costs of one shape on every node it may ever use. A node is judged again only once it has changed. */
export class ShapeRow {
  /** Nodes by index, lowest first. */
  readonly nodes: Int32Array;
  readonly #cluster: ClusterState;
  readonly #judge: NodeCost;
  readonly #shape: Shape;
  readonly #costs: Float64Array;
  readonly #masks: Int32Array;
  readonly #wholeLeft: Uint8Array;
  readonly #revisionSeen: Float64Array;

  constructor(cluster: ClusterState, judge: NodeCost, shape: Shape) {
    const nodes: number[] = [];
    for (let node = 0; node < cluster.length; node++) {
      const type = cluster.spec(node).accelerator;
      if (shape.acceleratorCount === 0 || (type !== null && acceptsType(shape, type))) nodes.push(node);
    }
    this.nodes = Int32Array.from(nodes);
    this.#cluster = cluster;
    this.#judge = judge;
    this.#shape = shape;
    this.#costs = new Float64Array(nodes.length);
    this.#masks = new Int32Array(nodes.length);
    this.#wholeLeft = new Uint8Array(nodes.length);
    this.#revisionSeen = new Float64Array(nodes.length).fill(-1);
  }

  /** The cost at a place of `nodes`; infinite where the shape does not fit. */
  cost(place: number): number {
    const node = this.nodes[place] ?? 0;
    const revision = this.#cluster.columns.revision[node] ?? 0;
    if (this.#revisionSeen[place] !== revision) {
      this.#revisionSeen[place] = revision;
      this.#judgeAgain(place, node);
    }
    return this.#costs[place] ?? Infinity;
  }

  /** The accelerators the cost is for. Ask `cost` first. */
  mask(place: number): number {
    return this.#masks[place] ?? 0;
  }

  /** How many accelerators nobody would have a part of. Ask `cost` first. */
  wholeLeft(place: number): number {
    return this.#wholeLeft[place] ?? 0;
  }

  #judgeAgain(place: number, node: number): void {
    if (!this.#cluster.fits(node, this.#shape)) {
      this.#costs[place] = Infinity;
      return;
    }
    const { cost, mask } = this.#judge.choose(node, this.#shape);
    this.#costs[place] = cost;
    this.#masks[place] = mask;
    let whole = this.#cluster.columns.wholeFree[node] ?? 0;
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      if (this.#cluster.acceleratorFreeMilli(node, 31 - Math.clz32(rest & -rest)) === 1000) whole -= 1;
    }
    this.#wholeLeft[place] = whole;
  }
}

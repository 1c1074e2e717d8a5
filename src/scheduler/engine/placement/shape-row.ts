import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { NodeCost } from './node-cost.ts';
import type { Shape } from './shape.ts';
import { acceptsType } from './shape.ts';

/** The costs of one shape on every node, for as many nodes as the cluster has room for now. A node is judged again once it has changed. */
export class ShapeRow {
  readonly #cluster: ClusterState;
  readonly #judge: NodeCost;
  readonly #shape: Shape;
  readonly #costs: Float64Array;
  readonly #masks: Uint16Array;
  readonly #wholeTaken: Uint8Array;
  /** One more than the revision it was judged at; 0 for never. */
  readonly #judgedAt: Float64Array;

  constructor(cluster: ClusterState, judge: NodeCost, shape: Shape) {
    const capacity = cluster.columns.revision.length;
    this.#cluster = cluster;
    this.#judge = judge;
    this.#shape = shape;
    this.#costs = new Float64Array(capacity);
    this.#masks = new Uint16Array(capacity);
    this.#wholeTaken = new Uint8Array(capacity);
    this.#judgedAt = new Float64Array(capacity);
  }

  /** What the shape costs on a node; infinite where it does not fit. */
  cost(node: number): number {
    const at = (this.#cluster.columns.revision[node] ?? 0) + 1;
    if (this.#judgedAt[node] !== at) {
      this.#judgedAt[node] = at;
      this.#judgeAgain(node);
    }
    return this.#costs[node] ?? Infinity;
  }

  /** The accelerators the cost is for. Ask `cost` first. */
  mask(node: number): number {
    return this.#masks[node] ?? 0;
  }

  /** How many wholly idle accelerators it would take, or break up. Call `cost` first. */
  wholeTaken(node: number): number {
    return this.#wholeTaken[node] ?? 0;
  }

  #judgeAgain(node: number): void {
    if (!this.#fits(node)) {
      this.#costs[node] = Infinity;
      return;
    }
    const { cost, mask } = this.#judge.choose(node, this.#shape);
    this.#costs[node] = cost;
    this.#masks[node] = mask;
    let whole = 0;
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      if (this.#cluster.acceleratorFreeMilli(node, 31 - Math.clz32(rest & -rest)) === WHOLE_MILLI) whole += 1;
    }
    this.#wholeTaken[node] = whole;
  }

  #fits(node: number): boolean {
    const { accelerator } = this.#cluster.spec(node);
    const isItsType = this.#shape.acceleratorCount === 0 || (accelerator !== null && acceptsType(this.#shape, accelerator));
    return isItsType && this.#cluster.fits(node, this.#shape);
  }
}

import { must } from '../../kernel/assert.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { Slot } from '../model/placement.ts';
import type { GangScarcity } from './gang-scarcity.ts';
import type { NodeCost } from './node-cost.ts';
import type { Shape } from './shape.ts';
import { ShapeRow } from './shape-row.ts';

/** Finds the node where a shape costs least. Ties go to the node with the lowest index. */
export class CostBoard {
  readonly #cluster: ClusterState;
  readonly #shapes: readonly Shape[];
  readonly #rows: readonly ShapeRow[];
  readonly #gangs: GangScarcity | null;

  constructor(cluster: ClusterState, shapes: readonly Shape[], judge: NodeCost, gangs: GangScarcity | null) {
    this.#cluster = cluster;
    this.#shapes = shapes;
    this.#rows = shapes.map((shape) => new ShapeRow(cluster, judge, shape));
    this.#gangs = gangs;
  }

  /** Where to place a shape, by its index; undefined when it fits nowhere. */
  cheapest(shapeIndex: number): Slot | undefined {
    const shape = must(this.#shapes[shapeIndex], 'the shape is known');
    const row = must(this.#rows[shapeIndex], 'the shape is known');
    const prices = this.#gangs?.prices(shape.acceleratorCount) ?? [];
    let best = -1;
    let bestCost = Infinity;
    for (let place = 0; place < row.nodes.length; place++) {
      let cost = row.cost(place);
      // What a broken block adds is never negative: a node that is dearer without it need not be asked.
      if (cost < bestCost && prices.length > 0) cost += this.#broken(row, place, prices);
      if (cost >= bestCost) continue;
      best = place;
      bestCost = cost;
    }
    return best < 0 ? undefined : { node: row.nodes[best] ?? 0, mask: row.mask(best) };
  }

  #broken(row: ShapeRow, place: number, prices: readonly number[]): number {
    const now = this.#cluster.columns.wholeFree[row.nodes[place] ?? 0] ?? 0;
    const then = row.wholeLeft(place);
    if (then === now) return 0;
    let price = 0;
    for (const [index, size] of (this.#gangs?.sizes ?? []).entries()) {
      price += (prices[index] ?? 0) * (Math.floor(now / size) - Math.floor(then / size));
    }
    return price;
  }
}

import { BoundedHeap } from '../../../kernel/bounded-heap.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { Slot } from '../model/placement.ts';
import type { NodeCost } from './node-cost.ts';
import type { Scarcity } from './scarcity.ts';
import type { Shape } from './shape.ts';
import { ShapeRow } from './shape-row.ts';

/** Shapes whose costs are kept: some 200 kB each at 10,000 nodes. The one not asked for the longest goes first. */
const ROWS_MAX = 64;

type Tariff = (node: number, wholeTaken: number) => number;

const FREE_OF_CHARGE: Tariff = () => 0;

/** Finds the nodes where a shape costs least. Of nodes that cost the same, the one with the lowest index. */
export class CostBoard {
  readonly #cluster: ClusterState;
  readonly #judge: NodeCost;
  readonly #scarcity: Scarcity | null;
  readonly #rows = new Map<Shape, ShapeRow>();
  /** What was asked for last, which often is asked for again. */
  #last: { readonly shape: Shape; readonly row: ShapeRow } | undefined;
  readonly #capacity: number;

  constructor(cluster: ClusterState, judge: NodeCost, scarcity: Scarcity | null) {
    this.#cluster = cluster;
    this.#judge = judge;
    this.#scarcity = scarcity;
    this.#capacity = cluster.columns.revision.length;
  }

  /** Whether the cluster has become larger than what the board was made for. */
  get isOutgrown(): boolean {
    return this.#cluster.length > this.#capacity;
  }

  /** Which of some nodes cost least, each once and the cheapest first; undefined when fewer than `count` have room. */
  cheapest(shape: Shape, nodes: readonly number[], count: number, allows: (node: number) => boolean): readonly Slot[] | undefined {
    const row = this.#row(shape);
    const tariff = this.#scarcity?.tariff(shape) ?? FREE_OF_CHARGE;
    if (count === 1) {
      const node = cheapestOne(row, nodes, tariff, allows);
      return node === undefined ? undefined : [{ node, mask: row.mask(node) }];
    }
    const heap = new BoundedHeap<{ readonly node: number; readonly cost: number }>(count, (a, b) => a.cost - b.cost || a.node - b.node);
    for (const node of nodes) {
      const cost = row.cost(node);
      if (cost < Infinity && allows(node)) heap.push({ node, cost: cost + tariff(node, row.wholeTaken(node)) });
    }
    return heap.isFull ? heap.toSorted().map(({ node }) => ({ node, mask: row.mask(node) })) : undefined;
  }

  /** Those of some nodes that are of a type the shape accepts, and have room for it. */
  fitting(shape: Shape, nodes: readonly number[], allows: (node: number) => boolean): readonly number[] {
    const row = this.#row(shape);
    return nodes.filter((node) => row.cost(node) < Infinity && allows(node));
  }

  #row(shape: Shape): ShapeRow {
    if (this.#last?.shape === shape) return this.#last.row;
    const row = this.#rows.get(shape) ?? new ShapeRow(this.#cluster, this.#judge, shape);
    this.#rows.delete(shape);
    this.#rows.set(shape, row);
    this.#last = { shape, row };
    if (this.#rows.size > ROWS_MAX) {
      const [oldest] = this.#rows.keys();
      if (oldest !== undefined) this.#rows.delete(oldest);
    }
    return row;
  }
}

function cheapestOne(row: ShapeRow, nodes: readonly number[], tariff: Tariff, allows: (node: number) => boolean): number | undefined {
  let best = Infinity;
  let bestCost = Infinity;
  for (const node of nodes) {
    let cost = row.cost(node);
    // A tariff only adds: an option that is dearer without it need not be priced.
    if (cost <= bestCost && cost < Infinity) cost += tariff(node, row.wholeTaken(node));
    if (cost > bestCost || cost === Infinity || (cost === bestCost && node > best) || !allows(node)) continue;
    best = node;
    bestCost = cost;
  }
  return best === Infinity ? undefined : best;
}

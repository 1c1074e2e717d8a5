import { BoundedHeap } from '../../../kernel/heap.ts';
import type { ClusterState, Slot } from '../model/cluster-state.ts';
import type { Scarcity } from './scarcity.ts';
import type { Shape } from './workload-mix.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import { acceptsType } from './workload-mix.ts';
import { dropOldest } from '../../../kernel/drop-oldest.ts';

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

  /** What a shape costs on some nodes together, each of which it fits. */
  cost(shape: Shape, slots: readonly Slot[]): number {
    const row = this.#row(shape);
    const tariff = this.#scarcity?.tariff(shape) ?? FREE_OF_CHARGE;
    return slots.reduce((sum, { node }) => sum + row.cost(node) + tariff(node, row.wholeTaken(node)), 0);
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
    dropOldest(this.#rows, ROWS_MAX);
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

/** The costs of one shape on every node, for as many nodes as the cluster has room for now. A node is judged again once it has changed. */
class ShapeRow {
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

/** What placing a job on a node costs the jobs to come, and the accelerators it would take there. */
export interface NodeChoice {
  /** Lower is better. Only differences between nodes mean something. */
  readonly cost: number;
  readonly mask: number;
}

/** Judges the nodes that a shape fits. Looks at nothing but the node, so that an answer holds until the node changes. */
export interface NodeCost {
  choose(node: number, shape: Shape): NodeChoice;
}

/** Kept for one shape and type: nodes differ in their free CPU and in which of their accelerators are free, but not in that many ways. */
const CHOICES_MAX = 4_096;

/** Answers as another does, but asks it only once about nodes that are alike: of one type, with as much CPU and the same accelerators free. */
export class RememberedCost implements NodeCost {
  readonly #cluster: ClusterState;
  readonly #judge: NodeCost;
  readonly #choices = new WeakMap<Shape, Map<string | null, Map<number, NodeChoice>>>();

  constructor(cluster: ClusterState, judge: NodeCost) {
    this.#cluster = cluster;
    this.#judge = judge;
  }

  choose(node: number, shape: Shape): NodeChoice {
    const mask = this.#freeMask(node);
    if (mask < 0) return this.#judge.choose(node, shape);
    const alike = this.#alike(shape, this.#cluster.spec(node).accelerator);
    const key = (this.#cluster.columns.cpuFreeMilli[node] ?? 0) * 2 ** 16 + mask;
    const known = alike.get(key);
    if (known !== undefined) return known;
    const choice = this.#judge.choose(node, shape);
    if (alike.size >= CHOICES_MAX) alike.clear();
    alike.set(key, choice);
    return choice;
  }

  #alike(shape: Shape, accelerator: string | null): Map<number, NodeChoice> {
    const byType = this.#choices.get(shape) ?? new Map<string | null, Map<number, NodeChoice>>();
    this.#choices.set(shape, byType);
    const alike = byType.get(accelerator) ?? new Map<number, NodeChoice>();
    byType.set(accelerator, alike);
    return alike;
  }

  /** Which accelerators of a node are free; -1 when a part of one is, as there are too many ways for that to come back. */
  #freeMask(node: number): number {
    let mask = 0;
    for (let index = 0; index < this.#cluster.spec(node).acceleratorCount; index++) {
      const free = this.#cluster.acceleratorFreeMilli(node, index);
      if (free === WHOLE_MILLI) mask |= 1 << index;
      else if (free !== 0) return -1;
    }
    return mask;
  }
}

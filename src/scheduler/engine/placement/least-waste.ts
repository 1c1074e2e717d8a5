import type { ClusterState, Slot } from '../model/cluster-state.ts';
import type { NodeDemand } from '../model/job-spec.ts';
import { CostBoard, RememberedCost } from './cost-board.ts';
import { domainNodes } from './domains.ts';
import { IdleCapacity } from './idle-capacity.ts';
import type { Placer, PlacementRequest } from './placer.ts';
import { Scarcity } from './scarcity.ts';
import { WasteCost } from './waste-cost.ts';
import type { WorkloadMix, Shape } from './workload-mix.ts';

/** Places where least is wasted, for the present workload mix. */
export class LeastWaste implements Placer {
  readonly #cluster: ClusterState;
  readonly #mix: WorkloadMix;
  readonly #idle: IdleCapacity;
  #mixVersion = -1;
  #scarcity: Scarcity;
  #board: CostBoard;
  /** One object for each demand, as the board knows shapes by. */
  #shapes = new Map<string, Shape>();

  constructor(cluster: ClusterState, mix: WorkloadMix) {
    this.#cluster = cluster;
    this.#mix = mix;
    this.#idle = new IdleCapacity(cluster);
    this.#scarcity = new Scarcity(cluster, [], this.#idle);
    this.#board = new CostBoard(cluster, new WasteCost(cluster, []), null);
  }

  place({ nodes, demand, count, topology, allows }: PlacementRequest): readonly Slot[] | undefined {
    this.#refresh();
    const shape = this.#shapeOf(demand);
    if (topology === null) return this.#board.cheapest(shape, nodes, count, allows);
    const fitting = this.#board.fitting(shape, nodes, allows);
    const together = domainNodes(this.#cluster, fitting, topology, count);
    if (together === undefined && topology.mode === 'required') return undefined;
    return this.#board.cheapest(shape, together ?? fitting, count, allows);
  }

  waste(demand: NodeDemand, slots: readonly Slot[]): number {
    this.#refresh();
    return this.#board.cost(this.#shapeOf(demand), slots);
  }

  /** Begins anew when the mix has changed, or the cluster has grown. */
  #refresh(): void {
    if (this.#mixVersion === this.#mix.version && !this.#board.isOutgrown) return;
    this.#mixVersion = this.#mix.version;
    const shapes = this.#mix.shapes();
    this.#scarcity = new Scarcity(this.#cluster, shapes, this.#idle);
    const cost = new RememberedCost(this.#cluster, new WasteCost(this.#cluster, shapes));
    this.#board = new CostBoard(this.#cluster, cost, this.#scarcity);
    this.#shapes = new Map();
  }

  /** Pools are of one kind: which types a job accepts has been seen to. */
  #shapeOf(demand: NodeDemand): Shape {
    const key = `${demand.cpuMilli} ${demand.memoryMib} ${demand.acceleratorCount} ${demand.milliEach}`;
    const known = this.#shapes.get(key) ?? { ...demand, accelerators: null };
    this.#shapes.set(key, known);
    return known;
  }
}

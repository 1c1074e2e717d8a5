import type { ClusterState } from '../model/cluster-state.ts';
import { GangScarcity } from './gang-scarcity.ts';
import { gangsOf } from './gang.ts';
import { IdleCapacity } from './idle-capacity.ts';
import type { Shape, WeightedShape } from './shape.ts';
import { acceleratorMilli } from './shape.ts';
import { TypeScarcity } from './type-scarcity.ts';

/** What a job takes of what others need more, which depends on what is idle everywhere: types, and blocks for gangs. Never negative. */
export class Scarcity {
  readonly #cluster: ClusterState;
  readonly #idle: IdleCapacity;
  readonly #types: TypeScarcity;
  readonly #gangs: GangScarcity;

  /** `idle` is what is idle on the nodes of `cluster`, and counts for this mix from now on. */
  constructor(cluster: ClusterState, mix: readonly WeightedShape[], idle = new IdleCapacity(cluster)) {
    this.#cluster = cluster;
    this.#idle = idle;
    idle.countFor(gangsOf(mix));
    this.#types = new TypeScarcity(mix);
    this.#gangs = new GangScarcity(mix);
  }

  /** What each type costs others now, per thousandth. */
  typePrices(): ReadonlyMap<string, number> {
    this.#idle.refresh();
    return this.#types.prices(this.#idle);
  }

  /** What a shape costs others now on a node, if it takes so many whole accelerators there. */
  tariff(shape: Shape): (node: number, wholeTaken: number) => number {
    const types = this.typePrices();
    const gangs = this.#gangs.prices(this.#idle, shape);
    const milli = acceleratorMilli(shape);
    // Nodes with as much free break up as many blocks: most nodes are like many others.
    const known = new Map<number, number>();
    const broken = (whole: number, cpuFreeMilli: number, wholeTaken: number): number => {
      const key = (wholeTaken * 32 + whole) * 2 ** 31 + cpuFreeMilli;
      const price = known.get(key) ?? this.#gangs.broken(gangs, { whole, cpuFreeMilli }, wholeTaken, shape.cpuMilli);
      known.set(key, price);
      return price;
    };
    return (node, wholeTaken) => {
      const { accelerator } = this.#cluster.spec(node);
      const { wholeFree, cpuFreeMilli } = this.#cluster.columns;
      const type = accelerator === null ? 0 : (types.get(accelerator) ?? 0) * milli;
      return gangs.length === 0 ? type : type + broken(wholeFree[node] ?? 0, cpuFreeMilli[node] ?? 0, wholeTaken);
    };
  }
}

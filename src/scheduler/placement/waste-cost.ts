import { must } from '../../kernel/assert.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import { candidateMasks } from './candidate-masks.ts';
import { Fragmentation } from './fragmentation.ts';
import type { NodeChoice, NodeCost } from './node-cost.ts';
import type { Shape, WeightedShape } from './shape.ts';
import { acceleratorMilli } from './shape.ts';
import { Stranding } from './stranding.ts';
import { typeScarcity } from './type-scarcity.ts';

/** Among nodes that waste as much, the fullest: what is left counts this little, per thousandth of an accelerator and of a core. */
const LEFT_MILLI_WEIGHT = 0.001;
const LEFT_CPU_WEIGHT = 0.0001;

/**
 * The capacity that a placement wastes, in thousandths of an accelerator: what more of the node the jobs usually seen cannot use
 * afterwards, now or in the end, and what it takes of types that others insist on.
 */
export class WasteCost implements NodeCost {
  readonly #cluster: ClusterState;
  readonly #fragmentation = new Map<string, Fragmentation>();
  readonly #stranding: Stranding;
  readonly #scarcity: ReadonlyMap<string, number>;
  readonly #wasteNow: Float64Array;
  readonly #revisionSeen: Float64Array;

  constructor(cluster: ClusterState, mix: readonly WeightedShape[], capacityMilli: ReadonlyMap<string, number>) {
    this.#cluster = cluster;
    const weighted = temper(mix);
    for (const type of capacityMilli.keys()) this.#fragmentation.set(type, new Fragmentation(weighted, type));
    this.#stranding = new Stranding(mix);
    this.#scarcity = typeScarcity(mix, capacityMilli);
    this.#wasteNow = new Float64Array(cluster.length);
    this.#revisionSeen = new Float64Array(cluster.length).fill(-1);
  }

  choose(node: number, shape: Shape): NodeChoice {
    const type = this.#cluster.spec(node).accelerator;
    const cpuLeft = (this.#cluster.columns.cpuFreeMilli[node] ?? 0) - shape.cpuMilli;
    const before = this.#now(node);
    const price = type === null ? 0 : (this.#scarcity.get(type) ?? 0) * acceleratorMilli(shape);
    let best: NodeChoice | undefined;
    for (const mask of candidateMasks(this.#cluster, node, shape)) {
      const free = this.#free(node, mask, shape.milliEach);
      let left = 0;
      for (const milli of free) left += milli;
      const onDevice = mask === 0 ? 0 : (free[31 - Math.clz32(mask & -mask)] ?? 0);
      const ties = LEFT_MILLI_WEIGHT * (left + onDevice) + LEFT_CPU_WEIGHT * cpuLeft;
      const cost = this.#waste(type, cpuLeft, free) - before + price + ties;
      if (best === undefined || cost < best.cost) best = { cost, mask };
    }
    return must(best, 'a node that fits has a set of accelerators that does');
  }

  #waste(type: string | null, cpuFreeMilli: number, free: readonly number[]): number {
    if (type === null) return 0;
    let idle = 0;
    for (const milli of free) idle += milli;
    return (this.#fragmentation.get(type)?.milli(cpuFreeMilli, free) ?? 0) + this.#stranding.milli(cpuFreeMilli, idle);
  }

  #now(node: number): number {
    const { revision, cpuFreeMilli } = this.#cluster.columns;
    if (this.#revisionSeen[node] !== revision[node]) {
      this.#revisionSeen[node] = revision[node] ?? 0;
      this.#wasteNow[node] = this.#waste(this.#cluster.spec(node).accelerator, cpuFreeMilli[node] ?? 0, this.#free(node, 0, 0));
    }
    return this.#wasteNow[node] ?? 0;
  }

  /** What is free of each accelerator of a node once `milliEach` is taken of those of a mask. */
  #free(node: number, mask: number, milliEach: number): number[] {
    const free: number[] = [];
    for (let index = 0; index < this.#cluster.spec(node).acceleratorCount; index++) {
      free.push(this.#cluster.acceleratorFreeMilli(node, index) - ((mask >> index) & 1) * milliEach);
    }
    return free;
  }
}

/** Shares by number of jobs over the root of what each takes: large jobs are few, and `GangScarcity` speaks for them. */
function temper(mix: readonly WeightedShape[]): WeightedShape[] {
  const users = mix
    .filter(({ shape }) => shape.acceleratorCount > 0)
    .map(({ shape, weight }) => ({ shape, weight: weight / Math.sqrt(acceleratorMilli(shape)) }));
  const total = users.reduce((sum, { weight }) => sum + weight, 0);
  return users.map(({ shape, weight }) => ({ shape, weight: weight / total }));
}

import { must } from '../../../kernel/assert.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import { candidateMasks, freeAfter } from './accelerator-masks.ts';
import { Fragmentation } from './fragmentation.ts';
import type { NodeChoice, NodeCost } from './cost-board.ts';
import type { Shape, WeightedShape } from './workload-mix.ts';
import { acceleratorMilli } from './workload-mix.ts';

/** Among nodes that waste as much, the fullest: what is left counts this little, per thousandth of an accelerator and of a core. */
const LEFT_MILLI_WEIGHT = 0.001;
const LEFT_CPU_WEIGHT = 0.0001;

/**
 * The capacity that a placement wastes, in thousandths of an accelerator: what more of the node the jobs usually seen cannot use
 * afterwards, now or in the end.
 */
export class WasteCost implements NodeCost {
  readonly #cluster: ClusterState;
  readonly #mix: readonly WeightedShape[];
  readonly #fragmentation = new Map<string, Fragmentation>();
  readonly #stranding: Stranding;
  readonly #wasteNow: Float64Array;
  /** One more than the revision of the node it was found at; 0 for never. */
  readonly #foundAt: Float64Array;

  constructor(cluster: ClusterState, mix: readonly WeightedShape[]) {
    const capacity = cluster.columns.revision.length;
    this.#cluster = cluster;
    this.#mix = temper(mix);
    this.#stranding = new Stranding(mix);
    this.#wasteNow = new Float64Array(capacity);
    this.#foundAt = new Float64Array(capacity);
  }

  choose(node: number, shape: Shape): NodeChoice {
    const { accelerator } = this.#cluster.spec(node);
    const cpuLeft = (this.#cluster.columns.cpuFreeMilli[node] ?? 0) - shape.cpuMilli;
    const before = this.#now(node);
    let best: NodeChoice | undefined;
    for (const mask of candidateMasks(this.#cluster, node, shape)) {
      const free = freeAfter(this.#cluster, node, mask, shape.milliEach);
      let left = 0;
      for (const milli of free) left += milli;
      const onDevice = mask === 0 ? 0 : (free[31 - Math.clz32(mask & -mask)] ?? 0);
      const ties = LEFT_MILLI_WEIGHT * (left + onDevice) + LEFT_CPU_WEIGHT * cpuLeft;
      const cost = this.#waste(accelerator, cpuLeft, free) - before + ties;
      if (best === undefined || cost < best.cost) best = { cost, mask };
    }
    return must(best, 'a node that fits has a set of accelerators that does');
  }

  #now(node: number): number {
    const { revision, cpuFreeMilli } = this.#cluster.columns;
    const at = (revision[node] ?? 0) + 1;
    if (this.#foundAt[node] !== at) {
      this.#foundAt[node] = at;
      const free = freeAfter(this.#cluster, node, 0, 0);
      this.#wasteNow[node] = this.#waste(this.#cluster.spec(node).accelerator, cpuFreeMilli[node] ?? 0, free);
    }
    return this.#wasteNow[node] ?? 0;
  }

  #waste(type: string | null, cpuFreeMilli: number, free: readonly number[]): number {
    if (type === null) return 0;
    let idle = 0;
    for (const milli of free) idle += milli;
    return this.#fragmentationOf(type).milli(cpuFreeMilli, free) + this.#stranding.milli(cpuFreeMilli, idle);
  }

  #fragmentationOf(type: string): Fragmentation {
    const known = this.#fragmentation.get(type) ?? new Fragmentation(this.#mix, type);
    this.#fragmentation.set(type, known);
    return known;
  }
}

/**
 * Shares by number of jobs, of those with accelerators over the root of how many each takes: large jobs are few but would outweigh all
 * others; `Scarcity` prices what they need.
 */
function temper(mix: readonly WeightedShape[]): WeightedShape[] {
  const weighted = mix.map(({ shape, weight }) => {
    const milli = acceleratorMilli(shape);
    return { shape, weight: milli === 0 ? weight : weight / Math.sqrt(milli / 1_000) };
  });
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  return weighted.map(({ shape, weight }) => ({ shape, weight: weight / total }));
}

/**
 * The idle part of a node's accelerators that would be left when its CPU runs out, were it filled with jobs of one shape, in expectation
 * over the shapes usually seen. Fragmentation looks one job ahead; this looks to the end, when it is too late to leave CPU for
 * accelerators.
 */
export class Stranding {
  /** CPU per thousandth of an accelerator, highest first, with the share of the demand for accelerators that needs as much. */
  readonly #ratios: readonly { readonly cpuPerMilli: number; readonly share: number }[];

  constructor(mix: readonly WeightedShape[]) {
    const users = mix.filter(({ shape }) => shape.acceleratorCount > 0 && shape.cpuMilli > 0);
    const total = users.reduce((sum, { shape, weight }) => sum + weight * acceleratorMilli(shape), 0);
    this.#ratios = users
      .map(({ shape, weight }) => ({
        cpuPerMilli: shape.cpuMilli / acceleratorMilli(shape),
        share: (weight * acceleratorMilli(shape)) / total,
      }))
      .toSorted((a, b) => b.cpuPerMilli - a.cpuPerMilli);
  }

  /** Thousandths of an accelerator. */
  milli(cpuFreeMilli: number, idleMilli: number): number {
    let stranded = 0;
    for (const { cpuPerMilli, share } of this.#ratios) {
      const left = idleMilli - cpuFreeMilli / cpuPerMilli;
      if (left <= 0) break;
      stranded += share * left;
    }
    return stranded;
  }
}

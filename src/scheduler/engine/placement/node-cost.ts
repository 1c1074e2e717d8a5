import type { ClusterState } from '../model/cluster-state.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import type { Shape } from './workload-mix.ts';

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

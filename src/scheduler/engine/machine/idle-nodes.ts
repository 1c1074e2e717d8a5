import type { PoolId } from '../../../kernel/ids.ts';
import type { NodeRecord } from './decision.ts';
import type { Fleet } from './fleet.ts';
import type { Leavers } from './leavers.ts';

/** Idle nodes of pools that grow and shrink. Examines again only nodes that changed. */
export class IdleNodes {
  readonly #fleet: Fleet;
  readonly #leavers: Leavers;
  readonly #byPool = new Map<PoolId, Set<number>>();
  /** Changes of the cluster that have been followed; -1 before all nodes have been looked at. */
  #seen = -1;

  constructor(fleet: Fleet, leavers: Leavers) {
    this.#fleet = fleet;
    this.#leavers = leavers;
  }

  /** Catches up, and answers the nodes that something has happened to since it was last asked, by index. */
  refresh(): readonly NodeRecord[] {
    const { changes, length } = this.#fleet.cluster;
    if (this.#seen === changes.count) return [];
    const changed = this.#seen < 0 ? undefined : changes.since(this.#seen);
    const indexes = changed === undefined ? Array.from({ length }, (_, index) => index) : [...new Set(changed)].sort((a, b) => a - b);
    this.#seen = changes.count;
    return indexes.flatMap((index) => this.#lookAt(index) ?? []);
  }

  has({ spec, index }: NodeRecord): boolean {
    return this.#byPool.get(spec.poolId)?.has(index) === true;
  }

  /** The idle nodes of a pool, by index. */
  of(poolId: PoolId): readonly NodeRecord[] {
    return [...(this.#byPool.get(poolId) ?? [])].sort((a, b) => a - b).map((index) => this.#fleet.node(index));
  }

  /** The node, unless it is no more or its pool is what it is. */
  #lookAt(index: number): NodeRecord | undefined {
    for (const idle of this.#byPool.values()) idle.delete(index);
    const node = this.#fleet.at(index);
    if (node === undefined || this.#fleet.pool(node.spec.poolId).spec.elasticity === null) return undefined;
    const isIdle = node.state === 'open' && this.#fleet.cluster.columns.slotCount[index] === 0 && !this.#leavers.isOn(index);
    if (isIdle) this.#byPool.set(node.spec.poolId, (this.#byPool.get(node.spec.poolId) ?? new Set()).add(index));
    return node;
  }
}

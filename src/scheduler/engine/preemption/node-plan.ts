import type { ClusterState } from '../model/cluster-state.ts';
import type { NodeDemand } from '../model/node-demand.ts';
import type { Victim } from './victim.ts';

/** The victims that would have to leave a node for a demand to fit there. */
export interface NodePlan {
  readonly node: number;
  readonly victims: readonly Victim[];
  readonly cost: number;
}

/**
 * The cheapest of the victims given, which come cheapest first, without which a demand fits on a node; those in `gone` have left already.
 * Takes them in order until it fits, then spares those it can, the dearest first. Undefined when all of them together do not suffice.
 */
export function planNode(
  cluster: ClusterState,
  node: number,
  demand: NodeDemand,
  here: readonly Victim[],
  gone: ReadonlySet<Victim>,
): NodePlan | undefined {
  const room = new Room(cluster, node);
  for (const victim of here) if (gone.has(victim)) room.free(victim, 1);
  const taken: Victim[] = [];
  for (const victim of here) {
    if (room.fits(demand)) break;
    if (gone.has(victim)) continue;
    room.free(victim, 1);
    taken.push(victim);
  }
  if (!room.fits(demand)) return undefined;
  const victims = taken.toReversed().filter((victim) => {
    room.free(victim, -1);
    if (room.fits(demand)) return false;
    room.free(victim, 1);
    return true;
  });
  return { node, victims, cost: victims.reduce((sum, { cost }) => sum + cost, 0) };
}

/** What would be free on a node. */
class Room {
  readonly #node: number;
  readonly #acceleratorMilli: number[] = [];
  #cpuMilli: number;
  #memoryMib: number;

  constructor(cluster: ClusterState, node: number) {
    this.#node = node;
    this.#cpuMilli = cluster.columns.cpuFreeMilli[node] ?? 0;
    this.#memoryMib = cluster.columns.memoryFreeMib[node] ?? 0;
    const { acceleratorCount } = cluster.spec(node);
    for (let index = 0; index < acceleratorCount; index++) this.#acceleratorMilli.push(cluster.acceleratorFreeMilli(node, index));
  }

  /** As if a job had left the node; as if it were there again, with `sign` -1. */
  free({ job }: Victim, sign: 1 | -1): void {
    const placement = job.attempt?.placement;
    const slot = placement?.slots.find(({ node }) => node === this.#node);
    if (placement === undefined || slot === undefined) return;
    const { cpuMilli, memoryMib, milliEach } = placement.demand;
    this.#cpuMilli += sign * cpuMilli;
    this.#memoryMib += sign * memoryMib;
    for (let rest = slot.mask; rest !== 0; rest &= rest - 1) {
      const index = 31 - Math.clz32(rest & -rest);
      this.#acceleratorMilli[index] = (this.#acceleratorMilli[index] ?? 0) + sign * milliEach;
    }
  }

  fits({ cpuMilli, memoryMib, acceleratorCount, milliEach }: NodeDemand): boolean {
    if (this.#cpuMilli < cpuMilli || this.#memoryMib < memoryMib) return false;
    let count = 0;
    for (const free of this.#acceleratorMilli) if (free >= milliEach) count += 1;
    return acceleratorCount === 0 || count >= acceleratorCount;
  }
}

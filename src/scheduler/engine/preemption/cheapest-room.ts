import { must } from '../../../kernel/assert.ts';
import type { PoolId } from '../../../kernel/ids.ts';
import { affordablePools } from '../admission/candidate-plans.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { ResourceOption, NodeDemand } from '../model/job-spec.ts';
import { nodesByDomain } from '../placement/domains.ts';
import type { Victim } from './may-evict.ts';
import { byCost } from './may-evict.ts';

interface RoomFound {
  readonly victims: readonly Victim[];
  readonly cost: number;
}

/**
 * Finds the cheapest victims for a job to have its nodes by an option. Examines only nodes with room and nodes of victims, and caches its
 * plan of each node.
 */
export class CheapestRoom {
  readonly #cell: Cell;
  readonly #job: JobRecord;
  readonly #option: number;
  readonly #wanted: ResourceOption;
  /** Victims by node, cheapest first. */
  readonly #byNode: ReadonlyMap<number, readonly Victim[]>;
  /** The sets of nodes each of which could hold the whole job, once computed. */
  #groups: readonly (readonly number[])[] | undefined;
  /** What it would take to make room on a node when no other victim has left; undefined when that cannot be done. */
  readonly #plans = new Map<number, NodePlan | undefined>();

  constructor(cell: Cell, job: JobRecord, option: number, victims: readonly Victim[]) {
    this.#cell = cell;
    this.#job = job;
    this.#option = option;
    this.#wanted = must(job.spec.options[option], 'the option exists');
    const byNode = new Map<number, Victim[]>();
    for (const victim of victims) {
      for (const { node } of victim.job.attempt?.placement.slots ?? []) {
        const here = byNode.get(node);
        if (here === undefined) byNode.set(node, [victim]);
        else here.push(victim);
      }
    }
    for (const here of byNode.values()) if (here.length > 1) here.sort(byCost);
    this.#byNode = byNode;
  }

  /** The further victims when those in `gone` have left; undefined when none help. */
  find(gone: ReadonlySet<Victim>): readonly Victim[] | undefined {
    const pools = affordablePools(this.#cell, this.#job.spec, this.#option);
    if ('kind' in pools) return undefined;
    let best: RoomFound | undefined;
    this.#groups ??= pools.flatMap(({ pool }) => [...groupsOf(this.#cell, this.#nodesIn(pool.spec.id), this.#wanted)]);
    for (const group of this.#groups) {
      const room = this.#among(group, gone);
      if (room !== undefined && (best === undefined || room.cost < best.cost)) best = room;
    }
    return best?.victims;
  }

  /** The nodes of a pool in question, by index. */
  #nodesIn(poolId: PoolId): readonly number[] {
    const { cluster } = this.#cell.fleet;
    const { perNode } = this.#wanted;
    const { avoids } = this.#job;
    const booked = this.#cell.bookings.against(this.#job, this.#cell.nowMs);
    const isUsable = (node: number): boolean => {
      const { id, poolId: of } = cluster.spec(node);
      return cluster.isAdmitting(node) && of === poolId && !avoids.includes(id) && !booked.has(id);
    };
    const free = this.#cell.fleet.roomyNodes(poolId, perNode).filter((node) => !this.#byNode.has(node) && cluster.fits(node, perNode));
    return [...free, ...this.#byNode.keys()].filter(isUsable).sort((a, b) => a - b);
  }

  /** Takes the cheapest node first, and the others in the state after its victims have gone, which may occupy them, too. */
  #among(nodes: readonly number[], gone: ReadonlySet<Victim>): RoomFound | undefined {
    const leaving = new Set(gone);
    const used = new Set<number>();
    const touched = new Set<number>();
    const leave = (victim: Victim): void => {
      leaving.add(victim);
      for (const { node } of victim.job.attempt?.placement.slots ?? []) touched.add(node);
    };
    gone.forEach(leave);
    let cost = 0;
    while (used.size < this.#wanted.nodes.min) {
      let best: NodePlan | undefined;
      for (const node of nodes) {
        if (used.has(node)) continue;
        const plan = touched.has(node) ? this.#planOf(node, leaving) : this.#plan(node, best);
        if (plan !== undefined && (best === undefined || plan.cost < best.cost)) best = plan;
        if (best?.cost === 0) break;
      }
      if (best === undefined) return undefined;
      used.add(best.node);
      cost += best.cost;
      best.victims.forEach(leave);
    }
    return { victims: [...leaving].filter((victim) => !gone.has(victim)), cost };
  }

  /** The plan for a node that no victim has left yet; undefined also when it cannot be cheaper than `best`. */
  #plan(node: number, best: NodePlan | undefined): NodePlan | undefined {
    if (this.#plans.has(node)) return this.#plans.get(node);
    const [first] = this.#byNode.get(node) ?? [];
    const isDear = best !== undefined && first !== undefined && first.cost >= best.cost;
    if (isDear && !this.#cell.fleet.cluster.fits(node, this.#wanted.perNode)) return undefined;
    const plan = this.#planOf(node, NOBODY);
    this.#plans.set(node, plan);
    return plan;
  }

  #planOf(node: number, gone: ReadonlySet<Victim>): NodePlan | undefined {
    return planNode(this.#cell.fleet.cluster, node, this.#wanted.perNode, this.#byNode.get(node) ?? [], gone);
  }
}

const NOBODY: ReadonlySet<Victim> = new Set();

/** The sets of nodes, each of which could hold the whole job: the domains that it must or would like to lie in, else all of them. */
function groupsOf(cell: Cell, nodes: readonly number[], { topology, nodes: { min } }: ResourceOption): Iterable<readonly number[]> {
  if (topology === null) return [nodes];
  const large = [...nodesByDomain(cell.fleet.cluster, nodes, topology, min).values()].filter((group) => group.length >= min);
  return large.length === 0 && topology.mode === 'preferred' ? [nodes] : large;
}

/** The victims that would have to leave a node for a demand to fit there. */
interface NodePlan {
  readonly node: number;
  readonly victims: readonly Victim[];
  readonly cost: number;
}

/**
 * The cheapest of the victims given, which come cheapest first, without which a demand fits on a node; those in `gone` have left already.
 * Takes them in order until it fits, then spares those it can, the dearest first. Undefined when all of them together do not suffice.
 */
function planNode(
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
  #jobsLeft: number;

  constructor(cluster: ClusterState, node: number) {
    this.#node = node;
    this.#jobsLeft = cluster.jobsLeft(node);
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
    this.#jobsLeft += sign;
    for (let rest = slot.mask; rest !== 0; rest &= rest - 1) {
      const index = 31 - Math.clz32(rest & -rest);
      this.#acceleratorMilli[index] = (this.#acceleratorMilli[index] ?? 0) + sign * milliEach;
    }
  }

  fits({ cpuMilli, memoryMib, acceleratorCount, milliEach }: NodeDemand): boolean {
    if (this.#jobsLeft < 1 || this.#cpuMilli < cpuMilli || this.#memoryMib < memoryMib) return false;
    let count = 0;
    for (const free of this.#acceleratorMilli) if (free >= milliEach) count += 1;
    return acceleratorCount === 0 || count >= acceleratorCount;
  }
}

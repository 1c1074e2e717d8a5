import type { ClusterState } from '../model/cluster-state.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import type { WeightedShape } from './workload-mix.ts';

/** What is idle on the open nodes of a cluster, by type and in blocks on one node. Counts again only the nodes that have changed. */
export class IdleCapacity {
  readonly #cluster: ClusterState;
  /** For which blocks are counted. */
  #gangs: readonly Gang[] = [];
  #blocks: number[] = [];
  readonly #idleMilli = new Map<string, number>();
  readonly #capacityMilli = new Map<string, number>();
  readonly #counted: Counted[] = [];
  /** Changes of the cluster that have been counted; -1 before the first count of everything. */
  #seen = -1;
  #totalMilli = 0;
  #capacityVersion = 0;

  constructor(cluster: ClusterState) {
    this.#cluster = cluster;
  }

  /** Counts blocks for these gangs from now on: anew only for those it did not count for before. */
  countFor(gangs: readonly Gang[]): void {
    const counted = new Map(this.#gangs.map((gang, index) => [keyOf(gang), this.blocks(index)]));
    this.#gangs = gangs;
    this.#blocks = gangs.map((gang) => counted.get(keyOf(gang)) ?? this.#blocksFor(gang));
  }

  /** Thousandths of accelerators of all types. Call `refresh` first, as for everything here. */
  get totalMilli(): number {
    return this.#totalMilli;
  }

  /** Rises with every change of `capacityMilli`. */
  get capacityVersion(): number {
    return this.#capacityVersion;
  }

  /** What the open nodes have, by type, in the order of the types' names. */
  capacityMilli(): ReadonlyMap<string, number> {
    return new Map([...this.#capacityMilli].filter(([, milli]) => milli > 0).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  milliOf(type: string): number {
    return this.#idleMilli.get(type) ?? 0;
  }

  /** How many jobs of the gang at that index there is room for. */
  blocks(index: number): number {
    return this.#blocks[index] ?? 0;
  }

  refresh(): void {
    const { changes, length } = this.#cluster;
    if (this.#seen === changes.count) return;
    const changed = this.#seen < 0 ? undefined : changes.since(this.#seen);
    if (changed === undefined) for (let node = 0; node < length; node++) this.#countAgain(node);
    else for (const node of changed) this.#countAgain(node);
    this.#seen = changes.count;
  }

  #blocksFor(gang: Gang): number {
    return this.#counted.reduce(
      (total, { type, whole, cpuFreeMilli }) => (type === null ? total : total + blocksIn(gang, whole, cpuFreeMilli)),
      0,
    );
  }

  #countAgain(node: number): void {
    const before = this.#counted[node];
    if (before?.revision === this.#cluster.columns.revision[node]) return;
    const now = this.#count(node);
    if (before !== undefined) this.#add(before, -1);
    this.#add(now, 1);
    if (before?.type !== now.type || before.capacityMilli !== now.capacityMilli) this.#capacityVersion += 1;
    this.#counted[node] = now;
  }

  #count(node: number): Counted {
    const { revision, isOpen, wholeFree, cpuFreeMilli } = this.#cluster.columns;
    const { accelerator: type, acceleratorCount } = this.#cluster.spec(node);
    const closed = { revision: revision[node] ?? 0, type, capacityMilli: 0, idleMilli: 0, whole: 0, cpuFreeMilli: 0 };
    if (isOpen[node] !== 1) return closed;
    let idleMilli = 0;
    for (let index = 0; index < acceleratorCount; index++) idleMilli += this.#cluster.acceleratorFreeMilli(node, index);
    const free = { idleMilli, whole: wholeFree[node] ?? 0, cpuFreeMilli: cpuFreeMilli[node] ?? 0 };
    return { ...closed, capacityMilli: acceleratorCount * WHOLE_MILLI, ...free };
  }

  #add({ type, capacityMilli, idleMilli, whole, cpuFreeMilli }: Counted, sign: 1 | -1): void {
    if (type === null) return;
    this.#totalMilli += sign * idleMilli;
    this.#idleMilli.set(type, this.milliOf(type) + sign * idleMilli);
    this.#capacityMilli.set(type, (this.#capacityMilli.get(type) ?? 0) + sign * capacityMilli);
    for (const [index, gang] of this.#gangs.entries()) {
      this.#blocks[index] = this.blocks(index) + sign * blocksIn(gang, whole, cpuFreeMilli);
    }
  }
}

const keyOf = ({ count, cpuMilli }: Gang): string => `${count} ${cpuMilli}`;

interface Counted {
  readonly revision: number;
  readonly type: string | null;
  readonly capacityMilli: number;
  readonly idleMilli: number;
  readonly whole: number;
  readonly cpuFreeMilli: number;
}

/** Whole accelerators of one node that jobs take together, with the CPU they take. */
export interface Gang {
  readonly count: number;
  readonly cpuMilli: number;
}

/** Whether a shape takes several whole accelerators of a node. */
export const isGang = ({ shape }: WeightedShape): boolean => shape.acceleratorCount > 1 && shape.milliEach === WHOLE_MILLI;

/** The gangs of a mix, each once, smallest first. */
export function gangsOf(mix: readonly WeightedShape[]): readonly Gang[] {
  const gangs = new Map(
    mix.filter(isGang).map(({ shape: { acceleratorCount: count, cpuMilli } }) => [`${count} ${cpuMilli}`, { count, cpuMilli }]),
  );
  return [...gangs.values()].toSorted((a, b) => a.count - b.count || a.cpuMilli - b.cpuMilli);
}

/** How many jobs of a gang a node has room for. */
export const blocksIn = ({ count, cpuMilli }: Gang, whole: number, cpuFreeMilli: number): number =>
  Math.min(Math.floor(whole / count), cpuMilli === 0 ? Infinity : Math.floor(cpuFreeMilli / cpuMilli));

/**
 * How contended an idle resource is, from 0 to 1: the part of all idle capacity that jobs which need this very resource will request, by
 * their share of the usual demand, over how much of it there is. Squared, so that it hardly counts before it is scarce.
 */
export function contention(demandShare: number, idleMilli: number, ofItMilli: number): number {
  return Math.min(1, (demandShare * idleMilli) / Math.max(1, ofItMilli)) ** 2;
}

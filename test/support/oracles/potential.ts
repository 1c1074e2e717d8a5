import type { CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import type { JobRecord } from '../../../src/scheduler/engine/cell/job-record.ts';

/** A running job, as far as the potential depends on it. */
export interface Owner {
  readonly queue: string;
  readonly priority: number;
  readonly sequence: number;
  /** The H100s it needs at least, in thousandths. */
  readonly milli: number;
}

export const ownerOf = ({ spec, sequence, attempt }: JobRecord): Owner => {
  const { perNode, nodes } = spec.options[attempt!.option]!;
  return { queue: spec.queue, priority: attempt!.priority, sequence, milli: perNode.acceleratorCount * perNode.milliEach * nodes.min };
};

/** The priorities that tests use, including what waiting adds, highest first. */
const ALL_PRIORITIES = [4, 3, 2, 1, 0];

/** Positive when `a` is better: compares the first list that differs at its first difference; a longer list is better than its prefix. */
export function comparePotential(a: readonly number[][], b: readonly number[][]): number {
  for (let list = 0; list < Math.max(a.length, b.length); list++) {
    const [x, y] = [a[list] ?? [], b[list] ?? []];
    for (let at = 0; at < Math.max(x.length, y.length); at++) {
      const difference = (x[at] ?? -Infinity) - (y[at] ?? -Infinity);
      if (difference !== 0 && !Number.isNaN(difference)) return difference;
    }
  }
  return 0;
}

const byRank = (a: Owner, b: Owner): number => b.priority - a.priority || a.sequence - b.sequence;

const memo = <Value>(work: (name: string) => Value): ((name: string) => Value) => {
  const known = new Map<string, Value>();
  return (name) => {
    const value = known.get(name) ?? work(name);
    known.set(name, value);
    return value;
  };
};

/** Computes from scratch what the engine maintains step by step: quota use, which jobs are covered, and the potential. */
export class Oracle {
  readonly #cohorts: readonly CohortSpec[];
  readonly #root: string;
  readonly #queues: readonly CohortSpec[];

  constructor(cohorts: readonly CohortSpec[]) {
    this.#cohorts = cohorts;
    this.#root = cohorts.find(({ parent }) => parent === null)!.name;
    this.#queues = cohorts.filter(({ eviction }) => eviction !== null);
  }

  readonly #spec = memo((name) => this.#cohorts.find((cohort) => cohort.name === name)!);
  readonly #children = memo((name) => this.#cohorts.filter(({ parent }) => parent === name));
  readonly #height = memo((name): number => Math.max(-1, ...this.#children(name).map((child) => this.#height(child.name))) + 1);
  readonly #subtree = memo((name): number =>
    this.#children(name).reduce(
      (sum, child) => sum + this.#subtree(child.name) - this.#kept(child.name),
      this.#spec(name).quotas['H100']?.nominal ?? 0,
    ),
  );
  readonly #kept = memo((name): number =>
    name === this.#root ? 0 : Math.max(0, this.#subtree(name) - (this.#spec(name).quotas['H100']?.lendingMax ?? Infinity)),
  );

  /**
   * The value that every eviction must increase. First, level by level, the jobs covered by the quotas up to that level, by rank; then,
   * from the highest priority down, the queues' shares by their jobs of at least that priority, the smallest first.
   */
  potential(owners: readonly Owner[]): number[][] {
    const covered = this.#covered(owners);
    const ranked = owners.toSorted(byRank);
    const levels = Array.from({ length: Math.max(1, this.#height(this.#root)) }, (_, level) =>
      ranked.filter((owner) => (covered.get(owner) ?? Infinity) <= level).flatMap(({ priority, sequence }) => [priority, -sequence]),
    );
    return [
      ...levels,
      ...ALL_PRIORITIES.map((priority) => this.#queues.map((queue) => this.#share(owners, queue, priority)).sort((a, b) => a - b)),
    ];
  }

  /** The quotas that are exceeded. */
  faults(owners: readonly Owner[]): string[] {
    const faults: string[] = [];
    const used = (name: string): number => {
      const children = this.#children(name);
      const here =
        children.length === 0
          ? owners.filter(({ queue }) => queue === name).reduce((sum, { milli }) => sum + milli, 0)
          : children.reduce((sum, child) => sum + Math.max(0, used(child.name) - this.#kept(child.name)), 0);
      const { quotas, parent } = this.#spec(name);
      const most = this.#subtree(name) + (parent === null ? 0 : (quotas['H100']?.borrowingMax ?? Infinity));
      if (here > most) faults.push(`${name} uses ${here} of ${most}`);
      return here;
    };
    used(this.#root);
    return faults;
  }

  #share(owners: readonly Owner[], { name, weightMilli }: CohortSpec, priority: number): number {
    const held = owners.reduce((sum, owner) => sum + (owner.queue === name && owner.priority >= priority ? owner.milli : 0), 0);
    return Math.floor((Math.floor((held * 1_000_000) / this.#subtree(this.#root)) * 1_000) / weightMilli);
  }

  /** By job, the height of the lowest node whose quota covers it: in order of rank, each covered wholly or not at all. */
  #covered(owners: readonly Owner[]): Map<Owner, number> {
    const heights = new Map<Owner, number>();
    const cover = (name: string): { open: Owner[]; used: number } => {
      const below = this.#children(name).map((child) => ({ name: child.name, ...cover(child.name) }));
      let used = below.reduce((sum, child) => sum + Math.max(0, child.used - this.#kept(child.name)), 0);
      const open: Owner[] = [];
      const candidates = below.length === 0 ? owners.filter(({ queue }) => queue === name) : below.flatMap((child) => child.open);
      for (const owner of candidates.sort(byRank)) {
        if (used + owner.milli > this.#subtree(name)) open.push(owner);
        else {
          used += owner.milli;
          heights.set(owner, this.#height(name));
        }
      }
      return { open, used };
    };
    cover(this.#root);
    return heights;
  }
}

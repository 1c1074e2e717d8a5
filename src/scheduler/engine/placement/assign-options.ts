/** A way to run a job. */
export interface Choice {
  /** Names a set of nodes, which all jobs that choose it share. */
  readonly place: string;
  /** Whole accelerators it takes on each of so many nodes. */
  readonly count: number;
  readonly nodes: number;
  readonly cost: number;
}

interface Assigned {
  /** Which of the job's choices; -1 when nothing is left for it. */
  readonly choice: number;
  /** The chosen nodes among them. */
  readonly nodes: readonly number[];
}

/** Rounds of exchanges, at most: each round looks at every pair of jobs. */
const ROUNDS_MAX = 20;

/** A gain below this part of a cost is none. */
const EQUAL = 1e-9;

/**
 * The choice of each job so that all of them together cost little, and on which nodes. They choose one after the other, then change alone
 * or in pairs as long as that saves something: once with the largest first, once with those first that have most to lose, of which the
 * cheaper result counts. Where both leave a job out, once in the given order, so that no job is left out for a later one. `whole` returns
 * how many whole accelerators are free on the nodes of each pool.
 */
export function assignOptions(
  jobs: readonly (readonly Choice[])[],
  whole: ReadonlyMap<string, ReadonlyMap<number, number>>,
): readonly Assigned[] {
  const inOrder = [...jobs.keys()];
  const sizeOf = (job: number): number => Math.max(0, ...(jobs[job] ?? []).map(({ count, nodes }) => count * nodes));
  const largestFirst = inOrder.toSorted((a, b) => sizeOf(b) - sizeOf(a) || a - b);
  const dearestFirst = inOrder.toSorted((a, b) => spreadOf(jobs[b]) - spreadOf(jobs[a]) || a - b);
  const complete = [largestFirst, dearestFirst]
    .map((order) => new Assignment(jobs, whole, order).improved())
    .filter((found) => found.every(({ choice }) => choice >= 0));
  const costOf = (found: readonly Assigned[]): number => found.reduce((sum, { choice }, job) => sum + (jobs[job]?.[choice]?.cost ?? 0), 0);
  const [best] = complete.toSorted((a, b) => costOf(a) - costOf(b));
  return best ?? new Assignment(jobs, whole, inOrder).improved();
}

/** What a job has to lose: how much its dearest choice costs more than its cheapest. */
function spreadOf(choices: readonly Choice[] = []): number {
  const costs = choices.map(({ cost }) => cost);
  return costs.length === 0 ? 0 : Math.max(...costs) - Math.min(...costs);
}

const NOTHING: Assigned = { choice: -1, nodes: [] };

class Assignment {
  readonly #chosen: Assigned[];
  readonly #jobs: readonly (readonly Choice[])[];
  readonly #bins: Bins;
  readonly #order: readonly number[];

  constructor(jobs: readonly (readonly Choice[])[], whole: ReadonlyMap<string, ReadonlyMap<number, number>>, order: readonly number[]) {
    this.#jobs = jobs;
    this.#bins = new Bins(whole);
    this.#order = order;
    this.#chosen = jobs.map(() => NOTHING);
    for (const job of order) this.#chooseBest(job, Infinity);
  }

  improved(): readonly Assigned[] {
    for (let round = 0; round < ROUNDS_MAX && this.#improve(); round++);
    return this.#chosen;
  }

  /** Whether any job has found something better. */
  #improve(): boolean {
    let isBetter = false;
    for (const [at, a] of this.#order.entries()) {
      if (this.#improveAlone(a)) isBetter = true;
      for (const b of this.#order.slice(at + 1)) if (this.#improvePair(a, b) || this.#improvePair(b, a)) isBetter = true;
    }
    return isBetter;
  }

  #improveAlone(job: number): boolean {
    const [before, was] = [this.#chosen[job] ?? NOTHING, this.#costOf(job)];
    this.#leave(job);
    if (this.#chooseBest(job, was)) return true;
    this.#return(job, before);
    return false;
  }

  /** Both leave; the first tries each of its choices, and the second takes the best of what is left then. */
  #improvePair(a: number, b: number): boolean {
    const before = [this.#chosen[a] ?? NOTHING, this.#chosen[b] ?? NOTHING] as const;
    const was = this.#costOf(a) + this.#costOf(b);
    // A job with the cheapest nodes of all wants no other's.
    if (this.#isContent(a) && this.#isContent(b)) return false;
    this.#leave(a);
    this.#leave(b);
    for (const [index, { cost }] of (this.#jobs[a] ?? []).entries()) {
      if (!isLess(cost, was) || !this.#choose(a, index)) continue;
      if (this.#chooseBest(b, was === Infinity ? Infinity : was - cost)) return true;
      this.#leave(a);
    }
    this.#return(a, before[0]);
    this.#return(b, before[1]);
    return false;
  }

  #isContent(job: number): boolean {
    return this.#costOf(job) <= Math.min(...(this.#jobs[job] ?? []).map(({ cost }) => cost));
  }

  /** Takes the cheapest choice there is room for, if it costs less than `below`. */
  #chooseBest(job: number, below: number): boolean {
    const choices = this.#jobs[job] ?? [];
    const byCost = [...choices.keys()].toSorted((x, y) => (choices[x]?.cost ?? 0) - (choices[y]?.cost ?? 0) || x - y);
    return byCost.some((index) => isLess(choices[index]?.cost ?? Infinity, below) && this.#choose(job, index));
  }

  #choose(job: number, index: number): boolean {
    const choice = this.#jobs[job]?.[index];
    const nodes = choice === undefined ? undefined : this.#bins.take(choice.place, choice.count, choice.nodes);
    if (nodes === undefined) return false;
    this.#chosen[job] = { choice: index, nodes };
    return true;
  }

  #leave(job: number): void {
    const { choice, nodes } = this.#chosen[job] ?? NOTHING;
    const left = this.#jobs[job]?.[choice];
    if (left !== undefined) this.#bins.give(left.place, left.count, nodes);
    this.#chosen[job] = NOTHING;
  }

  /** Back to where it was, which is free. */
  #return(job: number, before: Assigned): void {
    const choice = this.#jobs[job]?.[before.choice];
    if (choice !== undefined) this.#bins.give(choice.place, -choice.count, before.nodes);
    this.#chosen[job] = before;
  }

  /** Infinite for a job without any: anything is better. */
  #costOf(job: number): number {
    return this.#jobs[job]?.[this.#chosen[job]?.choice ?? -1]?.cost ?? Infinity;
  }
}

const isLess = (a: number, b: number): boolean => a < (b === Infinity ? b : b - EQUAL * Math.abs(b));

/** How many whole accelerators are free on each of some nodes, by index. */
class Bins {
  readonly #free: Map<string, Map<number, number>>;

  constructor(whole: ReadonlyMap<string, ReadonlyMap<number, number>>) {
    this.#free = new Map(Array.from(whole, ([place, nodes]) => [place, new Map(nodes)]));
  }

  /** Takes `count` on each of `nodes` nodes: those that are left with least, in the order of the nodes. Undefined when there are too few. */
  take(place: string, count: number, nodes: number): readonly number[] | undefined {
    const free = this.#free.get(place) ?? new Map<number, number>();
    const roomy = [...free].filter(([, whole]) => whole >= count);
    if (roomy.length < nodes) return undefined;
    const taken =
      nodes === 1
        ? [roomy.reduce((best, each) => (each[1] < best[1] ? each : best))]
        : roomy.toSorted((a, b) => a[1] - b[1]).slice(0, nodes);
    for (const [node, whole] of taken) free.set(node, whole - count);
    return taken.map(([node]) => node);
  }

  /** Gives back what was taken; with a negative count, takes it again from the very nodes. */
  give(place: string, count: number, nodes: readonly number[]): void {
    const free = this.#free.get(place);
    for (const node of nodes) free?.set(node, (free.get(node) ?? 0) + count);
  }
}

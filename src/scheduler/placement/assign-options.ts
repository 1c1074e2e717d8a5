/** A way to run a job. */
export interface Choice {
  /** Where: what is idle there is shared by all who choose it. */
  readonly place: string;
  readonly milli: number;
  readonly cost: number;
}

/** Rounds of exchanges, at most: each round looks at every pair of jobs. */
const ROUNDS_MAX = 20;

/** A gain below this part of a cost is none. */
const EQUAL = 1e-9;

/**
 * Which choice each job makes, by index, so that all of them together cost little; -1 for whoever nothing is left for. Jobs choose one after
 * the other, then change their minds alone or in pairs as long as that saves something. Nobody is left out for somebody who comes later.
 */
export function assignOptions(jobs: readonly (readonly Choice[])[], idleMilli: ReadonlyMap<string, number>): readonly number[] {
  const assignment = new Assignment(jobs, idleMilli);
  for (let round = 0; round < ROUNDS_MAX && assignment.improve(); round++);
  return assignment.chosen;
}

class Assignment {
  readonly chosen: number[] = [];
  readonly #jobs: readonly (readonly Choice[])[];
  readonly #idle: Map<string, number>;

  constructor(jobs: readonly (readonly Choice[])[], idleMilli: ReadonlyMap<string, number>) {
    this.#jobs = jobs;
    this.#idle = new Map(idleMilli);
    for (const [job, choices] of jobs.entries()) {
      this.chosen.push(-1);
      let best = -1;
      for (const [index, choice] of choices.entries()) {
        if (this.#fits(choice) && choice.cost < (choices[best]?.cost ?? Infinity)) best = index;
      }
      this.#choose(job, best);
    }
  }

  /** Whether anybody has found something better. */
  improve(): boolean {
    let isBetter = false;
    for (let a = 0; a < this.#jobs.length; a++) {
      if (this.#improveAlone(a)) isBetter = true;
      for (let b = a + 1; b < this.#jobs.length; b++) if (this.#improvePair(a, b)) isBetter = true;
    }
    return isBetter;
  }

  #improveAlone(job: number): boolean {
    const before = this.chosen[job] ?? -1;
    const was = this.#costOf(job);
    this.#choose(job, -1);
    let best = before;
    let bestCost = was;
    for (const [index, choice] of (this.#jobs[job] ?? []).entries()) {
      if (!this.#fits(choice) || !isLess(choice.cost, bestCost)) continue;
      best = index;
      bestCost = choice.cost;
    }
    this.#choose(job, best);
    return best !== before;
  }

  #improvePair(a: number, b: number): boolean {
    const before = [this.chosen[a] ?? -1, this.chosen[b] ?? -1] as const;
    let [bestA, bestB] = before;
    let bestCost = this.#costOf(a) + this.#costOf(b);
    this.#choose(a, -1);
    this.#choose(b, -1);
    for (const [x, choice] of (this.#jobs[a] ?? []).entries()) {
      if (!this.#fits(choice)) continue;
      this.#choose(a, x);
      for (const [y, other] of (this.#jobs[b] ?? []).entries()) {
        if (!this.#fits(other) || !isLess(choice.cost + other.cost, bestCost)) continue;
        [bestA, bestB, bestCost] = [x, y, choice.cost + other.cost];
      }
      this.#choose(a, -1);
    }
    this.#choose(a, bestA);
    this.#choose(b, bestB);
    return bestA !== before[0] || bestB !== before[1];
  }

  #fits({ place, milli }: Choice): boolean {
    return (this.#idle.get(place) ?? 0) >= milli;
  }

  /** Infinite for who has nothing: anything is better. */
  #costOf(job: number): number {
    return this.#jobs[job]?.[this.chosen[job] ?? -1]?.cost ?? Infinity;
  }

  #choose(job: number, index: number): void {
    const choices = this.#jobs[job] ?? [];
    const [before, after] = [choices[this.chosen[job] ?? -1], choices[index]];
    if (before !== undefined) this.#idle.set(before.place, (this.#idle.get(before.place) ?? 0) + before.milli);
    if (after !== undefined) this.#idle.set(after.place, (this.#idle.get(after.place) ?? 0) - after.milli);
    this.chosen[job] = index;
  }
}

const isLess = (a: number, b: number): boolean => a < b - EQUAL * Math.abs(b === Infinity ? 0 : b);

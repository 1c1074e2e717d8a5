import type { TeamHistory } from './team-history.ts';

/** Up to so many components every division is tried; of more, halves are improved one move at a time. */
const EXHAUSTIVE_MAX_COUNT = 14;
/** The smaller part has at least this share of the load, or the division relieves neither. */
const BALANCE_MIN = 0.3;
/** A division whose parts still change together more often than this is none. */
const CUT_MAX = 0.25;

export interface TeamSplit {
  readonly parts: readonly [readonly string[], readonly string[]];
  /** Of the changes that its components share, those that the division would put between two teams: 0 to 1. */
  readonly cutShare: number;
  /** Of the load, the smaller part's. */
  readonly balance: number;
  /** Whether few enough changes would cross. */
  readonly isClean: boolean;
}

/**
 * The division of a team's components into two with the fewest changes across, each part with its share of the load (D63); undefined when there
 * is none. Up to 14 components all divisions are tried; for more it is a local search (Kernighan and Lin 1970) from every component.
 */
export function splitOf(
  components: readonly string[],
  loadOf: (component: string) => number,
  together: TeamHistory['together'],
): TeamSplit | undefined {
  if (components.length < 2) return undefined;
  const graph = new Divider([...components].sort(), loadOf, together);
  return components.length <= EXHAUSTIVE_MAX_COUNT ? graph.best(graph.everyDivision()) : graph.best(graph.improvedDivisions());
}

class Divider {
  readonly #names: readonly string[];
  readonly #loads: readonly number[];
  readonly #weights: readonly (readonly number[])[];
  readonly #load: number;
  readonly #weight: number;

  constructor(names: readonly string[], loadOf: (component: string) => number, together: TeamHistory['together']) {
    this.#names = names;
    this.#loads = names.map(loadOf);
    this.#weights = names.map((one) => names.map((other) => together.get(one)?.get(other) ?? 0));
    this.#load = this.#loads.reduce((sum, load) => sum + load, 0);
    this.#weight = this.#weights.flat().reduce((sum, weight) => sum + weight, 0) / 2;
  }

  best(divisions: Iterable<readonly boolean[]>): TeamSplit | undefined {
    let found: { readonly division: readonly boolean[]; readonly cut: number; readonly balance: number } | undefined;
    for (const division of divisions) {
      const balance = this.#balance(division);
      if (balance < BALANCE_MIN) continue;
      const cut = this.#cut(division);
      if (found === undefined || cut < found.cut || (cut === found.cut && balance > found.balance)) found = { division, cut, balance };
    }
    if (found === undefined) return undefined;
    const { division, cut, balance } = found;
    const part = (isFirst: boolean): string[] => this.#names.filter((_, i) => (division[i] === division[0]) === isFirst);
    const cutShare = this.#weight === 0 ? 0 : cut / this.#weight;
    return { parts: [part(true), part(false)], cutShare, balance, isClean: cutShare <= CUT_MAX };
  }

  /** Each once: the first component is always in the first part. */
  *everyDivision(): Generator<readonly boolean[]> {
    const count = this.#names.length;
    for (let bits = 1; bits < 2 ** (count - 1); bits++) {
      yield this.#names.map((_, i) => i > 0 && ((bits >> (i - 1)) & 1) === 1);
    }
  }

  *improvedDivisions(): Generator<readonly boolean[]> {
    for (const seed of this.#names.keys()) yield this.#improved(this.#grown(seed));
  }

  /** The part that grows from a component by what changes with it most, up to half of the load. */
  #grown(seed: number): boolean[] {
    const division = this.#names.map((_, i) => i === seed);
    for (let load = this.#loads[seed] ?? 0; load < this.#load / 2;) {
      const next = this.#nearest(division);
      if (next === undefined) break;
      division[next] = true;
      load += this.#loads[next] ?? 0;
    }
    return division;
  }

  #nearest(division: readonly boolean[]): number | undefined {
    let best: { readonly at: number; readonly weight: number } | undefined;
    for (const [at, isIn] of division.entries()) {
      if (isIn) continue;
      const weight = this.#weightTo(at, division, true);
      if (best === undefined || weight > best.weight) best = { at, weight };
    }
    return best?.at;
  }

  /** Moves single components while that makes the cut smaller and leaves the parts balanced. */
  #improved(division: boolean[]): boolean[] {
    for (let moves = 0; moves < this.#names.length * 4; moves++) {
      let best: { readonly at: number; readonly gain: number } | undefined;
      for (const [at, side] of division.entries()) {
        const gain = this.#weightTo(at, division, !side) - this.#weightTo(at, division, side);
        if (gain <= (best?.gain ?? 1e-12)) continue;
        const moved = division.with(at, !side);
        if (this.#balance(moved) >= BALANCE_MIN) best = { at, gain };
      }
      if (best === undefined) break;
      division[best.at] = !division[best.at];
    }
    return division;
  }

  #weightTo(at: number, division: readonly boolean[], side: boolean): number {
    let weight = 0;
    for (const [other, otherSide] of division.entries()) if (otherSide === side && other !== at) weight += this.#weights[at]?.[other] ?? 0;
    return weight;
  }

  #cut(division: readonly boolean[]): number {
    let cut = 0;
    for (const at of division.keys()) if (division[at] === true) cut += this.#weightTo(at, division, false);
    return cut;
  }

  #balance(division: readonly boolean[]): number {
    let load = 0;
    for (const [at, side] of division.entries()) if (side) load += this.#loads[at] ?? 0;
    return this.#load === 0 ? 0.5 : Math.min(load, this.#load - load) / this.#load;
  }
}

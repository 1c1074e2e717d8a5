import { sumOf } from '../evidence/number-table.ts';
import type { TeamHistory } from './team-history.ts';

/** Up to so many components every division is tried; of more, halves are improved one move at a time. */
const EXHAUSTIVE_MAX_COUNT = 14;
/** Halves grow from so many components, those of the most load. */
const SEEDS_MAX_COUNT = 50;
/** More components are not divided: their weights are a square of them, and a register divides while others wait for it. */
const COMPONENTS_MAX_COUNT = 500;
/** A smaller one is rounding. */
const GAIN_MIN = 1e-12;
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
 * is none. Up to 14 components all divisions are tried; for more, up to 500, it is a local search (Kernighan and Lin 1970) from 50 of them.
 */
export function splitOf(
  components: readonly string[],
  loadOf: (component: string) => number,
  together: TeamHistory['together'],
): TeamSplit | undefined {
  if (components.length < 2 || components.length > COMPONENTS_MAX_COUNT) return undefined;
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
    this.#weights = names.map((one) => names.map((other) => (one === other ? 0 : (together.get(one)?.get(other) ?? 0))));
    this.#load = sumOf(this.#loads);
    this.#weight = sumOf(this.#weights.flat()) / 2;
  }

  best(divisions: Iterable<readonly boolean[]>): TeamSplit | undefined {
    let found: { readonly division: readonly boolean[]; readonly cut: number; readonly balance: number } | undefined;
    for (const division of divisions) {
      const balance = this.#balanceOf(this.#loadOf(division));
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
    const heaviest = [...this.#names.keys()].sort((a, b) => (this.#loads[b] ?? 0) - (this.#loads[a] ?? 0) || a - b);
    for (const seed of heaviest.slice(0, SEEDS_MAX_COUNT)) yield this.#improved(this.#grown(seed));
  }

  /** The part that grows from a component by what changes with it most, up to half of the load. */
  #grown(seed: number): boolean[] {
    const division = this.#names.map((_, i) => i === seed);
    const pulls = [...this.#weightsOf(seed)];
    for (let load = this.#loads[seed] ?? 0; load < this.#load / 2;) {
      const next = mostOf(pulls, (at) => !(division[at] ?? true));
      if (next === undefined) break;
      division[next] = true;
      load += this.#loads[next] ?? 0;
      this.#weightsOf(next).forEach((weight, at) => (pulls[at] = (pulls[at] ?? 0) + weight));
    }
    return division;
  }

  /** Moves single components while that makes the cut smaller and leaves the parts balanced. */
  #improved(division: boolean[]): boolean[] {
    let load = this.#loadOf(division);
    // What each component would take off the cut by a move: what binds it to the other part, less what binds it to its own.
    const gains = division.map((side, at) =>
      this.#weightsOf(at).reduce((sum, weight, other) => sum + (division[other] === side ? -weight : weight), 0),
    );
    const loadAfter = (at: number): number => load + (division[at] === true ? -1 : 1) * (this.#loads[at] ?? 0);
    for (let moves = 0; moves < this.#names.length * 4; moves++) {
      const best = mostOf(gains, (at) => (gains[at] ?? 0) > GAIN_MIN && this.#balanceOf(loadAfter(at)) >= BALANCE_MIN);
      if (best === undefined) break;
      load = loadAfter(best);
      const side = division[best] === false;
      division[best] = side;
      gains[best] = -(gains[best] ?? 0);
      this.#weightsOf(best).forEach((weight, at) => (gains[at] = (gains[at] ?? 0) + (division[at] === side ? -2 : 2) * weight));
    }
    return division;
  }

  #weightsOf(at: number): readonly number[] {
    return this.#weights[at] ?? [];
  }

  #cut(division: readonly boolean[]): number {
    let cut = 0;
    for (const [at, side] of division.entries()) {
      if (side) for (const [other, weight] of this.#weightsOf(at).entries()) if (division[other] === false) cut += weight;
    }
    return cut;
  }

  #loadOf(division: readonly boolean[]): number {
    let load = 0;
    for (const [at, side] of division.entries()) if (side) load += this.#loads[at] ?? 0;
    return load;
  }

  /** The share of the smaller part, of which one has this load. */
  #balanceOf(load: number): number {
    return this.#load === 0 ? 0.5 : Math.min(load, this.#load - load) / this.#load;
  }
}

/** The first of the greatest values that may be taken. */
function mostOf(values: readonly number[], mayBe: (at: number) => boolean): number | undefined {
  let best: number | undefined;
  for (const [at, value] of values.entries()) if (value > (best === undefined ? -Infinity : (values[best] ?? 0)) && mayBe(at)) best = at;
  return best;
}

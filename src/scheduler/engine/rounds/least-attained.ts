/** A job that is not done, as the policy sees it: not how much it has still to do. */
export interface Contender {
  /** By type: how fast the job is there, as a part of its fastest. */
  readonly speeds: readonly number[];
  /** Seconds of work done, on the type that is fastest for it. */
  readonly attainedS: number;
  /** The type that it is on, by index; -1 when on none. */
  readonly type: number;
}

/** Attained work after which a job counts noticeably less than a new one. */
const YOUNG_S = 36_000;
const AGE_EXPONENT = -0.2;

/** Where a move cost all its progress, a placed job would keep its type before others that have attained less by no more than this. */
const HEAD_START_S = 72_000;

/** Rounds over which a move should pay for itself: what it costs is gained back as long as the job stays. */
const MOVE_ROUNDS = 3;

/** The part of a move's progress that the move itself costs. */
export const moveCostOf = (moveS: number, roundS: number): number => Math.min(1, moveS / (roundS * MOVE_ROUNDS));

/**
 * The smallest goes first: the job that has attained least, counted in work done and not in time, so that no job pays for having been on a slow
 * type.
 */
export const turnOf = ({ attainedS, type }: Contender, moveCost: number): number => attainedS - (type >= 0 ? HEAD_START_S * moveCost : 0);

/**
 * The type of each of the jobs that go, by index; -1 for surplus jobs. Progress, in parts of each job's own best, adds up to the most; the young
 * count a little more, as more of them are about to end.
 */
export function typesOf(contenders: readonly Contender[], places: readonly number[], moveCost: number): readonly number[] {
  const bidders = contenders.map(({ speeds, attainedS, type: current }) => {
    const weight = (1 + attainedS / YOUNG_S) ** AGE_EXPONENT;
    return { current, gains: speeds.map((speed, type) => weight * speed * (type === current ? 1 : 1 - moveCost)) };
  });
  return assignTypes(bidders, places);
}

/** What a job gains on each type. */
export interface Bidder {
  readonly gains: readonly number[];
  /** The type it is on, by index; -1 when on none. Kept among equals. */
  readonly current: number;
}

/** Gains that differ by less are equal: sums of floats do not add up to the last digit. */
const EQUAL = 1e-9;

/**
 * The type of each job, by index, so that the gains add up to the most there can be, at most `places` of each type; -1 for surplus jobs.
 * Begins with what jobs have and cancels cycles: one job moves to a second type, one from there to a third, and so on, the last to the
 * first, or into a free unit. Without a gaining cycle the total cannot rise (as for any flow of least cost). The first of equals moves.
 */
export function assignTypes(bidders: readonly Bidder[], places: readonly number[]): readonly number[] {
  const assignment = new Assignment(bidders, places);
  while (assignment.improve());
  return assignment.types;
}

interface Edge {
  readonly gain: number;
  /** The job that moves; -1 for a free unit. */
  readonly mover: number;
}

class Assignment {
  readonly types: number[];
  readonly #bidders: readonly Bidder[];
  readonly #free: number[];

  constructor(bidders: readonly Bidder[], places: readonly number[]) {
    this.#bidders = bidders;
    this.#free = [...places];
    this.types = bidders.map(({ current }) => (this.#take(current) ? current : -1));
    for (const [job, type] of this.types.entries()) {
      const open = type === -1 ? this.#free.findIndex((left) => left > 0) : -1;
      if (open >= 0 && this.#take(open)) this.types[job] = open;
    }
  }

  /** Cancels one cycle that gains; answers whether there was one. */
  improve(): boolean {
    const edges = this.#edges();
    const cycle = gainingCycle(edges);
    for (const [place, from] of cycle.entries()) {
      const to = cycle[(place + 1) % cycle.length] ?? from;
      const mover = edges[from]?.[to]?.mover ?? -1;
      if (mover >= 0) this.types[mover] = to;
      else this.#free[from] = (this.#free[from] ?? 0) - 1;
      if (mover < 0) this.#free[to] = (this.#free[to] ?? 0) + 1;
    }
    return cycle.length > 0;
  }

  #take(type: number): boolean {
    const left = this.#free[type] ?? 0;
    if (left <= 0) return false;
    this.#free[type] = left - 1;
    return true;
  }

  /** For each pair of types, the move from the first to the second that gains most. */
  #edges(): Edge[][] {
    const edges = this.#free.map((left) => this.#free.map((): Edge => ({ gain: left > 0 ? 0 : -Infinity, mover: -1 })));
    for (const [job, { gains }] of this.#bidders.entries()) {
      const from = this.types[job] ?? -1;
      const row = edges[from];
      if (row === undefined) continue;
      for (let to = 0; to < row.length; to++) {
        const gain = (gains[to] ?? 0) - (gains[from] ?? 0);
        if (to !== from && gain > (row[to]?.gain ?? -Infinity)) row[to] = { gain, mover: job };
      }
    }
    return edges;
  }
}

/** Types, each followed by where one moves from there, around which more is gained than lost; empty when there is no such cycle. */
function gainingCycle(edges: readonly (readonly Edge[])[]): readonly number[] {
  const count = edges.length;
  const best = Array.from({ length: count }, () => 0);
  const before = Array.from({ length: count }, () => -1);
  for (let round = 0; round <= count; round++) {
    let raised = -1;
    for (let from = 0; from < count; from++) {
      for (let to = 0; to < count; to++) {
        const gain = (best[from] ?? 0) + (edges[from]?.[to]?.gain ?? -Infinity);
        if (to === from || gain <= (best[to] ?? 0) + EQUAL) continue;
        best[to] = gain;
        before[to] = from;
        raised = to;
      }
    }
    if (raised < 0) return [];
    if (round === count) return cycleThrough(before, raised);
  }
  return [];
}

function cycleThrough(before: readonly number[], last: number): readonly number[] {
  // After as many steps back as there are types, one stands on the cycle.
  let on = last;
  for (let step = 0; step < before.length; step++) on = before[on] ?? 0;
  const cycle = [on];
  for (let at = before[on] ?? 0; at !== on; at = before[at] ?? 0) cycle.unshift(at);
  return cycle;
}

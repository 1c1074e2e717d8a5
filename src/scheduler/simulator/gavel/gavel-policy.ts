import type { Contender } from '../../engine/rounds/least-attained.ts';
import { turnOf, typesOf } from '../../engine/rounds/least-attained.ts';

/** A job that is not done. */
export interface ActiveJob extends Contender {
  readonly id: number;
}

/** The type of each job for the next round: jobs in the order given, by index; -1 for those that wait. */
export type GavelPolicy = (jobs: readonly ActiveJob[], places: readonly number[], moveCost: number) => readonly number[];

/** As many as there are places go, of those that have attained least; `moveCost`: the part of a move's progress that the move itself costs. */
export const leastAttained: GavelPolicy = (jobs, places, moveCost) => {
  const order = jobs
    .map((job, index) => ({ job, index, turn: turnOf(job, moveCost) }))
    .toSorted((a, b) => a.turn - b.turn || a.index - b.index);
  const chosen = order.slice(0, sum(places));
  const types = jobs.map(() => -1);
  const assigned = typesOf(
    chosen.map(({ job }) => job),
    places,
    moveCost,
  );
  for (const [at, type] of assigned.entries()) types[chosen[at]?.index ?? 0] = type;
  return types;
};

/**
 * First come, first served, anew in every round: each job in order takes what is fastest for it of what is left. Gavel's "FIFO,
 * heterogeneity-aware", by which the simulator is checked.
 */
export const firstCome: GavelPolicy = (jobs, places) => {
  const left = [...places];
  return jobs.map(({ speeds }) => {
    let fastest = -1;
    for (const [type, count] of left.entries()) {
      if (count > 0 && (speeds[type] ?? 0) > (speeds[fastest] ?? 0)) fastest = type;
    }
    if (fastest >= 0) left[fastest] = (left[fastest] ?? 0) - 1;
    return fastest;
  });
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

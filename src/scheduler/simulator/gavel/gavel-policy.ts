import { assignTypes } from '../../engine/placement/assign-types.ts';

/** A job that is not done, as a policy sees it: not how much it has still to do. */
export interface ActiveJob {
  readonly id: number;
  readonly speeds: readonly number[];
  /** Seconds of work done, on the type that is fastest for it. */
  readonly attainedS: number;
  /** The type it was on in the round before, by index; -1 when on none. */
  readonly type: number;
}

/** The type of each job for the next round: jobs in the order given, by index; -1 for those that wait. */
export type GavelPolicy = (jobs: readonly ActiveJob[], places: readonly number[], moveCost: number) => readonly number[];

/** Attained work after which a job counts noticeably less than a new one. */
const YOUNG_S = 36_000;
const AGE_EXPONENT = -0.2;

/** Where a move cost all its progress, a placed job would keep its type before others that have attained less by no more than this. */
const HEAD_START_S = 72_000;

/**
 * The job that has attained least goes first, counted in work done and not in time, so that no job pays for having been on a slow type.
 * Among those that go, types are assigned so that progress, in parts of each job's own best, adds up to the most; the young count a little
 * more, as more of them are about to end. `moveCost` is the part of a move's progress that the move itself costs.
 */
export const leastAttained: GavelPolicy = (jobs, places, moveCost) => {
  const rank = ({ attainedS, type }: ActiveJob): number => attainedS - (type >= 0 ? HEAD_START_S * moveCost : 0);
  const order = jobs.map((job, index) => ({ job, index, rank: rank(job) })).toSorted((a, b) => a.rank - b.rank || a.index - b.index);
  const chosen = order.slice(0, sum(places));
  const bidders = chosen.map(({ job }) => {
    const weight = (1 + job.attainedS / YOUNG_S) ** AGE_EXPONENT;
    return { current: job.type, gains: job.speeds.map((speed, type) => weight * speed * (type === job.type ? 1 : 1 - moveCost)) };
  });
  const types = jobs.map(() => -1);
  for (const [at, type] of assignTypes(bidders, places).entries()) types[chosen[at]?.index ?? 0] = type;
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

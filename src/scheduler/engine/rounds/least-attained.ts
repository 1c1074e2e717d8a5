import { assignTypes } from '../placement/assign-types.ts';

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

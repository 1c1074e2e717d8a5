import { moveCostOf, turnOf, typesOf } from '../../engine/rounds/least-attained.ts';
import type { GavelTrace } from './read-gavel.ts';
import type { Contender } from '../../engine/rounds/least-attained.ts';

export interface GavelRun {
  readonly jobsPerHour: number;
  /** Accelerators of each type of the trace. */
  readonly places: readonly number[];
  readonly roundS: number;
  /** What a job loses when it begins on another type than it was on, or again: saving, and loading what was saved. */
  readonly checkpointS: number;
  /** The jobs that are measured: from this id on, up to but without the other. */
  readonly fromId: number;
  readonly toId: number;
}

export interface GavelResult {
  /** Of the jobs measured, from arrival to end, in the order of their ends. */
  readonly completionS: readonly number[];
  readonly rounds: number;
  /** How often a job began on another type than it was on, or again. */
  readonly moves: number;
  /** Share of the accelerators' time that was used, up to the last end. */
  readonly utilisation: number;
}

/** A stretch of time that a job had an accelerator. */
export interface Stay {
  readonly jobId: number;
  readonly type: number;
  readonly fromS: number;
  readonly toS: number;
}

interface Running extends ActiveJob {
  attainedS: number;
  type: number;
  readonly arrivedS: number;
  readonly workS: number;
  sinceS: number;
}

/**
 * Gavel's protocol for `continuous-single`: time goes in rounds; a job that has arrived takes part in the next; a job that ends within a
 * round leaves its accelerator idle to the round's end. Jobs come until all that are measured are done.
 */
export function runRounds(
  trace: GavelTrace,
  run: GavelRun,
  policy: GavelPolicy,
  onStay: (stay: Stay) => void = () => undefined,
): GavelResult {
  const { places, roundS } = run;
  const isMeasured = (id: number): boolean => id >= run.fromId && id < run.toId;
  let left = trace.jobs.filter(({ id }) => isMeasured(id)).length;
  let active: Running[] = [];
  const completionS: number[] = [];
  const moveCost = moveCostOf(run.checkpointS, roundS);
  let [next, nowS, rounds, moves, usedS] = [0, 0, 0, 0, 0];
  while (left > 0) {
    for (let job = trace.jobs[next]; job !== undefined && arrivalS(job.arrivalUnit, run) <= nowS; job = trace.jobs[(next += 1)]) {
      active.push({ ...job, arrivedS: arrivalS(job.arrivalUnit, run), attainedS: 0, type: -1, sinceS: nowS });
    }
    if (active.length === 0) {
      nowS = Math.ceil(arrivalS(trace.jobs[next]?.arrivalUnit ?? 0, run) / roundS) * roundS;
      continue;
    }
    const types = policy(active, places, moveCost);
    const remaining: Running[] = [];
    for (const [index, job] of active.entries()) {
      const { hasMoved, onS, isDone } = advance(job, types[index] ?? -1, nowS, run, onStay);
      moves += Number(hasMoved);
      usedS += onS;
      if (!isDone) remaining.push(job);
      if (!isDone || !isMeasured(job.id)) continue;
      left -= 1;
      completionS.push(nowS + onS - job.arrivedS);
    }
    active = remaining;
    rounds += 1;
    nowS += roundS;
  }
  return { completionS, rounds, moves, utilisation: usedS / (nowS * places.reduce((sum, count) => sum + count, 0)) };
}

interface Advance {
  readonly hasMoved: boolean;
  /** How long of the round it has an accelerator. */
  readonly onS: number;
  readonly isDone: boolean;
}

/** One round of a job on a type, or on none. */
function advance(job: Running, type: number, nowS: number, { roundS, checkpointS }: GavelRun, onStay: (stay: Stay) => void): Advance {
  const isElsewhere = type !== job.type;
  if (isElsewhere && job.type >= 0) onStay({ jobId: job.id, type: job.type, fromS: job.sinceS, toS: nowS });
  if (isElsewhere) job.sinceS = nowS;
  job.type = type;
  if (type < 0) return { hasMoved: false, onS: 0, isDone: false };
  const speed = job.speeds[type] ?? 0;
  const lostS = isElsewhere ? Math.min(roundS, checkpointS) : 0;
  const neededS = lostS + (job.workS - job.attainedS) / speed;
  if (neededS > roundS) {
    job.attainedS += (roundS - lostS) * speed;
    return { hasMoved: isElsewhere, onS: roundS, isDone: false };
  }
  onStay({ jobId: job.id, type, fromS: job.sinceS, toS: nowS + neededS });
  return { hasMoved: isElsewhere, onS: neededS, isDone: true };
}

const arrivalS = (unit: number, { jobsPerHour }: GavelRun): number => (unit * 3_600) / jobsPerHour;

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

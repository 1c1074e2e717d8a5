import type { Seeded } from '../../../kernel/seeded.ts';
import type { Cell } from '../cell/cell.ts';
import type { RunsAs } from '../cell/run-times.ts';
import { RunTimeSampler } from './run-time-sampler.ts';

/** What courses are drawn from: each sample is of one. */
export interface Draws {
  readonly samplesMax: number;
  readonly chance: () => number;
  /** By how much faster or slower things go on than they went, where only a part is played through. */
  readonly pace: () => number;
  /** How long an attempt runs in all that has run for so long. */
  readonly runMs: (job: RunsAs, ageMs: number) => number;
  /** How long it runs on average, where it is not played; the same for all jobs of a class. */
  readonly usualMs: (job: RunsAs) => number;
  readonly nextSample: () => void;
  /** How many attempts like those that run have been seen to end, of the one that is known best. */
  readonly seen: number;
}

/** More tell quantiles apart no better than run times are known. */
const SAMPLES_MAX = 48;

/** Of the logarithm of the pace of what is not played through: rates at which jobs come and go change by half. */
const PACE_SPREAD = 0.45;

/** Draws run times as those of jobs like these were. */
export function runTimeDraws(cell: Cell, rng: Seeded): Draws {
  const sampler = new RunTimeSampler(cell, rng, cell.nowMs);
  const nextSample = (): void => sampler.nextSample();
  let seen = 0;
  for (const id of cell.jobs.placed) seen = Math.max(seen, sampler.seenOf(cell.jobs.get(id)));
  return {
    samplesMax: SAMPLES_MAX,
    chance: () => rng.next(),
    pace: () => Math.exp(PACE_SPREAD * normal(rng)),
    runMs: (job, ageMs) => sampler.runMs(job, ageMs),
    usualMs: averageOf((job) => sampler.runMs(job, 0), nextSample),
    nextSample,
    seen,
  };
}

/** A standard normal number (Box and Muller, 1958). */
const normal = (rng: Seeded): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());

/** Of so many draws, each of another sample. */
const AVERAGED = 16;

function averageOf(draw: (job: RunsAs) => number, nextSample: () => void): (job: RunsAs) => number {
  const known = new Map<string, number>();
  return (job) => {
    const key = `${job.classKey} ${job.spec.workMs ?? ''}`;
    let average = known.get(key);
    if (average === undefined) {
      let sum = 0;
      for (let at = 0; at < AVERAGED; at++) {
        nextSample();
        sum += draw(job);
      }
      average = sum === Infinity ? 1 : sum / AVERAGED;
      known.set(key, average);
    }
    return average;
  };
}

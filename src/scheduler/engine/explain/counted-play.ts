import { must } from '../../../kernel/assert.ts';
import { Heap } from '../../../kernel/heap.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { comingArrivals } from '../cell/recent-arrivals.ts';
import type { RunsAs } from '../cell/run-times.ts';
import type { Counted, CountedRun } from './counted-cluster.ts';
import { CountedCluster } from './counted-cluster.ts';
import type { CountedEnd } from './counted-state.ts';
import { CountedState, limitOf } from './counted-state.ts';
import type { Draws } from './run-time-draws.ts';

/** How things go on where counts are played. */
interface CountedCourse {
  /** How long an attempt runs in all that has run for so long. */
  readonly runMs: (job: RunsAs, ageMs: number) => number;
  /** Jobs that come, soonest first. */
  readonly coming: Iterator<{ readonly atMs: number; readonly job: Counted }, void>;
  /** How long it runs on average, where it is not played. */
  readonly usualMs: (job: RunsAs) => number;
  /** By how much faster or slower things go on than they went, where only a part is played. */
  readonly pace: number;
}

/**
 * The way of a waiting job to its nodes by counts: of all jobs of its tree that ask for the same resource, which queue has how much of it, and what
 * is free of it on each node. Queues take by their shares, each in its order; what fits passes what does not, but for the nodes that are kept for
 * the first that does not. Neither topology nor evictions count.
 */
class CountedPlay {
  readonly #cell: Cell;
  readonly #job: JobRecord;
  readonly #cluster: CountedCluster;
  readonly #own: Counted;

  constructor(cell: Cell, job: JobRecord) {
    this.#cell = cell;
    this.#job = job;
    this.#cluster = new CountedCluster(cell, job);
    this.#own = must(this.#cluster.counted(job, job.sequence), 'a job counts by its first option');
  }

  /** A job that comes, as it counts here; undefined where it does not. */
  counted(job: RunsAs): Counted | undefined {
    return this.#cluster.counted(job, Infinity);
  }

  /** When the job starts on one course, and how much was counted for that: at most about `stepsMax`, and what is left goes on in proportion. */
  play({ runMs, usualMs, coming, pace }: CountedCourse, stepsMax: number): { readonly startMs: number; readonly steps: number } {
    const { nowMs, settings } = this.#cell;
    const state = new CountedState(this.#cluster, settings.order, settings.historyHalfLifeMs, nowMs);
    const ends = new Heap<CountedEnd>((a, b) => a.atMs - b.atMs);
    for (const run of this.#cluster.running) {
      const end = { ...run, atMs: endOf(run, runMs, nowMs), latestMs: run.leavesMs ?? run.fromMs + limitOf(run.job) };
      ends.push(end);
      state.began(end);
    }
    state.keepAsNow();
    let arrival = coming.next();
    let atMs = nowMs;
    for (;;) {
      for (const one of state.place(atMs)) {
        if (one.counted.job.spec.id === this.#job.spec.id) return { startMs: atMs, steps: state.steps };
        const { job, queue, unitsEach, sequence } = one.counted;
        const end = { atMs: atMs + runMs(job, 0), latestMs: atMs + limitOf(job), job, queue, unitsEach, sequence, on: one.on };
        ends.push(end);
        state.began(end);
      }
      const next = ends.first;
      if (next === undefined || next.atMs === Infinity) return { startMs: Infinity, steps: state.steps };
      if (state.steps >= stepsMax) return { startMs: this.#goesOn(state, atMs, usualMs, pace), steps: state.steps };
      if (arrival.done !== true && arrival.value.atMs < next.atMs) {
        atMs = arrival.value.atMs;
        state.join(arrival.value.job);
        arrival = coming.next();
        continue;
      }
      ends.pop();
      atMs = next.atMs;
      state.release(next);
    }
  }

  /** What is left before the job in its line is done at the rate at which its queue has had what it asks for. */
  #goesOn(state: CountedState, atMs: number, usualMs: CountedCourse['usualMs'], pace: number): number {
    const { queue } = this.#own;
    let work = 0;
    for (const { job, nodes, unitsEach } of state.lines[queue] ?? []) {
      if (job.spec.id === this.#job.spec.id) break;
      work += nodes * unitsEach * usualMs(job);
    }
    const rate = Math.max(this.#own.unitsEach, state.heldOnAverage(queue));
    return atMs + (pace * work) / rate;
  }
}

function endOf({ job, fromMs, leavesMs }: CountedRun, runMs: CountedCourse['runMs'], nowMs: number): number {
  return Math.max(nowMs, leavesMs ?? fromMs + runMs(job, Math.max(0, nowMs - fromMs)));
}

/** Counted steps in all, in some 12 ms; and samples that they are shared out to at least. */
const STEPS_MAX = 64_000;
const SAMPLES_MIN = 8;

/** When a job starts on courses that are drawn, by counts; at least `SAMPLES_MIN`. */
export function countedStarts(cell: Cell, job: JobRecord, draws: Draws): readonly number[] {
  const play = new CountedPlay(cell, job);
  const rivals = cell.arrivals.last.flatMap(({ atMs, spec, classKey }) => {
    const counted = spec.id === job.spec.id || spec.dependsOn.length > 0 ? undefined : play.counted({ spec, classKey, attempt: null });
    return counted === undefined ? [] : [{ atMs, spec, classKey, counted }];
  });
  const starts: number[] = [];
  let left = STEPS_MAX;
  while (starts.length < draws.samplesMax && left > 0) {
    draws.nextSample();
    const coming = comingCounted(comingArrivals(rivals, cell.nowMs, draws.chance));
    const { startMs, steps } = play.play({ ...draws, pace: draws.pace(), coming }, STEPS_MAX / SAMPLES_MIN);
    starts.push(startMs);
    left -= steps + 1;
  }
  return starts;
}

/** The latest that a job starts if all take as long as they may and none comes. */
export const countedLatest = (cell: Cell, job: JobRecord): number =>
  new CountedPlay(cell, job).play({ runMs: limitOf, usualMs: limitOf, coming: [].values(), pace: 1 }, STEPS_MAX / 4).startMs;

/** After all that have come, also where a job is only planned. */
const COMING_SEQUENCE = 2 ** 40;

function* comingCounted(
  all: Iterable<{ readonly atMs: number; readonly counted: Counted }>,
): Generator<{ readonly atMs: number; readonly job: Counted }, void> {
  let sequence = COMING_SEQUENCE;
  for (const { atMs, counted } of all) yield { atMs, job: { ...counted, sequence: sequence++ } };
}

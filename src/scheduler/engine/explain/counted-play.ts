import { Heap } from '../../../kernel/heap.ts';
import { resourceClass } from '../cell/feasibility.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { classesBefore } from './explain.ts';

/** Jobs before one that are played through; how the rest goes on follows from them. */
const PLAYED_MAX = 64;

/** Of how many of its first jobs a class is known in the line. */
const OF_A_CLASS_MAX = 16;

interface InLine {
  readonly job: JobRecord;
  readonly units: number;
}

/**
 * The way of a waiting job to its nodes where the engine would take too long to play it: by counts of accelerators alone (of nodes, where the job asks
 * for none). Its queue goes on having as many as it has, or its tree, while the queue has none; each that is free goes to the first job in line that
 * it suffices for. Neither topology nor evictions count.
 */
export class CountedPlay {
  readonly #cell: Cell;
  readonly #job: JobRecord;
  readonly #running: readonly InLine[];
  readonly #line: readonly InLine[];
  /** What the jobs before it ask for, for as long as they may: of those in the line, and of all. */
  readonly #workInLine: number;
  readonly #workBefore: number;

  constructor(cell: Cell, job: JobRecord) {
    this.#cell = cell;
    this.#job = job;
    const wanted = new Set(job.spec.options.map((_, option) => resourceClass(job, option)));
    const placed = cell.jobs.inOrder(cell.jobs.placed).filter((other) => wanted.has(resourceClass(other, other.attempt?.option ?? 0)));
    const own = placed.filter(({ spec }) => spec.queue === job.spec.queue);
    this.#running = (own.length > 0 ? own : placed).map((other) => ({ job: other, units: unitsOf(other) }));
    let workBefore = 0;
    const line: InLine[] = [];
    for (const { exemplar, count, first } of classesBefore(cell, job)) {
      workBefore += count * unitsFor(exemplar) * (exemplar.limits.durationMaxMs ?? 1);
      for (const id of first(OF_A_CLASS_MAX)) line.push({ job: cell.jobs.get(id), units: unitsFor(exemplar) });
    }
    line.sort((a, b) => b.job.spec.priority - a.job.spec.priority || a.job.sequence - b.job.sequence);
    this.#line = line.slice(0, PLAYED_MAX);
    this.#workBefore = workBefore;
    this.#workInLine = this.#line.reduce((sum, { job: { spec }, units }) => sum + units * (spec.limits.durationMaxMs ?? 1), 0);
  }

  /** When the job starts on one course: how long each attempt runs in all that has run for so long. `pace`: of what is not played. */
  startMs(runMs: (job: JobRecord, ageMs: number) => number, pace: number): number {
    const { nowMs } = this.#cell;
    const ends = new Heap<{ readonly atMs: number; readonly units: number }>((a, b) => a.atMs - b.atMs);
    for (const { job, units } of this.#running) {
      const fromMs = job.attempt?.runningAtMs ?? job.attempt?.startedAtMs ?? nowMs;
      const endMs = job.attempt?.leaving?.graceEndsAtMs ?? fromMs + runMs(job, Math.max(0, nowMs - fromMs));
      ends.push({ atMs: Math.max(nowMs, endMs), units });
    }
    const isWhole = this.#workInLine >= this.#workBefore;
    const line = [...this.#line, ...(isWhole ? [{ job: this.#job, units: unitsFor(this.#job.spec) }] : [])];
    let free = 0;
    let atMs = nowMs;
    while (line.length > 0) {
      const next = ends.pop();
      if (next === undefined || next.atMs === Infinity) return Infinity;
      atMs = next.atMs;
      free += next.units;
      for (let at = 0; at < line.length && free > 0;) {
        const one = line[at];
        if (one === undefined || one.units > free) at += 1;
        else if (one.job === this.#job) return atMs;
        else {
          line.splice(at, 1);
          free -= one.units;
          ends.push({ atMs: atMs + runMs(one.job, 0), units: one.units });
        }
      }
    }
    return nowMs + (atMs - nowMs) * (1 + (pace * (this.#workBefore - this.#workInLine)) / Math.max(1, this.#workInLine));
  }
}

const unitsFor = ({ options: [option] }: JobRecord['spec']): number =>
  option === undefined ? 1 : option.nodes.min * Math.max(1, option.perNode.acceleratorCount);

/** What a job has, by the nodes that it is on. */
const unitsOf = ({ attempt }: JobRecord): number =>
  attempt === null ? 0 : attempt.placement.slots.length * Math.max(1, attempt.placement.demand.acceleratorCount);

import { Heap } from '../../../kernel/heap.ts';
import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { comingArrivals } from '../cell/recent-arrivals.ts';
import type { RunsAs } from '../cell/run-times.ts';
import { finish, leave } from '../life/end-attempt.ts';
import { schedule } from '../machine/schedule.ts';
import { submit } from '../machine/step.ts';
import type { JobSpec } from '../model/job-spec.ts';
import { classesBefore } from './explain.ts';
import type { Draws } from './run-time-draws.ts';

interface End {
  readonly atMs: number;
  readonly jobId: JobId;
  readonly fence: number;
}

/** How things go on. */
interface Course {
  /** How long an attempt runs in all that has run for so long. */
  readonly runMs: (job: RunsAs, ageMs: number) => number;
  /** How long it runs on average, where it is not played. */
  readonly usualMs: (job: RunsAs) => number;
  /** By how much faster or slower things go on than they went, where only a part is played through. */
  readonly pace: number;
  /** Jobs that come. */
  readonly coming: Iterator<{ readonly atMs: number; readonly spec: JobSpec; readonly isRival: boolean }, void>;
}

/** All take as long as they may, and no job comes. */
const LIMITS: Course = {
  runMs: ({ spec }) => spec.limits.durationMaxMs ?? Infinity,
  usualMs: ({ spec }) => spec.limits.durationMaxMs ?? 1,
  coming: [].values(),
  pace: 1,
};

/** Samples that tell how far courses lie apart. */
const SAMPLES_MIN = 24;

/** So many are played before it is judged whether that takes too long. */
const TRIED = 4;

/** When a job starts on courses that are drawn, played by the engine itself; undefined where that takes more than is left for `SAMPLES_MIN` of them. */
export function engineStarts(cell: Cell, job: JobRecord, draws: Draws, endsMax: number, looksMax: number): readonly number[] | undefined {
  const { looks } = cell;
  const looksBefore = looks.taken;
  const others = cell.arrivals.last.filter(({ spec }) => spec.id !== job.spec.id);
  const rivals = others.map((arrival) => ({ ...arrival, isRival: mayPass(cell, arrival.spec, job.spec) }));
  const starts: number[] = [];
  let ends = 0;
  while (starts.length < draws.samplesMax && ends < endsMax && looks.taken - looksBefore < looksMax) {
    draws.nextSample();
    const coming = comingArrivals(rivals, cell.nowMs, draws.chance);
    const one = play(cell, job, { ...draws, coming, pace: draws.pace() }, endsMax / TRIED, looksMax / (2 * TRIED));
    starts.push(one.startMs);
    ends += one.ends + 1;
    const part = Math.max(ends / endsMax, (looks.taken - looksBefore) / looksMax);
    if (starts.length <= TRIED && part > starts.length / SAMPLES_MIN) return undefined;
  }
  return starts;
}

/** The latest that a job starts if all take as long as they may and none comes. */
export const engineLatest = (cell: Cell, job: JobRecord, endsMax: number, looksMax: number): number =>
  play(cell, job, LIMITS, endsMax, looksMax).startMs;

/** Whether a job that comes later may be placed before another: of another queue, or with more priority. */
function mayPass(cell: Cell, { queue, priority, dependsOn }: JobSpec, waiting: JobSpec): boolean {
  if (dependsOn.length > 0 || cell.tree.queue(queue) === undefined) return false;
  return queue === waiting.queue ? priority > waiting.priority : priority > waiting.priority || cell.settings.order === 'fair';
}

/** Plays through what happens until the job starts, on a course: when that is, and after how many ends and arrivals. */
function play(
  cell: Cell,
  { spec }: JobRecord,
  course: Course,
  endsMax: number,
  looksMax: number,
): { readonly startMs: number; readonly ends: number } {
  const mostLooks = cell.looks.taken + looksMax;
  return cell.undo.trial(() => {
    const startedAtMs = cell.nowMs;
    const before = workBefore(cell, cell.jobs.get(spec.id), course);
    const ends = new Heap<End>((a, b) => a.atMs - b.atMs || (a.jobId < b.jobId ? -1 : 1));
    // In an order that does not depend on what the cell has been through: equal states give equal answers.
    for (const placed of cell.jobs.inOrder(cell.jobs.placed)) expectEnd(cell, ends, placed, course);
    let arrival = nextRival(course);
    let count = 0;
    for (;;) {
      placeAll(cell, ends, course);
      if (hasNodes(cell, cell.jobs.get(spec.id))) return { startMs: cell.nowMs, ends: count };
      const next = ends.first;
      if (next === undefined || next.atMs === Infinity) return { startMs: Infinity, ends: count };
      if (count >= endsMax || cell.looks.taken >= mostLooks)
        return {
          startMs: startedAtMs + (cell.nowMs - startedAtMs) * (1 + course.pace * partLeft(cell, spec, before, course)),
          ends: count,
        };
      if (arrival !== undefined && arrival.atMs < next.atMs) {
        cell.advance(Math.ceil(arrival.atMs));
        count += 1;
        submit(cell, { ...arrival.spec, id: `job_${count}` as JobId });
        arrival = nextRival(course);
        continue;
      }
      ends.pop();
      if (reachEnd(cell, next)) count += 1;
    }
  });
}

/** Ends the attempt that was expected to end then; false: it has ended otherwise before. */
function reachEnd(cell: Cell, { jobId, fence, atMs }: End): boolean {
  const job = cell.jobs.find(jobId);
  if (job === undefined || job.fence !== fence || job.attempt === null) return false;
  cell.advance(Math.ceil(atMs));
  if (job.attempt.leaving === null) finish(cell, job, 'succeeded', null);
  else leave(cell, job, job.attempt.leaving.reason);
  return true;
}

function nextRival({ coming }: Course): { readonly atMs: number; readonly spec: JobSpec } | undefined {
  for (let skipped = 0; skipped < SKIPPED_MAX; skipped++) {
    const next = coming.next();
    if (next.done === true) return undefined;
    if (next.value.isRival) return next.value;
  }
  return undefined;
}

/** Where so many that came lately could not have passed the job, none does. */
const SKIPPED_MAX = 512;

/**
 * How much longer what is left of the way of a job to its nodes is than what was played of it, if its queue goes on as it went: by what the jobs before
 * it ask for, as small ones pass large ones and leave those for later.
 */
function partLeft(cell: Cell, { id }: JobSpec, before: number, course: Course): number {
  const left = workBefore(cell, cell.jobs.get(id), course);
  return left / Math.max(before / 1_000, before - left);
}

/** What a job and those before it in its queue ask for at least, for as long as jobs like them run. */
function workBefore(cell: Cell, job: JobRecord, { usualMs }: Course): number {
  let work = workOf(job.spec) * usualMs(job);
  const classes = [...classesBefore(cell, job)].flatMap(({ exemplar, count, first }) =>
    first(1).map((id) => ({ exemplar, count, one: cell.jobs.get(id) })),
  );
  // In an order that does not depend on what the cell has been through, as run times are drawn.
  for (const { exemplar, count, one } of classes.toSorted((a, b) => a.one.sequence - b.one.sequence))
    work += count * workOf(exemplar) * usualMs(one);
  return work;
}

/** In each millisecond. */
function workOf({ options: [option] }: JobSpec): number {
  return option === undefined ? 0 : option.nodes.min * Math.max(1, option.perNode.acceleratorCount * option.perNode.milliEach);
}

/** Notes when an attempt will have left its nodes. */
function expectEnd(cell: Cell, ends: Heap<End>, job: JobRecord, { runMs }: Course): void {
  const { attempt } = job;
  if (attempt === null) return;
  const { fence, leaving } = attempt;
  const fromMs = attempt.runningAtMs ?? attempt.startedAtMs ?? cell.nowMs;
  const endMs = leaving?.graceEndsAtMs ?? fromMs + runMs(job, Math.max(0, cell.nowMs - fromMs));
  const atMs = Math.min(endMs, job.spec.limits.deadlineAtMs ?? Infinity);
  ends.push({ atMs: Math.max(cell.nowMs, atMs), jobId: job.spec.id, fence });
}

/** Places what can be placed now, and notes when that will end, and when those will have left that are asked to. */
function placeAll(cell: Cell, ends: Heap<End>, course: Course): void {
  for (;;) {
    const before = cell.decidedCount;
    schedule(cell);
    const placed = new Set<JobId>();
    for (const decision of cell.decidedSince(before)) {
      if (decision.kind === 'notice') expectEnd(cell, ends, cell.jobs.get(decision.jobId), course);
      if (decision.kind === 'save' && decision.job.attempt?.admittedAtMs === cell.nowMs && decision.job.attempt.leaving === null)
        placed.add(decision.job.spec.id);
    }
    for (const job of cell.jobs.inOrder(placed)) expectEnd(cell, ends, job, course);
    if (placed.size < cell.settings.admissionsMaxCount) return;
  }
}

/** Whether a job has nodes that no other has still to leave. */
const hasNodes = (cell: Cell, { attempt }: JobRecord): boolean => attempt !== null && !cell.holdings.occupants.block(attempt.placement);

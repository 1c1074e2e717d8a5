import { Heap } from '../../../kernel/heap.ts';
import { keyHash } from '../../../kernel/fast-hash.ts';
import { mix, Seeded } from '../../../kernel/seeded.ts';
import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { payableOf } from '../cell/payer-holds.ts';
import type { JobSpec } from '../model/job-spec.ts';
import { classesBefore } from './explain.ts';
import { placementLooks } from '../cell/looks.ts';
import { finish, leave } from '../life/end-attempt.ts';
import { comingArrivals } from '../cell/recent-arrivals.ts';
import { schedule } from '../machine/schedule.ts';
import { submit } from '../machine/step.ts';
import { CountedPlay } from './counted-play.ts';
import { RunTimeSampler } from './run-time-sampler.ts';

/** When a waiting job will start, as far as is known. Plain data. */
export interface StartForecast {
  /** It starts between these with the chance of `confidence`; null: later than anything that is known. */
  readonly earliestMs: number | null;
  readonly latestMs: number | null;
  /** It starts sooner as likely as later; null where no run times are known. */
  readonly medianMs: number | null;
  readonly confidence: number;
  /** `run_times`: of so many attempts of jobs like those before it. `limits`: none was seen to end, and the interval is all that limits allow. */
  readonly basis: 'run_times' | 'limits';
  readonly seen: number;
}

const CONFIDENCE = 0.8;

/** More tell quantiles apart no better than run times are known. */
const SAMPLES_MAX = 48;
const SAMPLES_MIN = 8;

/** Of the logarithm of the pace of what is not played through: rates at which jobs come and go change by half. */
const PACE_SPREAD = 0.45;

/** Ends that are played through in all, each with what starts after it. */
const FORECAST_ENDS_MAX = 480;

/** What all of that may look at; where that is not enough for `ENDS_MIN` ends in each of the fewest samples, counts are played instead (`CountedPlay`). */
export const FORECAST_LOOKS_MAX = 10_000;
const ENDS_MIN = 6;

/**
 * When a waiting job will start: what runs and what waits is played through by the engine itself, again and again, each time with other run
 * times, drawn from those of jobs like these, while other jobs come as they came lately. The same job, state and time give the same answer.
 * Null where the job does not wait for nodes, or waits for its turn. Changes nothing.
 */
export function forecastStart(cell: Cell, job: JobRecord): StartForecast | null {
  if (!waitsForNodes(cell, job)) return null;
  const rng = new Seeded(keyHash(job.spec.id) ^ mix(cell.nowMs % 2 ** 32));
  const sampler = new RunTimeSampler(cell, rng, cell.nowMs);
  const endsMax = cell.settings.forecastEndsMax ?? FORECAST_ENDS_MAX;
  const seen = seenBefore(cell, sampler);
  const usualMs = averageOf(
    (other) => sampler.runMs(other, 0),
    () => sampler.nextSample(),
  );
  const looksMax = cell.settings.explainLooksMax ?? FORECAST_LOOKS_MAX;
  const mostLooks = cell.looks.taken + looksMax;
  const share = looksMax / SAMPLES_MIN;
  const counted = isCrowded(cell) ? new CountedPlay(cell, job) : undefined;
  if (seen === 0) {
    const atMostMs = counted === undefined ? play(cell, job, LIMITS, endsMax / 4, share).startMs : counted.startMs(LIMITS.runMs, 1);
    return { earliestMs: cell.nowMs, latestMs: finite(atMostMs), medianMs: null, confidence: CONFIDENCE, basis: 'limits', seen };
  }
  const others = cell.arrivals.last.filter(({ spec }) => spec.id !== job.spec.id);
  const rivals = others.map((arrival) => ({ ...arrival, isRival: mayPass(cell, arrival.spec, job.spec) }));
  const starts: number[] = [];
  let left = endsMax;
  while (starts.length < SAMPLES_MAX && left > 0 && cell.looks.taken < mostLooks) {
    sampler.nextSample();
    const runMs = (other: JobRecord, ageMs: number): number => sampler.runMs(other, ageMs);
    const pace = Math.exp(PACE_SPREAD * normal(rng));
    if (counted !== undefined) {
      starts.push(counted.startMs(runMs, pace));
      continue;
    }
    const coming = comingArrivals(rivals, cell.nowMs, () => rng.next());
    const { startMs, ends } = play(cell, job, { runMs, usualMs, coming, pace }, endsMax / SAMPLES_MIN, share);
    starts.push(startMs);
    left -= ends + 1;
  }
  const [earliestMs, medianMs, latestMs] = likely(starts, cell.nowMs).map(finite);
  return {
    earliestMs: earliestMs ?? null,
    latestMs: latestMs ?? null,
    medianMs: medianMs ?? null,
    confidence: CONFIDENCE,
    basis: 'run_times',
    seen,
  };
}

function waitsForNodes(cell: Cell, job: JobRecord): boolean {
  const queue = cell.holdings.queueOf(job.spec);
  if (!cell.jobs.isPending(job) || cell.isStopped(queue) || queue.spec.timeSlice !== undefined) return false;
  return cell.payers.of(payableOf(job)) === undefined;
}

/**
 * Between which times a start is with the chance of `CONFIDENCE`, and its median. Of many samples these are their quantiles; of few, those of a
 * lognormal wait with as much spread, widened as few samples know it (Student's law).
 */
function likely(starts: readonly number[], nowMs: number): readonly [earliestMs: number, medianMs: number, latestMs: number] {
  const sorted = starts.toSorted((a, b) => a - b);
  const tail = (1 - CONFIDENCE) / 2;
  const count = sorted.length;
  if (count >= FEW_SAMPLES || sorted.at(-1) === Infinity)
    return [quantileOf(sorted, tail), quantileOf(sorted, 0.5), quantileOf(sorted, 1 - tail)];
  const logs = sorted.map((atMs) => Math.log(Math.max(1, atMs - nowMs)));
  const mean = logs.reduce((sum, log) => sum + log, 0) / count;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / Math.max(1, count - 1);
  const reach = (NORMAL_TAIL + STUDENT_TAIL / Math.max(1, count - 1)) * Math.sqrt(variance * (1 + 1 / count));
  return [nowMs + Math.exp(mean - reach), nowMs + Math.exp(mean), nowMs + Math.exp(mean + reach)];
}

const FEW_SAMPLES = 24;

/** Of the normal law, what 10 % are beyond; and what Student's law adds to that for each degree of freedom that it lacks (Abramowitz and Stegun, 26.7.5). */
const NORMAL_TAIL = 1.2816;
const STUDENT_TAIL = 0.8466;

/** Between two samples in proportion, of the n + 1 parts into which they divide what is likely. */
function quantileOf(sorted: readonly number[], part: number): number {
  const at = Math.max(0, Math.min(sorted.length - 1, part * (sorted.length + 1) - 1));
  const [low = Infinity, high = Infinity] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return high === Infinity ? (at === Math.floor(at) ? low : high) : low + (high - low) * (at - Math.floor(at));
}

/** A standard normal number (Box and Muller, 1958). */
const normal = (rng: Seeded): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());

const finite = (atMs: number): number | null => (atMs === Infinity ? null : Math.round(atMs));

/** Of so many draws, each of another sample; the same for all jobs of a class. */
const AVERAGED = 16;

function averageOf(draw: (job: JobRecord) => number, nextSample: () => void): (job: JobRecord) => number {
  const known = new Map<string, number>();
  return (job) => {
    let average = known.get(job.classKey);
    if (average === undefined) {
      let sum = 0;
      for (let at = 0; at < AVERAGED; at++) {
        nextSample();
        sum += draw(job);
      }
      average = sum === Infinity ? 1 : sum / AVERAGED;
      known.set(job.classKey, average);
    }
    return average;
  };
}

/** Whether a step of the engine, which may look at every class of waiting jobs, is too much to play some of them again and again. */
function isCrowded({ pending: { classCount }, fleet: { cluster }, settings }: Cell): boolean {
  const stepLooks = classCount * (1 + 2 * placementLooks(cluster.length, classCount));
  return stepLooks * ENDS_MIN > (settings.explainLooksMax ?? FORECAST_LOOKS_MAX) / SAMPLES_MIN;
}

/** Of the jobs that run, the one that is known best. */
function seenBefore(cell: Cell, sampler: RunTimeSampler): number {
  let seen = 0;
  for (const id of cell.jobs.placed) seen = Math.max(seen, sampler.seenOf(cell.jobs.get(id)));
  return seen;
}

interface End {
  readonly atMs: number;
  readonly jobId: JobId;
  readonly fence: number;
}

/** How things go on. */
interface Course {
  /** How long an attempt runs in all that has run for so long. */
  readonly runMs: (job: JobRecord, ageMs: number) => number;
  /** How long it runs on average, where it is not played. */
  readonly usualMs: (job: JobRecord) => number;
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
      const job = cell.jobs.find(next.jobId);
      if (job === undefined || job.fence !== next.fence || job.attempt === null) continue;
      cell.advance(Math.ceil(next.atMs));
      count += 1;
      if (job.attempt.leaving === null) finish(cell, job, 'succeeded', null);
      else leave(cell, job, job.attempt.leaving.reason);
    }
  });
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

import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { nodesWanted } from '../cell/job-record.ts';
import { optionKey } from '../cell/observations.ts';
import { speedsOf } from '../life/charge-segment.ts';
import type { RunEstimate, RunsSeen } from '../model/run-estimate.ts';
import { fastestEstimate, isLate, runEstimate, runTermsOf } from '../model/run-estimate.ts';

/** What has been seen of jobs like one: how fast its options are, and the longest that any took. */
export const runsSeen = (cell: Cell, job: JobRecord): RunsSeen => ({
  speeds: speedsOf(cell, job),
  longestMs: (option) => cell.durations.of(optionKey(job, option)),
});

/** How long a job that waits would run by an option; null where nothing says. */
export const runOf = (cell: Cell, job: JobRecord, option: number, nodes: number): RunEstimate | null =>
  runEstimate(runTermsOf(job.spec), option, nodes, runsSeen(cell, job));

/** How long a job would run by an option on these nodes if that is too long, starting now; null where it is in time, or nothing says. */
export function lateRunMs(cell: Cell, job: JobRecord, option: number, nodes: number): number | null {
  const terms = runTermsOf(job.spec);
  if (terms.deadlineAtMs === null && (terms.workMs === null || terms.durationMaxMs === null)) return null;
  const estimate = runOf(cell, job, option, nodes);
  return estimate !== null && isLate(terms, estimate, cell.nowMs) ? estimate.runMs : null;
}

/**
 * Options by which a job does not start: by the work that its owner states it could not be done in time, while by another option it still could. It
 * waits for that one, until it is too late for it, too. [J322]
 */
export function optionsTooLate(cell: Cell, job: JobRecord): ReadonlySet<number> {
  const { spec } = job;
  if (spec.workMs === undefined || spec.limits.deadlineAtMs === null || spec.options.length < 2) return NONE;
  const late = spec.options.flatMap((wanted, option) => (lateRunMs(cell, job, option, nodesWanted(job, wanted)) === null ? [] : [option]));
  return late.length === 0 || late.length === spec.options.length ? NONE : new Set(late);
}

/** The options of a job, those by which it would be done in time first; without those that it does not start by. */
export function optionsInTime(cell: Cell, job: JobRecord): readonly number[] {
  const { options } = job.spec;
  if (options.length === 1) return FIRST;
  const tooLate = optionsTooLate(cell, job);
  const late = options.map((wanted, option) => Number(lateRunMs(cell, job, option, nodesWanted(job, wanted)) !== null));
  return [...options.keys()].filter((option) => !tooLate.has(option)).toSorted((a, b) => (late[a] ?? 0) - (late[b] ?? 0) || a - b);
}

const FIRST: readonly number[] = [0];

const NONE: ReadonlySet<number> = new Set();

/** From then on the options that were too late are as good as any. */
export function tooLateForAllMs(cell: Cell, job: JobRecord): number {
  const fastest = fastestEstimate(runTermsOf(job.spec), runsSeen(cell, job));
  return (job.spec.limits.deadlineAtMs ?? Infinity) - (fastest?.runMs ?? 0) + 1;
}

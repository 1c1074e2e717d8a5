import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { TimeSlice } from '../fairness/quota-tree.ts';

/**
 * By option: how fast a job is there, as a part of its fastest. Measured, where all of its options have been; else as its owner says: the two
 * do not compare.
 */
export function speedsOf(cell: Cell, { spec, classKey }: JobRecord): readonly number[] {
  const measured = spec.options.flatMap((_, option) => cell.throughputs.of(classKey, option) ?? []);
  const rates = measured.length === spec.options.length ? measured : spec.options.map(({ throughputHintMilli }) => throughputHintMilli);
  const fastest = Math.max(1, ...rates);
  return rates.map((rate) => rate / fastest);
}

/** How long a job has run in all, each attempt by how fast its option is for the job, and less what beginning it costs. [J260] */
export function attainedMs(cell: Cell, job: JobRecord, { moveMs }: TimeSlice, { nowMs }: { readonly nowMs: number } = cell): number {
  const { attempt } = job;
  const before = job.attainedMs ?? 0;
  if (attempt === null || attempt.runningAtMs === null) return before;
  const workedMs = Math.max(0, nowMs - attempt.runningAtMs - moveMs);
  return before + Math.round(workedMs * (speedsOf(cell, job)[attempt.option] ?? 1));
}

import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { PendingClass } from '../queue/pending-class.ts';

/** How many of those ahead an explanation names. */
const AHEAD_MAX = 10;

/** A job's position in its queue: by priority, then by submission. */
export function positionOf(cell: Cell, job: JobRecord): number {
  let before = 0;
  for (const pending of classesOf(cell, job)) before += countBefore(pending, job);
  return before + 1;
}

/** The next few before a job in its queue, first to last. */
export function aheadOf(cell: Cell, job: JobRecord): readonly JobId[] {
  const ahead = [...classesOf(cell, job)].flatMap((pending) =>
    pending.jobs.last(countBefore(pending, job), AHEAD_MAX).map((id) => cell.job(id)),
  );
  return ahead
    .toSorted((a, b) => b.spec.priority - a.spec.priority || a.sequence - b.sequence)
    .slice(-AHEAD_MAX)
    .map(({ spec }) => spec.id);
}

const classesOf = (cell: Cell, { spec }: JobRecord): Iterable<PendingClass> => cell.pending.of(cell.holdings.queueOf(spec));

function countBefore({ exemplar, jobs }: PendingClass, { spec, sequence }: JobRecord): number {
  if (exemplar.priority === spec.priority) return jobs.countBefore(sequence);
  return exemplar.priority > spec.priority ? jobs.size : 0;
}
